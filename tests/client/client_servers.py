"""Forges small enough to see through: one serves real repositories by Git's protocol, one says what it is told."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from gitea_client.secret import Secret

TOKEN = Secret("t0ken-that-nobody-may-see")


class GitForge:
    """Serves the bare repositories below `root` as `/{owner}/{name}.git`, to those with the token, and counts."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = ""
        self.requests: list[tuple[str, str, int]] = []
        self.status = 200
        """What every request is answered with, if not 200."""
        self.headers: dict[str, str] = {}
        self.keep_bytes: int | None = None
        """Cut answers to POST after so many bytes, with an honest Content-Length of the rest."""
        self.seen: asyncio.Event = asyncio.Event()
        self.hold: asyncio.Event | None = None
        """While set and not fired, answers wait."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.set()
        if self.hold is not None:
            await self.hold.wait()
        response = await self._answer(request)
        self.requests.append((request.method, request.path, response.status))
        return response

    async def _answer(self, request: web.Request) -> web.Response:
        if self.status != 200:
            return web.Response(status=self.status, headers=self.headers)
        if request.headers.get("Authorization") != f"token {TOKEN.reveal()}":
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="Gitea"'})
        repository = self.root / request.match_info["owner"] / request.match_info["name"]
        if not repository.exists():
            return web.Response(status=404)
        advertise = request.match_info["what"] == "info/refs"
        command = ["git", "upload-pack", "--stateless-rpc", *(["--http-backend-info-refs"] if advertise else [])]
        process = await asyncio.create_subprocess_exec(
            *command, str(repository), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "GIT_PROTOCOL": request.headers.get("Git-Protocol", "")},
        )  # fmt: skip
        output, _ = await process.communicate(await request.read())
        kind = "advertisement" if advertise else "result"
        headers = {"Content-Type": f"application/x-git-upload-pack-{kind}"}
        body = output if self.keep_bytes is None or advertise else output[: self.keep_bytes]
        return web.Response(body=body, headers=headers)


@asynccontextmanager
async def serving(handler: Callable[[web.Request], object], route: str = "/{tail:.*}") -> AsyncIterator[str]:
    """An HTTP server on loopback for the time of the block; its address."""
    app = web.Application(client_max_size=64 << 20)
    app.router.add_route("*", route, handler)  # type: ignore[arg-type]  # tests hand in plain coroutines
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def git_forge(root: Path) -> AsyncIterator[GitForge]:
    """A `GitForge` for the time of the block."""
    forge = GitForge(root)
    async with serving(forge.answer, "/{owner}/{name}.git/{what:info/refs|git-upload-pack}") as url:
        forge.url = url
        yield forge


@asynccontextmanager
async def saying(*answers: bytes) -> AsyncIterator[str]:
    """A server that gives raw bytes, one of `answers` a connection and the last one for ever, and hangs up."""
    given = list(answers)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(given.pop(0) if len(given) > 1 else given[0])
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()
