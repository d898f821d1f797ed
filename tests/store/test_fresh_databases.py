"""The short way to a new database, which nearly all tests take, leads where the migrations lead."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Literal

import fresh_databases
import pytest

from cache.store.database import Database
from cache.store.migrating import upgrade


def contents(path: Path) -> tuple[object, object]:
    with closing(sqlite3.connect(path)) as connection:
        schema = set(connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master"))
        inner = tuple(f"{name}_" for _, name, _, sql in schema if (sql or "").startswith("CREATE VIRTUAL"))
        tables = [name for kind, name, *_ in schema if kind == "table" and not name.startswith((*inner, "sqlite_"))]
        return schema, {name: sorted(connection.execute(f'SELECT * FROM "{name}"'), key=repr) for name in tables}


@pytest.mark.parametrize("which", ["cache", "state"])
async def test_what_is_said_again_makes_what_was_migrated(
    which: Literal["cache", "state"], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards every other test against a schema that no migration makes."""
    for name in ("first", "again"):
        async with Database(tmp_path / name, synchronous="NORMAL", mode=0o600, application_id=1) as database:
            await upgrade(database, which)
    monkeypatch.setattr("cache.store.migrating._upgrade", fresh_databases.migrated)
    async with Database(tmp_path / "migrated", synchronous="NORMAL", mode=0o600, application_id=1) as database:
        await upgrade(database, which)
    schema, rows = contents(tmp_path / "migrated")
    assert schema
    assert contents(tmp_path / "again") == contents(tmp_path / "first") == (schema, rows)
