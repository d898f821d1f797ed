"""`forgeglass changes --follow`: it goes on over everything that breaks a connection, and ends as it should."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest
from aiohttp import web
from follow_command import Followed, changed, following, kept
from follow_line import Line
from hypothesis import given
from hypothesis import strategies as st
from serving_place import ROOT, Place, rfc, until

from daemon.cli.feed_client import Event, FeedClient, Pairs, UnreachableError
from daemon.cli.following import FIRST_PAUSE, LONGEST_PAUSE, Follower


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
            await place.new_state()
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
                "position": "e1:7", "sequence": 7, "at": "2026-03-01T12:00:00Z", "kind": "repository",
                "operation": "created", "block": None, "collection": None, "key": None, "repository": "acme/meta",
                "repository_id": 1, "number": None, "name": "acme/meta", "columns": [], "commit": None,
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
            assert first.code == 3, "the first time, somebody should look"
            answers[:] = [200, 503, 200]
            ran = await place.command("changes", "--url", url, "--follow", "--limit", "1")
        finally:
            await runner.cleanup()
    assert ran.code == 0
    assert ran.out == "2026-03-01T12:00:00Z  repository acme/meta created\n"
    assert ran.err.splitlines()[-1] == "forgeglass: resume with --since e1:7"


# The follower by itself


class Feed:
    """A feed of so many changes, read through a connection that breaks when `breaks` says so."""

    def __init__(self, count: int, breaks: list[int]) -> None:
        self._count, self._breaks = count, breaks

    async def events(self, _filters: Pairs, last: str | None) -> AsyncGenerator[Event, None]:
        after = int((last or "e1:0").rpartition(":")[2])
        left = self._breaks.pop(0) if self._breaks else None
        if left == 0:
            raise UnreachableError("nobody is there")
        yield Event("hello", f"e1:{after}", {})
        for number in range(after + 1, self._count + 1):
            if left is not None and (left := left - 1) == 0:
                raise UnreachableError("cut")
            yield Event("change", f"e1:{number}", {"position": f"e1:{number}"})
            yield Event("unknown", f"e1:{number}", {})  # what a later version may say


@given(st.integers(1, 20), st.lists(st.integers(0, 6), max_size=15))
async def test_however_a_connection_breaks_each_change_is_told_once(count: int, breaks: list[int]) -> None:
    told: list[str] = []
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    feed = cast("FeedClient", Feed(count, [1, *breaks]))
    follower = Follower(feed, (), None, lambda change: told.append(change["position"]), lambda _text: None, sleep)
    await follower.run(count)
    assert told == [f"e1:{number}" for number in range(1, count + 1)]
    assert follower.place == told[-1]
    assert all(FIRST_PAUSE <= pause <= LONGEST_PAUSE for pause in pauses)


async def test_pauses_grow_while_nobody_is_there_and_begin_anew_after() -> None:
    """Guards a daemon that starts against all its readers at once, again and again."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    notes: list[str] = []
    feed = cast("FeedClient", Feed(1, [1, *[0] * 8, 1]))
    await Follower(feed, (), None, lambda _change: None, notes.append, sleep).run(1)
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30, 0.5]
    assert notes == ["the connection is lost (cut); trying again", "connected again"] * 2


async def test_who_is_not_there_the_first_time_is_not_waited_for() -> None:
    follower = Follower(cast("FeedClient", Feed(1, [0])), (), None, print, print, asyncio.sleep)
    with pytest.raises(UnreachableError):
        await follower.run()
