"""`forgeglass changes`: what it prints, where it reads, and how it goes on over everything that breaks a connection."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from follow_line import Line
from serving_place import PATIENCE, ROOT, Daemon, Place, rfc, until

from cache.queries.changes import KINDS, OPERATIONS
from daemon.cli import changes as command


class Followed:
    """`forgeglass changes --follow` in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self.notes: list[str] = []
        self._reading = [
            asyncio.ensure_future(self._read(process.stdout, self.lines)),
            asyncio.ensure_future(self._read(process.stderr, self.notes)),
        ]

    async def _read(self, stream: asyncio.StreamReader | None, into: list[str]) -> None:
        assert stream is not None
        async for line in stream:
            into.append(line.decode().rstrip("\n"))

    async def noted(self, text: str) -> None:
        await until(lambda: any(text in note for note in self.notes))

    async def end(self, number: int | None = None) -> int:
        """Its exit code, after a signal where one is given."""
        if number is not None and self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(PATIENCE):
            code = await self.process.wait()
            await asyncio.gather(*self._reading)
        return code

    @property
    def positions(self) -> list[str]:
        return [json.loads(line)["position"] for line in self.lines]


@asynccontextmanager
async def following(place: Place, *arguments: str) -> AsyncIterator[Followed]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from daemon.cli import main; main()",
        "--config", str(place.config_file), "changes", "--follow", *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    followed = Followed(process)
    try:
        yield followed
    finally:
        await followed.end(signal.SIGKILL)


async def kept(daemon: Daemon) -> list[Any]:
    return list((await daemon.get("/api/v1/changes?limit=200"))[1]["items"])


async def changed(place: Place, daemon: Daemon, **files: bytes | None) -> None:
    await place.push(**files)
    await daemon.sweep()


def test_the_words_of_the_command_are_the_words_of_the_feed() -> None:
    """They are written twice, so that `--help` needs not load the cache."""
    assert (command.KINDS, command.OPERATIONS) == (KINDS, OPERATIONS)


# What it prints


async def test_the_newest_changes_stand_in_lines_that_people_read() -> None:
    async with Place() as place:
        await place.push(one=rfc("One"), two=rfc("Two"))
        async with place.daemon() as daemon:
            await daemon.sweep()
            await changed(place, daemon, one=rfc("One again"))
            ran = await place.command("changes", "--url", daemon.url, "--limit", "1")
            change = (await kept(daemon))[-1]
        assert ran.code == 0
        commit = change["commit"][:10]
        assert ran.out == f"{change['at'][:19]}Z  rfc/rfcs one updated: title, fields  (acme/meta {commit})\n"
        assert ran.err == f"forgeglass: resume with --since {change['position']}\n"


async def test_json_is_one_object_with_every_change_after_a_position() -> None:
    async with Place() as place:
        await place.push(**{f"entry{number}": rfc() for number in range(230)})
        async with place.daemon() as daemon:
            await daemon.sweep()
            whole = (await place.command("changes", "--url", daemon.url, "--from-start", "--json")).json
            assert len(whole["items"]) > 200, "more than one page"
            assert [item["sequence"] for item in whole["items"]] == sorted({i["sequence"] for i in whole["items"]})
            assert whole["next"] == whole["items"][-1]["position"]
            middle = whole["items"][3]["position"]
            after = (await place.command("--json", "changes", "--url", daemon.url, "--since", middle)).json
            assert after["items"] == whole["items"][4:]
            limited = ("--since", middle, "--limit", "205", "--json")
            some = (await place.command("changes", "--url", daemon.url, *limited)).json
            assert some["items"] == whole["items"][4:209]
            assert some["next"] == some["items"][-1]["position"]


async def test_filters_are_those_of_the_feed() -> None:
    async with Place() as place:
        await place.push(one=rfc("One"), two=rfc("Two"))
        async with place.daemon() as daemon:
            await daemon.sweep()
            await changed(place, daemon, one=rfc("One again"), two=None)

            async def keys(*filters: str) -> list[tuple[str, str]]:
                found = (await place.command("changes", "--url", daemon.url, "--from-start", "--json", *filters)).json
                return [(item["operation"], item["key"] or item["name"]) for item in found["items"]]

            entries = [("created", "one"), ("created", "two"), ("updated", "one"), ("deleted", "two")]
            assert await keys("--kind", "entry") == entries
            assert await keys("--kind", "entry", "--key", "two") == [one for one in entries if one[1] == "two"]
            assert await keys("--collection", "rfcs", "--block", "rfc", "--operation", "deleted") == entries[3:]
            assert await keys("--kind", "repository", "--repository", "acme/meta") == [("created", "acme/meta")]
            both = await keys("--kind", "entry", "--operation", "deleted", "--operation", "updated")
            assert both == entries[2:]


async def test_letters_that_a_terminal_would_act_on_are_shown_as_escapes() -> None:
    """A key is a file's name: whoever may push could rewrite the screen of whoever reads along."""
    async with Place() as place:
        await place.push(**{"a\x1b[2Jb\u202ec": rfc("One")})
        async with place.daemon() as daemon:
            await daemon.sweep()
            ran = await place.command("changes", "--url", daemon.url)
        assert "\x1b" not in ran.out
        assert "\u202e" not in ran.out


