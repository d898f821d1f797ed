"""Files of `data_dir` that are deleted, replaced or cut short under a running daemon: noticed with the next sweep,
mended while the daemon still has what was in them, and told."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from serving_place import Daemon, Place, rfc

from daemon.cli.run import SOCKET
from daemon.commands import COMMANDS
from daemon.control import run_remote
from daemon.lock import DataLock, LockedError

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
Harm = Callable[[Path], None]


def unlink(path: Path) -> None:
    """Gone, with the files beside it, as `rm state.db*` does."""
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


def unlink_alone(path: Path) -> None:
    """Gone; what stood beside it is there still."""
    path.unlink()


def replace(path: Path) -> None:
    """Another file of the same name, as `mv` and `install` put it there."""
    other = path.with_name("other")
    other.write_bytes(b"")
    other.replace(path)


def older(path: Path) -> None:
    """A back-up put in its place under the running daemon, with what stood beside that."""
    other = path.with_name("other")
    shutil.copy(path, other)
    other.replace(path)
    path.with_name(f"{path.name}-wal").unlink()
    path.with_name(f"{path.name}-wal").write_bytes(b"of the other")


def cut(path: Path) -> None:
    """Nothing is left but the name."""
    os.truncate(path, 0)


def cut_to_a_page(path: Path) -> None:
    """What looks like a database, and is a page of one."""
    os.truncate(path, 4096)


async def token(daemon: Daemon, what: str, name: str) -> dict[str, Any]:
    """Make or list tokens."""
    return (await COMMANDS[f"token-{what}"](daemon.engine, {"name": name}, lambda _progress: None))[0]


async def flushed(daemon: Daemon) -> None:
    """What was committed stands in the files, as a checkpoint leaves it at any moment."""
    for database in (daemon.engine.cache, daemon.engine.state.database):
        async with database.transaction() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await driver.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
        async with database.transaction():  # the checkpoint of a daemon is part of one
            pass


async def begun(place: Place, daemon: Daemon) -> None:
    """An entry that was read, and a token."""
    await place.push(one=rfc("One"))
    await daemon.sweep()
    await token(daemon, "create", "reader")
    await flushed(daemon)


async def quiet(daemon: Daemon) -> None:
    """A sweep as the schedule has it."""
    await daemon.served.schedule.sweeps.quiet(lists=False)


def mended(place: Place) -> list[str]:
    """The files that the log says were mended."""
    return [line["file"] for line in place.lines if line["event"] == "file.mended"]


@pytest.mark.parametrize("names", [("state.db",), ("cache.db",), ("state.db", "cache.db")])
@pytest.mark.parametrize("harm", [unlink, unlink_alone, replace, older, cut, cut_to_a_page], ids=lambda h: h.__name__)
async def test_a_database_is_written_anew_with_the_next_sweep(names: tuple[str, ...], harm: Harm) -> None:
    """Guards O3: nobody noticed, and everything since was gone with the process. Here nothing is: what was there
    before, what is written between the harm and the sweep, and what comes after."""
    async with Place() as place:
        async with place.daemon() as daemon:
            await begun(place, daemon)
            for name in names:
                harm(place.data_dir / name)
            with suppress(Exception):  # of a file that was cut short not everything can be written before it is mended
                await token(daemon, "create", "meanwhile")
            await quiet(daemon)
            assert sorted(mended(place)) == sorted(names)
            assert daemon.engine.guard.problems == ()
            await token(daemon, "create", "after")
            await place.push(two=rfc("Two"))
            await daemon.sweep()
            assert await daemon.titles() == {"one": "One", "two": "Two"}
            digest = await daemon.digest()
            known = {one["name"] for one in (await token(daemon, "list", ""))["tokens"]}
            assert known >= {"reader", "after"}
            if harm not in (cut, cut_to_a_page):
                assert "meanwhile" in known
            said = [one.file for one in await daemon.engine.state.incidents.since(LONG_AGO)]
            assert sorted(said) == sorted(names)
            await quiet(daemon)
            assert sorted(mended(place)) == sorted(names)
            await flushed(daemon)
            for name in names:  # and what was mended once is so again
                harm(place.data_dir / name)
            await quiet(daemon)
            assert sorted(mended(place)) == sorted(2 * names)
            position = (await daemon.get("/api/v1/changes?after=latest"))[1]["next"]
        async with place.daemon() as daemon:
            assert await daemon.digest() == digest
            # the feed of one that was made anew is empty: after a restart its readers read the lists once more
            expected = 410 if "cache.db" in names and harm in (cut, cut_to_a_page) else 200
            assert (await daemon.get(f"/api/v1/changes?after={position}"))[0] == expected
            assert {one["name"] for one in (await token(daemon, "list", ""))["tokens"]} == known
            assert not [line for line in place.lines if line["event"] in ("cache.lost", "state.lost", "state.other")]


async def test_what_replaced_a_database_is_kept_beside_it() -> None:
    """Guards a back-up that somebody put there: the daemon goes on with its own, and throws nobody's file away."""
    async with Place() as place, place.daemon() as daemon:
        await begun(place, daemon)
        other = place.data_dir / "other"
        other.write_bytes(b"precious")
        other.replace(place.data_dir / "state.db")
        await quiet(daemon)
        (found,) = place.data_dir.glob("state.db.found-*")
        assert found.read_bytes() == b"precious"


