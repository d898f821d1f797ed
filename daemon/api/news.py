"""Wakes those who wait for the feed to go on."""

from __future__ import annotations

import asyncio


class News:
    """Knows the last sequence of the feed; `tell` is called after each transaction that moved it."""

    def __init__(self, sequence: int = 0) -> None:
        self._sequence = sequence
        self._moved = asyncio.Event()

    def tell(self, sequence: int) -> None:
        """Wake everyone who waits for `sequence` or an earlier one. Anyone may call it again with the same."""
        self._sequence = max(self._sequence, sequence)
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def wait(self, after: int, timeout: float) -> bool:  # noqa: ASYNC109 - running out of time is an answer
        """Whether there is a sequence over `after`; waits for one for at most `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                while self._sequence <= after:
                    await self._moved.wait()
        except TimeoutError:
            return False
        return True
