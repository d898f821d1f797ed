"""Connections to one SQLite file: how each is made, used for a while, and given back."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.connectors.asyncio import AsyncAdapt_dbapi_connection
from sqlalchemy.engine import URL, AdaptedConnection, Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from cache.store.driver import Driver
from cache.store.finish import finish
from cache.store.sqlite_file import read_only


def make_engine(
    path: Path, access: str, size: int, begin: str, prepare: Callable[[AsyncAdapt_dbapi_connection, object], None]
) -> AsyncEngine:
    """Connections that read and write by `access` (`rw` or `ro`), each made ready by `prepare`."""
    url = URL.create("sqlite+aiosqlite", database=path.absolute().as_uri(), query={"mode": access, "uri": "true"})
    # isolation_level None: the driver begins nothing by itself, the listener below does.
    engine = create_async_engine(
        url, module=Driver(), pool_size=size, max_overflow=0, hide_parameters=True,
        connect_args={"isolation_level": None},
    )  # fmt: skip

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine.sync_engine, "connect", prepare)
    event.listen(engine.sync_engine, "begin", on_begin)
    event.listen(engine.sync_engine, "invalidate", _interrupt)
    return engine


@asynccontextmanager
async def connected(engine: AsyncEngine | None, path: Path) -> AsyncIterator[AsyncConnection]:
    """One connection, rolled back and given back at the end."""
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


async def begin(connection: AsyncConnection) -> None:
    """Begin a transaction."""
    await connection.begin()


@asynccontextmanager
async def foreign_keys_set(connection: AsyncConnection, checked: bool) -> AsyncIterator[None]:
    """Whether references are checked meanwhile."""
    if checked:
        yield
        return
    driver = await driver_of(connection)
    await driver.execute_fetchall("PRAGMA foreign_keys = OFF")  # without effect once a transaction has begun
    try:
        yield
    finally:
        await finish(connection.invalidate())  # thrown away: the next connection checks again


def run_each(connection: AsyncAdapt_dbapi_connection, *statements: str) -> None:
    """Run statements on a new connection, which says nothing that is looked at."""
    connection.run_async(lambda driver: driver.executescript(";".join(statements)))


def _interrupt(connection: AdaptedConnection, _record: object, _error: BaseException | None) -> None:
    """SQLAlchemy throws away a connection whose statement was cancelled; closing waits for the statement to end."""
    connection.run_async(lambda driver: driver.interrupt())


async def driver_of(connection: AsyncConnection) -> Any:
    """The driver's own connection."""
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None  # noqa: S101 - a started connection has one
    return driver


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads, with the files beside the database open."""
    made = sqlite3.connect(read_only(path), uri=True, check_same_thread=False)
    try:
        made.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        made.close()
        raise
    return made
