"""The filled cache of the API's tests, and the daemon's place, serve here too."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

for folder in ("api", "serving"):
    sys.path.append(str(Path(__file__).parents[1] / folder))


@pytest.fixture
async def cache() -> AsyncIterator[Any]:
    """A cache with the sample rows."""
    from api_cache import cached
    from api_rows import sample_rows

    async with cached() as made:
        await made.put(*sample_rows())
        yield made
