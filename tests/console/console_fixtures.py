"""A filled cache, and a console over it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from api_cache import cached
from api_rows import revision_rows, sample_rows, sha
from api_server import Cache
from console_site import Site, serve

from cache.rows import BlobRow
from gitea_client.packed import Packed


@pytest.fixture
async def empty_cache() -> AsyncIterator[Cache]:
    """A cache with profiles and no rows."""
    async with cached() as made:
        yield made


@pytest.fixture
async def cache(empty_cache: Cache) -> Cache:
    """A cache with the sample rows: also revisions, proposals, and the file of the entry as it is now."""
    now = BlobRow(1, sha(7), Packed(b"---\ntitle: Alpha\n---\nTwo.\n"))
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
