"""`forgeglass changes`: what it prints, and where it reads."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from follow_command import changed, kept
from follow_line import Line
from serving_place import Place, rfc

from cache.queries.changes import KINDS, OPERATIONS
from daemon.cli import changes as command


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
    assert "http://127.0.0.1:9 " in ran.err
    assert "(connection refused)" in ran.err
    assert "forgeglass serve" in ran.err
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize("more", [(), ("--follow",)])
@pytest.mark.parametrize(
    ("status", "body", "media"),
    [
        (200, "<h1>Welcome</h1>", "text/html"), (200, "[]", "application/json"), (200, "{}", "application/json"),
        (404, "no", "text/plain"), (302, "", "text/html"),
        (200, '{"items": [{"position": "e1:1"}], "next": "e1:1"}', "application/json"),
        (200, '{"items": [1], "next": "e1:1"}', "application/json"), (200, "data: 1\n\n", "text/event-stream"),
        (200, 'event: change\ndata: {"position": "e1:1"}\n\n', "text/event-stream"),
    ],
)  # fmt: skip
async def test_something_else_that_answers_there_is_not_taken_for_a_feed(
    more: Sequence[str], status: int, body: str, media: str
) -> None:
    """Guards scripts against an empty success: the port may be anybody's."""
    async with Place() as place, Line() as line, answering(line, status, body, media):
        ran = await place.command("changes", "--url", line.url, *more)
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


async def test_a_daemon_that_cannot_answer_now_is_not_said_to_be_gone() -> None:
    """Guards against a message that has people start what runs already."""
    async with Place() as place, Line() as line:
        url = line.url
        place.config_file.write_text(place.config_file.read_text().replace("127.0.0.1:0", url.removeprefix("http://")))
        problem = '{"type": "urn:forgeglass:problem:cache-unavailable", "detail": "in a moment"}'
        async with answering(line, 503, problem):
            ran = await place.command("changes")
        async with answering(line, 502, "<h1>Bad gateway</h1>"):
            proxied = await place.command("changes", "--follow")
    assert (ran.code, proxied.code) == (3, 3)
    assert ran.err == f"forgeglass: {url} cannot answer now (in a moment); ask again in a moment\n"
    assert proxied.err == f"forgeglass: {url} cannot answer now (status 502); ask again in a moment\n"


@asynccontextmanager
async def answering(line: Line, status: int, body: str, media: str = "application/problem+json") -> AsyncIterator[None]:
    """Lead the line to something that answers every question so."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, text=body, content_type=media, headers={"Location": "/elsewhere"})

    app = web.Application()
    app.router.add_get("/{any:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        line.lead(f"http://127.0.0.1:{runner.addresses[0][1]}")
        yield
    finally:
        await runner.cleanup()
