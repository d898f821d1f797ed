"""A cache without rows, with the profiles of the API's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from api_rows import sample_blocks
from api_server import Cache

from cache.store.database import Database
from cache.store.migrating import upgrade
from cache.store.writer import Store
from cache.views import create_views


@asynccontextmanager
async def cached() -> AsyncIterator[Cache]:
    last = 0

    async def reserve(count: int) -> range:
        nonlocal last
        last += count
        return range(last - count + 1, last + 1)

    with TemporaryDirectory() as folder:
        path = Path(folder) / "cache.db"
        if not _MADE:
            await _make(path)
            _MADE.append(path.read_bytes())
        path.write_bytes(_MADE[0])
        path.chmod(0o640)
        async with Database(path) as database:
            yield Cache(database, Store(database, reserve), sample_blocks())


_MADE: list[bytes] = []
"""The file, once it was made: migrations take longer than most of the tests that want it."""


async def _make(path: Path) -> None:
    async with Database(path) as database:
        await upgrade(database, "cache")
        async with database.transaction() as connection:
            await create_views(connection, sample_blocks())
