"""Rules and dashboard: every metric they name is one that the daemon shows, with the labels that it has."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from deploy_place import DEPLOY, ROOT

from daemon.metrics import METRICS

RULES = yaml.safe_load((DEPLOY / "monitoring" / "alerts.yaml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((DEPLOY / "grafana" / "forgeglass.json").read_text())
PARTS = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}
KNOWN = {metric.full_name + part: metric for metric in METRICS for part in PARTS[metric.kind]}
FROM_PROMETHEUS = {"job", "instance", "le"}
TARGETS = [target for panel in DASHBOARD["panels"] for target in panel["targets"]]


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in RULES)
    yield from (target["expr"] for target in TARGETS)
    yield from (variable["query"]["query"] for variable in DASHBOARD["templating"]["list"] if "refresh" in variable)


@pytest.mark.parametrize("expression", list(expressions()))
def test_what_is_asked_for_is_shown(expression: str) -> None:
    """A rule about a metric that was renamed never fires, and nobody notices: no data is no alarm."""
    named = re.findall(r"(forgeglass_\w+)(?:\{([^}]*)\})?", expression)
    assert named or "up{" in expression
    labels = {label for name, _ in named for label in KNOWN[name].labels} | FROM_PROMETHEUS
    for name, selected in named:
        assert name in KNOWN
        assert set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selected)) <= {*KNOWN[name].labels, *FROM_PROMETHEUS}
    grouped = re.findall(r"(?:by|on) \(([^)]*)\)", expression)
    assert {label.strip() for group in grouped for label in group.split(",")} <= labels


def test_every_rule_says_what_is_wrong_and_where_to_look() -> None:
    """Whoever is woken at night has never seen it."""
    for rule in RULES:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"].keys() == {"summary", "description"}
        told = re.findall(r"\$labels\.(\w+)", str(rule["annotations"]))
        assert not told or all(label in rule["expr"] or label == "instance" for label in told)


def test_what_matters_has_a_rule_and_a_place_on_the_dashboard() -> None:
    """Freshness, lag, missed deliveries, the inbox, the forge, findings, sweeps, cost: each can go wrong unseen."""
    matters = (
        "freshness_seconds", "delivery_lag_seconds_bucket", "missed_deliveries_total", "forge_paused", "findings_open",
        "inbox_oldest_seconds", "sweeps_total", "forge_requests_total", "http_requests_total",
    )  # fmt: skip
    for name in matters:
        assert any(name in rule["expr"] for rule in RULES), name
        assert any(name in target["expr"] for target in TARGETS), name


def test_the_dashboard_is_whole() -> None:
    """Two panels of one number, or one on top of another, and Grafana shows neither as meant."""
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken
        assert at["x"] + at["w"] <= 24
        taken |= cells


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian: prometheus) is not installed")
def test_each_rule_is_raised_by_what_it_is_there_for() -> None:
    """And a daemon that is well raises none: an alarm that always rings is not heard."""
    cases = Path(__file__).parent / "alerts_test.yaml"
    for command in (["check", "rules", "deploy/monitoring/alerts.yaml"], ["test", "rules", str(cases)]):
        done = subprocess.run(["promtool", *command], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    raised = yaml.safe_load(cases.read_text())["tests"][1]["promql_expr_test"][0]["exp_samples"]
    assert {sample["labels"] for sample in raised} == {f'{{alertname="{rule["alert"]}"}}' for rule in RULES}
