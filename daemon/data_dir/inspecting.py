"""What lies in `data_dir` before a start: which databases are there, whole, and with rows. Writes nothing."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, TypeVar

from msgspec import Struct

from cache.store.sqlite_file import HEADER_BYTES, MAGIC, STATE_ID, OthersFileError, is_around, read_only

T = TypeVar("T")

LOST: Final = (
    "API tokens, what is gone from the forge, numbers and frozen texts of revisions, deliveries that wait, webhooks "
    "that were made, the position of the change feed"
)
"""What `state.db` alone knows, in the words of the page on back-ups."""


class StateLostError(Exception):
    """`state.db` is missing, empty or damaged, and was in use: nobody goes on without it unasked."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path} {why}: lost is what it alone knew ({LOST}). Put the newest back-up in its place "
            "(docs/how-to/backup.md), or go on without: `forgeglass new-state`"
        )
        self.path = path
        self.why = why


class Found(Struct, frozen=True):
    """One database as it lies there; `why` says in a few words what is wrong with it.

    `empty` has not a row of what each start writes; `damaged` is what SQLite cannot read, or no database at all.
    """

    condition: Literal["whole", "missing", "empty", "damaged"]
    why: str = ""


def state_found(path: Path) -> Found:
    """`state.db` as it lies there, checked throughout: it is small.

    Raises OthersFileError for another program's database, OSError and sqlite3.Error where nobody can tell.
    """
    return _found(path, STATE_ID, _look_into_state)


def cache_in_use(path: Path) -> bool:
    """Whether a `cache.db` lies there that rows were written to; one that cannot be read counts as such."""
    try:
        if not path.exists() or path.stat().st_size == 0:
            return False
        with contextlib.closing(_opened(path)) as connection:
            return bool(connection.execute("SELECT EXISTS (SELECT 1 FROM repositories)").fetchone()[0])
    except sqlite3.OperationalError as error:
        if is_around(error):
            raise
        return "no such table" not in str(error)
    except sqlite3.DatabaseError:
        return True


def require_state(data_dir: Path) -> None:
    """Raise StateLostError where `state.db` was in use and is not whole; and what `state_found` raises."""
    path = data_dir / "state.db"
    found = state_found(path)
    if found.condition == "damaged":
        raise StateLostError(path, found.why)
    if found.condition != "whole" and cache_in_use(data_dir / "cache.db"):
        raise StateLostError(path, f"{found.why}, and cache.db beside it has rows")


def aside_of(path: Path, why: str, at: datetime) -> Path:
    """A name beside a file for what is moved out of the way, and never overwritten."""
    return path.with_name(f"{path.name}.{why}-{at:%Y%m%dT%H%M%S%fZ}")


def _found(path: Path, application_id: int, look: Callable[[sqlite3.Connection], Found]) -> Found:
    if not path.exists():
        return Found("missing", "is missing")
    with path.open("rb") as file:  # nothing has it open: SQLite's locks are not let go of
        header = file.read(HEADER_BYTES)
    if not header:
        return Found("empty", "is empty")
    if not header.startswith(MAGIC) or len(header) < HEADER_BYTES:
        return Found("damaged", "is not a SQLite file; move it away")
    if int.from_bytes(header[68:72]) != application_id:
        raise OthersFileError(f"{path} is another program's SQLite file; move it away or choose another data_dir")
    try:
        with contextlib.closing(_opened(path)) as connection:
            return look(connection)
    except sqlite3.DatabaseError as error:
        if is_around(error):
            raise
        return Found("damaged", f"is damaged ({error})")


def _look_into_state(connection: sqlite3.Connection) -> Found:
    said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if said != "ok":
        return Found("damaged", f"is damaged ({said})")
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables or ("feed_state" in tables and connection.execute("SELECT 1 FROM feed_state").fetchone() is None):
        return Found("empty", "is empty")
    return Found("whole")


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(read_only(path), uri=True, timeout=5.0)
