"""What the process that makes up texts runs."""

from __future__ import annotations

import msgspec

from daemon.console.markdown import rendered
from daemon.console.words import shown
from daemon.work.killable_child import answer

LONGEST = 60.0
"""Seconds after which it ends by itself, whatever it was allowed."""


def main() -> None:
    """Make up texts until there are none."""
    answer(_made_up, LONGEST)


def _made_up(question: bytes) -> bytes:
    text, beside = msgspec.msgpack.decode(question, type=tuple[str, str])
    return shown(rendered(text, beside)).encode()  # pages do that as well, and have little to replace then
