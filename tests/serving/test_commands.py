"""The command: one object on standard output, exit codes that mean something, the same alone and inside a daemon."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from serving_place import Place, Ran, rfc

from daemon.lock import DataLock
from gitea_client.fake import Fault

REPORT = {"kind", "seconds", "requests", "repositories", "reconciled", "changes", "errors"}


@asynccontextmanager
async def placed(inside: bool) -> AsyncIterator[Place]:
    """A place with two entries; where `inside`, a daemon owns its data_dir and the command runs in there."""
    async with Place() as place:
        await place.push(one=rfc("One"), two=rfc("Two"))
        if inside:
            async with place.daemon():
                yield place
        else:
            yield place


async def one(place: Place, *arguments: str) -> Ran:
    """A command's end, once it is sure that it printed one line that is JSON, and nothing beside."""
    ran = await place.command(*arguments, "--json")
    assert ran.out.count("\n") == 1, ran
    json.loads(ran.out)
    return ran


@pytest.mark.parametrize("inside", [False, True])
async def test_each_command_prints_one_object(inside: bool) -> None:
    """Guards the JSON that scripts are built on, alone and through a daemon's control socket."""
    async with placed(inside) as place:
        first = await one(place, "sweep")
        assert (first.code, set(first.json), first.json["kind"], first.json["errors"]) == (0, REPORT, "quiet", [])
        assert first.json["repositories"] == first.json["reconciled"] == 1
        assert first.json["changes"] > 0
        deep = await one(place, "sweep", "--deep")
        assert (deep.code, deep.json["kind"], deep.json["reconciled"], deep.json["changes"]) == (0, "deep", 1, 0)
        rebuilt = await one(place, "rebuild")
        assert (rebuilt.code, set(rebuilt.json), rebuilt.json["kind"]) == (0, REPORT, "rebuild")
        verified = await one(place, "verify")
        assert verified.code == 0
        assert set(verified.json) >= {"equal", "live", "fresh", "differences"}
        assert (verified.json["equal"], verified.json["differences"]) == (True, [])
        digest = await one(place, "digest")
        assert (digest.code, set(digest.json)) == (0, {"digest", "rows"})
        assert digest.json["digest"] == verified.json["live"] == verified.json["fresh"]
        without = await one(place, "digest", "--without-state")
        assert (without.code, set(without.json)) == (0, {"digest", "rows"})
        rows = await one(place, "query", "SELECT slug, title FROM cached_rfcs ORDER BY slug")
        assert (rows.code, rows.json) == (0, [{"slug": "one", "title": "One"}, {"slug": "two", "title": "Two"}])


@pytest.mark.parametrize("inside", [False, True])
async def test_requests_are_those_that_a_proxy_would_count(inside: bool) -> None:
    """Guards the numbers by which a sweep's cost is judged, those of the git program included."""
    async with placed(inside) as place:
        for command in ("sweep", "sweep", "rebuild"):
            mark = place.forge.mark()
            report = (await one(place, command)).json
            paths = [request.path for request in place.forge.requests_since(mark)]
            git = [path for path in paths if path.endswith(("/git-upload-pack", "/info/refs"))]
            assert report["requests"] == {"rest": len(paths) - len(git), "git": len(git)}


@pytest.mark.parametrize("command", ["sweep", "rebuild"])
async def test_a_repository_that_is_read_twice_counts_once(command: str) -> None:
    """R8: "6 of 5 repositories read". An entry whose own repository is the one that it lies in has it read again."""
    async with Place() as place:
        await place.push(one=rfc("One", state="active", repo="acme/meta"))
        report = (await one(place, command)).json
        assert (report["reconciled"], report["repositories"]) == (1, 1)
        told = await place.command(command)
        assert "of 1 repositories read" in told.out


