"""Files of `data_dir` that are lost between two runs, or do not belong there: told, and never replaced in silence."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from serving_place import Daemon, Place, rfc

from daemon.commands import COMMANDS

Harm = Callable[[Path], None]
COMMANDS_THAT_OPEN = (("serve",), ("sweep",), ("query", "SELECT 1"), ("token", "list"))


def remove(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 // 4096 * 4096])


def first_page(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:4096])


def few_bytes(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:60])


def foreign(path: Path) -> None:
    path.write_bytes(b"not a database at all, whatever it is called" * 200)


def scribble(path: Path) -> None:
    raw = path.read_bytes()
    path.write_bytes(raw[:4096] + b"\xa5" * (len(raw) - 4096))


def without_rows(path: Path) -> None:
    """A new file of ours, as a start that was cut off leaves it."""
    path.unlink()
    with closing(sqlite3.connect(path)) as made:
        made.execute(f"PRAGMA application_id = {0x46476C53}")


async def token(daemon: Daemon, what: str, name: str) -> dict[str, Any]:
    """Make or revoke a token."""
    return (await COMMANDS[f"token-{what}"](daemon.engine, {"name": name, "all": True}, lambda _progress: None))[0]


async def told(daemon: Daemon) -> list[dict[str, Any]]:
    """What happened to files, as `/status` has it for whoever may know."""
    made = (await token(daemon, "create", "operator"))["token"]
    status, body, _ = await daemon.get("/api/v1/status", Authorization=f"Bearer {made}")
    await token(daemon, "revoke", "operator")
    assert status == 200
    return list(body["data"]["incidents"])


async def swept(place: Place) -> None:
    """A daemon that has read an entry and made a token, and has ended."""
    await place.push(one=rfc("One"))
    async with place.daemon() as daemon:
        await daemon.sweep()
        await token(daemon, "create", "reader")


def parts(place: Place, name: str) -> None:
    """Without what stands beside a database: it was closed in order."""
    for end in ("-wal", "-shm"):
        (place.data_dir / f"{name}{end}").unlink(missing_ok=True)


@pytest.mark.parametrize(
    "harm", [remove, empty, half, first_page, few_bytes, foreign, scribble, without_rows], ids=lambda one: one.__name__
)
async def test_a_lost_state_db_is_never_replaced_unasked(harm: Harm) -> None:
    """Guards O2: tokens, numbers of revisions and the feed's position were gone without a word.

    Nothing starts, each in one line that names the loss and both ways on; doctor says the same; nothing is written.
    """
    async with Place() as place:
        await swept(place)
        path = place.data_dir / "state.db"
        harm(path)
        before = path.read_bytes() if path.exists() else None
        for command in COMMANDS_THAT_OPEN if harm is remove else COMMANDS_THAT_OPEN[-1:]:
            ran = await (place.spawn if command == ("serve",) else place.command)(*command)
            assert (ran.code, ran.out) == (2, "")
            line = ran.err.splitlines()[-1]
            assert "Traceback" not in ran.err
            for word in (str(path), "API tokens", "back-up", "forgeglass new-state"):
                assert word in line
        found = json.loads((await place.command("doctor", "--json", "--no-delivery")).out)["checks"]
        (wrong,) = [each for each in found if each["check"] == "state.db"]
        assert wrong["status"] == "fail"
        assert "API tokens" in wrong["what"] or "no SQLite file" in wrong["what"]
        assert (path.read_bytes() if path.exists() else None) == before


@pytest.mark.parametrize("harm", [remove, half, foreign], ids=lambda one: one.__name__)
async def test_whoever_says_so_goes_on_without_a_lost_state_db(harm: Harm) -> None:
    """Guards O2: what is left is kept aside, and what happened is told: by the command, by `/status`, by doctor."""
    async with Place() as place:
        run = place.spawn if harm is remove else place.command  # as people run it once; a process each is dear
        await swept(place)
        harm(place.data_dir / "state.db")
        left = (place.data_dir / "state.db").exists()
        ran = await run("new-state")
        assert ran.code == 0, ran.err
        assert "API tokens" in ran.out
        assert "make the tokens again" in ran.out
        assert bool(list(place.data_dir.glob("state.db.lost-*"))) == left
        async with place.daemon() as daemon:
            await daemon.sweep()
            assert await daemon.titles() == {"one": "One"}
            (incident,) = await told(daemon)
            assert "a new one was begun" in incident["what"]
            anybody = (await daemon.get("/api/v1/status"))[1]["data"]["incidents"]
            assert anybody == [{**incident, "what": None, "remedy": None}]
            found = json.loads((await run("doctor", "--json", "--no-delivery")).out)["checks"]
            (warned,) = [each for each in found if each["check"] == "state.db"]
            assert (warned["status"], "a new one was begun" in warned["what"]) == ("warn", True)
        again = await run("new-state")
        assert (again.code, "is not lost" in again.err) == (2, True)


async def test_a_first_start_says_nothing_of_files() -> None:
    """Guards against alarm where nothing was there to be lost; and at every start after."""
    async with Place() as place:
        await swept(place)
        for _ in range(2):
            async with place.daemon() as daemon:
                await daemon.sweep()
                assert await told(daemon) == []
                await daemon.digest()


@pytest.mark.parametrize("harm", [remove, empty, first_page, foreign, scribble], ids=lambda one: one.__name__)
async def test_a_lost_cache_db_is_told(harm: Harm) -> None:
    """Guards the same kind: everything is read again, readers of the feed must resync, and both are said."""
    async with Place() as place:
        await swept(place)
        parts(place, "cache.db")
        harm(place.data_dir / "cache.db")
        async with place.daemon() as daemon:
            assert [line for line in place.lines if line["event"] == "cache.lost" and line["log_level"] == "error"]
            assert ["cache.db was missing or damaged" in one["what"] for one in await told(daemon)] == [True]
            await daemon.sweep()
            assert await daemon.titles() == {"one": "One"}


async def copied(place: Place, name: str) -> Path:
    """A copy of a database, made between two runs."""
    return Path(shutil.copy(place.data_dir / name, place.root / f"copy-{name}"))


async def put_back(place: Place, copy: Path, name: str) -> None:
    parts(place, name)
    shutil.copy(copy, place.data_dir / name)


async def test_an_older_state_db_is_told_with_what_it_means_for_tokens() -> None:
    """Guards a back-up that is put in place: tokens revoked since open again, and nobody is told."""
    async with Place() as place:
        await swept(place)
        copy = await copied(place, "state.db")
        async with place.daemon() as daemon:
            await token(daemon, "revoke", "reader")
            await daemon.sweep()
        await put_back(place, copy, "state.db")
        async with place.daemon() as daemon:
            (incident,) = await told(daemon)
            assert "older than cache.db" in incident["what"]
            assert "revoke again" in incident["remedy"]
            await daemon.sweep()


async def test_an_older_cache_db_begins_a_new_epoch() -> None:
    """Guards readers of the feed, who saw what the older rows do not hold: what changed back was told to nobody."""
    async with Place() as place:
        await swept(place)
        copy = await copied(place, "cache.db")
        for title in ("Two", "Three"):
            await place.push(one=rfc(title))
            async with place.daemon() as daemon:
                await daemon.sweep()
                position = (await daemon.get("/api/v1/changes?after=latest"))[1]["next"]
        await place.push(one=rfc("One"))
        await put_back(place, copy, "cache.db")
        async with place.daemon() as daemon:
            assert (await daemon.get(f"/api/v1/changes?after={position}"))[0] == 410
            assert ["cache.db is older" in one["what"] for one in await told(daemon)] == [True]
            await daemon.sweep()
            assert (await daemon.command("verify"))[1] == 0


async def test_a_state_db_of_another_folder_is_told() -> None:
    """Guards a back-up of the wrong daemon: epochs differ, positions are refused, and the log says why."""
    async with Place() as place, Place() as other:
        other.configure(url=place.forge.url)
        (other.root / "token").write_text(place.forge.token)
        await swept(place)
        async with other.daemon() as daemon:
            await daemon.sweep()
        await put_back(place, other.data_dir / "state.db", "state.db")
        async with place.daemon() as daemon:
            assert ["of different folders" in one["what"] for one in await told(daemon)] == [True]


@pytest.mark.parametrize("name", ["state.db", "cache.db"])
async def test_a_database_of_another_forge_is_refused(name: str) -> None:
    """Guards ids that mean other repositories: nothing of one forge is taken for another's."""
    async with Place() as place, Place() as other:
        await swept(place)
        await swept(other)
        await put_back(place, other.data_dir / name, name)
        ran = await place.spawn("serve")
        line = ran.err.splitlines()[-1]
        assert "Traceback" not in ran.err
        assert ran.code == 2
        assert f"{name} in data_dir holds what was read of {other.forge.url}" in line
        assert "forge.aliases" in line
        place.config_file.write_text(
            place.config_file.read_text().replace("[forge]\n", f'[forge]\naliases = ["{other.forge.url}"]\n')
        )
        async with place.daemon() as daemon:  # whoever says that both are one forge is believed
            await daemon.sweep()
