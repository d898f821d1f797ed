"""What the end of a git program means where it was a limit of ours that ended it. Pure."""

from __future__ import annotations

import re
import signal

from gitea_client.errors import TooMuch
from gitea_client.limits import ProgramLimits
from gitea_client.program import Ran

# Git tells of a program that it started itself: `error: index-pack died of signal 25`.
_DIED = re.compile(rb"died of signal (\d{1,3})")
_MEMORY = re.compile(rb"[Oo]ut of memory|[Cc]annot allocate memory|mmap failed|malloc failed|unable to create thread")
_FILE = re.compile(rb"File too large")


def limit_reached(ran: Ran, limits: ProgramLimits, what: str) -> TooMuch | None:
    """The error of a program that ended at a limit; None where it ended by itself, well or not."""
    if ran.code == 0:
        return None
    signals = {-ran.code, *(int(found) for found in _DIED.findall(ran.stderr[-8000:]))}
    if signal.SIGXFSZ in signals or _FILE.search(ran.stderr):
        return TooMuch(what, f"brings {limits.file} bytes", "fetch_size")
    if signal.SIGXCPU in signals:
        return TooMuch(what, f"computes for {limits.processor} seconds", "git_time")
    if _MEMORY.search(ran.stderr):
        return TooMuch(what, f"takes {limits.memory} bytes of memory", "git_memory")
    return None
