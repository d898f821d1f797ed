"""A cache without rows, with the profiles of the API's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from api_rows import sample_blocks
from api_server import Cache

from cache.database import Database
from cache.migrating import upgrade
from cache.store import Store
from cache.views import create_views


@asynccontextmanager
async def cached() -> AsyncIterator[Cache]:
    last = 0

    async def reserve(count: int) -> range:
        nonlocal last
        last += count
        return range(last - count + 1, last + 1)

    with TemporaryDirectory() as folder:
        async with Database(Path(folder) / "cache.db") as database:
            await upgrade(database, "cache")
            blocks = sample_blocks()
            async with database.transaction() as connection:
                await create_views(connection, blocks)
            yield Cache(database, Store(database, reserve), blocks)
