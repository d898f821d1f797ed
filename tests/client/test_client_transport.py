"""One request: what each failure is called, what is tried again, what is counted, and what is never said."""

from __future__ import annotations

import asyncio
import gzip
import logging
import pickle
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from client_servers import TOKEN, saying, serving

from gitea_client import errors, paths
from gitea_client.counting import RequestCounter
from gitea_client.secret import Secret
from gitea_client.statuses import error_of, parse_date, retry_after
from gitea_client.transport import Transport

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


class Patience:
    """Stands in for sleeping, and remembers for how long."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)


def transport(url: str, patience: Patience | None = None, **options: object) -> Transport:
    return Transport(url, TOKEN, sleep=patience or Patience(), jitter=lambda: 0.5, **options)  # type: ignore[arg-type]


def http(status: int, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    ("status", "error", "attempts"),
    [(400, errors.Refused, 1), (401, errors.Unauthorized, 1), (403, errors.Forbidden, 1), (404, errors.Missing, 1),
     (410, errors.Missing, 1), (409, errors.Refused, 1), (422, errors.Refused, 1), (301, errors.Redirected, 1),
     (307, errors.Redirected, 1), (429, errors.Throttled, 3), (500, errors.ServerFault, 3),
     (502, errors.ServerFault, 3), (503, errors.ServerFault, 3)],
)  # fmt: skip
async def test_each_status_has_one_meaning(status: int, error: type[errors.ForgeError], attempts: int) -> None:
    """Guards what the daemon does next; every attempt is counted, only what may pass is tried again."""
    async with saying(http(status, "Location: http://elsewhere.example.org/x")) as url, transport(url) as forge:
        with pytest.raises(error) as caught:
            await forge.request("GET", "/api/v1/x", route="/x")
        assert forge.counter.by_route == {("rest", "/x", status): attempts}
    assert type(caught.value) is error
    assert str(caught.value) == f"GET /api/v1/x: HTTP {status}"


CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1,2"
CUT_CHUNK = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n[1,2\r\n"


@pytest.mark.parametrize(
    ("said", "error", "status"),
    [(CUT, errors.Malformed, 200), (CUT_CHUNK, errors.Malformed, 200), (b"", errors.Unreachable, 0),
     (b"SSH-2.0-Go\r\n", errors.Unreachable, 0), (b"HTTP/1.1 200 OK\r\nContent-", errors.Unreachable, 0),
     (http(200, "Content-Encoding: gzip", body=b"no gzip"), errors.Malformed, 200)],
    ids=["cut", "cut in chunks", "hung up", "no HTTP", "cut in the headers", "broken compression"],
)  # fmt: skip
async def test_broken_answers(said: bytes, error: type[errors.ForgeError], status: int) -> None:
    """Guards against half an answer passing for a whole one, and against errors of the HTTP library."""
    async with saying(said) as url, transport(url) as forge:
        with pytest.raises(error) as caught:
            await forge.request("GET", "/x")
        assert forge.counter.by_route == {("rest", "/x", status): 3}
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


async def test_a_failure_that_passes_is_not_seen() -> None:
    """Guards the waits: they double, and the answer is that of the last attempt."""
    patience = Patience()
    async with saying(CUT, http(500), OK) as url, transport(url, patience) as forge:
        assert (await forge.request("GET", "/x")).body == b"{}"
    assert patience.waits == [0.5, 1.0]


@pytest.mark.parametrize(("told", "waits"), [("7", [7.0, 7.0]), ("99999", [30.0, 30.0]), ("soon", [5.0, 5.0])])
async def test_the_server_says_how_long_to_wait(told: str, waits: list[float]) -> None:
    """Guards a forge that asks for patience, and us against one that asks for a year of it."""
    patience = Patience()
    async with saying(http(503, f"Retry-After: {told}")) as url, transport(url, patience) as forge:
        with pytest.raises(errors.Throttled):
            await forge.request("GET", "/x")
    assert patience.waits == waits


async def test_what_changes_something_is_asked_once() -> None:
    """Guards against two webhooks made by one command."""
    async with saying(http(500)) as url, transport(url) as forge:
        with pytest.raises(errors.ServerFault):
            await forge.request("POST", "/hooks", body=b"{}")
        assert forge.counter.snapshot().rest == 1


async def test_nobody_there() -> None:
    """Guards a forge that is down: our own error, counted as no answer."""
    async with transport("http://127.0.0.1:9") as forge:
        with pytest.raises(errors.Unreachable):
            await forge.request("GET", "/x")
        assert forge.counter.by_route == {("rest", "/x", 0): 3}


async def test_a_forge_that_never_answers() -> None:
    """Guards a worker against waiting for ever."""
    never = asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        await never.wait()
        return web.Response()

    async with serving(handler) as url, transport(url, timeout=0.05) as forge:
        with pytest.raises(errors.Unreachable, match=r"within 0\.05 seconds"):
            await forge.request("GET", "/x")
        never.set()


ENDLESS = b"x" * 300_000


@pytest.mark.parametrize(
    "sent",
    [http(200, body=ENDLESS), http(200, "Content-Encoding: gzip", body=gzip.compress(ENDLESS)),
     http(200, "Content-Encoding: deflate", body=zlib.compress(ENDLESS)),
     http(200, "Content-Encoding: deflate", body=zlib.compress(ENDLESS)[2:-4]),
     http(500, "Content-Encoding: gzip", body=gzip.compress(ENDLESS))],
    ids=["plain", "gzip", "deflate", "raw deflate", "an error"],
)  # fmt: skip
async def test_a_body_without_end_is_cut_off(sent: bytes) -> None:
    """Guards memory, also against a few bytes that unpack to many."""
    async with saying(sent) as url, transport(url, max_body=100_000) as forge:
        with pytest.raises(errors.Malformed, match="longer than 100000 bytes"):
            await forge.request("GET", "/x")


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "compress"])
async def test_what_we_did_not_ask_for_is_not_unpacked(coding: str) -> None:
    """Guards against one more layer than we count, and codings that unpack further than gzip."""
    packed = gzip.compress(gzip.compress(b"[1]"))
    async with saying(http(200, f"Content-Encoding: {coding}", body=packed)) as url, transport(url) as forge:
        try:
            body = (await forge.request("GET", "/x")).body
        except errors.ForgeError:
            return
        assert body == packed


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_leads_nowhere(status: int) -> None:
    """Guards the token: an address elsewhere would be given it, and a renamed repository would be taken for another."""
    seen: list[str | None] = []

    async def elsewhere(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.Response()

    async with serving(elsewhere) as other:
        answer = http(status, f"Location: {other}/x")
        async with saying(answer) as url, transport(url) as forge:
            with pytest.raises(errors.Redirected):
                await forge.request("GET", "/x")
    assert seen == []


async def test_the_token_is_in_the_header_and_nowhere_else(caplog: pytest.LogCaptureFixture) -> None:
    """Guards the token against messages, representations, chained errors and logs."""
    caplog.set_level(logging.DEBUG)
    seen: list[str | None] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.Response(status=400)

    async with serving(handler) as url, transport(url) as forge:
        with pytest.raises(errors.Refused) as caught:
            await forge.request("GET", "/x", query={"token": TOKEN.reveal()})
        assert seen == [f"token {TOKEN.reveal()}"]
        said = f"{caught.value!r} {caught.value} {caught.value.__context__!r} {vars(forge)!r} {TOKEN} {caplog.text}"
    assert TOKEN.reveal() not in said
    with pytest.raises(TypeError):
        pickle.dumps(TOKEN)


@pytest.mark.parametrize("token", ["two\nlines", "a b", "", "caf\u00e9"])
def test_a_token_that_would_break_a_header(token: str) -> None:
    """Guards against a second header smuggled in by a token file; the message does not repeat the token."""
    with pytest.raises(ValueError, match=r"forge\.token_file") as caught:
        Transport("http://127.0.0.1", Secret(token))
    assert not token or token not in str(caught.value)


async def test_a_forge_below_a_path_and_names_that_need_quoting() -> None:
    """Guards forges at https://example.org/gitea/, and names against becoming another path."""
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.raw_path)
        return web.Response(headers={"Date": "Sat, 21 Nov 2026 03:04:05 GMT"})

    async with serving(handler) as url, transport(f"{url}/gitea/") as forge:
        answer = await forge.request("GET", "/" + paths.repository("a c/\u00e9%2F"), query={"q": "a b&c", "yes": True})
        assert forge.git_url("acme/meta") == f"{url}/gitea/acme/meta.git"
    assert seen == ["/gitea/a%20c/%C3%A9%252F?q=a%20b%26c&yes=true"]
    assert answer.date == datetime(2026, 11, 21, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("name", ["", "..", "a", "a/b/c", "../b", "a/..", "a/.", "/a"])
def test_names_that_are_no_repository(name: str) -> None:
    """Guards paths against climbing."""
    with pytest.raises(ValueError, match=r"owner/name|cannot stand"):
        paths.repository(name)


@pytest.mark.parametrize("url", ["", "example.org", "ftp://x/", "http://u:p@x/", "http://x/?a", "http://x/#a", "http://"])
def test_addresses_that_are_refused(url: str) -> None:
    """Guards logs against passwords in addresses, and a start with an address that cannot work."""
    with pytest.raises(ValueError, match=r"forge\.url") as caught:
        Transport(url, None)
    assert "u:p" not in str(caught.value)


async def test_certificates_that_cannot_be_read(tmp_path: Path) -> None:
    """Guards the start: the error names the setting and the file."""
    for content in (None, "no certificate"):
        if content is not None:
            (tmp_path / "ca.pem").write_text(content)
        with pytest.raises(ValueError, match=r"forge\.ca_file .*ca\.pem"):
            await transport("https://127.0.0.1:9", ca_file=tmp_path / "ca.pem").__aenter__()


async def test_no_more_at_once_than_agreed() -> None:
    """Guards the forge: requests and git runs share the places, and give them back when they fail."""
    now = most = 0

    async def handler(request: web.Request) -> web.Response:
        nonlocal now, most
        now, most = now + 1, max(most, now + 1)
        await asyncio.sleep(0)
        now -= 1
        return web.Response(status=404)

    async with serving(handler) as url, transport(url, concurrency=1) as forge:
        async with forge.slot():
            waiting = asyncio.create_task(forge.request("GET", "/x", accept_statuses=(404,)))
            await asyncio.sleep(0)
            assert not waiting.done()
        assert (await waiting).status == 404
    async with serving(handler) as url, transport(url, concurrency=2) as forge:
        results = await asyncio.gather(*(forge.request("GET", "/x") for _ in range(10)), return_exceptions=True)
    assert {type(result) for result in results} == {errors.Missing}
    assert most <= 2


async def test_a_proxy_of_the_environment_and_no_netrc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards sites behind a proxy; ~/.netrc would replace the token by what stands there."""
    seen: list[tuple[str, str | None]] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        seen.append((head[0], next((line for line in head if line.startswith("Authorization")), None)))
        writer.write(OK)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(proxy, "127.0.0.1", 0)
    async with server:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        monkeypatch.delenv("no_proxy", raising=False)
        async with transport("http://forge.example.org/") as forge:
            await forge.request("GET", "/x")
    assert seen == [("GET http://forge.example.org/x HTTP/1.1", f"Authorization: token {TOKEN.reveal()}")]


def test_a_wait_that_is_a_date_is_taken_by_the_servers_clock() -> None:
    """Guards against our own clock being wrong."""
    now = parse_date("Sat, 21 Nov 2026 03:04:05 GMT")
    assert retry_after("Sat, 21 Nov 2026 03:05:05 GMT", now) == 60
    assert retry_after("Sat, 21 Nov 2026 03:00:00 GMT", now) == 0
    assert retry_after("Sat, 21 Nov 2026 03:05:05 GMT", None) == 5
    assert parse_date("yesterday") is parse_date(None) is None
    moved = error_of(301, "GET /x", {"Location": "/y" * 5000}, None)
    assert isinstance(moved, errors.Redirected)
    assert len(moved.location) == 2000


def test_counting_by_difference() -> None:
    """Guards the price of a sweep as it is reported, and the metrics that listen."""
    heard: list[tuple[str, str, int]] = []
    counter = RequestCounter(listener=lambda *key: heard.append(key))
    counter.add("rest", "/a", 200)
    before = counter.snapshot()
    counter.add("git", "/b", 200)
    counter.add("rest", "/a", 0)
    spent = counter.delta(before)
    assert (spent.rest, spent.git, spent.total) == (1, 1, 2)
    assert spent.by_route == {("git", "/b", 200): 1, ("rest", "/a", 0): 1}
    assert (before.rest, before.git, counter.rest, counter.git) == (1, 0, 2, 1)
    assert heard == [("rest", "/a", 200), ("git", "/b", 200), ("rest", "/a", 0)]


async def test_fetches_leave_places_for_questions() -> None:
    """Fetches may take minutes each: as many as like leave half of the places to lists and refs (a stand-still)."""
    holding = asyncio.Semaphore(0)
    end = asyncio.Event()

    async def fetch(forge: Transport) -> None:
        async with forge.slot():
            holding.release()
            await end.wait()

    async with saying(http(200, body=b"{}")) as url, transport(url, concurrency=4) as forge:
        fetches = [asyncio.create_task(fetch(forge)) for _ in range(10)]
        await holding.acquire()
        await holding.acquire()
        async with asyncio.timeout(20):  # only where it would wait for ever
            assert (await forge.request("GET", "/api/v1/version")).status == 200
        end.set()
        await asyncio.gather(*fetches)
