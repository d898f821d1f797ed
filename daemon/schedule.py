"""When sweeps run: a deep one at start, then quiet and deep ones at their intervals."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger(__name__)

Sweep = Callable[[bool], Awaitable[object]]
"""Runs a sweep, deep or not."""


class Schedule:
    """Runs sweeps until cancelled. `nudge` brings the next quiet sweep forward."""

    def __init__(
        self, sweep: Sweep, interval: float, deep_interval: float, monotonic: Callable[[], float]
    ) -> None:
        self._sweep = sweep
        self._interval = interval
        self._deep_interval = deep_interval
        self._monotonic = monotonic
        self._nudged = asyncio.Event()
        self.first = asyncio.Event()
        """Set when the first sweep has ended, well or not."""
        self.beat = monotonic()
        """When the loop last came round: a loop that died shows."""

    def now(self) -> float:
        """Seconds of the clock that the schedule goes by."""
        return self._monotonic()

    def nudge(self) -> None:
        """Sweep soon: something changed that no single repository tells."""
        self._nudged.set()

    async def run(self) -> None:
        """Sweep for ever. An error of ours is logged and does not end the loop."""
        deep_at = self._monotonic()
        while True:
            deep = self._monotonic() >= deep_at
            if deep:
                deep_at = self._monotonic() + self._deep_interval
            try:
                await self._sweep(deep)
            except Exception:
                log.exception("sweep.failed", remedy="this is a fault of Forgeglass; please report it")
            self.beat = self._monotonic()
            self.first.set()
            wait = min(self._interval, max(0.0, deep_at - self._monotonic()))
            try:
                async with asyncio.timeout(wait):
                    await self._nudged.wait()
            except TimeoutError:
                pass
            self._nudged.clear()
