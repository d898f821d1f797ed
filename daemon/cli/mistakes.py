"""What keeps a command or the daemon from starting, in one line with its remedy: from the exception to the words."""

from __future__ import annotations

import errno
import sqlite3

from sqlalchemy.exc import DBAPIError

from cache.database import ForeignFileError
from cache.migrating import MigrationError
from cache.profile.problems import ProfileError
from daemon.config import ConfigError
from daemon.config.errors import BadValueError
from daemon.config.kinds import Address
from daemon.control import CommandError
from daemon.data_dir.inspecting import StateLostError
from daemon.data_dir.pairing import OtherForgeError
from daemon.lock import LockedError
from gitea_client.errors import SettingError

_SPOKEN = (
    ConfigError, BadValueError, ProfileError, LockedError, ForeignFileError, MigrationError, CommandError, SettingError,
    StateLostError, OtherForgeError,
)  # fmt: skip
"""These say by themselves what is wrong and what to do."""

_BY_NUMBER = {
    errno.ENOSPC: ("the disk is full", "free some space, or set data_dir to another disk"),
    errno.EDQUOT: ("the disk quota is used up", "free some space, or set data_dir to another disk"),
    errno.EFBIG: ("a file may not grow further", "raise the limit of file sizes (ulimit -f)"),
    errno.EROFS: ("the file system is mounted read-only", "mount it for writing, or set data_dir elsewhere"),
    errno.EACCES: ("permission denied", "let this user read and write it"),
    errno.EPERM: ("not permitted", "let this user read and write it"),
    errno.EMFILE: ("too many files are open", "raise the limit of open files (ulimit -n)"),
    errno.EIO: ("the disk fails", "look at the system's log (dmesg)"),
}

_BY_SQLITE = {
    "SQLITE_FULL": ("the disk is full", "free some space, or set data_dir to another disk"),
    "SQLITE_IOERR": ("the disk cannot be written", "look at its free space, and at the system's log"),
    "SQLITE_READONLY": ("it is read-only", "let this user write data_dir and what is in it"),
    "SQLITE_CANTOPEN": ("it cannot be opened", "let this user read and write data_dir and what is in it"),
    "SQLITE_PERM": ("permission denied", "let this user read and write data_dir and what is in it"),
    "SQLITE_BUSY": ("another program writes it", "end what else has it open for writing"),
    "SQLITE_LOCKED": ("another program writes it", "end what else has it open for writing"),
    "SQLITE_CORRUPT": ("it is damaged", "move it away; cache.db is made anew, state.db comes from a back-up"),
    "SQLITE_NOTADB": ("it is no database", "move it away; cache.db is made anew, state.db comes from a back-up"),
}


def in_words(error: BaseException) -> str | None:
    """One line (one for each mistake of a configuration), or None where it is a fault of ours."""
    if isinstance(error, _SPOKEN):
        return str(error)
    if isinstance(error, DBAPIError) and isinstance(error.orig, sqlite3.Error):
        return _of_sqlite(error.orig)
    if isinstance(error, sqlite3.Error):
        return _of_sqlite(error)
    if isinstance(error, OSError):
        return _of_system(error)
    return None


def cannot_listen(listen: Address, error: OSError) -> str:
    """Why the daemon cannot listen. asyncio puts its own words in place of the system's."""
    if error.errno == errno.EADDRINUSE:
        return f"listen {listen}: the port is in use by another program; stop it, or set listen to another port"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"listen {listen}: this machine has no such address; set listen to one that it has, or to 0.0.0.0"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"listen {listen}: this user may not listen there; set listen to a port from 1024 up"
    return f"listen {listen}: not possible ({type(error).__name__}); set listen to an address of this machine"


def _of_sqlite(error: sqlite3.Error) -> str | None:
    name = getattr(error, "sqlite_errorname", "") or ""
    kind = "_".join(name.split("_")[:2])
    if kind not in _BY_SQLITE:
        return None
    what, remedy = _BY_SQLITE[kind]
    return f"the database in data_dir: {what}; {remedy}"


def _of_system(error: OSError) -> str:
    what, remedy = _BY_NUMBER.get(error.errno or 0, (error.strerror or str(error), ""))
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{what}{f'; {remedy}' if remedy else ''}"
