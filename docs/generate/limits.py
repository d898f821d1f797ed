"""The page of limits, from daemon.config.limits."""

from __future__ import annotations

import json

import marks
from marks import code, plain, table

from daemon.config.limits import LIMIT_KEYS

INTRO = """\
What a forge, a repository, a delivery or a reader brings has a limit in bytes, items or seconds. Reaching one is felt
by that one thing alone: a finding, or an error that says what to do; everything else goes on. The keys stand in the
section `[limits]` of `forgeglass.toml`; each has a [variable](configuration.md#variables) as well.
"""


def page() -> str:
    """The page."""
    rows = [
        (code(key.name.rpartition(".")[2]), plain(key.kind.name), code(json.dumps(key.default)), plain(key.help),
         plain(key.reached))
        for key in LIMIT_KEYS
    ]  # fmt: skip
    return marks.page("Limits", INTRO, table(("key", "takes", "when left out", "what it is", "when reached"), rows))
