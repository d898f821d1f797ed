"""The sample cache of the console, filled once and copied: to write its rows takes longer than to ask for a page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from api_cache import cached
from api_rows import revision_rows, sample_blocks, sample_rows, sha
from api_server import Cache

from cache.rows import BlobRow, Row
from cache.store.database import Database
from cache.store.writer import Store
from gitea_client.packed import Packed


class Filled(NamedTuple):
    """The file, the rows in it, and the feed's last sequence."""

    content: bytes
    places: dict[type[Row], dict[Any, Row]]
    sequence: int


_FILLED: list[Filled] = []


@asynccontextmanager
async def filled() -> AsyncIterator[Cache]:
    """A cache with the sample rows: also revisions, proposals, and the file of the entry as it is now."""
    if not _FILLED:
        _FILLED.append(await _fill())
    content, places, last = _FILLED[0]

    async def reserve(count: int) -> range:
        nonlocal last
        last += count
        return range(last - count + 1, last + 1)

    with TemporaryDirectory() as folder:
        path = Path(folder) / "cache.db"
        path.write_bytes(content)
        path.chmod(0o640)
        async with Database(path) as database:
            store = Store(database, reserve)
            store.sequence = last
            copied = {kind: dict(rows) for kind, rows in places.items()}
            yield Cache(database, store, sample_blocks(), places=copied)


async def _fill() -> Filled:
    now = BlobRow(1, sha(7), Packed(b"---\ntitle: Alpha\n---\nTwo.\n"))
    async with cached() as cache:
        await cache.put(*sample_rows(), *revision_rows(), now)
        await cache.database.close()  # all of it is in the one file then
        content = cache.database.path.read_bytes()
        await cache.database.open()
    return Filled(content, cache.places, cache.store.sequence)


def only_read(cache: Cache) -> None:
    """From now on a cache that tests share refuses to be written: nobody would know why theirs is another."""

    async def refused(*_rows: Row) -> None:
        raise AssertionError("other tests read this cache: ask for `site`, which is the test's own")

    cache.put = cache.remove = refused  # type: ignore[method-assign]
