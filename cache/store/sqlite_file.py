"""What a SQLite file of ours is, and what others are: for whoever looks at one without all that a `Database` needs."""

from __future__ import annotations

from pathlib import Path

CACHE_ID = 0x46476C43
"""`application_id` of `cache.db`, "FGlC"; `file` and SQLite tools show it."""
STATE_ID = 0x46476C53
"""`application_id` of `state.db`, "FGlS"."""

MAGIC, HEADER_BYTES = b"SQLite format 3\0", 100
"""How a SQLite file begins; bytes 68 to 71 of the header are the `application_id` (sqlite.org/fileformat.html)."""


class ForeignFileError(Exception):
    """The file is not a database of this kind; nothing was written to it."""


class OthersFileError(ForeignFileError):
    """The file is another program's database: not ours to move away either."""


_AROUND = frozenset({"FULL", "IOERR", "READONLY", "CANTOPEN", "PERM", "BUSY", "LOCKED", "NOMEM"})


def is_around(error: BaseException) -> bool:
    """Whether an error of SQLite tells of disk, rights or another program, and nothing of the file being damaged."""
    name = getattr(getattr(error, "orig", error), "sqlite_errorname", None) or ""
    return name.removeprefix("SQLITE_").partition("_")[0] in _AROUND


def read_only(path: Path) -> str:
    """The URI by which SQLite opens a file that is there, and writes nothing (sqlite.org/uri.html)."""
    return f"{path.absolute().as_uri()}?mode=ro"


def files_beside(path: Path) -> tuple[Path, Path]:
    """The write-ahead log and the shared memory of a database."""
    return path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")
