"""New databases without migrating each of them: what the migrations made of the first is said again to the others.

Nearly every test begins with an empty data directory, and two dozen migrations take an eighth of a second there.
`tests/store/test_fresh_databases.py` holds both ways to the same schema and rows.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from cache.store import migrating

Statement = tuple[str, tuple[Any, ...]]

migrated = migrating._upgrade
"""The real thing."""

_said: dict[Path, tuple[str, list[Statement]]] = {}


def install() -> None:
    """From now on, in this process. Before whatever keeps `upgrade` by its name is imported, or after."""
    migrating._upgrade = said_again


def said_again(connection: Connection, folder: Path, path: Path) -> str:
    """As `migrating._upgrade`: by what was said before where the database is empty and the migrations are ours."""
    empty = not connection.exec_driver_sql("SELECT 1 FROM sqlite_master LIMIT 1").all()
    if folder.parent != migrating.MIGRATIONS or not empty:
        return migrated(connection, folder, path)
    if folder not in _said:
        head = migrated(connection, folder, path)
        _said[folder] = head, _statements(connection)
        return head
    head, statements = _said[folder]
    adapted: Any = connection.connection.dbapi_connection
    # all in one trip to the connection's thread
    adapted.run_async(lambda driver: driver._execute(_say, driver._conn, statements))
    return head


def _say(connection: sqlite3.Connection, statements: list[Statement]) -> None:
    for text, values in statements:
        connection.execute(text, values)


def _statements(connection: Connection) -> list[Statement]:
    """Tables, their rows, then what hangs on them. Tables within a virtual one come with it."""
    query = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"
    things = [tuple(row) for row in connection.exec_driver_sql(query)]
    virtual = tuple(f"{name}_" for _, name, sql in things if sql.startswith("CREATE VIRTUAL"))
    tables = [(name, sql) for kind, name, sql in things if kind == "table" and not name.startswith(virtual or ("\0",))]
    made: list[Statement] = [(sql, ()) for name, sql in tables if not name.startswith("sqlite_")]
    for name, sql in tables:
        if not sql.startswith("CREATE VIRTUAL"):
            for row in connection.exec_driver_sql(f'SELECT * FROM "{name}"'):
                made.append((f'INSERT INTO "{name}" VALUES ({", ".join("?" * len(row))})', tuple(row)))
    return [*made, *((sql, ()) for kind, _, sql in things if kind != "table")]
