"""Copying `state.db` while a daemon writes it: what the forge cannot tell again must survive the disk.

The copy is SQLite's online back-up (sqlite.org/backup.html), taken in one step inside one read transaction: everything
committed before it, and nothing of what is under way. The source is opened `mode=ro`: a reader never checkpoints, so
the daemon stays the only one that does, and is not held up.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from cache.store.sqlite_file import HEADER_BYTES, MAGIC, STATE_ID, read_only


class BackupError(Exception):
    """No copy was made, and whatever stood there before still does; says why, and what to do."""


class Copied(Struct, frozen=True):
    """A copy that was made: where, how many bytes, and the schema it has, such as `0002`."""

    file: str
    bytes: int
    schema: str


def copy_state(source: Path, target: Path) -> Copied:
    """Copy `state.db` from `source` to `target`, readable by its owner alone; an older copy is replaced in one step.

    The copy is checked before it gets its name, and is on the disk when this returns. Raises BackupError where there
    is no `state.db`, where `target` is something else than a copy of one, or where the copy is not whole; OSError and
    sqlite3.Error where a file cannot be read or written.
    """
    if not _is_state(source):
        raise BackupError(f"{source} is not there, or no state.db; start the daemon once, or correct data_dir")
    if target.exists() and (not target.is_file() or target.samefile(source) or not _is_state(target)):
        raise BackupError(f"{target} is something else than a copy of state.db; name a new file")
    descriptor, name = tempfile.mkstemp(prefix=f"{target.name}.", dir=target.parent)  # made with mode 0600
    os.close(descriptor)
    partial = Path(name)
    try:
        schema = _copy(source, partial)
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(target)
        _sync_folder(target.parent)
    finally:
        partial.unlink(missing_ok=True)
    return Copied(str(target), target.stat().st_size, schema)


def _copy(source: Path, partial: Path) -> str:
    with (
        closing(sqlite3.connect(read_only(source), uri=True)) as live,
        closing(sqlite3.connect(partial)) as copy,
    ):
        live.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
        if (said := copy.execute("PRAGMA integrity_check(1)").fetchone()[0]) != "ok":
            raise BackupError(f"{source} is damaged ({said}); keep the copies you have, and restore the newest")
        row = copy.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else ""


def _is_state(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            header = file.read(HEADER_BYTES)
    except FileNotFoundError:
        return False
    return header.startswith(MAGIC) and int.from_bytes(header[68:72]) == STATE_ID


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
