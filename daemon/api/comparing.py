"""Comparing two texts for those who ask: beside the event loop, one after another, each within its time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final, TypeVar

from cache.finish import finish
from cache.queries.comparing import Side
from cache.textdiff import TooLongError
from daemon.api.problems import ProblemError
from daemon.api.reads import ASKER

T = TypeVar("T")

SECONDS: Final = 2.0
"""After these a comparison is finished roughly."""
QUEUE: Final = 16
"""Strangers who wait together."""
LARGEST: Final = 4 << 20
"""Letters of both texts together."""

Late = Callable[[], bool]


class Comparing:
    """Comparisons, one at a time."""

    def __init__(self, most_lines: int) -> None:
        self.most_lines: Final = most_lines
        self._one = asyncio.Semaphore(1)
        self._waiting = 0

    async def run(self, sides: tuple[Side, Side], work: Callable[[Late], T]) -> T:
        """What `work` gives, which asks now and then whether it is late.

        ProblemError: `too-long`; `busy` where too many strangers wait.
        """
        asked = ASKER.get()
        stranger = asked is not None and asked.credential is None
        size = sum(len(side.text) for side in sides)
        if size > LARGEST:
            raise ProblemError("too-long", f"They have {size} letters; {LARGEST} of both together are compared.")
        if stranger and self._waiting >= QUEUE:
            raise ProblemError("busy", "Others compare; ask again in a moment, or with a token.")
        self._waiting += stranger
        try:
            async with self._one:
                return await _beside(work)
        except TooLongError as error:
            raise ProblemError("too-long", f"{str(error).capitalize()}.") from None
        finally:
            self._waiting -= stranger


async def _beside(work: Callable[[Late], T]) -> T:
    """On a thread, to its end: whoever leaves only makes it late."""
    until, left = time.monotonic() + SECONDS, asyncio.Event()

    def late() -> bool:
        return left.is_set() or time.monotonic() > until

    task = asyncio.ensure_future(asyncio.to_thread(work, late))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        left.set()
        await finish(asyncio.wait((task,)))
        raise
