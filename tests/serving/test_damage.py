"""`cache.db` can be lost or broken at any moment, and comes back the same: from memory while running, from the forge
at the next start."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from serving_place import Daemon, Place, rfc, until

PAGE = 4096


Harm = Callable[[Path], None]


def scribble(path: Path) -> None:
    """Garbage over every page but the first, which still looks like a database."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(PAGE)
        file.write(b"\xa5" * (size - PAGE))


def blank(path: Path) -> None:
    """Garbage over all of it: not even the header is a database's."""
    path.write_bytes(b"\xa5" * path.stat().st_size)


def cut(path: Path) -> None:
    """Only the first page is left."""
    with path.open("r+b") as file:
        file.truncate(PAGE)


def empty(path: Path) -> None:
    """Nothing is left but the name."""
    with path.open("r+b") as file:
        file.truncate(0)


async def flush(daemon: Daemon) -> None:
    """Bring what stands in the write-ahead log into the file, so that damage to the file is damage to rows."""
    async with daemon.engine.cache.transaction() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None
    await driver.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")


@pytest.mark.parametrize("harm", [scribble, blank, empty])
async def test_reads_alone_have_a_damaged_file_made_anew(harm: Harm) -> None:
    """Guards against a daemon that answers 503 until the next write, which on a quiet forge may never come."""
    async with Place() as place:
        await place.push(**{f"entry{number}": rfc(f"Entry {number}") for number in range(40)})
        async with place.daemon() as daemon:
            await daemon.sweep()
            before = await daemon.titles()
            digest, position = await daemon.digest(), (await daemon.get("/api/v1/changes?after=latest"))[1]["next"]
            await flush(daemon)
            harm(place.data_dir / "cache.db")
            answers: list[int] = []

            async def healed() -> bool:
                status, body, _ = await daemon.get("/api/v1/rfcs?limit=200")
                answers.append(status)
                return status == 200 and len(body["items"]) == 40

            await until(healed)
            assert set(answers) <= {200, 503}
            assert await daemon.titles() == before
            assert await daemon.digest() == digest
            status, problem, _ = await daemon.get(f"/api/v1/changes?after={position}")
            assert (status, problem["type"]) == (410, "urn:forgeglass:problem:resync")
            assert problem["epoch"] not in position
            await place.push(later=rfc("Later"))
            await daemon.sweep()
            assert (await daemon.titles())["later"] == "Later"


async def test_many_reads_that_find_the_damage_have_it_mended_once() -> None:
    """Guards against a new file, and a new epoch that sends every reader away, for each read that failed."""
    async with Place() as place:
        await place.push(**{f"entry{number}": rfc(f"Entry {number}") for number in range(40)})
        async with place.daemon() as daemon:
            await daemon.sweep()
            await flush(daemon)
            made: list[object] = []
            complete = daemon.engine.store.on_new_file

            async def counted(connection: object) -> None:
                await complete(connection)  # type: ignore[arg-type] # handed through
                made.append(connection)

            daemon.engine.store.on_new_file = counted
            scribble(place.data_dir / "cache.db")
            paths = ["/api/v1/rfcs?limit=200", "/api/v1/findings", "/api/v1/repositories", "/api/v1/changes"]
            answers = await asyncio.gather(*(daemon.get(path) for path in paths * 10))
            assert {status for status, *_ in answers} <= {200, 503}
            await until(lambda: bool(made))
            answers = await asyncio.gather(*(daemon.get(path) for path in paths * 10))
            assert {status for status, *_ in answers} == {200}
            assert len(made) == 1


async def test_a_write_that_finds_the_damage_is_not_lost() -> None:
    """Guards against a change that is read from the forge, fails to be written, and is taken for known."""
    async with Place() as place:
        await place.push(**{f"entry{number}": rfc(f"Entry {number}") for number in range(40)})
        async with place.daemon() as daemon:
            await daemon.sweep()
            await flush(daemon)
            scribble(place.data_dir / "cache.db")
            await place.push(entry7=rfc("Changed"), later=rfc("Later"))
            await daemon.sweep()

            async def readable() -> bool:  # what is written may go well while a read that follows finds the damage
                return (await daemon.get("/api/v1/rfcs?limit=200"))[0] == 200

            await until(readable)
            titles = await daemon.titles()
            assert (titles["entry7"], titles["later"], len(titles)) == ("Changed", "Later", 41)
            assert (await daemon.command("verify"))[1] == 0


