"""Schemas come from migrations alone, all of what is pending or nothing of it."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from msgspec.structs import replace
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from cache import state_schema
from cache.feed_state import FeedPosition
from cache.kept_revisions import KeptRevision
from cache.state import StateStore
from cache.store.database import Database
from cache.store.migrating import MIGRATIONS, MigrationError, upgrade
from cache.store.sqlite_file import STATE_ID

FIRST = 'import sqlalchemy as sa\nfrom alembic import op\nrevision = "0001"\ndown_revision = None\n'
LATER = 'import sqlalchemy as sa\nfrom alembic import op\nrevision = "{}"\ndown_revision = "{}"\n'


def write(folder: Path, name: str, body: str) -> None:
    """Put one migration into a folder of its own."""
    versions = folder / "cache" / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    (versions / f"{name}.py").write_text(body)


def parent_and_child(folder: Path) -> None:
    """A first migration with two tables, one referring to the other with a cascade."""
    write(
        folder, "0001_first",
        FIRST + "def upgrade():\n"
        "    op.create_table('a', sa.Column('id', sa.Integer, primary_key=True), sa.Column('old', sa.Text))\n"
        "    op.create_table('b', sa.Column('a', sa.Integer, sa.ForeignKey('a.id', ondelete='CASCADE')))\n",
    )  # fmt: skip


async def test_migrated_state_has_exactly_the_tables_of_its_schema(tmp_path: Path) -> None:
    """Guards against a table changed in `state_schema` without its migration, and the other way round."""

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        return list(compare_metadata(context, state_schema.metadata))

    async with Database(tmp_path / "state.db", application_id=STATE_ID) as database:
        await upgrade(database, "state")
        async with database.transaction() as connection:
            assert await connection.run_sync(differences) == []


async def test_upgrading_twice_changes_nothing(tmp_path: Path) -> None:
    """Guards every start after the first."""
    async with Database(tmp_path / "state.db", application_id=STATE_ID) as database:
        assert await upgrade(database, "state") == await upgrade(database, "state")


async def test_a_state_of_the_first_version_is_brought_along_with_all_that_it_holds(tmp_path: Path) -> None:
    """Guards what Git cannot tell again from an update. `marks` goes: nothing was ever in it."""
    first = tmp_path / "first" / "state" / "versions"
    first.mkdir(parents=True)
    shutil.copy(MIGRATIONS / "state" / "versions" / "0001_first.py", first)
    async with Database(tmp_path / "state.db", application_id=STATE_ID) as database:
        assert await upgrade(database, "state", migrations=tmp_path / "first") == "0001"
        async with database.transaction() as connection:
            await connection.execute(
                text("INSERT INTO tombstones VALUES ('branch', 1, 'x', '{\"sha\":\"a\"}', '2026-01-02T03:04:05Z')")
            )
            await connection.execute(text("INSERT INTO feed_state VALUES (1, 'e', 42)"))
    async with StateStore.open(tmp_path / "state.db") as state:
        (kept,) = await state.tombstones.all()
        assert (kept.name, kept.data) == ("x", {"sha": "a"})
        assert await state.feed.open("other") == FeedPosition("e", 42)
        assert (await state.hooks.all(), await state.heard.all()) == ((), ())
        async with state.database.read() as connection:
            names = {row[0] for row in await connection.execute(text("SELECT name FROM sqlite_master"))}
        assert "marks" not in names


OLD_REVISIONS = (
    ("rfc", "rfcs", "a", 3, 1, 1, "One é\n", "2026-01-02T03:04:05Z", {"merged_content": "One é\n", "pr_state": "x"}),
    ("rfc", "rfcs", "a", 3, 2, 2, "Two\n", "2026-01-02T03:04:05Z", {"merged_content": "Two, better\n"}),
    ("rfc", "rfcs", "b", -7, 1, 1, "One é\n", None, {"merged_content": None, "amendments": [{"sha": "d"}]}),
    ("rfc", "rfcs", "c", 3, 3, 1, None, None, {"content_state": "gone"}),
    ("rfc", "rfcs", "c", 3, 4, 2, "", None, {}),
)


async def test_frozen_texts_of_an_older_state_are_kept_to_the_letter_and_once(tmp_path: Path) -> None:
    """Guards what only `state.db` knows from the update that keeps each text once, and from what is kept after it."""
    old = tmp_path / "old" / "state" / "versions"
    old.mkdir(parents=True)
    for migration in (MIGRATIONS / "state" / "versions").glob("000[1-5]_*.py"):
        shutil.copy(migration, old)
    async with Database(tmp_path / "state.db", application_id=STATE_ID) as database:
        assert await upgrade(database, "state", migrations=tmp_path / "old") == "0005"
        async with database.transaction() as connection:
            for *columns, data in OLD_REVISIONS:
                places = "INSERT INTO revisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
                await connection.exec_driver_sql(places, (*columns, json.dumps(data)))
    kept = tuple(
        KeptRevision(*columns, frozen_at=None if at is None else datetime.fromisoformat(at), data=data)
        for *columns, at, data in OLD_REVISIONS
    )

    async def texts(state: StateStore) -> set[str]:
        async with state.database.read() as connection:
            return set((await connection.execute(text("SELECT content FROM texts"))).scalars())

    async with StateStore.open(tmp_path / "state.db") as state:
        assert await state.revisions.all() == kept
        assert await texts(state) == {"One é\n", "Two\n", "Two, better\n", ""}
        with pytest.raises(IntegrityError, match="never change"):
            async with state.database.transaction() as connection:
                await connection.execute(text("UPDATE revisions SET content_hash = NULL WHERE number = 2"))
        again = replace(kept[1], content="Too late\n", data={"merged_content": "Three\n"})
        found = replace(kept[3], content="Two\n", data={"merged_content": None})
        await state.revisions.keep([again, found])
        assert (await state.revisions.all())[1:4:2] == (replace(again, content="Two\n"), found)
        assert await texts(state) == {"One é\n", "Two\n", "Three\n", ""}, "no text that nobody says"


async def test_a_failing_migration_takes_back_those_before_it_too(tmp_path: Path) -> None:
    """Guards the old file: an update that fails must leave something the old version can open."""
    parent_and_child(tmp_path)
    async with Database(tmp_path / "x.db") as database:
        assert await upgrade(database, "cache", migrations=tmp_path) == "0001"
        write(tmp_path, "0002_more", LATER.format("0002", "0001") + "def upgrade():\n    op.drop_table('b')\n")
        write(tmp_path, "0003_bad", LATER.format("0003", "0002") + "def upgrade():\n    raise ValueError('no')\n")
        with pytest.raises(ValueError, match="no"):
            await upgrade(database, "cache", migrations=tmp_path)
        async with database.read() as connection:
            assert (await connection.execute(text("SELECT count(*) FROM b"))).scalar_one() == 0
            assert (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar_one() == "0001"


async def test_rebuilding_a_table_keeps_the_rows_that_refer_to_it(tmp_path: Path) -> None:
    """Guards the way SQLite alters tables: dropping the old one would cascade into its children."""
    parent_and_child(tmp_path)
    async with Database(tmp_path / "x.db") as database:
        await upgrade(database, "cache", migrations=tmp_path)
        async with database.transaction() as connection:
            await connection.execute(text("INSERT INTO a VALUES (1, 'x')"))
            await connection.execute(text("INSERT INTO b VALUES (1)"))
        write(
            tmp_path, "0002_batch",
            LATER.format("0002", "0001")
            + "def upgrade():\n    with op.batch_alter_table('a') as batch:\n        batch.drop_column('old')\n",
        )  # fmt: skip
        assert await upgrade(database, "cache", migrations=tmp_path) == "0002"
        async with database.read() as connection:
            assert (await connection.execute(text("SELECT a FROM b"))).scalars().all() == [1]
            assert (await connection.execute(text("SELECT * FROM a"))).all() == [(1,)]


async def test_a_migration_that_orphans_rows_is_refused(tmp_path: Path) -> None:
    """Guards against what the checks, switched off meanwhile, would have caught."""
    parent_and_child(tmp_path)
    async with Database(tmp_path / "x.db") as database:
        await upgrade(database, "cache", migrations=tmp_path)
        write(
            tmp_path,
            "0002_bad",
            LATER.format("0002", "0001") + "def upgrade():\n    op.execute('INSERT INTO b VALUES (7)')\n",
        )
        with pytest.raises(MigrationError, match="rows of b that refer to nothing"):
            await upgrade(database, "cache", migrations=tmp_path)
        async with database.read() as connection:
            assert (await connection.execute(text("SELECT count(*) FROM b"))).scalar_one() == 0


async def test_a_file_of_a_newer_version_is_refused_by_name(tmp_path: Path) -> None:
    """Guards a downgrade: writing with an old schema in mind would lose what the new one added."""
    async with Database(tmp_path / "state.db", application_id=STATE_ID) as database:
        await upgrade(database, "state")
        async with database.transaction() as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(MigrationError, match=r"state\.db has schema 9999.*knows up to 0"):
            await upgrade(database, "state")


async def test_an_installation_without_migrations_says_so(tmp_path: Path) -> None:
    """Guards a wheel that was packed without them."""
    (tmp_path / "cache" / "versions").mkdir(parents=True)
    async with Database(tmp_path / "x.db") as database:
        with pytest.raises(MigrationError, match="install Forgeglass again"):
            await upgrade(database, "cache", migrations=tmp_path)


def test_migrations_stand_inside_the_package() -> None:
    """Guards the wheel, which carries what lies in its packages."""
    assert MIGRATIONS.parent.name == "cache"
    assert [file.name for file in (MIGRATIONS / "state" / "versions").glob("0001_*.py")] == ["0001_first.py"]
