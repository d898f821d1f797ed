"""The sweeps that a schedule starts, with the housekeeping that goes with them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Literal

import structlog
from msgspec.structs import replace

from daemon.commands import record
from daemon.engine import Engine
from daemon.failing.storage_errors import storage_trouble
from daemon.intake import KEEP
from daemon.report import Report, Trouble

log = structlog.get_logger(__name__)

SWEEPS_KEPT = 1_000

REPORT_IT = "this is a fault of Forgeglass; please report it"


class Scheduled:
    """Sweeps of one engine. What fails in them is noted in the engine's failures; nothing is raised."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.ended: list[Callable[[], Awaitable[None]]] = []
        """Called after each of these sweeps, a deepening apart."""
        self._left: list[Trouble] = []
        """What the last deepening failed at, until the next one."""

    async def deep(self) -> None:
        """Look at everything at once."""
        await self._run("deep", lambda: self._engine.desk.sweeper.sweep(deep=True), thorough=True)

    async def quiet(self, *, lists: bool) -> None:
        """Look at what has a signal; with `lists` read the complete lists too."""
        await self._run("quiet", lambda: self._engine.desk.sweeper.sweep(lists_only=lists), thorough=lists)

    async def deepen(self, share: float) -> None:
        """Look at a share of all repositories."""
        self._left.clear()
        try:
            await self._engine.desk.sweeper.deepen(share)
        except Exception as error:
            self._left.append(self._trouble_of(error))

    async def _run(
        self, kind: Literal["quiet", "deep"], sweep: Callable[[], Awaitable[Report]], *, thorough: bool
    ) -> None:
        engine, started = self._engine, self._engine.clock()
        try:
            await engine.guard.look(thorough=thorough)
            report = await sweep()
            troubles = [*report.errors, *await self._housekeeping(started), *self._left]
            report = await record(engine, replace(report, errors=troubles), started)
        except Exception as error:  # one of ours: it is counted and told, and the next sweep begins as ever
            engine.metrics.sweeps.labels(kind, "failed").inc()
            engine.failures.swept([self._trouble_of(error)], started, complete=False)
            return
        engine.failures.swept(report.errors, started, complete=report.kind == "deep")
        tell = log.info if report.changes else log.debug
        tell("sweep.done", kind=report.kind, seconds=report.seconds, changes=report.changes, errors=len(report.errors))

    async def _housekeeping(self, started: datetime) -> list[Trouble]:
        engine = self._engine
        try:
            for each in self.ended:
                await each()
            await engine.state.sweeps.prune(SWEEPS_KEPT)
            await engine.store.prune_feed(engine.config.api.feed_keep)
            await engine.inbox.prune(started - KEEP)
        except Exception as error:
            return [self._trouble_of(error)]
        return []

    def _trouble_of(self, error: Exception) -> Trouble:
        """What an error of a sweep is: the disk's, which is told as that, or a fault of ours, which is told whole."""
        failures = self._engine.failures
        if (found := storage_trouble(error)) is not None:
            failures.stored_badly(*found)
            return Trouble("storage", *found)
        said = f"{type(error).__name__}: {str(error).partition(chr(10))[0][:200]}"
        failures.failed("program", said, REPORT_IT, fault=error)
        return Trouble("program", said, REPORT_IT)
