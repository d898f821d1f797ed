"""The page of metrics, from daemon.metrics."""

from __future__ import annotations

import marks
from marks import code, plain, table

from daemon.metrics import METRICS

INTRO = """\
`/metrics`, in Prometheus's text format. Labels take values of a small set: a route's template and never a path, a
finding's rule and never its text. [Monitoring](../how-to/monitoring.md) has alert rules and a dashboard.
"""


def page() -> str:
    """The page."""
    rows = [
        (code(metric.full_name), metric.kind, ", ".join(map(code, metric.labels)), plain(metric.help))
        for metric in METRICS
    ]
    return marks.page("Metrics", INTRO, table(("metric", "kind", "labels", "what it tells"), rows))
