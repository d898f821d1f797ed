"""One process owns `data_dir`: whoever holds the lock on data_dir/lock.

The lock is the kernel's (flock), so it ends with its process however that ends; the file stays and holds the process's
id, for people. Removing it would let two processes lock two files of one name.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

LOCK_NAME = "lock"
ECHO = 2.0
"""Seconds for which a dead owner's lock may last: a child that it was just making holds it until it becomes git."""


class LockedError(Exception):
    """Another process owns `data_dir`. `pid` is its id, or None where it is not known."""

    def __init__(self, data_dir: Path, pid: int | None) -> None:
        who = f"process {pid}" if pid is not None else "another process"
        super().__init__(f"{data_dir} is in use by {who}; stop it, or choose another data_dir")
        self.data_dir = data_dir
        self.pid = pid


class DataLock:
    """Hold `data_dir` for this process, as a context manager or until `release`."""

    def __init__(self, data_dir: Path) -> None:
        """Make the directory where there is none, and lock it.

        Raises LockedError where another process, or another DataLock of this one, holds it, and OSError where the
        directory cannot be made or written.
        """
        data_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
        # not inherited by git, which would hold the lock beyond our own end
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._descriptor: int | None = os.open(data_dir / LOCK_NAME, flags, 0o600)
        try:
            _lock(self._descriptor, ECHO)
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError:
            pid = _read_pid(self._descriptor)
            self.release()
            raise LockedError(data_dir, pid) from None
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Let go. Doing so twice is harmless."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


def _lock(descriptor: int, echo: float) -> None:
    """Lock, or raise BlockingIOError: at once where the owner lives, after `echo` seconds where it is dead."""
    until = time.monotonic() + echo
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if _lives(_read_pid(descriptor)) or time.monotonic() >= until:
                raise
            time.sleep(0.02)


def _lives(pid: int | None) -> bool:
    if pid is None:  # a new owner writes its own just after it has the lock
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):  # another user's, or no number of a process
        return True
    return True


def _read_pid(descriptor: int) -> int | None:
    text = os.pread(descriptor, 20, 0).strip()
    return int(text) if text.isdigit() else None
