"""Connections to one SQLite file: one that writes, a few that only read.

- One connection of the process writes, and only it checkpoints. SQLite before 3.51.3 can corrupt a WAL file that
  two connections checkpoint at once (sqlite.org/wal.html, "the WAL-reset bug"); readers are opened with `mode=ro`,
  which cannot.
- A task can be cancelled at any await. The driver runs statements on a thread, so a cancelled statement keeps
  running there, and a transaction left open would be committed by whoever writes next. Here a cancelled statement
  is interrupted and its connection thrown away, and the writer's turn ends only after the rollback.
- aiosqlite's threads keep a process from ending while a connection is open: use `async with Database(...)`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal, Self

from sqlalchemy import event
from sqlalchemy.engine import URL, AdaptedConnection, Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from cache.finish import finish

CACHE_ID = 0x46476C43
"""`application_id` of `cache.db`, "FGlC"; `file` and SQLite tools show it."""
STATE_ID = 0x46476C53
"""`application_id` of `state.db`, "FGlS"."""

MAGIC, HEADER_BYTES = b"SQLite format 3\0", 100
"""How a SQLite file begins; bytes 68 to 71 of the header are the `application_id` (sqlite.org/fileformat.html)."""

BUSY_MILLISECONDS = 5_000
CHECKPOINT_PAGES = 1_000


class ForeignFileError(Exception):
    """The file is not a database of this kind; nothing was written to it."""


class OthersFileError(ForeignFileError):
    """The file is another program's database: not ours to move away either."""


_AROUND = frozenset({"FULL", "IOERR", "READONLY", "CANTOPEN", "PERM", "BUSY", "LOCKED", "NOMEM"})


def is_around(error: BaseException) -> bool:
    """Whether an error of SQLite tells of disk, rights or another program, and nothing of the file being damaged."""
    name = getattr(getattr(error, "orig", error), "sqlite_errorname", None) or ""
    return name.removeprefix("SQLITE_").partition("_")[0] in _AROUND


class Database:
    """One SQLite file with its connections; open it with `async with` or `open` and `close`.

    `synchronous="FULL"` makes every commit reach the disk before it returns; with NORMAL a power cut may lose the
    last commits, never the file (sqlite.org/pragma.html#pragma_synchronous). `mode` is given to a file newly made.
    """

    def __init__(
        self,
        path: Path,
        *,
        readers: int = 2,
        synchronous: Literal["NORMAL", "FULL"] = "NORMAL",
        mode: int = 0o640,
        application_id: int = CACHE_ID,
    ) -> None:
        self.path = path
        self._synchronous = synchronous
        self._mode = mode
        self._application_id = application_id
        self._readers = readers
        self._turn = asyncio.Lock()
        self._seats = asyncio.Semaphore(readers)
        self._holder: asyncio.Task[Any] | None = None
        self._write_engine: AsyncEngine | None = None
        self._read_engine: AsyncEngine | None = None

    async def open(self) -> None:
        """Open the file, made where there is none.

        Raises `ForeignFileError` where the file is something else, `OSError` where it cannot be made.
        """
        _ensure(self.path, self._mode, self._application_id)
        self._write_engine = _engine(self.path, "rw", 1, "BEGIN IMMEDIATE", self._prepare_writer)
        self._read_engine = _engine(self.path, "ro", self._readers, "BEGIN", _prepare_reader)
        try:
            async with self.transaction():  # the writer comes first: it makes the WAL that readers need to find
                pass
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close every connection, readers first: the last to close checkpoints, and only the writer may."""
        for engine in (self._read_engine, self._write_engine):
            if engine is not None:
                await finish(engine.dispose())
        self._read_engine = self._write_engine = None

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @asynccontextmanager
    async def transaction(self, *, foreign_keys: bool = True) -> AsyncIterator[AsyncConnection]:
        """The writer, inside a transaction: committed at the end, rolled back on any error or cancellation.

        One at a time; others wait their turn. A cancellation during the commit itself is raised after it, with
        everything written. `foreign_keys=False` is for migrations: SQLite rebuilds a table by dropping it, which
        would carry off the rows that refer to it. Raises RuntimeError for a transaction inside a transaction.
        """
        if self._holder is not None and self._holder is asyncio.current_task():
            raise RuntimeError(f"{self.path.name}: a transaction is already open in this task; use its connection")
        async with self._turn:
            self._holder = asyncio.current_task()
            try:
                async with (
                    _connected(self._write_engine, self.path) as connection,
                    _foreign_keys(connection, foreign_keys),
                ):
                    await finish(_begin(connection))
                    yield connection
                    await finish(connection.commit())
            finally:
                self._holder = None

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A reading connection: one snapshot from its first statement on. Waits while all readers are taken.

        A statement whose task is cancelled is interrupted on its thread as well.
        """
        async with self._seats, _connected(self._read_engine, self.path) as connection:
            yield connection

    @asynccontextmanager
    async def without_readers(self) -> AsyncIterator[None]:
        """Nobody reads meanwhile; whoever wants to waits. For putting another file in the place of this one."""
        async with contextlib.AsyncExitStack() as seats:
            for _ in range(self._readers):
                await seats.enter_async_context(self._seats)
            yield

    def _prepare_writer(self, connection: DBAPIConnection, _record: object) -> None:
        _run(
            connection,
            f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}",
            "PRAGMA journal_mode = WAL",
            f"PRAGMA synchronous = {self._synchronous}",
            "PRAGMA foreign_keys = ON",
            f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}",
        )


