"""One reading SQL statement of a person's own, kept from writing, from running on, and from filling the memory.

It blocks, and not everything in it can be stopped: `instr` of two long texts is one step of SQLite's machine, however
long it takes. Whoever runs it for others does so in a process that can be killed.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

STEPS = 1_000
"""Steps of SQLite's machine between two looks at the clock."""
MAX_ANSWER = 16 * 1024 * 1024
"""Letters and bytes of all values together."""
LIMITS: Final[Mapping[int, int]] = {
    sqlite3.SQLITE_LIMIT_LENGTH: 8 * 1024 * 1024,  # of a value or row: `zeroblob` and `printf` ask for a gigabyte
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 100_000,
    sqlite3.SQLITE_LIMIT_COLUMN: 200,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 100,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 20,
    sqlite3.SQLITE_LIMIT_VDBE_OP: 100_000,
    sqlite3.SQLITE_LIMIT_FUNCTION_ARG: 32,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1_000,
    sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER: 100,  # the full-text index has statements of its own
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 1,
}
"""How much one statement may be and make (sqlite.org/limits.html)."""

_READING = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})
_PRAGMAS = frozenset({"table_info", "table_xinfo", "table_list", "index_list", "index_info", "data_version"})


class SqlError(ValueError):
    """A statement that was refused, is wrong, or was stopped; the message says what to change."""


def read_rows(path: Path, sql: str, *, seconds: float, rows: int) -> list[dict[str, Any]]:
    """The rows of one reading statement, a mapping of column names each (repeated names get `_2`, `_3`).

    Raises SqlError: more than one statement, one that writes, more than `rows` rows, more than `seconds` of time (as
    far as SQLite looks at the clock), and whatever it finds wrong in it. Blobs come as `bytes`.
    """
    if not sql.strip():
        raise SqlError("there is no statement; write one SELECT")
    until, late = time.monotonic() + seconds, False

    def over() -> int:
        nonlocal late
        late = time.monotonic() >= until
        return int(late)

    uri = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=min(seconds, 5.0))) as connection:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA temp_store = MEMORY")
            # opening a full-text table counts as a change of the schema, so it comes before the authorizer
            connection.execute("PRAGMA table_info(entry_text)")
            for limit, most in LIMITS.items():
                connection.setlimit(limit, most)
            connection.set_authorizer(_allowed)
            connection.set_progress_handler(over, STEPS)
            return _read(connection.execute(sql), rows)
    except sqlite3.Warning as error:  # older Pythons say so of a second statement
        raise SqlError(f"{error} Write one statement.") from None
    except sqlite3.Error as error:
        if late:
            raise SqlError(too_slow(seconds)) from None
        raise SqlError(_explained(str(error))) from None
    except OverflowError as error:
        raise SqlError(f"a number in it does not fit into 64 bits ({error})") from None
    except MemoryError:
        raise SqlError("it takes too much memory; sort and group less at once") from None


def too_slow(seconds: float) -> str:
    """What is said of a statement that was stopped after so many seconds."""
    return f"stopped after {seconds:g} s; narrow the statement, or ask for fewer rows"


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
