"""A new `cache.db` with its store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from store_rows import Desk, Reservoir

from cache.store.database import Database
from cache.store.migrating import upgrade
from cache.store.writer import Store


@pytest.fixture
def reservoir() -> Reservoir:
    return Reservoir()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(tmp_path / "cache.db") as opened:
        await upgrade(opened, "cache")
        yield opened


@pytest.fixture
def desk(database: Database, reservoir: Reservoir) -> Desk:
    return Desk(Store(database, reservoir))
