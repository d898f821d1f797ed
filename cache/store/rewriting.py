"""Writing a database out anew from an open connection, when its path leads elsewhere or its file was cut short.

A file that was unlinked or replaced lives on behind the connections that have it open, with every row. Of one that was
cut short, what the writing connection has in its memory is all that is left; whether that is everything is checked.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Literal

from cache.store.sqlite_file import files_beside, read_only

Standing = Literal["well", "missing", "replaced", "cut"]
"""How the file at a path stands to the one that was opened there."""

Identity = tuple[int, int]


class FileMovedError(sqlite3.OperationalError):
    """The path leads to another file than the one that is open, or to none."""

    sqlite_errorname = "SQLITE_CANTOPEN"

    def __init__(self, path: Path) -> None:
        message = "is not the file any more that was opened; it is written anew with the next sweep"
        super().__init__(f"{path.name} {message}")


def identity(path: Path) -> Identity | None:
    """Which file a path leads to; None where nothing is there.

    By stat alone: whoever closes a file of SQLite's lets go of all locks that his process has on it.
    """
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


def standing(path: Path, opened: Identity | None, size: int) -> Standing:
    """How a path stands to the file that was `opened`, which had `size` bytes: it grows, and does not shrink."""
    now = identity(path)
    if now is None:
        return "missing"
    if now != opened:
        return "replaced"
    return "cut" if path.stat().st_size < size else "well"


def grown(path: Path, opened: Identity | None, size: int) -> int:
    """How many bytes the file that was `opened` has had at most, `size` before; another one does not count."""
    with contextlib.suppress(OSError):
        found = path.stat()
        if (found.st_dev, found.st_ino) == opened:
            return max(size, found.st_size)
    return size


def is_whole(path: Path) -> bool:
    """Whether a database is whole, as another process would find it."""
    if path.stat().st_size == 0:
        return False  # SQLite takes that for a new one
    try:
        with contextlib.closing(sqlite3.connect(read_only(path), uri=True)) as connection:
            connection.execute("SELECT version_num FROM alembic_version").fetchone()
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
    except sqlite3.Error:
        return False


def draft_of(path: Path, mode: int) -> sqlite3.Connection:
    """A new, empty database beside `path`, to be filled by a back-up."""
    draft = path.with_name(f"{path.name}.draft")
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode))
    draft.chmod(mode)
    return sqlite3.connect(draft, check_same_thread=False, isolation_level=None)


def checked(draft: sqlite3.Connection, path: Path) -> Path:
    """The draft for `path`, closed and on the disk. Raises sqlite3.DatabaseError where it is not whole."""
    file = path.with_name(f"{path.name}.draft")
    try:
        said = draft.execute("PRAGMA quick_check(1)").fetchone()[0]
        if said != "ok":
            raise sqlite3.DatabaseError(f"what is left of {path.name} is not whole: {said}")
        draft.execute("PRAGMA journal_mode = DELETE")
    finally:
        draft.close()
    with file.open("rb") as written:
        os.fsync(written.fileno())
    return file


def put_in_place(draft: Path, path: Path, aside: Path, wal: Identity | None) -> Path | None:
    """Put a draft in its place; what stands there is moved to `aside`, and where it is now is given.

    `wal` is the write-ahead log that belonged to the file before: it is removed, and another one goes with its file.
    """
    log, shared = files_beside(path)
    ours = identity(log) in (None, wal)
    moved = None
    if path.exists():
        path.replace(aside)
        moved = aside
        if not ours:
            log.replace(aside.with_name(f"{aside.name}-wal"))
    for left in (log, shared):
        with contextlib.suppress(FileNotFoundError):
            left.unlink()
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return moved
