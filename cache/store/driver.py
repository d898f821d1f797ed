"""The driver under SQLAlchemy: a statement is one trip to the connection's thread.

SQLAlchemy's own adapter makes five of it (cursor, execute, fetch, two to close), each a change of threads there and
back and an iteration of the event loop: most of what a small statement costs.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import aiosqlite
from msgspec import Struct
from sqlalchemy.connectors.asyncio import AsyncAdapt_dbapi_connection
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
)
from sqlalchemy.util import EMPTY_DICT


class _Said(Struct):
    """What a statement said: its description, counts and rows. Its cursor is closed."""

    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None
    rows: Sequence[Any] = ()
    arraysize: int = 1

    def close(self) -> None:
        """What SQLAlchemy calls on a cursor that it takes for open."""


def _whole(connection: sqlite3.Connection, statement: str, parameters: Any) -> _Said:
    cursor = connection.execute(statement, parameters)
    try:
        rows = cursor.fetchall() if cursor.description else ()
        return _Said(cursor.description, cursor.rowcount, cursor.lastrowid, rows)
    finally:
        cursor.close()


def _many(connection: sqlite3.Connection, statement: str, parameters: Any) -> _Said:
    cursor = connection.executemany(statement, parameters)
    try:
        return _Said(None, cursor.rowcount, cursor.lastrowid)
    finally:
        cursor.close()


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    """A cursor that is opened, executed, read to its end and closed in one trip."""

    _awaitable_cursor_close = False
    __slots__ = ()

    def __init__(self, adapt_connection: AsyncAdapt_dbapi_connection) -> None:  # the base's makes a trip
        self._adapt_connection = adapt_connection
        self._connection = adapt_connection._connection
        self._cursor: Any = _Said()
        self._soft_closed_memoized = EMPTY_DICT
        self._rows = deque()

    async def _execute_async(self, operation: Any, parameters: Any) -> None:
        await self._trip(_whole, operation, parameters or ())

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> None:
        await self._trip(_many, operation, seq_of_parameters)

    async def _trip(self, run: Callable[..., _Said], statement: str, parameters: Any) -> None:
        connection = self._connection
        async with self._adapt_connection._execute_mutex:
            # `_execute` is aiosqlite's one way to its thread; `_conn` raises where the connection is closed
            self._cursor = await connection._execute(run, connection._conn, statement, parameters)
        self._rows = deque(self._cursor.rows)
        self._cursor.rows = ()


class _Connection(AsyncAdapt_aiosqlite_connection):
    _cursor_cls = _Cursor
    __slots__ = ()


class Driver(AsyncAdapt_aiosqlite_dbapi):
    """What `create_async_engine` takes as `module`."""

    def __init__(self) -> None:
        super().__init__(aiosqlite, sqlite3)

    def connect(self, *arg: Any, **kw: Any) -> AsyncAdapt_aiosqlite_connection:
        """A connection whose thread runs."""
        return _Connection(self, super().connect(*arg, **kw)._connection)
