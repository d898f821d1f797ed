"""The place of a test, on each kind of forge where it asks for `place`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hooks_place import Place


@pytest.fixture(params=["gitea", "forgejo"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    """On both kinds of forge."""
    async with Place(tmp_path, request.param) as made:
        yield made


@pytest.fixture
async def one_place(tmp_path: Path) -> AsyncIterator[Place]:
    """On Gitea, for what the kind of forge does not change."""
    async with Place(tmp_path) as made:
        yield made
