"""An opened `state.db`, and a plain database with one table to write into."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cache.state import StateStore
from cache.store.database import Database


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[StateStore]:
    """`state.db`, new and migrated."""
    async with StateStore.open(tmp_path / "state.db") as store:
        yield store


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A database with the table `words(word)`."""
    async with Database(tmp_path / "words.db") as opened:
        async with opened.transaction() as connection:
            await connection.exec_driver_sql("CREATE TABLE words (word TEXT NOT NULL UNIQUE)")
        yield opened
