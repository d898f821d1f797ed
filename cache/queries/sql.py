"""One reading SQL statement of a person's own, kept from writing, from running on, and from filling the memory."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

STEPS = 1_000
"""Steps of SQLite's machine between two looks at the clock."""
MAX_TEXT = 16 * 1024 * 1024
"""Bytes of one value or row: `zeroblob` and `printf` can otherwise ask for a gigabyte (sqlite.org/limits.html)."""
MAX_ANSWER = 64 * 1024 * 1024
"""Letters and bytes of all values together."""

_READING = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})
_PRAGMAS = frozenset({"table_info", "table_xinfo", "table_list", "index_list", "index_info", "data_version"})


class SqlError(ValueError):
    """A statement that was refused, is wrong, or was stopped; the message says what to change."""


async def run_query(path: Path, sql: str, *, seconds: float = 5.0, rows: int = 10_000) -> list[dict[str, Any]]:
    """The rows of one reading statement, a mapping of column names each (repeated names get `_2`, `_3`).

    Raises SqlError: more than one statement, one that writes, more than `rows` rows, more than `seconds` of time,
    and whatever SQLite finds wrong in it. Blobs come as `bytes`.
    """
    stop = threading.Event()
    try:
        return await asyncio.to_thread(_run, path, sql, time.monotonic() + seconds, seconds, rows, stop)
    finally:
        stop.set()


def _run(path: Path, sql: str, until: float, seconds: float, limit: int, stop: threading.Event) -> list[dict[str, Any]]:
    if not sql.strip():
        raise SqlError("there is no statement; write one SELECT")
    late = False

    def over() -> int:
        nonlocal late
        late = time.monotonic() >= until
        return 1 if late or stop.is_set() else 0

    uri = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=min(seconds, 5.0))) as connection:
            connection.execute("PRAGMA query_only = ON")
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_TEXT)
            connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
            # opening a full-text table counts as a change of the schema, so it comes before the authorizer
            connection.execute("PRAGMA table_info(entry_text)")
            connection.set_authorizer(_allowed)
            connection.set_progress_handler(over, STEPS)
            return _read(connection.execute(sql), limit)
    except sqlite3.Warning as error:  # older Pythons say so of a second statement
        raise SqlError(f"{error} Write one statement.") from None
    except sqlite3.Error as error:
        if late:
            raise SqlError(f"stopped after {seconds:g} s; narrow the statement, or ask for fewer rows") from None
        raise SqlError(_explained(str(error))) from None
    except OverflowError as error:
        raise SqlError(f"a number in it does not fit into 64 bits ({error})") from None


def _read(cursor: sqlite3.Cursor, limit: int) -> list[dict[str, Any]]:
    names = _distinct([column[0] for column in cursor.description or ()])
    found: list[dict[str, Any]] = []
    size = 0
    for row in cursor:
        if len(found) == limit:
            raise SqlError(f"more than {limit} rows; add LIMIT {limit} or a narrower WHERE")
        size += sum(len(value) for value in row if isinstance(value, str | bytes))
        if size > MAX_ANSWER:
            raise SqlError(f"more than {MAX_ANSWER >> 20} MiB of text; select fewer columns or rows")
        found.append(dict(zip(names, row, strict=True)))
    return found


def _distinct(names: list[str]) -> list[str]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        unique, count = name, 1
        while unique in seen:
            count += 1
            unique = f"{name}_{count}"
        seen.add(unique)
        names[index] = unique
    return names


def _allowed(action: int, first: str | None, second: str | None, _database: str | None, _inner: str | None) -> int:
    """SQLite asks for each thing that a statement would do (sqlite.org/c3ref/set_authorizer.html)."""
    if action == sqlite3.SQLITE_FUNCTION and second == "load_extension":
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_PRAGMA:
        return sqlite3.SQLITE_OK if (first or "").lower() in _PRAGMAS else sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY


def _explained(message: str) -> str:
    if "not authorized" in message or "readonly" in message or "prohibited" in message:
        return f"{message}: the cache can only be read, and by one statement that begins with SELECT or WITH"
    if "no such table" in message or "no such column" in message:
        return f"{message}; the table sqlite_schema lists what there is"
    return message
