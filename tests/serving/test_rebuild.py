"""A rebuild reads everything anew beside the live rows, and readers see the rows before or the rows after."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from serving_place import PATIENCE, Place, rfc, until

from gitea_client.fake import Fault

ENTRIES = 60

OUTSIDE = """
import json, sqlite3, sys
path, stop = sys.argv[1], sys.argv[2]
import os
held = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
seen, failed, looks = set(), [], 0
print("ready", flush=True)
while not os.path.exists(stop):
    fresh = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    for connection in (held, fresh):
        try:
            seen.add(connection.execute(sys.argv[3]).fetchone())
            problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if problem != "ok":
                failed.append(problem)
        except sqlite3.Error as error:
            failed.append(f"{type(error).__name__}: {error}")
        looks += 1
    fresh.close()
held.close()
print(json.dumps({"seen": sorted(seen), "failed": failed[:5], "looks": looks}), flush=True)
"""
"""A reader by no code of ours: one connection held open throughout, and a new one at every look."""

QUESTION = "SELECT count(*), count(DISTINCT title), min(title) FROM cached_rfcs"


async def outsider(database: Path, stop: Path) -> asyncio.subprocess.Process:
    made = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OUTSIDE, str(database), str(stop), QUESTION, stdout=asyncio.subprocess.PIPE
    )
    assert made.stdout is not None
    assert await asyncio.wait_for(made.stdout.readline(), PATIENCE) == b"ready\n"
    return made


async def test_an_outside_reader_is_never_shown_an_empty_half_or_malformed_database() -> None:
    """Guards against a rebuild that empties tables, renames a file over the one in use, or commits in parts."""
    async with Place() as place:
        await place.push(**{f"entry{number}": rfc("Before") for number in range(ENTRIES)})
        async with place.daemon() as daemon:
            await daemon.sweep()
            place.forge.deliveries.drop = True  # only the rebuild shall tell of what follows
            reader = await outsider(place.data_dir / "cache.db", place.root / "stop")
            for title in ("Between", "After"):
                await place.push(**{f"entry{number}": rfc(title) for number in range(ENTRIES)})
                report, code = await daemon.command("rebuild")
                assert (code, report["kind"], report["errors"]) == (0, "rebuild", [])
                assert report["changes"] >= ENTRIES
            (place.root / "stop").touch()
            out, _ = await reader.communicate()
        told = json.loads(out)
        assert told["failed"] == []
        assert told["looks"] > 2
        # each look saw all entries, of one reading: before, between or after
        assert {tuple(look) for look in told["seen"]} <= {
            (ENTRIES, 1, title) for title in ("Before", "Between", "After")
        }


async def test_what_differs_is_published_in_the_feed_and_nothing_else() -> None:
    """Guards those who follow the feed: a rebuild must tell them what it changed, and not everything anew."""
    async with Place() as place:
        await place.push(one=rfc("One"), two=rfc("Two"), three=rfc("Three"))
        async with place.daemon() as daemon:
            await daemon.sweep()
            place.forge.deliveries.drop = True
            position = (await daemon.get("/api/v1/changes?after=latest"))[1]["next"]
            await place.push(one=rfc("Changed"), two=None)
            report, _ = await daemon.command("rebuild")
            page = (await daemon.get(f"/api/v1/changes?after={position}"))[1]
            entries = {(item["key"], item["operation"]) for item in page["items"] if item["kind"] == "entry"}
            assert {key for key, _ in entries} == {"one", "two"}
            assert report["changes"] == len(page["items"])
            assert (await daemon.titles()) == {"one": "Changed", "three": "Three"}
            again, _ = await daemon.command("rebuild")
            assert again["changes"] == 0


async def test_deliveries_that_come_during_a_rebuild_are_worked_on_after_it() -> None:
    """Guards against a delivery that is answered, and then lost between the old rows and the new."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await daemon.sweep()
            place.forge.faults.set(Fault("delay", match="/repositories/", seconds=PATIENCE, count=1))
            mark = place.forge.mark()
            rebuilding = asyncio.create_task(daemon.command("rebuild"))
            await until(lambda: any("git-upload-pack" in r.path for r in place.forge.requests_since(mark)))
            await place.push(one=rfc("Meanwhile"))  # the rebuild has listed the refs without this
            await place.forge.deliveries.settle()
            assert {each.status for each in place.forge.deliveries.sent} == {202}
            assert (await daemon.engine.inbox.backlog()).pending > 0
            place.forge.faults.end()
            report, code = await rebuilding
            assert code == 0, report
            await daemon.engine.desk.workers.idle()
            assert (await daemon.titles())["one"] == "Meanwhile"
            assert (await daemon.engine.inbox.backlog()).pending == 0


async def test_a_rebuild_that_fails_leaves_rows_and_feed_as_they_were() -> None:
    """Guards against a forge that breaks half-way through: what was read by then must not replace what is known."""
    async with Place() as place:
        await place.push(one=rfc("One", repo="acme/home", state="active"))
        await place.forge.create_repository("acme/home")
        await place.forge.commit("acme/home", {"RFC.md": b"# One\n"}, author="ada")
        async with place.daemon() as daemon:
            await daemon.sweep()
            place.forge.deliveries.drop = True
            before = await daemon.digest(), (await daemon.get("/api/v1/changes?after=latest"))[1]["next"]
            await place.push(one=rfc("Changed", repo="acme/home", state="active"))
            place.forge.faults.set(Fault("cut", match="acme/home.git/git-upload-pack", keep_bytes=10))
            report, code = await daemon.command("rebuild")
            assert (code, [error["scope"] for error in report["errors"]]) == (3, ["repository:acme/home"])
            assert (await daemon.digest(), (await daemon.get("/api/v1/changes?after=latest"))[1]["next"]) == before
            place.forge.faults.clear()
            assert (await daemon.command("rebuild"))[1] == 0
            assert (await daemon.titles()) == {"one": "Changed"}
            assert (await daemon.command("verify"))[1] == 0
