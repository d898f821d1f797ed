"""A cache without rows, with the profiles of the API's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from api_rows import sample_blocks
from api_server import Cache

from cache.rows import Row
from cache.store.database import Database
from cache.store.migrating import upgrade
from cache.store.writer import Store
from cache.views import create_views


@asynccontextmanager
async def cached() -> AsyncIterator[Cache]:
    if not _MADE:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "cache.db"
            await _make(path)
            _MADE.append(path.read_bytes())
    async with opened(_MADE[0]) as cache:
        yield cache


@asynccontextmanager
async def opened(
    content: bytes, last: int = 0, places: Mapping[type[Row], Mapping[Any, Row]] | None = None
) -> AsyncIterator[Cache]:
    """A cache over a copy of a file, whose feed ends at `last` and whose rows are `places`."""

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
            copied = {kind: dict(rows) for kind, rows in (places or {}).items()}
            yield Cache(database, store, sample_blocks(), places=copied)


_MADE: list[bytes] = []
"""The file, once it was made: migrations take longer than most of the tests that want it."""


async def _make(path: Path) -> None:
    async with Database(path) as database:
        await upgrade(database, "cache")
        async with database.transaction() as connection:
            await create_views(connection, sample_blocks())
