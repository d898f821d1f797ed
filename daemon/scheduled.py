"""The sweeps that a schedule starts, with the housekeeping that goes with them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from daemon.commands import record
from daemon.engine import Engine
from daemon.intake import KEEP
from daemon.report import Report

log = structlog.get_logger(__name__)

SWEEPS_KEPT = 1_000


class Scheduled:
    """Sweeps of one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.ended: list[Callable[[], Awaitable[None]]] = []
        """Called after each of these sweeps, a deepening apart."""

    async def deep(self) -> None:
        """Look at everything at once."""
        await self._engine.guard.look()
        started = self._engine.clock()
        await self._ended(await self._engine.desk.sweeper.sweep(deep=True), started)

    async def quiet(self, *, lists: bool) -> None:
        """Look at what has a signal; with `lists` read the complete lists too."""
        await self._engine.guard.look()
        started = self._engine.clock()
        await self._ended(await self._engine.desk.sweeper.sweep(lists_only=lists), started)

    async def deepen(self, share: float) -> None:
        """Look at a share of all repositories."""
        await self._engine.desk.sweeper.deepen(share)

    async def _ended(self, report: Report, started: datetime) -> None:
        engine = self._engine
        await record(engine, report, started)
        for each in self.ended:
            await each()
        await engine.state.sweeps.prune(SWEEPS_KEPT)
        await engine.store.prune_feed(engine.config.api.feed_keep)
        await engine.inbox.prune(started - KEEP)
        tell = log.warning if report.errors else log.info if report.changes else log.debug
        tell("sweep.done", kind=report.kind, seconds=report.seconds, changes=report.changes, errors=len(report.errors))
