"""What happens in the daemon, told to its metrics."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cache import feed
from cache.diff import RowChange
from cache.store.writer import Applied
from daemon.engine import Engine
from daemon.metrics import Metrics
from daemon.reconciler import Reconciler


class Watching:
    """Counts reconciles, changes, and the time from a delivery to its rows."""

    def __init__(self, metrics: Metrics, reconciler: Reconciler) -> None:
        self._metrics = metrics
        self._reconciler = reconciler
        self._arrived: dict[int, datetime] = {}

    def arrived(self, repository_id: int, at: datetime) -> None:
        """A delivery spoke of a repository; the first one that waits counts."""
        self._arrived.setdefault(repository_id, at)

    def waits(self, repository_id: int) -> bool:
        """Whether a delivery that spoke of a repository still waits for its reconcile, or for that one's end."""
        return repository_id in self._arrived

    def ended(self, repository_id: int, outcome: str, began: datetime) -> None:
        """A reconcile ended. A delivery that came after it began waits for the next one."""
        now = self._reconciler.book.clock()
        self._metrics.reconciles.labels(outcome).inc()
        self._metrics.reconcile_seconds.labels(outcome).observe(max(0.0, (now - began).total_seconds()))
        arrived = self._arrived.get(repository_id)
        if arrived is not None and arrived <= began and outcome != "failed":
            del self._arrived[repository_id]
            self._metrics.delivery_lag_seconds.observe(max(0.0, (now - arrived).total_seconds()))

    def turned(self, applied: Applied, changes: Sequence[RowChange]) -> None:
        """A page was turned."""
        if applied.changes:
            for entry in feed.entries(changes, {}):
                self._metrics.changes.labels(entry.kind).inc()


def watch(engine: Engine) -> Watching:
    """Begin to count what happens in an engine."""
    watching = Watching(engine.metrics, engine.desk.reconciler)
    engine.desk.reconciler.watcher = watching
    engine.desk.book.listeners.append(watching.turned)
    return watching