async def test_a_repository_that_cannot_be_read_is_counted_among_all_and_not_among_those_read() -> None:
    """R8: "1 of 0 repositories read"."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        place.forge.faults.set(Fault("status", match="git-upload-pack", status=500))
        report = (await place.command("sweep", "--json")).json
        assert report["errors"] != []
        assert (report["reconciled"], report["repositories"]) == (0, 1)
        place.forge.faults.clear()
        report = (await place.command("sweep", "--json")).json
        assert (report["reconciled"], report["repositories"]) == (1, 1)


async def test_the_switch_for_json_may_stand_before_the_command_too() -> None:
    """Guards `forgeglass --json digest`, as the first line of the help has it."""
    async with Place() as place:
        ran = await place.command("--json", "digest")
        assert (ran.code, set(ran.json)) == (0, {"digest", "rows"})


@pytest.mark.parametrize("inside", [False, True])
async def test_verify_tells_what_differs_and_ends_with_1(inside: bool) -> None:
    """Guards against a cache that drifted and is called equal."""
    async with placed(inside) as place:
        await one(place, "sweep")
        with sqlite3.connect(place.data_dir / "cache.db") as connection:
            connection.execute("UPDATE entries SET title = 'Wrong' WHERE path = 'rfcs/one.md'")
        connection.close()
        ran = await one(place, "verify")
        assert (ran.code, ran.json["equal"]) == (1, False)
        assert ran.json["live"] != ran.json["fresh"]
        (difference,) = ran.json["differences"]
        assert set(difference) == {"table", "key", "column", "live", "fresh"}
        assert (difference["table"], difference["column"]) == ("entries", "title")
        assert (difference["live"], difference["fresh"]) == ("Wrong", "One")


@pytest.mark.parametrize("inside", [False, True])
async def test_a_push_during_verify_is_no_difference(inside: bool) -> None:
    """Guards against alarms about a forge that simply moved on: what differs is read again first."""
    async with placed(inside) as place:
        await one(place, "sweep")
        await place.push(one=rfc("Moved on"))  # no delivery: the live rows know nothing of it
        ran = await one(place, "verify")
        assert (ran.code, ran.json["differences"]) == (0, [])


FOREVER = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


@pytest.mark.parametrize("inside", [False, True])
async def test_a_query_that_is_refused_says_why(inside: bool) -> None:
    """Guards against tracebacks, writes, and statements that run for ever."""
    async with Place() as place:
        await place.push(one=rfc("One"), two=rfc("Two"))
        place.configure(more='[api]\nquery_timeout = "200ms"\n')
        async with AsyncExitStack() as stack:
            if inside:
                await stack.enter_async_context(place.daemon())
            await one(place, "sweep")
            for sql, said in (
                ("DELETE FROM entries", "can only be read"),
                ("SELECT 1; SELECT 2", "one statement"),
                ("SELECT * FROM nowhere", "no such table"),
                ("SELECT * FROM entries", "more than 1 rows"),
                (FOREVER, "stopped after 0.2 s"),
            ):
                ran = await place.command("query", "--rows", "1", "--json", sql)
                assert (ran.code, ran.out) == (2, "")
                assert said in ran.err
                assert ran.err.count("\n") == 1
                assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("trouble", "command", "inside"),
    [
        ("token", "sweep", False),
        ("token", "verify", True),
        ("down", "sweep", True),
        ("repository", "rebuild", False),
    ],
)
async def test_what_could_not_be_read_is_told_with_its_remedy_and_ends_with_3(
    trouble: str, command: str, inside: bool
) -> None:
    """Guards against a failure that looks like success, and against rows lost to it."""
    async with placed(inside) as place:
        await one(place, "sweep")
        digest = (await one(place, "digest")).json
        if trouble == "token":
            place.forge.revoke_token("root1")
        elif trouble == "down":
            place.forge.faults.refuse_all()
        else:
            place.forge.faults.set(Fault("status", match="git-upload-pack", status=500))
            await place.push(three=rfc("Three"))
        ran = await one(place, command)
        assert ran.code == 3
        assert ran.json["errors"]
        for error in ran.json["errors"]:
            assert set(error) == {"scope", "error", "remedy"}
            assert error["scope"] == ("repository:acme/meta" if trouble == "repository" else "owner:acme")
        if trouble == "token":
            assert "token" in ran.json["errors"][0]["remedy"]
        assert (await one(place, "digest")).json == digest
        assert not list(place.data_dir.glob("objects.*"))
        assert not list(place.data_dir.glob("verify-*"))


async def test_every_mistake_of_a_configuration_is_told_at_once() -> None:
    """Guards against correcting one line after another."""
    async with Place() as place:
        text = place.config_file.read_text()
        text = text.replace('interval = "60s"', 'interval = "soon"', 1).replace("owners", "ownres")
        place.config_file.write_text(text.replace('listen = "127.0.0.1:0"', "listen = 7"))
        ran = await place.command("sweep", "--json", environ={"FORGEGLASS_DATADIR": "x"})
        assert (ran.code, ran.out) == (2, "")
        assert "Traceback" not in ran.err
        for said in ("sweep.interval", "forge.ownres", "owners", "listen", "FORGEGLASS_DATADIR", "FORGEGLASS_DATA_DIR"):
            assert said in ran.err


@pytest.mark.parametrize(
    ("replace", "by", "said"),
    [
        ('use = "rfc"', 'use = "rfcs"', "rfcs"),
        ('meta = "acme/meta"', "", "meta"),
        ('meta = "acme/meta"', 'meta = "acme/meta"\nmeat = "x"', "meat"),
        ('token_file = "token"', 'token_file = "nowhere"', "forge.token_file"),
    ],
)
async def test_a_configuration_that_cannot_work_is_refused_in_words(replace: str, by: str, said: str) -> None:
    """Guards against a daemon that starts and reads nothing: an unknown profile, a parameter, a missing file."""
    async with Place() as place:
        place.config_file.write_text(place.config_file.read_text().replace(replace, by))
        ran = await place.command("sweep")
        assert (ran.code, ran.out) == (2, "")
        assert said in ran.err
        assert "Traceback" not in ran.err


async def test_an_empty_token_is_a_mistake_of_the_configuration() -> None:
    """Guards against asking the forge as nobody, which shows less and looks like deletion."""
    async with Place() as place:
        (place.root / "token").write_text("\n")
        ran = await place.command("sweep")
        assert ran.code == 2
        assert "forge.token_file" in ran.err
        assert "empty" in ran.err


async def test_no_configuration_is_wrong_use() -> None:
    """Guards against a guess at which configuration was meant."""
    async with Place() as place:
        place.config_file.unlink()
        ran = await place.command("sweep")
        assert ran.code == 2
        assert str(place.config_file) in ran.err


async def test_a_data_dir_in_use_is_refused_with_the_process_that_uses_it() -> None:
    """Guards against two processes writing one cache."""
    async with Place() as place:
        place.data_dir.mkdir()
        with DataLock(place.data_dir):
            pid = (place.data_dir / "lock").read_text().strip()
            for ran in (await place.command("digest"), await place.spawn("serve")):
                assert (ran.code, ran.out) == (2, "")
                assert f"process {pid}" in ran.err
                assert "Traceback" not in ran.err


async def test_the_command_that_people_run_is_this_one() -> None:
    """Guards the process around it: exit code and output are not the test's invention."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        ran = await place.spawn("sweep", "--json")
        assert (ran.code, set(ran.json), ran.err) == (0, REPORT, "")
        ran = await place.spawn("query", "--json", "SELECT slug FROM cached_rfcs", FORGEGLASS_DATA_DIR="data")
        assert (ran.code, ran.json, ran.err) == (0, [{"slug": "one"}], "")


async def test_people_read_lines_and_not_json() -> None:
    """Guards what a person sees without --json: results on standard output, troubles and remedies on the other."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        assert (await place.command("sweep")).out.startswith("quiet: 1 of 1 repositories read")
        assert "one   One" in (await place.command("query", "SELECT slug, title FROM cached_rfcs")).out
        assert (await place.command("verify")).out.startswith("equal: ")
        place.forge.faults.refuse_all()
        ran = await place.command("sweep")
        assert ran.code == 3
        assert "remedy: " in ran.err