# Where it reads


async def test_without_a_daemon_it_reads_the_file_and_says_the_same() -> None:
    """Guards against two answers to one question: the daemon's and the file's."""
    async with Place() as place:
        place.config_file.write_text(place.config_file.read_text().replace("127.0.0.1:0", "127.0.0.1:9"))
        assert (await place.command("sweep")).code == 0
        nothing = await place.command("changes", "--since", "e0:1")
        assert nothing.code == 3
        await place.push(one=rfc("One"))
        assert (await place.command("sweep")).code == 0
        read = await place.command("changes", "--from-start", "--json")
        assert read.code == 0
        assert (await place.command("changes", "--json")).json == read.json
        place.config_file.write_text(place.config_file.read_text().replace("127.0.0.1:9", "127.0.0.1:0"))
        async with place.daemon() as daemon:
            asked = await place.command("changes", "--from-start", "--json", "--url", daemon.url)
        assert asked.json == read.json
        assert asked.err == read.err


async def test_a_folder_in_which_nothing_was_read_is_said_to_be_empty() -> None:
    async with Place() as place:
        place.config_file.write_text(place.config_file.read_text().replace("127.0.0.1:0", "127.0.0.1:9"))
        ran = await place.command("changes")
        assert (ran.code, ran.out) == (3, "")
        assert "nothing was read yet" in ran.err
        assert not place.data_dir.exists(), "a reader makes nothing"


async def test_a_daemon_that_listens_elsewhere_is_named() -> None:
    """Guards against a message that sends people to stop the daemon that they want to ask."""
    async with Place() as place:
        async with place.daemon() as daemon:
            await daemon.sweep()
            place.config_file.write_text(place.config_file.read_text().replace("127.0.0.1:0", "127.0.0.1:9"))
            ran = await place.command("changes")
        assert ran.code == 3
        assert f"process {os.getpid()} has" in ran.err
        assert "--url" in ran.err


