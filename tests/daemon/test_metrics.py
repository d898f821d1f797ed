"""Metrics: one table, and a registry that shows exactly it."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from daemon.metrics import METRICS, Metrics


def test_the_registry_shows_exactly_the_table() -> None:
    """The documentation is made from the table; what it lists must be there, with its labels, and nothing else."""
    shown = {
        (metric.name, metric.type, metric.documentation)
        for metric in text_string_to_metric_families(Metrics().render().decode())
    }
    assert shown == {(metric.full_name.removesuffix("_total"), metric.kind, metric.help) for metric in METRICS}


def test_names_follow_the_customs() -> None:
    for metric in METRICS:
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert bool(metric.buckets) == (metric.kind == "histogram")
        assert metric.help.endswith(".")


def test_what_is_counted_is_shown() -> None:
    metrics = Metrics()
    metrics.forge_requests.labels("rest", "/repos/{owner}/{repo}", "200").inc()
    metrics.set_findings({"dangling": 2, "unreadable": 1})
    metrics.set_findings({"dangling": 1})
    value = metrics.registry.get_sample_value
    labels = {"kind": "rest", "route": "/repos/{owner}/{repo}", "status": "200"}
    assert value("forgeglass_forge_requests_total", labels) == 1
    assert value("forgeglass_findings_open", {"rule": "dangling"}) == 1
    assert value("forgeglass_findings_open", {"rule": "unreadable"}) is None, "a rule without findings has no line"


def test_two_daemons_in_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.feed_sequence.set(7)
    assert other.registry.get_sample_value("forgeglass_feed_sequence") == 0
