"""Connections to one SQLite file: one that writes, a few that only read.

- One connection of the process writes, and only it checkpoints. SQLite before 3.51.3 can corrupt a WAL file that
  two connections checkpoint at once (sqlite.org/wal.html, "the WAL-reset bug"); readers are opened with `mode=ro`,
  which cannot.
- A task can be cancelled at any await. The driver runs statements on a thread, so a cancelled statement keeps
  running there, and a transaction left open would be committed by whoever writes next. Here a cancelled statement
  is interrupted and its connection thrown away, and the writer's turn ends only after the rollback.
- aiosqlite's threads keep a process from ending while a connection is open: use `async with Database(...)`.
- Whoever opens a file in WAL mode `mode=ro` needs `-wal` and `-shm` beside it: to be there and readable, or the right
  to make them (sqlite.org/wal.html, "Read-Only Databases"). A writer that closes last removes both, a reader that
  closes last leaves both. So where others are to read after the end, a reader of ours is the last to close.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal, Self

from sqlalchemy.connectors.asyncio import AsyncAdapt_dbapi_connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cache.store.connecting import (
    begin,
    connected,
    driver_of,
    foreign_keys_set,
    make_engine,
    open_reader,
    run_each,
)
from cache.store.finish import finish
from cache.store.rewriting import (
    FileMovedError,
    Identity,
    Standing,
    checked,
    draft_of,
    grown,
    identity,
    is_whole,
    put_in_place,
    standing,
)
from cache.store.sqlite_file import CACHE_ID, HEADER_BYTES, MAGIC, ForeignFileError, OthersFileError, files_beside

BUSY_MILLISECONDS = 5_000
CHECKPOINT_PAGES = 1_000
WAL_BYTES = CHECKPOINT_PAGES * 4_096
"""A write-ahead log longer than this is cut after the transaction that made it so: SQLite itself never shortens it."""


class Database:
    """One SQLite file with its connections; open it with `async with` or `open` and `close`.

    `synchronous="FULL"` makes every commit reach the disk before it returns; with NORMAL a power cut may lose the
    last commits, never the file (sqlite.org/pragma.html#pragma_synchronous). `mode` is given to a file newly made.
    `group` is a group id whose members may read it. `memory_kib` is how much of it the writer keeps
    in memory, read at once. `keep_wal` leaves `-wal` (empty) and `-shm` in place at the end,
    for readers who may not make them.
    """

    def __init__(
        self,
        path: Path,
        *,
        readers: int = 2,
        synchronous: Literal["NORMAL", "FULL"] = "NORMAL",
        mode: int = 0o640,
        application_id: int = CACHE_ID,
        group: int | None = None,
        keep_wal: bool = False,
        memory_kib: int = 0,
    ) -> None:
        self.path = path
        self._synchronous = synchronous
        self._mode = mode
        self._application_id = application_id
        self._group = group
        self._keep_wal = keep_wal
        self._memory_kib = memory_kib
        self._readers = readers
        self._turn = asyncio.Lock()
        self._seats = asyncio.Semaphore(readers)
        self._holder: asyncio.Task[Any] | None = None
        self._write_engine: AsyncEngine | None = None
        self._read_engine: AsyncEngine | None = None
        self._last: sqlite3.Connection | None = None
        self._identity: Identity | None = None
        self._wal: Identity | None = None
        self._size = 0

    async def open(self) -> None:
        """Open the file, made where there is none.

        Raises `ForeignFileError` where the file is something else, `OSError` where it cannot be made, or given to the
        group.
        """
        try:
            await self._open()
        except BaseException:
            await self.close()
            raise

    async def _open(self) -> None:
        _ensure(self.path, self._mode, self._application_id)
        self._identity = identity(self.path)
        self._let_in()
        self._write_engine = make_engine(self.path, "rw", 1, "BEGIN IMMEDIATE", self._prepare_writer)
        self._read_engine = make_engine(self.path, "ro", self._readers, "BEGIN", self._prepare_reader)
        # the writer comes first: it makes the WAL that readers need to find
        async with connected(self._write_engine, self.path) as connection:
            await finish(begin(connection))
            await finish(connection.commit())
        self._last = await asyncio.to_thread(open_reader, self.path)
        self._let_in()
        self._wal = identity(files_beside(self.path)[0])
        self._size = self.path.stat().st_size

    async def close(self) -> None:
        """Close every connection once a transaction that runs has ended.

        The writer closes after the readers: the last to close checkpoints, and only the writer may. With `keep_wal` it
        has done so before, and a reader closes last.
        """
        async with self._turn:
            await self._close()

    async def _close(self) -> None:
        last, self._last = self._last, None
        if last is not None and self._keep_wal:
            await finish(self._empty_wal())
        elif last is not None:
            last.close()
        for engine in (self._read_engine, self._write_engine):
            if engine is not None:
                await finish(engine.dispose())
        self._read_engine = self._write_engine = None
        if last is not None:
            last.close()

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
                    connected(self._write_engine, self.path) as connection,
                    foreign_keys_set(connection, foreign_keys),
                ):
                    await finish(begin(connection))
                    yield connection
                    await finish(connection.commit())
                    if self._wal_is_long():
                        await finish(_checkpoint(connection))
                    self._size = grown(self.path, self._identity, self._size)
            finally:
                self._holder = None

    async def compact(self) -> None:
        """Write the file anew where most of it is empty, as after a migration that drops what it need not hold.

        Whoever reads meanwhile sees the same rows. What keeps it from that (a full disk) changes nothing.
        """
        async with self._turn, connected(self._write_engine, self.path) as connection:
            await finish(_compact(connection))
            self._size = self.path.stat().st_size

    def standing(self) -> Standing:
        """Whether the path leads to the file that is open, as long as it was. Raises OSError."""
        return standing(self.path, self._identity, self._size)

    async def is_whole(self) -> bool:
        """Whether a file that is shorter than it was is whole all the same, as after a VACUUM of another program."""
        async with self._turn:
            await finish(self._empty_wal())
            whole = await asyncio.to_thread(is_whole, self.path)
            self._size = self.path.stat().st_size if whole else self._size
        return whole

    async def rewrite(self, aside: Path) -> Path | None:
        """Write the file out anew from what is open, whose rows are whole though the path leads elsewhere.

        Nobody reads or writes meanwhile. What stands at the path is moved to `aside`; where it is now. Raises OSError
        and sqlite3.Error, with nothing changed, where what is open is not whole or cannot be written.
        """
        async with self.without_readers(), self._turn:
            draft = await self._copied()
            await self._close()
            moved = await asyncio.to_thread(put_in_place, draft, self.path, aside, self._wal)
            await self._open()
            return moved

    async def _copied(self) -> Path:
        """A whole copy, from the writer or from the connection that is always open; the error of the former."""
        try:
            return await self._from_writer()
        except (DBAPIError, sqlite3.Error) as error:
            try:
                return await asyncio.to_thread(self._from_reader)
            except sqlite3.Error:
                raise error from None

    async def _from_writer(self) -> Path:
        target = await asyncio.to_thread(draft_of, self.path, self._mode)
        try:
            async with connected(self._write_engine, self.path) as connection:
                await (await driver_of(connection)).backup(target)
            return await asyncio.to_thread(checked, target, self.path)
        finally:
            target.close()

    def _from_reader(self) -> Path:
        if self._last is None:
            raise FileMovedError(self.path)
        target = draft_of(self.path, self._mode)
        try:
            self._last.backup(target)
            return checked(target, self.path)
        finally:
            target.close()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A reading connection: one snapshot from its first statement on. Waits while all readers are taken.

        A statement whose task is cancelled is interrupted on its thread as well.
        """
        async with self._seats, connected(self._read_engine, self.path) as connection:
            yield connection

    @asynccontextmanager
    async def without_readers(self) -> AsyncIterator[None]:
        """Nobody reads meanwhile; whoever wants to waits. For putting another file in the place of this one."""
        async with contextlib.AsyncExitStack() as seats:
            for _ in range(self._readers):
                await seats.enter_async_context(self._seats)
            yield

    def _let_in(self) -> None:
        """Give the file and those beside it to the group. Before the writer opens it and after: SQLite makes the files
        beside it as the process makes any file, unless that runs as root."""
        if self._group is None:
            return
        for path in (self.path, *files_beside(self.path)):
            if path.exists():
                os.chown(path, -1, self._group)
                path.chmod(self._mode)

    def _wal_is_long(self) -> bool:
        try:
            return files_beside(self.path)[0].stat().st_size > WAL_BYTES
        except FileNotFoundError:
            return False

    async def _empty_wal(self) -> None:
        with contextlib.suppress(DBAPIError):  # a damaged file is closed all the same
            async with connected(self._write_engine, self.path) as connection:
                await _checkpoint(connection)

    def _prepare_reader(self, connection: AsyncAdapt_dbapi_connection, _record: object) -> None:
        self._refuse_another(connection)
        run_each(connection, f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")

    def _refuse_another(self, connection: AsyncAdapt_dbapi_connection) -> None:
        """A connection made later must not lead to another file than those that are open."""
        if identity(self.path) != self._identity:
            connection.close()
            raise FileMovedError(self.path)

    def _prepare_writer(self, connection: AsyncAdapt_dbapi_connection, _record: object) -> None:
        self._refuse_another(connection)
        run_each(
            connection,
            f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}",
            "PRAGMA journal_mode = WAL",
            f"PRAGMA synchronous = {self._synchronous}",
            "PRAGMA foreign_keys = ON",
            f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}",
        )
        if self._memory_kib:  # all of it is read: should the file be cut short, it is still there
            run_each(connection, f"PRAGMA cache_size = -{self._memory_kib}", "PRAGMA quick_check(1)")


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


async def _compact(connection: AsyncConnection) -> None:
    driver = await driver_of(connection)
    ((free,),) = await driver.execute_fetchall("PRAGMA freelist_count")
    ((pages,),) = await driver.execute_fetchall("PRAGMA page_count")
    if free > CHECKPOINT_PAGES and 2 * free > pages:
        with contextlib.suppress(sqlite3.Error):
            await driver.execute_fetchall("VACUUM")
        await _checkpoint(connection)


async def _checkpoint(connection: AsyncConnection) -> None:
    """Bring the write-ahead log into the file and empty it, without waiting for readers of older rows.

    Whatever keeps it from that: all that was committed is there, and the next time does it.
    """
    driver = await driver_of(connection)
    with contextlib.suppress(sqlite3.Error):
        await driver.execute_fetchall("PRAGMA busy_timeout = 0")
        await driver.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
    await driver.execute_fetchall(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
