"""What every test of the API is given: a filled cache, and a client of a server over it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from api_rows import sample_blocks, sample_rows
from api_server import Cache, Client, Server, serve

from cache.database import Database
from cache.migrating import upgrade
from cache.store import Store
from cache.views import create_views
from daemon.api.access import Access


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
    """A cache with the sample rows."""
    await empty_cache.put(*sample_rows())
    return empty_cache


@pytest.fixture
async def server(cache: Cache) -> AsyncIterator[Server]:
    async for running in serve(cache.context()):
        yield running


@pytest.fixture
async def open_client(cache: Cache) -> AsyncIterator[Client]:
    """A client of a server that hides nothing from anyone (`api.anonymous = "all"`)."""
    async for running in serve(cache.context(access=Access(None, lambda: cache.now, "all"))):
        async with aiohttp.ClientSession() as session:
            yield Client(session, running.root)


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(session, server.root)
