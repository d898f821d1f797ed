"""A filled cache, and a console over it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from api_rows import revision_rows, sample_blocks, sample_rows, sha
from api_server import Cache
from console_site import Site, serve

from cache.database import Database
from cache.migrating import upgrade
from cache.rows import BlobRow
from cache.store import Store
from cache.views import create_views


@pytest.fixture
async def empty_cache(tmp_path: Path) -> AsyncIterator[Cache]:
    """A cache with profiles and no rows."""
    high_water = 0

    async def reserve(count: int) -> range:
        nonlocal high_water
        high_water += count
        return range(high_water - count + 1, high_water + 1)

    async with Database(tmp_path / "cache.db") as database:
        await upgrade(database, "cache")
        blocks = sample_blocks()
        async with database.transaction() as connection:
            await create_views(connection, blocks)
        yield Cache(database, Store(database, reserve), blocks)


@pytest.fixture
async def cache(empty_cache: Cache) -> Cache:
    """A cache with the sample rows: also revisions, proposals, and the file of the entry as it is now."""
    now = BlobRow(1, sha(7), b"---\ntitle: Alpha\n---\nTwo.\n")
    await empty_cache.put(*sample_rows(), *revision_rows(), now)
    return empty_cache


@pytest.fixture
async def site(cache: Cache) -> AsyncIterator[Site]:
    """A console over the sample cache."""
    async with serve(cache) as running:
        yield running


@pytest.fixture
async def empty_site(empty_cache: Cache) -> AsyncIterator[Site]:
    """A console over a cache with no rows."""
    async with serve(empty_cache) as running:
        yield running
