"""When sweeps run: a deep one at start, then quiet and deep ones at their intervals."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

log = structlog.get_logger(__name__)


class Sweeps(Protocol):
    """What a schedule starts."""

    async def deep(self) -> None:
        """Everything at once."""
        ...

    async def quiet(self, *, lists: bool) -> None:
        """What has a signal; with `lists` the complete lists as well."""
        ...

    async def deepen(self, share: float) -> None:
        """A share of all repositories, whatever the signals say."""
        ...


class Schedule:
    """Runs sweeps until cancelled. `nudge` brings the next quiet sweep forward.

    The first sweep is deep: whatever was missed while nothing ran is found. From then on the deep sweep is spread
    over its interval, a share with each quiet sweep, so that it never comes as a burst.
    """

    def __init__(self, sweeps: Sweeps, interval: float, deep_interval: float, monotonic: Callable[[], float]) -> None:
        self.sweeps = sweeps
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
        await self._guarded(self.sweeps.deep())
        self.first.set()
        listed = last = self._monotonic()
        while True:
            await self._rest()
            now = self._monotonic()
            lists = now - listed >= self._deep_interval
            if lists:
                listed = now
            await self._guarded(self.sweeps.quiet(lists=lists))
            await self._guarded(self.sweeps.deepen(min(1.0, (now - last) / self._deep_interval)))
            last = now

    async def _rest(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._interval):
                await self._nudged.wait()
        self._nudged.clear()

    async def _guarded(self, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception:
            log.exception("sweep.failed", remedy="this is a fault of Forgeglass; please report it")
        self.beat = self._monotonic()
