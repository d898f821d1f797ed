"""Another version over the same folder: newer ones bring `state.db` along, older ones refuse it and harm nothing."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from deploy_place import configuration, daemon, planted

from cache.rows import EntryRow
from cache.state import StateStore
from cache.store.database import Database
from cache.store.migrating import MIGRATIONS, upgrade
from cache.store.sqlite_file import STATE_ID
from cache.tombstones import Tombstone, TombstoneTable
from daemon.commands import COMMANDS
from daemon.config import Config
from daemon.serving import Served
from gitea_client.fake import StandIn

MAIN = "from daemon.cli import main; main()"
GONE = Tombstone("branch", 7, "gone", {"sha": "0" * 40}, datetime(2026, 3, 1, tzinfo=UTC))
VERSIONS = sorted(path.stem[:4] for path in (MIGRATIONS / "state" / "versions").glob("[0-9]*.py"))


@pytest.fixture
async def forge(tmp_path: Path) -> AsyncIterator[StandIn]:
    async with StandIn(tmp_path / "forge") as forge:
        await planted(forge)
        yield forge


@pytest.fixture
def config(forge: StandIn, tmp_path: Path) -> Config:
    return configuration(tmp_path / "here", forge)


async def sweep(served: Served) -> None:
    _, code = await COMMANDS["sweep"](served.engine, {"deep": True}, lambda _progress: None)
    assert code == 0


def written_by_a_newer_version(database: Path) -> None:
    with closing(sqlite3.connect(database)) as file:
        file.execute("UPDATE alembic_version SET version_num = '9999'")
        file.commit()


@pytest.mark.parametrize("version", VERSIONS)
async def test_state_of_every_older_version_comes_along(version: str, tmp_path: Path) -> None:
    """A migration that was tried on an empty file alone loses rows on a full one."""
    older = tmp_path / "migrations"
    (older / "state" / "versions").mkdir(parents=True)
    for path in (MIGRATIONS / "state" / "versions").glob("[0-9]*.py"):
        if path.stem[:4] <= version:
            shutil.copy(path, older / "state" / "versions")
    file = tmp_path / "state.db"
    async with Database(file, application_id=STATE_ID, mode=0o600) as database:
        assert await upgrade(database, "state", migrations=older) == version
        await TombstoneTable(database).put([GONE])
    async with StateStore.open(file) as state:
        assert await state.tombstones.all() == (GONE,)


async def test_a_newer_cache_is_put_aside_and_read_anew(config: Config) -> None:
    """After a downgrade the daemon must start: everything in cache.db can be read again."""
    async with daemon(config) as served:
        await sweep(served)
        epoch = served.engine.epoch.now
    written_by_a_newer_version(config.data_dir / "cache.db")
    async with daemon(config) as served:
        assert not served.engine.desk.book.rows[EntryRow]
        await sweep(served)
        assert len(served.engine.desk.book.rows[EntryRow]) == 3
        assert served.engine.epoch.now != epoch, "the feed of before is not in the new file"
    with closing(sqlite3.connect(config.data_dir / "cache.db.newer")) as aside:
        assert aside.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)


@pytest.mark.parametrize("command", [["serve"], ["sweep"], ["verify"]])
async def test_a_newer_state_is_refused_in_one_line_and_left_as_it_is(command: list[str], config: Config) -> None:
    """What the forge cannot tell again must never be opened by a version that does not know it."""
    async with daemon(config) as served:
        await sweep(served)
    state, cache = config.data_dir / "state.db", config.data_dir / "cache.db"
    written_by_a_newer_version(state)
    before = state.read_bytes(), cache.read_bytes()
    run = [sys.executable, "-c", MAIN, "--config", str(config.path), *command]
    done = subprocess.run(run, capture_output=True, text=True, check=False, env=dict(os.environ), timeout=60)
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert len(lines) == 1
    assert "state.db has schema 9999, written by a newer Forgeglass" in lines[0]
    assert "Start the newer version again, or restore a copy" in lines[0]
    assert (state.read_bytes(), cache.read_bytes()) == before
