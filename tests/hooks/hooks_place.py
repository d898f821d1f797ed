"""A stand-in forge with owners of both kinds, and a folder with a configuration for it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from click.testing import CliRunner

from daemon.blocks import load_blocks
from daemon.cli import main
from daemon.config import load
from daemon.config.secret_files import read_secrets
from daemon.serving import Served, serving
from gitea_client.fake import StandIn
from gitea_client.fake.state import Hook

CONFIG = """\
data_dir = "data"
listen = "127.0.0.1:{port}"
{top}
[forge]
url = "{url}"
token_file = "token"
owners = [{owners}]
timeout = "5s"
{forge}
[[profiles]]
use = "rfc"
meta = "{meta}"
"""
READ = ("read:repository", "read:issue", "read:organization", "read:user")
"""What the daemon's token may."""


class Ran(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one value that it printed."""
        return json.loads(self.out)

    def hooks(self) -> list[tuple[str, str, list[str]]]:
        """Scope, action and what differs, of each webhook that the JSON tells."""
        return [(p["scope"], h["action"], h["differs"]) for p in self.json["places"] for h in p["hooks"]]


class Place:
    """`forge` holds the organization acme and the user ada, each with a meta repository. The daemon reads as `bot`."""

    def __init__(self, folder: Path, flavour: str = "gitea") -> None:
        self.folder = folder
        self.forge = StandIn(folder / "forge", flavour=flavour)
        self.port = free_port()
        self.environ: dict[str, str] = {}
        """Of the daemon alone."""
        self.address = f"http://127.0.0.1:{self.port}/webhooks/gitea"

    async def __aenter__(self) -> Self:
        await self.forge.start()
        self.forge.create_organization("acme")
        for login in ("ada", "bot"):
            self.forge.create_user(login)
        for name, by in (("acme/meta", "root1"), ("ada/meta", "ada")):
            await self.forge.create_repository(name, by=by)
            entry = b"---\ntitle: One\nstate: idea\n---\nText.\n"
            await self.forge.commit(name, {"rfcs/one.md": entry}, message="one", author="ada")
        self.give("token", "bot", READ)
        self.configure()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.forge.stop()

    def give(self, name: str, login: str, scopes: Sequence[str] = ("all",)) -> str:
        """Put a token of `login` that may do `scopes` into a file; its path."""
        path = self.folder / name
        path.write_text(self.forge.create_token(login, scopes))
        path.chmod(0o600)
        return str(path)

    def configure(self, *, owners: str = '"acme"', meta: str = "acme/meta", top: str = "", forge: str = "") -> None:
        """Write the configuration; `top` and `forge` are more lines of it."""
        text = CONFIG.format(port=self.port, url=self.forge.url, owners=owners, meta=meta, top=top, forge=forge)
        (self.folder / "forgeglass.toml").write_text(text)

    async def run(self, *arguments: str) -> Ran:
        """The command in this process, on a thread of its own."""
        line = ["--config", str(self.folder / "forgeglass.toml"), *arguments]
        result = await asyncio.to_thread(CliRunner().invoke, main, line)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    async def sync(self, *arguments: str, by: str = "root1", scopes: Sequence[str] = ("all",)) -> Ran:
        """`hooks sync --apply --json`, with a token of `by`."""
        token = self.give("wider", by, scopes)
        return await self.run("hooks", "sync", "--apply", "--json", "--token-file", token, *arguments)

    async def look(self, *arguments: str, by: str = "root1", scopes: Sequence[str] = ("all",)) -> Ran:
        """`hooks list --json`, with a token of `by`."""
        token = self.give("wider", by, scopes)
        return await self.run("hooks", "list", "--json", "--token-file", token, *arguments)

    @asynccontextmanager
    async def daemon(self) -> AsyncIterator[Served]:
        """A daemon inside this process; sweeps are left to the test."""
        config = load(self.folder / "forgeglass.toml", {})
        secrets = read_secrets(config, self.environ)
        async with serving(config, secrets, load_blocks(config), spacing=0, scheduled=False) as served:
            yield served

    @property
    def secret(self) -> str:
        """The webhook secret that made itself."""
        return (self.folder / "data" / "webhook-secret").read_text().strip()

    def on_forge(self) -> list[Hook]:
        """Every webhook there is."""
        return list(self.forge.world.hooks.values())

    def the_hook(self) -> Hook:
        """The only webhook there is."""
        (hook,) = self.on_forge()
        return hook


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])
