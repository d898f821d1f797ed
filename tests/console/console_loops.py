"""An event loop for all tests of a module, where they share what is costly to begin."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

ONE_LOOP = pytest.mark.asyncio(loop_scope="module")
"""For tests that share a server: it answers on its own loop only."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nothing_left() -> AsyncIterator[None]:
    """Fail where tasks are left at the end of a module's loop, as every test with a loop of its own does."""
    yield
    ending = asyncio.all_tasks() - {asyncio.current_task()}
    _, left = await asyncio.wait(ending, timeout=2) if ending else (set(), set())
    assert not left, f"tasks were still running at the end: {left}"
