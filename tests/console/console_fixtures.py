"""A filled cache, and a console over it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from api_cache import cached
from api_server import Cache
from console_cache import filled, only_read
from console_site import Site, serve


@pytest.fixture
async def empty_cache() -> AsyncIterator[Cache]:
    """A cache with profiles and no rows."""
    async with cached() as made:
        yield made


@pytest.fixture
async def cache() -> AsyncIterator[Cache]:
    """A cache with the sample rows."""
    async with filled() as made:
        yield made


@pytest.fixture
async def site(cache: Cache) -> AsyncIterator[Site]:
    """A console over the sample cache."""
    async with serve(cache) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def same_site(nothing_left: None) -> AsyncIterator[Site]:
    """The console over the sample cache that the tests of a module share: they have one loop, and only read."""
    async with filled() as cache, serve(cache) as running:
        only_read(cache)
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def same_empty_site(nothing_left: None) -> AsyncIterator[Site]:
    """The like, without rows."""
    async with cached() as cache, serve(cache) as running:
        only_read(cache)
        yield running
