"""A stand-in forge with an organisation, an empty folder, and the command run in it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp import web
from click.testing import CliRunner

from daemon.cli import main
from gitea_client.fake import StandIn

OWNER = "acme"


class Ran(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one value that it printed."""
        return json.loads(self.out)


async def command(*arguments: str, answers: str | None = None, environ: dict[str, str] | None = None) -> Ran:
    """The command in this process, on a thread and an event loop of its own."""
    result = await asyncio.to_thread(CliRunner().invoke, main, arguments, input=answers, env=environ)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


class Stranger:
    """Somebody with a forge and an empty folder that holds nothing but a token."""

    def __init__(self, forge: StandIn, folder: Path) -> None:
        self.forge, self.folder = forge, folder
        self.file = folder / "forgeglass.toml"

    async def init(self, *arguments: str, answers: str | None = None) -> Ran:
        """`forgeglass init` with the forge's address and the token; the token must never be shown."""
        ran = await command("init", "--url", self.forge.url, "--token-file", "token", *arguments, answers=answers)
        assert self.forge.token not in ran.out + ran.err
        assert not self.file.exists() or self.forge.token not in self.file.read_text()
        return ran

    async def repository(self, name: str, files: dict[str, str | bytes], topics: tuple[str, ...] = ()) -> str:
        """As `repository`, on this forge."""
        return await repository(self.forge, name, files, topics)


async def repository(
    forge: StandIn, name: str, files: dict[str, str | bytes], topics: tuple[str, ...] = ()
) -> str:
    """A repository of the organisation with these files; its full name."""
    full_name = f"{OWNER}/{name}"
    await forge.create_repository(full_name)
    if files:
        contents = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
        await forge.commit(full_name, contents, message="Begin")
    forge.repository(full_name).topics = [*topics]
    return full_name


@asynccontextmanager
async def forge_of(root: Path, flavour: str = "gitea") -> AsyncIterator[StandIn]:
    """A forge with the organisation and a second user."""
    async with StandIn(root, flavour=flavour) as forge:
        forge.create_organization(OWNER)
        forge.create_user("ada")
        yield forge


def settled(forge: StandIn, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Stranger:
    """Somebody with a token of this forge, and this process in their folder."""
    here = folder / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    token = here / "token"
    token.write_text(f"{forge.token}\n")
    token.chmod(0o600)
    return Stranger(forge, here)


@asynccontextmanager
async def stranger(folder: Path, monkeypatch: pytest.MonkeyPatch, *, flavour: str = "gitea") -> AsyncIterator[Stranger]:
    """Somebody whose forge is their own, and this process in their folder."""
    async with forge_of(folder / "forge", flavour) as forge:
        yield settled(forge, folder, monkeypatch)


@asynccontextmanager
async def answering(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """A server that says what a test wants said; its address."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