def _ensure(path: Path, mode: int, application_id: int) -> None:
    """Make the file where there is none; refuse one that is another's before SQLite touches it."""
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode)
        try:
            os.fchmod(descriptor, mode)  # whatever the umask; the WAL files that SQLite adds take the same mode
        finally:
            os.close(descriptor)
    with path.open("rb") as file:
        header = file.read(HEADER_BYTES)
    if not header:
        # Marked before the switch to WAL, so that the mark stands in the file itself even after a crash.
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA application_id = {application_id}")
    elif not header.startswith(MAGIC):
        raise ForeignFileError(f"{path} is not a SQLite file; move it away and start again")
    elif int.from_bytes(header[68:72]) != application_id:
        raise OthersFileError(f"{path} is another program's SQLite file; move it away or choose another data_dir")


def _engine(
    path: Path, access: str, size: int, begin: str, prepare: Callable[[DBAPIConnection, object], None]
) -> AsyncEngine:
    url = URL.create("sqlite+aiosqlite", database=path.absolute().as_uri(), query={"mode": access, "uri": "true"})
    # isolation_level None: the driver begins nothing by itself, the listener below does.
    engine = create_async_engine(
        url, pool_size=size, max_overflow=0, hide_parameters=True, connect_args={"isolation_level": None}
    )

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine.sync_engine, "connect", prepare)
    event.listen(engine.sync_engine, "begin", on_begin)
    event.listen(engine.sync_engine, "invalidate", _interrupt)
    return engine


def _prepare_reader(connection: DBAPIConnection, _record: object) -> None:
    _run(connection, f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")


def _run(connection: DBAPIConnection, *statements: str) -> None:
    cursor = connection.cursor()
    for statement in statements:
        cursor.execute(statement)
    cursor.close()


def _interrupt(connection: AdaptedConnection, _record: object, _error: BaseException | None) -> None:
    """SQLAlchemy throws away a connection whose statement was cancelled; closing waits for the statement to end."""
    connection.run_async(lambda driver: driver.interrupt())


@asynccontextmanager
async def _connected(engine: AsyncEngine | None, path: Path) -> AsyncIterator[AsyncConnection]:
    if engine is None:
        raise RuntimeError(f"{path.name} is not open; use `async with Database(...)`")
    connection = engine.connect()
    try:
        await finish(_start(connection))
        yield connection
    finally:
        if connection.sync_connection is not None:
            await finish(connection.close())  # rolls back what was not committed


async def _start(connection: AsyncConnection) -> None:
    await connection.start()


async def _begin(connection: AsyncConnection) -> None:
    await connection.begin()


@asynccontextmanager
async def _foreign_keys(connection: AsyncConnection, checked: bool) -> AsyncIterator[None]:
    if checked:
        yield
        return
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None  # noqa: S101 - a started connection has one
    await driver.execute_fetchall("PRAGMA foreign_keys = OFF")  # without effect once a transaction has begun
    try:
        yield
    finally:
        await finish(connection.invalidate())  # thrown away: the next connection checks again
