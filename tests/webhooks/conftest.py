"""An empty inbox in a `state.db` of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cache.state import StateStore
from webhooks.inbox import Inbox


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[StateStore]:
    """`state.db`, new and migrated."""
    async with StateStore.open(tmp_path / "state.db") as store:
        yield store


@pytest.fixture
def inbox(state: StateStore) -> Inbox:
    """An empty inbox."""
    return Inbox(state.database)
