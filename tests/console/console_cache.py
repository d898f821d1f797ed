"""The sample cache of the console, filled once and copied: to write its rows takes longer than to ask for a page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from api_cache import cached, opened
from api_rows import revision_rows, sample_rows, sha
from api_server import Cache

from cache.rows import BlobRow, Row
from gitea_client.packed import Packed


class Filled(NamedTuple):
    """The file, the feed's last sequence, and the rows in it."""

    content: bytes
    sequence: int
    places: dict[type[Row], dict[Any, Row]]


_FILLED: list[Filled] = []


@asynccontextmanager
async def filled() -> AsyncIterator[Cache]:
    """A cache with the sample rows: also revisions, proposals, and the file of the entry as it is now."""
    if not _FILLED:
        _FILLED.append(await _fill())
    async with opened(*_FILLED[0]) as cache:
        yield cache


async def _fill() -> Filled:
    now = BlobRow(1, sha(7), Packed(b"---\ntitle: Alpha\n---\nTwo.\n"))
    async with cached() as cache:
        await cache.put(*sample_rows(), *revision_rows(), now)
        await cache.database.close()  # all of it is in the one file then
        content = cache.database.path.read_bytes()
        await cache.database.open()
    return Filled(content, cache.store.sequence, cache.places)


def only_read(cache: Cache) -> None:
    """From now on a cache that tests share refuses to be written: nobody would know why theirs is another."""

    async def refused(*_rows: Row) -> None:
        raise AssertionError("other tests read this cache: ask for `site`, which is the test's own")

    cache.put = cache.remove = refused  # type: ignore[method-assign]
