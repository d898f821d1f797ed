"""An orderly end at any moment: soon, with exit code 0, and the next start finds nothing half written."""

from __future__ import annotations

import asyncio
import signal
import threading
from typing import Any

import pytest
from serving_place import PATIENCE, Place, rfc, until

from cache.world import World
from daemon.book import Book
from gitea_client.fake import Fault

GRACE = 12.0
"""Seconds that an orderly end may take, whatever runs."""


async def test_an_end_during_a_sweep_lets_what_is_read_be_written() -> None:
    """Guards against half a sweep that counts as a whole one, and against work thrown away for want of a second."""
    async with Place() as place:
        await place.push(**{f"entry{n}": rfc(f"Entry {n}", state="active", repo=f"acme/home{n}") for n in range(6)})
        for n in range(6):
            await place.forge.create_repository(f"acme/home{n}")
            await place.forge.commit(f"acme/home{n}", {"RFC.md": b"# Document\n"}, author="ada")
        place.forge.faults.set(Fault("delay", match="home[345].git", seconds=60))
        async with place.process() as daemon:
            await until(lambda: any("home0" in request.path for request in place.forge.requests))
            daemon.process.send_signal(signal.SIGTERM)
            await daemon.logged("daemon.stopping")
            place.forge.faults.end()  # what hung is answered now
            code, seconds = await daemon.end(signal.SIGTERM)
            assert code == 0, "".join(daemon.lines)
            assert seconds < GRACE
            assert not [line for line in daemon.lines if "Traceback" in line]
        place.forge.faults.clear()
        async with place.daemon() as again:
            assert not (place.data_dir / "cache.db.damaged").exists()
            await again.sweep(deep=True)
            assert len(await again.titles()) == 6
            assert (await again.command("verify"))[1] == 0


async def test_an_end_while_the_forge_hangs_does_not_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a daemon that its supervisor must kill because the forge does not answer."""
    monkeypatch.setattr("daemon.desk.GRACE", 0.1)
    async with Place() as place:
        await place.push(one=rfc("One"))
        place.forge.faults.set(Fault("delay", match="git-upload-pack", seconds=60))
        async with asyncio.timeout(PATIENCE):
            async with place.daemon(scheduled=True) as daemon:
                await until(lambda: len(daemon.engine.desk.queue.running) == 1)
        place.forge.faults.clear()
        async with place.daemon() as again:
            await again.sweep()
            assert await again.titles() == {"one": "One"}


async def test_what_is_being_written_outlives_nobody_who_asked_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards C5: whoever was cancelled went on to close the databases, and the write came after that."""
    async with Place() as place, place.daemon() as daemon:
        place.forge.deliveries.drop = True
        await place.push(one=rfc("One"))
        await daemon.sweep()
        entered, held, page = threading.Event(), threading.Event(), Book._page

        def slow(book: Book, world: World) -> Any:
            entered.set()
            assert held.wait(PATIENCE)
            return page(book, world)

        monkeypatch.setattr(Book, "_page", slow)
        book, written = daemon.engine.desk.book, list[bool]()
        book.listeners.append(lambda _applied, _changes: written.append(True))
        turning = asyncio.create_task(book.turn(lambda world: world.without(1, listed=True)))
        await until(entered.is_set)
        turning.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        assert not turning.done()
        held.set()
        with pytest.raises(asyncio.CancelledError):
            await turning
        assert written


async def test_an_end_during_a_rebuild_leaves_the_rows_that_were() -> None:
    """Guards against a rebuild that is cut off between the old rows and the new, and what it left on the disk."""
    async with Place() as place:
        await place.push(one=rfc("Before"))
        async with place.process() as daemon:
            await daemon.logged("sweep.done")
            place.forge.deliveries.drop = True
            await place.push(one=rfc("After"))
            place.forge.faults.set(Fault("delay", match="info/refs", seconds=60))
            mark = place.forge.mark()
            rebuilding = asyncio.create_task(place.spawn("rebuild", "--json"))
            await until(lambda: any("git-upload-pack" in r.path for r in place.forge.requests_since(mark)))
            code, seconds = await daemon.end(signal.SIGINT)
            assert code == 0, "".join(daemon.lines)
            assert seconds < GRACE
            ran = await rebuilding
            assert (ran.code, ran.out) == (2, "")
            assert "stopping" in ran.err or "stopped" in ran.err
        place.forge.faults.clear()
        assert not list(place.data_dir.glob("objects.*"))
        async with place.daemon() as again:
            assert await again.titles() == {"one": "Before"}
            await again.sweep(deep=True)
            assert await again.titles() == {"one": "After"}
            assert (await again.command("verify"))[1] == 0


async def test_a_daemon_that_is_killed_starts_again_and_goes_on() -> None:
    """Guards against locks, sockets and temporary files that a killed process leaves behind."""
    async with Place() as place:
        await place.push(**{f"entry{n}": rfc(f"Entry {n}") for n in range(20)})
        place.forge.faults.set(Fault("delay", match="info/refs", seconds=60, count=1))
        async with place.process() as daemon:
            await until(lambda: any("git-upload-pack" in request.path for request in place.forge.requests))
            assert (await daemon.end(signal.SIGKILL))[0] == -signal.SIGKILL
        assert (place.data_dir / "control.sock").exists()
        place.forge.faults.clear()
        ran = await place.command("sweep", "--json")
        assert (ran.code, ran.json["errors"]) == (0, [])
        assert "was killed; sweep goes on by itself" in ran.err
        assert (await place.command("verify", "--json")).json["equal"]


async def test_a_rebuild_whose_daemon_is_killed_ends_and_one_without_a_daemon_says_so() -> None:
    """Guards O12: a rebuild went on alone, and the daemon that was started again met its lock with nobody knowing why.

    One that ran inside the daemon ends with it; one that is begun afterwards says that it owns the folder, and whom it
    keeps away is told by whom.
    """
    async with Place() as place:
        await place.push(one=rfc("One"))
        async with place.process() as daemon:
            await daemon.logged("sweep.done")
            place.forge.faults.set(Fault("delay", match="info/refs", seconds=60))
            mark = place.forge.mark()
            inside = asyncio.create_task(place.spawn("rebuild"))
            await until(lambda: any("git-upload-pack" in r.path for r in place.forge.requests_since(mark)))
            await daemon.end(signal.SIGKILL)
            ran = await inside
            assert (ran.code, "the daemon stopped while the command ran" in ran.err) == (2, True)
        mark = place.forge.mark()
        alone = asyncio.create_task(place.spawn("rebuild", "--json"))
        await until(lambda: any("git-upload-pack" in r.path for r in place.forge.requests_since(mark)))
        refused = await place.spawn("serve")
        assert (refused.code, "is in use by process" in refused.err) == (2, True)
        place.forge.faults.end()
        ran = await alone
        assert (ran.code, ran.json["errors"]) == (0, [])
        assert "was killed; rebuild goes on by itself and owns the folder" in ran.err
        async with place.process() as daemon:
            assert (await daemon.logged("daemon.started"))["url"]
