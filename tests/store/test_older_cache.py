"""A `cache.db` of an older version is brought along with all that it holds: no reader of the feed has to begin anew."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from msgspec.structs import asdict
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from store_rows import Reservoir, entry
from test_texts import HEAD, KINDS, blob, proposal, revision

from cache.rows import Row, tabulate
from cache.schema import metadata, to_text
from cache.store.database import Database
from cache.store.migrating import MIGRATIONS, upgrade
from cache.store.writer import Store
from gitea_client.packed import Packed

ROWS = (
    blob(HEAD + b"Words\n"),
    blob(None, "0" * 40),
    blob(b"", "1" * 40),
    blob(b"The document\n", "d" * 40, 2),
    blob(HEAD + b"Words\n", repository=3),
    entry("one", body="Words\n", fields={"title": "A title", "tags": ["security"], "n": 1}),
    entry("two", body=None),
    entry("three", body="", entry_sha="1" * 40),
    entry("four", body="Caf\u00e9, of a file that is not kept"),
    entry("five", body="The document\n", entry_body="Words\n", document_repository_id=2, document_path="RFC.md",
          document_body="The document\n", document_sha="d" * 40),
    revision((HEAD + b"Words\n").decode(), merged_content="Words\n"),
    revision(None, 2, content_state="gone", frozen_at=None),
    proposal("Words\n"),
)  # fmt: skip


async def old_cache(path: Path, folder: Path, last: str) -> None:
    """A file as an older version left it, with these rows and one entry of the feed."""
    versions = folder / "cache" / "versions"
    versions.mkdir(parents=True)
    for migration in (MIGRATIONS / "cache" / "versions").glob("0*.py"):
        if migration.name[:4] <= last:
            shutil.copy(migration, versions)
    async with Database(path) as database:
        assert await upgrade(database, "cache", migrations=folder) == last
        async with database.transaction() as connection:
            for row in ROWS:
                await put_as_before(connection, row)
            await connection.exec_driver_sql(
                "INSERT INTO changes (sequence, at, kind, operation, columns) VALUES (7, '2026', 'entry', 'x', '[]')"
            )
            await connection.exec_driver_sql("CREATE VIEW of_a_profile AS SELECT body FROM entries")
            await connection.exec_driver_sql("CREATE INDEX declared_x ON entries (block, title, key)")


async def put_as_before(connection: AsyncConnection, row: Row) -> None:
    """Every column by itself, as it was before there were texts."""
    known = {name for (name,) in await connection.exec_driver_sql(f"SELECT name FROM pragma_table_info('{row.table}')")}
    values = {f'"{name}"': as_written(value) for name, value in asdict(row).items() if name in known}
    places = ", ".join("?" * len(values))
    await connection.exec_driver_sql(
        f"INSERT INTO {row.table} ({', '.join(values)}) VALUES ({places})", tuple(values.values())
    )


def as_written(value: Any) -> Any:
    """A value as the tables hold it."""
    if isinstance(value, datetime):
        return to_text(value)
    if isinstance(value, Packed):
        return value.content
    return json.dumps(value) if isinstance(value, dict | tuple) else value


async def test_a_cache_of_texts_in_rows_keeps_its_rows_its_feed_and_its_promises(tmp_path: Path) -> None:
    """Guards an update: the rows are the same, the texts are there once, and the index finds them."""
    await old_cache(tmp_path / "cache.db", tmp_path / "old", "0006")
    async with Database(tmp_path / "cache.db") as database:
        await upgrade(database, "cache")
        store = Store(database, Reservoir())
        assert await store.load(KINDS) == tabulate(ROWS, KINDS)
        assert store.sequence == 7
        async with database.transaction() as connection:

            async def told(sql: str) -> list[Any]:
                return [tuple(row) for row in await connection.exec_driver_sql(sql)]

            assert len(await told("SELECT * FROM texts")) == 5
            assert await told("SELECT entry_body_start FROM entries WHERE key IN ('one', 'five')") == [(len(HEAD),)] * 2
            for words, keys in (("security", ["one"]), ("cafe", ["four"]), ("document", ["five"]), ("tags", [])):
                found = f"SELECT key FROM entry_text WHERE entry_text MATCH '{words}'"
                assert await told(found) == [(key,) for key in keys]
            await connection.exec_driver_sql("INSERT INTO entry_text(entry_text, rank) VALUES ('integrity-check', 1)")
            assert await told("PRAGMA foreign_key_check") == []
            assert await told("PRAGMA integrity_check") == [("ok",)]
        with pytest.raises(IntegrityError, match="never change"):
            async with database.transaction() as connection:
                await connection.exec_driver_sql("UPDATE revisions SET content_start = 1 WHERE number = 1")


@pytest.mark.parametrize("last", ["0001", "0004"])
async def test_a_cache_without_rows_of_any_version_comes_along(tmp_path: Path, last: str) -> None:
    """Guards the migrations before: each says what it does in its own words, whatever the tables are today."""
    async with Database(tmp_path / "cache.db") as database:
        folder = tmp_path / "old" / "cache" / "versions"
        folder.mkdir(parents=True)
        for migration in (MIGRATIONS / "cache" / "versions").glob("0*.py"):
            if migration.name[:4] <= last:
                shutil.copy(migration, folder)
        await upgrade(database, "cache", migrations=tmp_path / "old")
        await upgrade(database, "cache")
        async with database.transaction() as connection:
            assert await connection.run_sync(differences) == []


async def test_migrated_cache_has_exactly_the_tables_of_its_schema(database: Database) -> None:
    """Guards against a row type changed without a migration, and the other way round."""
    async with database.transaction() as connection:
        assert await connection.run_sync(differences) == []


def differences(connection: Connection) -> list[object]:
    """How the file differs from the tables that are written down."""

    def ours(_object: object, name: str | None, kind: str, *_: object) -> bool:
        return kind != "table" or not (name or "").startswith("entry_text")

    context = MigrationContext.configure(connection, opts={"include_object": ours})
    return list(compare_metadata(context, metadata))
