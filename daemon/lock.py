"""One process owns `data_dir`: whoever holds the lock on the folder, and on data_dir/lock.

The locks are the kernel's (flock), so they end with their process however that ends. That on the folder decides: the
file may be deleted by anybody who tidies up, and two processes would lock two files of one name. The file holds the
process's id, for people, and is locked for versions that know it alone.
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
        self._data_dir = data_dir
        self._held: list[int] = []
        """Descriptors of the folder and of the file."""
        try:
            self._take()
        except BaseException:
            self.release()
            raise

    def restore(self) -> bool:
        """Make and lock the file, or the folder, anew where it was deleted; whether it had to be.

        Raises LockedError where another process has it by now, OSError where it cannot be made.
        """
        paths = (self._data_dir, self._data_dir / LOCK_NAME)
        same = [_same(path, held) for path, held in zip(paths, self._held, strict=False)]
        if same == [True, True]:
            return False
        kept = self._held[: int(bool(same) and same[0])]
        before, self._held = self._held[len(kept) :], kept
        try:
            self._take()
        finally:
            for descriptor in before:
                os.close(descriptor)
        return True

    def release(self) -> None:
        """Let go. Doing so twice is harmless."""
        while self._held:
            os.close(self._held.pop())

    def _take(self) -> None:
        """Lock what is not held yet."""
        try:
            if not self._held:
                self._data_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
                self._lock(self._data_dir, os.O_RDONLY | os.O_DIRECTORY)
            file = self._lock(self._data_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW)
        except BlockingIOError:
            raise LockedError(self._data_dir, read_pid(self._data_dir)) from None
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)

    def _lock(self, path: Path, flags: int) -> int:
        # not inherited by git, which would hold the lock beyond our own end
        descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
        try:
            _lock(descriptor, self._data_dir, ECHO)
        except BaseException:
            os.close(descriptor)
            raise
        self._held.append(descriptor)
        return descriptor

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


def read_pid(data_dir: Path) -> int | None:
    """The process whose id stands in the lock's file; None where none does."""
    try:
        descriptor = os.open(data_dir / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        text = os.pread(descriptor, 20, 0).strip()
    finally:
        os.close(descriptor)
    return int(text) if text.isdigit() else None


def held_by(folder: Path) -> int | None:
    """The process that holds the lock on `folder`, 0 where its id is not known; None where nobody does."""
    if _free(folder, os.O_DIRECTORY) and _free(folder / LOCK_NAME, os.O_NOFOLLOW):
        return None
    return read_pid(folder) or 0


def _free(path: Path, flags: int) -> bool:
    """Whether nobody holds the lock on a path; so too where it is not there, or not ours to look at."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | flags)
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _same(path: Path, descriptor: int) -> bool:
    """Whether a path leads to what a descriptor has open."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except OSError:
        return False


def _lock(descriptor: int, data_dir: Path, echo: float) -> None:
    """Lock, or raise BlockingIOError: at once where the owner lives, after `echo` seconds where it is dead."""
    until = time.monotonic() + echo
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if _lives(read_pid(data_dir)) or time.monotonic() >= until:
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
