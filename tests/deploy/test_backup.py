"""`state.db` copied under a running daemon, and what comes back from the copy when everything else is lost."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from deploy_place import META, configuration, daemon, planted

from cache.rows import BranchRow, EntryRow
from cache.tokens import Token
from daemon.commands import COMMANDS
from daemon.config import Config
from daemon.serving import Served
from gitea_client.fake import StandIn

MAIN = "from daemon.cli import main; main()"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOKEN = Token("board", "0" * 64, NOON)


@dataclass
class Place:
    forge: StandIn
    config: Config

    @property
    def state(self) -> Path:
        return self.config.data_dir / "state.db"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command in a process of its own, as a timer starts it."""
        command = [sys.executable, "-c", MAIN, "--config", str(self.config.path), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with StandIn(tmp_path / "forge") as forge:
        await planted(forge)
        yield Place(forge, configuration(tmp_path / "here", forge))


async def sweep(served: Served) -> None:
    _, code = await COMMANDS["sweep"](served.engine, {"deep": True}, lambda _progress: None)
    assert code == 0


async def lived(place: Place, served: Served) -> None:
    """What only `state.db` can tell: a branch that is gone, a published revision, a token."""
    await place.forge.commit("acme/home", {"x": "1"}, branch="gone", start="main")
    await place.forge.commit(META, {"rfcs/r1.md": "---\ntitle: R1\nstate: active\nrepo: acme/home\n---\n"})
    await place.forge.commit(
        META, {"rfcs/r1.md": "---\ntitle: Raised\nstate: active\n---\n"}, branch="edit/r1/a", start="main"
    )
    await place.forge.open_pull(META, "edit/r1/a")
    await sweep(served)
    await place.forge.delete_branch("acme/home", "gone")
    await sweep(served)
    await served.engine.state.tokens.add(TOKEN)


def branches(served: Served) -> dict[str, str]:
    """The state of each branch, by name."""
    rows = served.engine.desk.book.rows[BranchRow].values()
    return {row.name: row.state for row in rows if isinstance(row, BranchRow)}


async def digest(served: Served) -> str:
    return str((await COMMANDS["digest"](served.engine, {"without_state": False}, lambda _progress: None))[0]["digest"])


async def test_what_only_state_db_knew_comes_back_into_an_empty_folder(place: Place, tmp_path: Path) -> None:
    """The disk burnt; there is the copy and the forge. The digest says that not one row differs."""
    copy = tmp_path / "state-copy.db"
    async with daemon(place.config) as served:
        await lived(place, served)
        done = await asyncio.to_thread(place.run, "--json", "backup", str(copy))
        assert (done.returncode, done.stderr) == (0, "")
        before, epoch = await digest(served), served.engine.epoch.now
        revisions = await served.engine.state.revisions.all()
        assert [(kept.key, kept.version) for kept in revisions] == [("r1", 1)]
    told = json.loads(done.stdout)
    assert (told["file"], told["bytes"]) == (str(copy), copy.stat().st_size)
    assert copy.stat().st_mode & 0o777 == 0o600, "it holds what tokens are checked against"
    shutil.rmtree(place.config.data_dir)
    place.config.data_dir.mkdir()
    shutil.copy(copy, place.state)
    async with daemon(place.config) as served:
        await sweep(served)
        assert await digest(served) == before
        assert branches(served)["gone"] == "deleted"
        assert len(served.engine.desk.book.rows[EntryRow]) == 3
        assert await served.engine.state.revisions.all() == revisions
        assert await served.engine.state.tokens.all() == (TOKEN,)
        assert served.engine.epoch.now != epoch, "the feed of before is lost: its readers must be told to resync"


async def test_without_the_copy_a_gone_branch_is_forgotten(place: Place) -> None:
    """The reason for copies: if this ever passes with the branch still known, the page may say less."""
    async with daemon(place.config) as served:
        await lived(place, served)
    shutil.rmtree(place.config.data_dir)
    async with daemon(place.config) as served:
        await sweep(served)
        assert "gone" not in branches(served)


async def test_an_older_copy_beside_a_newer_cache_costs_nothing_that_rows_still_tell(place: Place) -> None:
    """Restoring `state.db` alone, from before a branch was deleted: positions go on upward, and the branch stays."""
    copy = place.config.data_dir.parent / "copy.db"
    async with daemon(place.config) as served:
        await sweep(served)
        assert (await asyncio.to_thread(place.run, "backup", str(copy))).returncode == 0
        await lived(place, served)
        sequence = served.engine.store.sequence
    shutil.copy(copy, place.state)
    async with daemon(place.config) as served:
        await place.forge.commit(META, {"rfcs/r2.md": "---\ntitle: Later\nstate: idea\n---\n"})
        await sweep(served)
        assert served.engine.store.sequence > sequence
        assert branches(served)["gone"] == "deleted"


async def test_a_copy_is_whole_however_much_is_being_written(place: Place, tmp_path: Path) -> None:
    """Deliveries come in while it is taken: it holds each one wholly or not at all, and holds nobody up."""
    async with daemon(place.config) as served:
        tokens = served.engine.state.tokens
        added = 0

        async def write() -> None:
            nonlocal added
            while True:
                await tokens.add(Token(f"t{added}", f"{added:064}", NOON))
                added += 1

        writing = asyncio.create_task(write())
        try:
            for number in range(3):
                before = added
                done = await asyncio.to_thread(place.run, "backup", str(tmp_path / "copy.db"))
                assert done.returncode == 0, done.stderr
                with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
                    assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                    kept = copy.execute("SELECT count(*) FROM tokens").fetchone()[0]
                assert before <= kept <= added, number
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.db", "forge", "here"]


async def test_a_copy_is_taken_while_no_daemon_runs_and_by_sqlite_itself(place: Place, tmp_path: Path) -> None:
    """Nothing of ours is needed for a copy, and nothing running."""
    async with daemon(place.config):
        command = ["sqlite3", "-readonly", str(place.state), f".backup {tmp_path / 'by-sqlite.db'}"]
        await asyncio.to_thread(subprocess.run, command, check=True)
    assert place.run("backup", str(tmp_path / "by-us.db")).returncode == 0
    counts = []
    for name in ("by-sqlite.db", "by-us.db"):
        with closing(sqlite3.connect(tmp_path / name)) as copy:
            counts.append(copy.execute("SELECT count(*) FROM sqlite_master").fetchone())
    assert counts[0] == counts[1] != (0,)


def with_text(target: Path) -> None:
    target.write_text("not a copy")


def with_another_database(target: Path) -> None:
    with closing(sqlite3.connect(target)) as other:
        other.execute("CREATE TABLE t (x)")


@pytest.mark.parametrize("fill", [with_text, with_another_database])
async def test_what_is_no_copy_is_never_overwritten(fill: Callable[[Path], None], place: Place, tmp_path: Path) -> None:
    """A typing error in a timer must not cost another file."""
    target = tmp_path / "target"
    fill(target)
    before = target.read_bytes()
    async with daemon(place.config):
        done = await asyncio.to_thread(place.run, "backup", str(target))
    assert done.returncode == 3
    assert "something else than a copy of state.db; name a new file" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert target.read_bytes() == before
    assert not list(tmp_path.glob("target.*"))


def test_where_no_daemon_ever_ran_there_is_nothing_to_copy(place: Place, tmp_path: Path) -> None:
    """An empty copy would look like a good one until it is needed."""
    done = place.run("backup", str(tmp_path / "copy.db"))
    assert done.returncode == 3
    assert "start the daemon once" in done.stderr
    assert not (tmp_path / "copy.db").exists()


async def test_state_db_is_not_copied_onto_itself_nor_into_nowhere(place: Place, tmp_path: Path) -> None:
    async with daemon(place.config):
        pass
    size = place.state.stat().st_size
    for target in (place.state, tmp_path / "no" / "such" / "folder"):
        done = place.run("backup", str(target))
        assert done.returncode == 3
        assert len(done.stderr.splitlines()) == 1
        assert "Traceback" not in done.stderr
    assert place.state.stat().st_size == size
