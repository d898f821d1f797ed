"""What a sweep did, and what kept it from doing more."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from cache.projection.failures import ProjectionFailed
from daemon.failing.storage_errors import storage_trouble
from gitea_client.errors import ForgeError

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


class Trouble(Struct, frozen=True):
    """Something that could not be read."""

    scope: str
    error: str
    remedy: str


class Report(Struct, frozen=True):
    """What a sweep did: the object that the command prints. `repositories` are those that a profile reaches, and
    `reconciled` how many of them were read.
    """

    kind: str
    seconds: float
    requests: dict[str, int]
    repositories: int
    reconciled: int
    changes: int
    errors: list[Trouble]


class TooMuchMissing(ForgeError):
    """A complete list lacks most of what is known: lost rights look the same as deletion."""

    remedy = "check the rights of the token; if they are really gone, `forgeglass rebuild` takes that over"

    def __init__(self, owner: str, absent: int, known: int) -> None:
        super().__init__(f"the list of {owner} lacks {absent} of {known} known repositories; nothing was removed")


def described(error: Exception) -> tuple[str, str]:
    """What went wrong and what to do about it. Of an error that is none of ours, as little as tells where to look."""
    if isinstance(error, ForgeError):
        return str(error), error.remedy
    if (trouble := storage_trouble(error)) is not None:
        return trouble
    remedy = "the last rows stand; report this with the daemon's log, which has the error whole"
    if isinstance(error, ProjectionFailed):
        return str(error), f"change or remove that file; {remedy}"
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0][:200]}", remedy
