"""What the disk, its rights and the databases on it refuse: from the exception to what is wrong and the remedy."""

from __future__ import annotations

import errno
import sqlite3
from typing import Final

from gitea_client.errors import DiskFailed, NoRoom

FULL: Final = ("the disk is full", "free some space, or set data_dir to another disk")

_BY_NUMBER: Final = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: ("the disk quota is used up", "free some space, or set data_dir to another disk"),
    errno.EFBIG: ("a file may not grow further", "raise the limit of file sizes (ulimit -f)"),
    errno.EROFS: ("the file system is mounted read-only", "mount it for writing, or set data_dir elsewhere"),
    errno.EACCES: ("permission denied", "let this user read and write it"),
    errno.EPERM: ("not permitted", "let this user read and write it"),
    errno.EMFILE: ("too many files are open", "raise the limit of open files (ulimit -n)"),
    errno.EIO: ("the disk fails", "look at the system's log (dmesg)"),
}

_BY_SQLITE: Final = {
    "SQLITE_FULL": FULL,
    "SQLITE_IOERR": ("the disk cannot be written", "look at its free space, and at the system's log"),
    "SQLITE_READONLY": ("it is read-only", "let this user write data_dir and what is in it"),
    "SQLITE_CANTOPEN": ("it cannot be opened", "let this user read and write data_dir and what is in it"),
    "SQLITE_PERM": ("permission denied", "let this user read and write data_dir and what is in it"),
    "SQLITE_BUSY": ("another program writes it", "end what else has it open for writing"),
    "SQLITE_LOCKED": ("another program writes it", "end what else has it open for writing"),
    "SQLITE_CORRUPT": ("it is damaged", "move it away; cache.db is made anew, state.db comes from a back-up"),
    "SQLITE_NOTADB": ("it is no database", "move it away; cache.db is made anew, state.db comes from a back-up"),
}


def of_number(error: OSError) -> tuple[str, str] | None:
    """What an error of the system means and what to do about it; None where it is not about files."""
    return _BY_NUMBER.get(error.errno or 0)


def of_sqlite(error: BaseException) -> tuple[str, str] | None:
    """What an error of SQLite (SQLAlchemy's around it too) means and what to do; None where it is a fault of ours."""
    # SQLAlchemy's have the driver's as `orig`; commands that open no database are spared its import for a type
    original = getattr(error, "orig", error)
    if not isinstance(original, sqlite3.Error):
        return None
    name = getattr(original, "sqlite_errorname", "") or ""
    return _BY_SQLITE.get("_".join(name.split("_")[:2]))


def storage_trouble(error: BaseException) -> tuple[str, str] | None:
    """What is wrong with the place where things are kept, and the remedy; None where the error tells of anything else.

    Names no path: it is told to more people than may look at this machine.
    """
    if isinstance(error, DiskFailed | NoRoom):
        return str(error), error.remedy
    if isinstance(error, OSError) and (found := of_number(error)) is not None:
        return f"data_dir cannot be used: {found[0]}", found[1]
    if (found := of_sqlite(error)) is not None:
        return f"the database in data_dir: {found[0]}", found[1]
    return None
