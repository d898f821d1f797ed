"""A process of ours for work on hostile input that may take too long: a thread cannot be stopped, a process can.

It answers one question at a time, bytes for bytes, each way eight bytes of length before them. It is started with the
first question and again after it was killed, gets nothing of our environment, and ends by itself when we are gone.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
import weakref
from collections.abc import Callable
from typing import IO

from daemon.work.killable_child import LENGTH
from gitea_client.program import give_way

MAX_ANSWER = 32 << 20
"""Bytes of an answer; of a longer one nothing is taken."""
START = 10.0
"""Seconds that the process is given to start, beside those for its first answer."""
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT")
_RUN = "import sys; sys.path[:] = sys.argv[1:]; from {} import main; main()"


class TookTooLongError(Exception):
    """There was no answer in time; the process was killed."""


class DiedError(Exception):
    """The process ended without an answer, or gave one that is too long: it reached a limit of its own."""


class Killable:
    """A process that runs `main` of a module of ours. For one thread at a time; `kill` for any."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._process: subprocess.Popen[bytes] | None = None
        self._end: Callable[[], object] = int

    def ask(self, question: bytes, seconds: float) -> bytes:
        """Its answer. Blocks; raises TookTooLongError, DiedError, and OSError where no process can be started."""
        try:
            process = self._process
            if process is None or process.poll() is not None:
                process = self._start(seconds)
            return self._asked(process, question, time.monotonic() + seconds)
        except BaseException:
            self._end()
            raise

    def kill(self) -> None:
        """End what is under way; the next question starts a process again."""
        if self._process is not None:
            self._process.kill()

    def _start(self, seconds: float) -> subprocess.Popen[bytes]:
        self._end()
        process = subprocess.Popen(  # noqa: S603 - this program, and nothing of anybody else's
            [sys.executable, "-I", "-c", _RUN.format(self._module), *filter(None, sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            cwd="/",
            bufsize=0,
            start_new_session=True,  # a Ctrl-C is for us: we end it when we end
        )
        give_way(process.pid)
        self._process = process
        self._end = weakref.finalize(self, _end, process)
        self._asked(process, b"", time.monotonic() + START + seconds)
        return process

    def _asked(self, process: subprocess.Popen[bytes], question: bytes, end: float) -> bytes:
        assert process.stdin is not None  # noqa: S101 - they are pipes, by the call above
        assert process.stdout is not None  # noqa: S101
        try:
            _write(process.stdin, len(question).to_bytes(LENGTH) + question, end)
            length = int.from_bytes(_read(process.stdout, LENGTH, end))
            if length > MAX_ANSWER:
                raise DiedError("its answer is too long")
            return _read(process.stdout, length, end)
        except BrokenPipeError:
            raise DiedError("it ended") from None


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def _write(pipe: IO[bytes], data: bytes, end: float) -> None:
    os.set_blocking(pipe.fileno(), False)
    left = memoryview(data)
    while left:
        _ready(pipe, select.POLLOUT, end)
        left = left[os.write(pipe.fileno(), left) :]


def _read(pipe: IO[bytes], length: int, end: float) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        _ready(pipe, select.POLLIN, end)
        part = os.read(pipe.fileno(), min(1 << 20, length - len(parts)))
        if not part:
            raise DiedError("it ended")
        parts += part
    return bytes(parts)


def _ready(pipe: IO[bytes], event: int, end: float) -> None:
    poll = select.poll()
    poll.register(pipe, event)
    if not poll.poll(max(0, int((end - time.monotonic()) * 1000))):
        raise TookTooLongError
