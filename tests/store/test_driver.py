"""A statement is one trip to the connection's thread, and says what SQLite says of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiosqlite
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from cache.store.database import Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(tmp_path / "cache.db") as made:
        async with made.transaction() as connection:
            await connection.execute(text("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT UNIQUE)"))
        yield made


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What each trip is for."""
    made: list[str] = []
    execute = aiosqlite.Connection._execute

    async def counted(self: aiosqlite.Connection, function: object, *arguments: object) -> object:
        made.append(getattr(function, "__name__", ""))
        return await execute(self, function, *arguments)  # type: ignore[arg-type,func-returns-value] # as it is given

    monkeypatch.setattr(aiosqlite.Connection, "_execute", counted)
    return made


async def test_each_statement_is_one_trip(database: Database, trips: list[str]) -> None:
    async with database.transaction() as connection:
        before = len(trips)
        await connection.execute(text("INSERT INTO things (name) VALUES (:name)"), [{"name": "a"}, {"name": "b"}])
        rows = (await connection.execute(text("SELECT id, name FROM things ORDER BY id"))).all()
        assert [tuple(row) for row in rows] == [(1, "a"), (2, "b")]
        assert len(trips) - before == 2


async def test_a_statement_says_what_it_did(database: Database) -> None:
    async with database.transaction() as connection:
        made = await connection.execute(text("INSERT INTO things (name) VALUES ('a')"))
        assert made.lastrowid == 1
        await connection.execute(text("INSERT INTO things (name) VALUES ('b')"))
        assert (await connection.execute(text("UPDATE things SET name = name || '!'"))).rowcount == 2
        found = await connection.execute(text("SELECT id AS number, name FROM things WHERE id > 9"))
        assert list(found.keys()) == ["number", "name"]
        assert found.all() == []


async def test_what_sqlite_refuses_is_an_error_and_the_connection_goes_on(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(text("INSERT INTO things (name) VALUES ('a')"))
        with pytest.raises(IntegrityError, match="UNIQUE"):
            await connection.execute(text("INSERT INTO things (name) VALUES ('a')"))
        with pytest.raises(IntegrityError, match="UNIQUE"):
            await connection.execute(text("INSERT INTO things (name) VALUES (:name)"), [{"name": "b"}, {"name": "a"}])
    async with database.read() as connection:
        names = (await connection.execute(text("SELECT name FROM things"))).scalars().all()
    assert "a" in names
