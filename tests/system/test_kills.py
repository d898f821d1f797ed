"""`kill -9` at any moment: nothing acknowledged is lost, nothing half done is seen, the next start goes on.

These daemons are processes of their own, killed for true; where in their work that is, the forge decides: after so many
requests, or so many answered deliveries.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing

import msgspec
import pytest
from comparing import Witness
from harness import META, OWNER, SECRET, System, rfc

from cache.rows import BranchRow, EntryRow, PullRow

MAIN = "from daemon.cli import main; main()"


@asynccontextmanager
async def forgeglass(system: System, *arguments: str) -> AsyncIterator[Process]:
    """The command in a process of its own, over the system's data; killed at the end at the latest."""
    command = [sys.executable, "-c", MAIN, "--config", str(system.config_file), *arguments]
    process = await asyncio.create_subprocess_exec(*command, stdout=DEVNULL, stderr=PIPE, env={**os.environ})
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that only looking tells."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.001)


async def started(process: Process) -> str:
    """The address that a daemon says it listens on."""
    assert process.stderr is not None
    async with asyncio.timeout(60):
        async for line in process.stderr:
            if b"daemon.started" in line:
                return str(msgspec.json.decode(line)["url"])
    raise AssertionError("the daemon ended before it listened")


async def something(system: System) -> None:
    """Entries, an entry's own repository, branches and pull requests."""
    forge = system.forge
    await forge.create_repository("acme/home")
    await forge.commit("acme/home", {"RFC.md": "# One\n"})
    await forge.commit(META, {f"rfcs/r{n}.md": rfc(f"R{n}", "active", repo="acme/home") for n in range(5)})
    for n in range(3):
        await forge.commit("acme/home", {"x": f"{n}"}, branch=f"topic{n}", start="main")
        await forge.open_pull("acme/home", f"topic{n}")


@pytest.mark.parametrize("answered", [1, 4, 13])
async def test_no_acknowledged_delivery_is_lost_to_a_kill(answered: int) -> None:
    """An answer means: it is on the disk. What was not answered, the forge itself counts as failed."""
    async with System(daemon=False) as system:
        await something(system)
        witness, forge = Witness(system), system.forge
        async with forgeglass(system, "serve") as process:
            forge.add_hook(OWNER, f"{await started(process)}/webhooks/gitea", SECRET)
            for n in range(10):
                await forge.commit(META, {"rfcs/r1.md": rfc(f"Pushed {n}", "active", repo="acme/home")})
                await forge.commit("acme/home", {"RFC.md": f"# Pushed {n}\n"})
                witness.note()
            await until(lambda: sum(d.status is not None for d in forge.deliveries.sent) >= answered)
            process.kill()
            await process.wait()
        acknowledged = {d.id for d in forge.deliveries.sent if d.status is not None and d.status < 300}
        with closing(sqlite3.connect(system.data_dir / "state.db")) as state:
            stored = {row[0] for row in state.execute("SELECT delivery FROM inbox")}
            pending = {row[0] for row in state.execute("SELECT full_name FROM inbox WHERE state = 'pending'")}
        assert len(acknowledged) >= answered
        assert acknowledged <= stored
        await forge.settle()
        mark = forge.mark()
        await system.start()
        await system.settle()
        await system.until_nothing_is_pending()
        read = {request.path.split(".git")[0].strip("/") for request in forge.requests_since(mark)}
        assert pending & {row.full_name for row in system.engine.desk.book.world.listed.values()} <= read
        await system.sweep()
        await witness.check()


@pytest.mark.parametrize("requests", [1, 5, 11])
@pytest.mark.parametrize("command", [["sweep"], ["sweep", "--deep"], ["rebuild"], ["verify"]])
async def test_a_command_killed_anywhere_leaves_every_row_and_the_next_goes_on(
    command: list[str], requests: int
) -> None:
    """Before and after each request lies another moment of reading, projecting and writing."""
    async with System() as system:
        await something(system)
        witness, forge = Witness(system), system.forge
        await system.settle()
        await system.sweep()
        await witness.check()
        before = await system.rows()
        await system.stop()
        await forge.commit(META, {"rfcs/r1.md": rfc("Later", "active", repo="acme/home")})
        await forge.commit("acme/home", {"RFC.md": "# Later\n"})
        await forge.delete_branch("acme/home", "topic2")
        witness.note()
        mark = forge.mark()
        async with forgeglass(system, *command) as process:
            await until(lambda: len(forge.requests_since(mark)) >= requests or process.returncode is not None)
            if process.returncode is None:
                process.kill()
        await system.start()
        after = await system.rows()
        for kind in (EntryRow, BranchRow, PullRow):
            assert before[kind].keys() <= after[kind].keys()
        await system.sweep()
        await witness.check()
        report, code = await system.command("verify")
        assert code == 0, report
        assert not [path.name for path in system.data_dir.iterdir() if path.name.startswith(("objects.", "verify"))]


async def test_a_cold_build_killed_again_and_again_comes_to_its_end() -> None:
    """Each start goes on from what is there."""
    async with System(daemon=False) as system:
        await something(system)
        for requests in (2, 4, 6, 8, 10):
            mark = system.forge.mark()
            async with forgeglass(system, "sweep") as process:
                await until(
                    lambda mark=mark, requests=requests, process=process: (  # type: ignore[misc] # bound at once
                        len(system.forge.requests_since(mark)) >= requests or process.returncode is not None
                    )
                )
        await system.start()
        await system.sweep()
        await Witness(system).check()
