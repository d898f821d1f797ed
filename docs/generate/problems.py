"""The page of problems, from the registries of the API and of the receiver."""

from __future__ import annotations

import marks
from marks import code, table
from remedies import REMEDIES

from daemon.api.problems import PROBLEMS, TYPE
from webhooks.problem import PROBLEMS as RECEIVER

INTRO = f"""\
Every error is `application/problem+json` (RFC 9457): `type`, `title`, `status`, `detail`, `instance`, and sometimes
more (`parameter` names the parameter that is wrong, `position` where a feed goes on). `type` is `{TYPE}` and the word
here; it is stable, `title` and `detail` are for people.
"""


def page() -> str:
    """The page. KeyError: a problem without a remedy, which belongs into remedies.py."""
    head = ("type", "status", "title", "what to do")
    rows = {
        title: [(code(kind), str(status), said, REMEDIES[kind]) for kind, (status, said) in sorted(registry.items())]
        for title, registry in (("The read API", PROBLEMS), ("The webhook receiver", RECEIVER))
    }
    return marks.page("Problems", INTRO, *(f"## {title}\n\n{table(head, held)}" for title, held in rows.items()))