@pytest.mark.parametrize("more", [(), ("--follow",)])
async def test_an_address_where_nobody_answers_is_named(more: Sequence[str]) -> None:
    async with Place() as place:
        ran = await place.command("changes", "--url", "http://127.0.0.1:9", *more)
    assert (ran.code, ran.out) == (3, "")
    assert "http://127.0.0.1:9 (connection refused)" in ran.err
    assert "forgeglass serve" in ran.err
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize("more", [(), ("--follow",)])
@pytest.mark.parametrize(
    ("status", "body", "media"),
    [
        (200, "<h1>Welcome</h1>", "text/html"), (200, "[]", "application/json"), (200, "{}", "application/json"),
        (404, "no", "text/plain"), (302, "", "text/html"),
    ],
)  # fmt: skip
async def test_something_else_that_answers_there_is_not_taken_for_a_feed(
    more: Sequence[str], status: int, body: str, media: str
) -> None:
    """Guards scripts against an empty success: the port may be anybody's."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, text=body, content_type=media, headers={"Location": "/elsewhere"})

    app = web.Application()
    app.router.add_get("/{any:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with Place() as place:
            ran = await place.command("changes", "--url", f"http://127.0.0.1:{runner.addresses[0][1]}", *more)
    finally:
        await runner.cleanup()
    assert (ran.code, ran.out) == (3, "")
    assert "is not Forgeglass" in ran.err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--since", "e1:1", "--from-start"), "keep one"), (("--limit", "201"), "--from-start"),
        (("--limit", "0"), "0"), (("--kind", "entries"), "entries"), ((), "no fixed port"),
        (("--url", "not an address"), "not an address"),
    ],
)  # fmt: skip
async def test_wrong_use_is_said_in_words(arguments: Sequence[str], word: str) -> None:
    async with Place() as place:
        ran = await place.command("changes", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert word in ran.err
    assert "Traceback" not in ran.err


async def test_what_the_daemon_refuses_is_said_in_its_words() -> None:
    async with Place() as place, place.daemon() as daemon:
        await daemon.sweep()
        torn = await place.command("changes", "--url", daemon.url, "--since", "yesterday")
        gone = await place.command("changes", "--url", daemon.url, "--since", "e0:3")
        streamed = await place.command("changes", "--url", daemon.url, "--since", "e0:3", "--follow")
        epoch = daemon.engine.epoch.now
    assert torn.code == 2
    assert "--since" in torn.err
    assert gone.code == streamed.code == 3
    assert gone.err.splitlines()[0] == streamed.err.splitlines()[0]
    for part in ("e0:3", "another epoch", f"--since {epoch}:", "--from-start"):
        assert part in gone.err
    assert len(gone.err.splitlines()) == 1


# Following


async def test_following_goes_on_over_a_lost_connection_and_tells_nothing_twice() -> None:
    async with Place() as place, Line() as line:
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await daemon.sweep()
            line.lead(daemon.url)
            position = (await kept(daemon))[-1]["position"]
            async with following(place, "--url", line.url, "--json", "--since", position) as followed:
                await changed(place, daemon, two=rfc("Two"))
                await until(lambda: len(followed.lines) > 0)
                await line.cut()
                await followed.noted("the connection is lost")
                await changed(place, daemon, three=rfc("Three"))
                await followed.noted("connected again")
                last = (await kept(daemon))[-1]["position"]
                await until(lambda: last in followed.positions)
                told = [item["position"] for item in await kept(daemon)]
                assert followed.positions == told[told.index(position) + 1 :]
                assert await followed.end(signal.SIGINT) == 130
                assert followed.notes[-1] == f"forgeglass: resume with --since {last}"
                assert len(followed.notes) == 3, "one line for what was lost, one for what is back"


async def test_following_goes_on_over_a_restart_of_the_daemon() -> None:
    async with Place() as place, Line() as line:
        await place.push(one=rfc("One"))
        async with following_over(place, line) as followed:
            await line.cut()
            await followed.noted("the connection is lost")
            await place.push(two=rfc("Two"))
            async with place.daemon() as daemon:
                line.lead(daemon.url)
                await daemon.sweep()
                told = [item["position"] for item in await kept(daemon)]
                await until(lambda: told[-1] in followed.positions)
                assert followed.positions == told
                assert await followed.end(signal.SIGTERM) == 143
                assert followed.notes[-1] == f"forgeglass: resume with --since {told[-1]}"


async def test_a_feed_that_began_anew_ends_following_with_one_line() -> None:
    async with Place() as place, Line() as line:
        await place.push(one=rfc("One"))
        async with following_over(place, line) as followed:
            line.lead(None)
            await line.cut()
            await followed.noted("the connection is lost")
            for left in place.data_dir.glob("state.db*"):
                left.unlink()
            async with place.daemon() as daemon:
                await daemon.sweep()
                line.lead(daemon.url)
                assert await followed.end() == 3
                assert f"--since {daemon.engine.epoch.now}:" in followed.notes[-1]


@asynccontextmanager
async def following_over(place: Place, line: Line) -> AsyncIterator[Followed]:
    """A follower that has seen a daemon, which is stopped by now."""
    async with place.daemon() as daemon:
        await daemon.sweep()
        line.lead(daemon.url)
        starting = following(place, "--url", line.url, "--from-start", "--json")
        followed = await starting.__aenter__()
        count = len(await kept(daemon))
        await until(lambda: len(followed.lines) == count)
    try:
        yield followed
    finally:
        await starting.__aexit__(None, None, None)


async def test_following_ends_after_so_many_and_with_a_reader_that_has_enough() -> None:
    async with Place() as place:
        await place.push(one=rfc("One"), two=rfc("Two"))
        async with place.daemon() as daemon:
            await daemon.sweep()
            some = (await kept(daemon))[:2]
            async with following(place, "--url", daemon.url, "--from-start", "--json", "--limit", "2") as followed:
                assert await followed.end() == 0
                assert [json.loads(line) for line in followed.lines] == some
                assert followed.notes == [f"forgeglass: resume with --since {some[1]['position']}"]
            line = f"{sys.executable} -c 'from daemon.cli import main; main()' --config {place.config_file}"
            shell = await asyncio.create_subprocess_shell(
                f"{line} changes --url {daemon.url} --from-start --follow | head -n 1",
                env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            talking = asyncio.ensure_future(shell.communicate())
            while not talking.done():  # it notices with the next change that nobody reads
                await changed(place, daemon, one=rfc("One", body=f"{len(await kept(daemon))}\n"))
            out, err = talking.result()
            assert len(out.splitlines()) == 1
            assert b"Traceback" not in err


async def test_a_daemon_that_has_no_room_for_a_stream_is_asked_again() -> None:
    """Guards readers against a busy moment: 503 says to come again, and they do."""
    async with Place() as place:
        answers = [503, 502, 200]

        async def events(_request: web.Request) -> web.StreamResponse:
            status = answers.pop(0) if len(answers) > 1 else answers[0]
            if status != 200:
                return web.Response(status=status, text="busy")
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(_request)
            change = {
                "position": "e1:7", "at": "2026-03-01T12:00:00Z", "kind": "repository", "operation": "created",
                "block": None, "collection": None, "key": None, "repository": "acme/meta", "name": "acme/meta",
                "columns": [], "commit": None,
            }  # fmt: skip
            await response.write(b'id: e1:6\nevent: hello\ndata: {"position": "e1:6"}\n\n')
            if "Last-Event-ID" in _request.headers:
                await response.write(f"id: e1:7\nevent: change\ndata: {json.dumps(change)}\n\n".encode())
            return response

        app = web.Application()
        app.router.add_get("/api/v1/events", events)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            first = await place.command("changes", "--url", url, "--follow")
            assert first.code == 3, "the first time nobody is there, somebody should look"
            answers[:] = [200, 503, 200]
            ran = await place.command("changes", "--url", url, "--follow", "--limit", "1")
        finally:
            await runner.cleanup()
    assert ran.code == 0
    assert ran.out == "2026-03-01T12:00:00Z  repository acme/meta created\n"
    assert ran.err.splitlines()[-1] == "forgeglass: resume with --since e1:7"
