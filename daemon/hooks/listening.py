"""Keeps `Silence` in step with what happens in the daemon, and its findings among the rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import structlog

from cache.diff import RowChange
from cache.rows import FindingRow, PullRequestRow, RefRow, RepositoryRow
from cache.store.writer import Applied
from daemon.engine import Engine
from daemon.hooks.silence import RULE, Silence
from webhooks.delivery import Delivery

log = structlog.get_logger(__name__)


class Listening:
    """Told of deliveries, of pages turned and of sweeps ended.

    `told` says whether a delivery waits that spoke of a repository; `sweep_soon` brings the next sweep forward.
    """

    def __init__(
        self, engine: Engine, silence: Silence, told: Callable[[int], bool], sweep_soon: Callable[[], None]
    ) -> None:
        self._engine = engine
        self._silence = silence
        self._told = told
        self._sweep_soon = sweep_soon
        self._begun = False

    def delivered(self, delivery: Delivery) -> None:
        """A delivery was stored."""
        owner = delivery.full_name.partition("/")[0]
        if self._silence.delivered(owner, delivery.repository_id, self._engine.clock()):
            self._sweep_soon()  # at whose end the finding goes

    def turned(self, applied: Applied, changes: Sequence[RowChange]) -> None:
        """A page was turned. What is read for the first time was not missed, nor what changed while nobody ran."""
        if not self._begun:
            return
        book, now = self._engine.desk.book, self._engine.clock()
        fresh = {change.key for change in changes if change.kind is RepositoryRow and _was_unread(change)}
        for repository_id in {_repository_id(change) for change in changes if _is_told_by_webhooks(change)} - fresh:
            repository = book.world.listed.get(repository_id)
            if repository is not None and not self._told(repository_id):
                self._silence.changed(repository.owner, repository_id, now)

    async def swept(self) -> None:
        """A scheduled sweep has ended: settle what was missed, remember it, bring the findings up to date."""
        self._begun = True
        for owner, count in self._silence.swept(self._engine.clock()).items():
            self._engine.metrics.missed_deliveries.labels(owner).inc(count)
            log.info("deliveries.missed", owner=owner, changes=count)
        await self._engine.state.heard.put(self._silence.unsaved())
        book = self._engine.desk.book
        shown = {key: row for key, row in book.rows[FindingRow].items() if cast("FindingRow", row).rule == RULE}
        if shown != {row.id: row for row in self._silence.findings()}:
            await book.turn(lambda world: world)


async def listen(engine: Engine, told: Callable[[int], bool], sweep_soon: Callable[[], None]) -> Listening:
    """Begin to listen in an engine, with what `state.db` remembers."""
    silence = Silence(engine.config.forge.owners, await engine.state.heard.all())
    listening = Listening(engine, silence, told, sweep_soon)
    engine.desk.book.alerts = silence.findings
    engine.desk.book.listeners.append(listening.turned)
    return listening


def _was_unread(change: RowChange) -> bool:
    return change.before is None or cast("RepositoryRow", change.before).depth is None


def _is_told_by_webhooks(change: RowChange) -> bool:
    """Refs that moved, and pull requests as they are; that one was deleted, no webhook tells."""
    return change.kind is RefRow or (change.kind is PullRequestRow and change.after is not None)


def _repository_id(change: RowChange) -> int:
    row: Any = change.after or change.before
    return int(row.repository_id)
