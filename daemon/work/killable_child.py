"""The other side of `daemon.work.killable`: answers questions until there are none, within limits of its own."""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import IO

LENGTH = 8
"""Bytes that tell how long a question or an answer is. Here, since what asks imports asyncio and this does not."""
MEMORY = 512 << 20
"""Bytes of address space."""
NICE = 5
"""Whoever waits for a row comes before whoever waits for this."""


def answer(make: Callable[[bytes], bytes], seconds: float) -> None:
    """Answer every question with what is made of it, the empty one with nothing. What `make` raises ends the process,
    and so does an answer that takes longer than `seconds`: whoever asked may have been killed and kill nobody.
    """
    with suppress(OSError):  # a sandbox that forbids this (systemd's ~@resources) has limits of its own
        os.nice(NICE)
    for kind, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0)):
        with suppress(OSError, ValueError):
            resource.setrlimit(kind, (most, most))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    while (question := _question(questions)) is not None:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        made = make(question) if question else b""
        signal.setitimer(signal.ITIMER_REAL, 0)
        answers.write(len(made).to_bytes(LENGTH) + made)
        answers.flush()


def _end_with(parent: int) -> None:
    """End when whoever asks is gone, also in the middle of an answer that nobody waits for."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _question(pipe: IO[bytes]) -> bytes | None:
    length = pipe.read(LENGTH)
    return pipe.read(int.from_bytes(length)) if len(length) == LENGTH else None