@pytest.mark.parametrize("harm", [unlink, replace], ids=lambda h: h.__name__)
async def test_a_rebuild_writes_into_the_file_that_the_path_leads_to(harm: Harm) -> None:
    """Guards O3: `rebuild` reported success, and what it had written was behind a file that had no name."""
    async with Place() as place:
        async with place.daemon() as daemon:
            await begun(place, daemon)
            harm(place.data_dir / "cache.db")
            await place.push(two=rfc("Two"))
            assert (await daemon.command("rebuild"))[1] == 0
        async with place.daemon() as daemon:
            assert await daemon.titles() == {"one": "One", "two": "Two"}


async def test_a_state_db_of_which_too_little_is_left_is_told_until_it_is_put_right() -> None:
    """Guards the silence where nothing can be mended: log, `/status` and doctor say what is wrong and what to do."""
    async with Place() as place, place.daemon() as daemon:
        await begun(place, daemon)
        async with daemon.engine.state.database.transaction() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await driver.execute_fetchall("PRAGMA shrink_memory")  # nothing of it is in memory any more
        cut(place.data_dir / "state.db")
        await daemon.engine.guard.look()
        await daemon.engine.guard.look()
        (problem,) = daemon.engine.guard.problems
        assert (problem.file, "back-up" in problem.remedy) == ("state.db", True)
        (failure,) = [one for one in daemon.engine.failures.open if one.what == "storage"]
        assert (failure.error, failure.remedy) == (problem.what, problem.remedy)
        for _ in range(2):  # what is written makes the file as long again, with holes in it
            os.truncate(place.data_dir / "state.db", 1 << 20)
            await daemon.engine.guard.look()
            assert [one.file for one in daemon.engine.guard.problems] == ["state.db"]


async def test_a_state_db_that_was_cut_and_grew_again_is_found_by_a_thorough_look() -> None:
    """Guards the time between two sweeps: a checkpoint makes a file as long again that was cut short, with holes."""
    async with Place() as place, place.daemon() as daemon:
        await begun(place, daemon)
        path = place.data_dir / "state.db"
        size = path.stat().st_size
        cut(path)
        os.truncate(path, size)
        await daemon.served.schedule.sweeps.quiet(lists=True)
        assert mended(place) == ["state.db"]
        assert {one["name"] for one in (await token(daemon, "list", ""))["tokens"]} == {"reader"}


async def test_what_else_lies_in_the_folder_is_made_again() -> None:
    """Guards the lock, without which a second daemon starts over the same files; the socket, without which no command
    reaches the daemon; and the object stores."""
    async with Place() as place, place.daemon() as daemon:
        await begun(place, daemon)
        for name in ("lock", SOCKET):
            (place.data_dir / name).unlink()
        shutil.rmtree(place.data_dir / "objects")
        with pytest.raises(LockedError):
            DataLock(place.data_dir)  # at once, before any sweep
        (place.data_dir / "lock").unlink(missing_ok=True)
        await quiet(daemon)
        assert sorted(mended(place)) == sorted(["lock", "objects", SOCKET])
        with pytest.raises(LockedError, match=f"process {os.getpid()}"):
            DataLock(place.data_dir)
        _, code = await run_remote(place.data_dir / SOCKET, "digest", {}, lambda _progress: None)
        assert code == 0
        await place.push(two=rfc("Two"))
        await daemon.sweep()
        assert await daemon.titles() == {"one": "One", "two": "Two"}
        assert (await daemon.command("verify"))[1] == 0


@pytest.mark.parametrize("whole", [True, False])
async def test_a_folder_that_was_emptied_is_filled_again(whole: bool) -> None:
    """Guards `rm -rf data` and `rm -rf data/*` in the wrong window: the daemon has everything, and puts it back."""
    async with Place() as place:
        async with place.daemon() as daemon:
            await begun(place, daemon)
            digest = await daemon.digest()
            shutil.rmtree(place.data_dir)
            if not whole:
                place.data_dir.mkdir()
            await quiet(daemon)
            assert sorted(mended(place)) == sorted(["cache.db", SOCKET, "lock", "objects", "state.db"])
            assert (place.data_dir / "state.db").stat().st_mode & 0o777 == 0o600
        async with place.daemon() as daemon:
            assert await daemon.digest() == digest
            assert [one["name"] for one in (await token(daemon, "list", ""))["tokens"]] == ["reader"]


async def test_a_database_that_another_program_made_smaller_is_left_alone() -> None:
    """Guards against a new file, and a new epoch, where nothing is lost: a VACUUM shortens a file."""
    async with Place() as place, place.daemon() as daemon:
        await place.push(**{f"e{n}": rfc(f"E{n}", body="Words. " * 4000 + str(n)) for n in range(20)})
        await daemon.sweep()
        await place.push(**{f"e{n}": None for n in range(20)})
        await daemon.sweep()
        await flushed(daemon)
        path, epoch = place.data_dir / "cache.db", daemon.engine.epoch.now
        size = path.stat().st_size
        program = f"import sqlite3; sqlite3.connect({str(path)!r}).execute('VACUUM')"
        assert (await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program], check=False)).returncode == 0
        await flushed(daemon)
        assert path.stat().st_size < size
        await quiet(daemon)
        assert (mended(place), daemon.engine.epoch.now) == ([], epoch)
