"""What is counted and measured, for Prometheus: one table, from which both the registry and the documentation are made.

Labels hold only values of a small set: a route's template and never a path, a finding's rule and never its text.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

# else each series has a second one that says when it began, which nobody asks for
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves this one without types

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_QUICK: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LONG: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)


class Metric(msgspec.Struct, frozen=True):
    """One metric; `name` is what stands behind forgeglass_."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()

    @property
    def full_name(self) -> str:
        """As Prometheus shows it."""
        return f"forgeglass_{self.name}"


METRICS: Final = (
    Metric("build_info", "gauge", ("version", "python", "sqlite"), "Always 1; the labels say what runs."),
    Metric(
        "forge_requests_total",
        "counter",
        ("kind", "route", "status"),
        "Requests sent to the forge: kind rest or git, status the HTTP status or the error's class.",
    ),
    Metric("forge_paused", "gauge", (), "1 while the forge as a whole fails and everything waits for it."),
    Metric(
        "failing",
        "gauge",
        ("what",),
        "What fails now, as /api/v1/status names it: what forge, storage, program, owner, repository, name or address.",
    ),
    Metric(
        "deliveries_total",
        "counter",
        ("outcome", "event"),
        "Deliveries received: outcome accepted, duplicate or ignored; of one that was refused the reason: signature, "
        "malformed, too-large, encoded, timeout, cut, crowded, or store where it could not be written.",
    ),
    Metric(
        "missed_deliveries_total",
        "counter",
        ("owner",),
        "Changes that were found without a delivery, of owners from which deliveries ever came.",
    ),
    Metric("delivery_lag_seconds", "histogram", (), "From a delivery's arrival to the commit of its rows.", _LONG),
    Metric("inbox_pending", "gauge", (), "Deliveries stored and not yet worked on."),
    Metric("inbox_oldest_seconds", "gauge", (), "The age of the oldest of them; 0 where there is none."),
    Metric("queue_waiting", "gauge", (), "Repositories that wait to be looked at."),
    Metric("queue_running", "gauge", (), "Repositories that are being looked at."),
    Metric("sweeps_total", "counter", ("kind", "outcome"), "Sweeps: kind quiet or deep, outcome done or failed."),
    Metric("sweep_seconds", "histogram", ("kind",), "How long sweeps took.", _LONG),
    Metric("reconciles_total", "counter", ("outcome",), "Looks at a repository: outcome changed, same or failed."),
    Metric("reconcile_seconds", "histogram", ("outcome",), "How long they took.", _LONG),
    Metric("changes_total", "counter", ("kind",), "Changes applied to the cache, by kind of row."),
    Metric("feed_sequence", "gauge", (), "The newest sequence number of the change feed."),
    Metric("findings_open", "gauge", ("rule",), "Findings that are open."),
    Metric("repositories", "gauge", ("state",), "Repositories: state fresh, stale or backoff."),
    Metric("freshness_seconds", "gauge", (), "The age of the oldest look at a repository that was ever read."),
    Metric("http_requests_total", "counter", ("method", "route", "status"), "Requests answered, by route template."),
    Metric("http_seconds", "histogram", ("route",), "How long answers took.", _QUICK),
    Metric(
        "http_connections_dropped_total",
        "counter",
        ("reason",),
        "Connections that were closed: reason silent, head or idle for one that took too long, full where there was no "
        "place, slow where an answer was not read.",
    ),
)


class Metrics:
    """The metrics of one daemon, in a registry of their own so that two may live in one process.

    Every metric of the table is an attribute of its name; a counter is called without its `_total`.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.build_info = self._gauge("build_info")
        self.forge_requests = self._counter("forge_requests_total")
        self.forge_paused = self._gauge("forge_paused")
        self.failing = self._gauge("failing")
        self.deliveries = self._counter("deliveries_total")
        self.missed_deliveries = self._counter("missed_deliveries_total")
        self.delivery_lag_seconds = self._histogram("delivery_lag_seconds")
        self.inbox_pending = self._gauge("inbox_pending")
        self.inbox_oldest_seconds = self._gauge("inbox_oldest_seconds")
        self.queue_waiting = self._gauge("queue_waiting")
        self.queue_running = self._gauge("queue_running")
        self.sweeps = self._counter("sweeps_total")
        self.sweep_seconds = self._histogram("sweep_seconds")
        self.reconciles = self._counter("reconciles_total")
        self.reconcile_seconds = self._histogram("reconcile_seconds")
        self.changes = self._counter("changes_total")
        self.feed_sequence = self._gauge("feed_sequence")
        self.findings_open = self._gauge("findings_open")
        self.repositories = self._gauge("repositories")
        self.freshness_seconds = self._gauge("freshness_seconds")
        self.http_requests = self._counter("http_requests_total")
        self.http_seconds = self._histogram("http_seconds")
        self.http_connections_dropped = self._counter("http_connections_dropped_total")

    def render(self) -> bytes:
        """Return everything in Prometheus's text format (`CONTENT_TYPE`)."""
        return generate_latest(self.registry)

    def set_findings(self, open_by_rule: dict[str, int]) -> None:
        """Show the open findings; a rule that is not given has none, and its line goes."""
        self.findings_open.clear()
        for rule, count in open_by_rule.items():
            self.findings_open.labels(rule).set(count)

    def _counter(self, name: str) -> Counter:
        metric = _BY_NAME[name]
        return Counter(metric.full_name, metric.help, metric.labels, registry=self.registry)

    def _gauge(self, name: str) -> Gauge:
        metric = _BY_NAME[name]
        return Gauge(metric.full_name, metric.help, metric.labels, registry=self.registry)

    def _histogram(self, name: str) -> Histogram:
        metric = _BY_NAME[name]
        return Histogram(metric.full_name, metric.help, metric.labels, registry=self.registry, buckets=metric.buckets)


_BY_NAME: Final = {metric.name: metric for metric in METRICS}
