"""What the process that makes up texts runs."""

from __future__ import annotations

import msgspec

from daemon.console.markdown import rendered
from daemon.work.killable_child import answer

LONGEST = 60.0
"""Seconds after which it ends by itself, whatever it was allowed."""


def main() -> None:
    """Make up texts until there are none."""
    answer(lambda question: str(rendered(*msgspec.msgpack.decode(question, type=tuple[str, str]))).encode(), LONGEST)
