"""What every test of the API is given: a filled cache, and a client of a server over it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from api_cache import cached
from api_rows import sample_rows
from api_server import Cache, Client, Server, serve

from daemon.api.access import Access


@pytest.fixture
async def empty_cache() -> AsyncIterator[Cache]:
    """A cache with profiles and no rows."""
    async with cached() as made:
        yield made


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
