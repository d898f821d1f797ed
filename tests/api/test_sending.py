"""Readers who do not read: what waits for them is counted, and ends (fault S7)."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from cache.viewer import EVERYTHING, PUBLIC
from daemon.api.access import Asked
from daemon.api.reads import ASKER
from daemon.api.sending import LONG, sending

ANSWER = os.urandom(1 << 20) * 16
"""More than the system keeps for a connection by itself."""
Reader = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def serving(waiting: int, seconds: float, dropped: list[str]) -> AsyncIterator[int]:
    """A server that answers with as many bytes as asked for, to a stranger or to somebody known; its port."""

    async def handle(request: web.Request) -> web.Response:
        ASKER.set(Asked(EVERYTHING, "hash") if "known" in request.query else Asked(PUBLIC))
        response = web.Response(body=ANSWER[: int(request.query["bytes"])], headers={"Vary": "Accept-Encoding"})
        response.enable_compression(web.ContentCoding.gzip)
        return response

    app = web.Application(middlewares=[sending(waiting, seconds, dropped.append)])
    app.router.add_get("/", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def asked(port: int, size: int) -> Reader:
    """Somebody who asks for a long answer, and reads the first line of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    writer.write(b"GET /?bytes=%d HTTP/1.1\r\nHost: x\r\n\r\n" % size)
    assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
    return reader, writer


async def test_an_answer_that_nobody_takes_ends_with_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards memory: twelve readers that did not read held 1.5 GB for ever."""
    monkeypatch.setattr("daemon.api.sending.PACE", 1 << 40)
    dropped: list[str] = []
    async with serving(1 << 30, 0.2, dropped) as port:
        reader, writer = await asked(port, len(ANSWER))
        while not dropped:
            await asyncio.sleep(0.01)
        with contextlib.suppress(ConnectionError):
            assert len(await reader.read()) < len(ANSWER)
        writer.close()
    assert dropped == ["slow"]


async def test_strangers_who_do_not_read_leave_long_answers_to_those_who_are_known() -> None:
    """Guards the operator; short answers are told to everybody all the same."""
    async with serving(4 * len(ANSWER), 60, []) as port, aiohttp.ClientSession() as session:
        held = [await asked(port, len(ANSWER)) for _ in range(2)]
        url = f"http://127.0.0.1:{port}/?bytes="
        async with session.get(f"{url}{len(ANSWER)}") as answer:
            assert (answer.status, answer.content_type) == (503, "application/problem+json")
        for path, size in ((f"{len(ANSWER)}&known", len(ANSWER)), (str(LONG), LONG)):
            async with session.get(url + path) as answer:
                assert await answer.read() == ANSWER[:size]
        for _, writer in held:
            writer.close()
        status = 503
        while status == 503:  # those who leave give their place back
            async with session.get(f"{url}{len(ANSWER)}") as answer:
                status, _ = answer.status, await answer.read()
        assert status == 200


@pytest.mark.parametrize("size", [0, 10, LONG, LONG + 1, 300_000])
@pytest.mark.parametrize("coding", ["gzip", "identity"])
async def test_every_answer_arrives_as_it_was_made(size: int, coding: str) -> None:
    async with serving(1 << 20, 60, []) as port, aiohttp.ClientSession() as session:
        for _ in range(2):  # on one connection
            url = f"http://127.0.0.1:{port}/?bytes={size}"
            async with session.get(url, headers={"Accept-Encoding": coding}) as answer:
                assert await answer.read() == ANSWER[:size]
                assert answer.headers["Vary"] == "Accept-Encoding"
                assert ("Content-Encoding" in answer.headers) == (coding == "gzip" and size > 0) or size <= LONG
        async with session.head(url) as answer:
            assert answer.status == 200
