"""Word of new feed entries, for those who wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cache.diff import RowChange
from cache.store import Applied


class News:
    """Wakes whoever waits for a sequence. Holds no entries: those are read from the feed."""

    def __init__(self) -> None:
        self.sequence = 0
        self._arrived = asyncio.Event()

    def tell(self, applied: Applied, changes: Sequence[RowChange]) -> None:
        """A page was turned."""
        if applied.changes:
            self.sequence = applied.sequence
            self._arrived.set()
            self._arrived = asyncio.Event()

    async def wait(self, after: int, timeout: float) -> bool:  # noqa: ASYNC109 - the caller's patience is the point
        """Whether there is something after a sequence, now or within `timeout` seconds."""
        if self.sequence > after:
            return True
        try:
            async with asyncio.timeout(timeout):
                await self._arrived.wait()
        except TimeoutError:
            return False
        return True
