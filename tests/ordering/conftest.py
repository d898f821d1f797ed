"""The stand-in forge and the daemon of `tests/system`, for tests that stop in the middle."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "system"))

from harness import META, System, rfc


@pytest.fixture
async def system() -> AsyncIterator[System]:
    """A meta repository with one entry, swept once."""
    async with System() as system:
        await system.forge.commit(META, {"rfcs/a.md": rfc("First")})
        await system.settle()
        await system.sweep()
        system.clock.tick()
        yield system