@pytest.mark.parametrize("harm", [blank, cut])
async def test_a_file_damaged_between_runs_is_put_aside_and_read_anew(harm: Harm) -> None:
    """Guards against a daemon that does not start, and against one that serves half a file."""
    async with Place() as place:
        await place.push(**{f"entry{number}": rfc(f"Entry {number}") for number in range(40)})
        async with place.daemon() as daemon:
            await daemon.sweep()
            digest, position = await daemon.digest(), (await daemon.get("/api/v1/changes?after=latest"))[1]["next"]
        harm(place.data_dir / "cache.db")
        async with place.daemon() as daemon:
            assert (place.data_dir / "cache.db.damaged").exists()
            assert (await daemon.get("/readyz"))[0] == 503
            assert (await daemon.get(f"/api/v1/changes?after={position}"))[0] == 410
            await daemon.sweep()
            assert await daemon.digest() == digest


@pytest.mark.parametrize(
    "lost", [("cache.db",), ("objects",), ("state.db",), ("cache.db", "objects", "state.db")]
)
async def test_whatever_is_lost_between_runs_comes_back_the_same(lost: tuple[str, ...]) -> None:
    """Guards the promise that the cache can be thrown away at any moment."""
    async with Place() as place:
        for number in range(3):
            await place.push(one=rfc(f"Title {number}"), **{f"entry{number}": rfc()})
        files = {"rfcs/new.md": rfc("New")}
        await place.forge.commit("acme/meta", files, branch="propose/new", start="main", author="ada")
        await place.forge.open_pull("acme/meta", head="propose/new", title="New", by="ada")
        async with place.daemon() as daemon:
            await daemon.sweep()
            before = await daemon.digest(), await daemon.digest(without_state=True)
        for name in lost:
            for path in place.data_dir.glob(f"{name}*"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        if lost == ("state.db",):
            await place.new_state()
        async with place.daemon() as daemon:
            await daemon.sweep(deep=True)
            assert (await daemon.digest(), await daemon.digest(without_state=True)) == before
            await place.push(one=rfc("After"))
            await daemon.sweep()
            assert (await daemon.titles())["one"] == "After"
            assert (await daemon.command("verify"))[1] == 0


async def test_an_older_state_db_put_back_neither_stops_writes_nor_repeats_positions() -> None:
    """Guards against sequence numbers given out twice after a backup of `state.db` was restored."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await daemon.sweep()
        shutil.copy(place.data_dir / "state.db", place.root / "backup.db")
        for title in ("Two", "Three"):  # each start takes numbers of its own
            async with place.daemon() as daemon:
                await place.push(one=rfc(title))
                await daemon.sweep()
                position = (await daemon.get("/api/v1/changes?after=latest"))[1]["next"]
        for part in place.data_dir.glob("state.db*"):
            part.unlink()
        shutil.copy(place.root / "backup.db", place.data_dir / "state.db")
        async with place.daemon() as daemon:
            assert (await daemon.get(f"/api/v1/changes?after={position}"))[1]["items"] == []
            await place.push(one=rfc("Four"))
            await daemon.sweep()
            status, page, _ = await daemon.get(f"/api/v1/changes?after={position}")
            assert (status, [item["key"] for item in page["items"] if item["kind"] == "entry"]) == (200, ["one"])


async def test_a_state_db_of_another_cache_begins_a_new_epoch() -> None:
    """Guards against positions of one feed being answered from another."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        positions = []
        for run in range(2):
            if run:
                await place.new_state()
            async with place.daemon() as daemon:
                await daemon.sweep()
                positions.append((await daemon.get("/api/v1/changes?after=latest"))[1]["next"])
            for part in place.data_dir.glob("state.db*"):
                part.unlink()
        await place.new_state()
        async with place.daemon() as daemon:
            for position in positions:
                assert (await daemon.get(f"/api/v1/changes?after={position}"))[0] == 410


async def test_a_branch_that_went_is_remembered_without_cache_and_not_without_state() -> None:
    """Guards the line between what the forge can tell again and what only `state.db` knows."""
    async with Place() as place:
        await place.push(one=rfc(repo="acme/home", state="active"))
        await place.forge.create_repository("acme/home")
        await place.forge.commit("acme/home", {"RFC.md": b"# One\n"}, author="ada")
        await place.forge.create_branch("acme/home", "side", "main")
        digests: dict[str, tuple[str, str]] = {}
        async with place.daemon() as daemon:
            await daemon.sweep()
            await place.forge.delete_branch("acme/home", "side", via="push")
            await daemon.sweep(deep=True)
            digests["before"] = await daemon.digest(), await daemon.digest(without_state=True)
        for lost in ("cache.db", "state.db"):
            for path in [*place.data_dir.glob("cache.db*"), *place.data_dir.glob(f"{lost}*")]:
                path.unlink(missing_ok=True)
            async with place.daemon() as daemon:
                await daemon.sweep()
                digests[lost] = await daemon.digest(), await daemon.digest(without_state=True)
        assert digests["cache.db"] == digests["before"]
        assert digests["state.db"][1] == digests["before"][1]
        assert digests["state.db"][0] != digests["before"][0]
