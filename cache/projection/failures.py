"""A projection that fails: a fault of ours, which must be told with the file that brings it to light."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class ProjectionFailed(Exception):
    """What a repository's file says could not be made into rows. The rows that there are stay as they are."""

    def __init__(self, full_name: str, path: str, error: Exception) -> None:
        super().__init__(f"{full_name}: {path!a} could not be projected ({type(error).__name__})")


@contextmanager
def naming(full_name: str, path: str) -> Iterator[None]:
    """Name this file in whatever goes wrong inside."""
    try:
        yield
    except ProjectionFailed:
        raise
    except Exception as error:
        raise ProjectionFailed(full_name, path, error) from error
