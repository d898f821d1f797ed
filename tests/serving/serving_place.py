"""A stand-in forge and a place for a daemon: what every test of the daemon as a whole begins with.

The daemon runs inside the test (`Place.daemon`), as a process of its own (`Place.process`), or as a command that ends
by itself (`Place.command` in this process, `Place.spawn` in another).
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import aiohttp
import structlog
from click.testing import CliRunner
from structlog.testing import capture_logs

from daemon.blocks import load_blocks
from daemon.cli import main
from daemon.commands import COMMANDS
from daemon.config import load
from daemon.config.secret_files import read_secrets
from daemon.serving import Served, serving
from gitea_client.fake import StandIn
from gitea_client.fake.state import Hook

OWNER = "acme"
META = "acme/meta"
SECRET = "between-forge-and-daemon"
PATIENCE = 20.0
"""Seconds after which something awaited counts as never coming: far more than it takes on a slow machine."""
ROOT = Path(__file__).parents[2]

CONFIG = """\
data_dir = "data"
listen = "127.0.0.1:0"
[forge]
url = "{url}"
token_file = "token"
webhook_secret_file = "secret"
owners = ["acme"]
timeout = "5s"
[sweep]
interval = "{interval}"
deep_interval = "1h"
overlap = "{overlap}"
[log]
level = "debug"
[[profiles]]
use = "{profile}"
meta = "acme/meta"
"""


def rfc(title: str = "Title", state: str = "idea", body: str = "Text.\n", **fields: str) -> bytes:
    """A well-formed entry."""
    lines = [f"title: {title}", f"state: {state}", *(f"{name}: {value}" for name, value in fields.items())]
    return ("---\n" + "\n".join(lines) + "\n---\n" + body).encode()


class Ran(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one value that it printed."""
        return json.loads(self.out)


class Daemon:
    """A daemon inside the test."""

    def __init__(self, served: Served, session: aiohttp.ClientSession) -> None:
        self.served, self.session = served, session
        self.engine, self.url = served.engine, served.url

    async def get(self, path: str, **headers: str) -> tuple[int, Any, aiohttp.typedefs.LooseHeaders]:
        """Status, decoded body and headers of an answer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.get(f"{self.url}{path}", headers=named) as answer:
            body = await answer.read()
            return answer.status, json.loads(body) if "json" in answer.content_type else body.decode(), answer.headers

    async def titles(self) -> dict[str, str]:
        """The title of every entry, by key, as the API tells it."""
        status, body, _ = await self.get("/api/v1/rfcs?limit=200")
        assert status == 200, body
        return {item["slug"]: item["title"] for item in body["items"]}

    async def command(self, name: str, **arguments: Any) -> tuple[dict[str, Any], int]:
        """A command's result and exit code, run as the control socket would."""
        return await COMMANDS[name](self.engine, arguments, lambda _progress: None)

    async def sweep(self, *, deep: bool = False) -> dict[str, Any]:
        """A sweep that must go well."""
        report, code = await self.command("sweep", deep=deep)
        assert code == 0, report["errors"]
        return report

    async def digest(self, *, without_state: bool = False) -> str:
        """The digest of the live rows."""
        return str((await self.command("digest", without_state=without_state))[0]["digest"])


class Process:
    """A daemon as a process of its own; `lines` is what it logged."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self.url = ""
        self._arrived = asyncio.Event()
        self._reading = asyncio.create_task(self._read(), name="reading-the-log")

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.lines.append(line.decode(errors="replace"))
            self._arrived.set()
        self._arrived.set()

    async def logged(self, event: str) -> dict[str, Any]:
        """The first log line of this event, awaited."""
        async with asyncio.timeout(PATIENCE):
            while True:
                self._arrived.clear()
                for line in self.lines:
                    if f'"{event}"' in line:
                        return dict(json.loads(line))
                assert not self._reading.done(), f"it ended without {event!r}: {''.join(self.lines[-20:])}"
                await self._arrived.wait()

    async def end(self, signal: int) -> tuple[int, float]:
        """Send a signal; its exit code, and the seconds that it took."""
        began = time.monotonic()
        if self.process.returncode is None:
            self.process.send_signal(signal)
        async with asyncio.timeout(PATIENCE):
            code = await self.process.wait()
            await self._reading
        return code, time.monotonic() - began


class Place:
    """A forge with an organization and its meta repository, and a directory with a configuration for it."""

    def __init__(self, *, flavour: str = "gitea", seed: int = 0) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="srv-"))
        self.forge = StandIn(self.root / "forge", flavour=flavour, seed=seed)
        self.config_file, self.data_dir = self.root / "forgeglass.toml", self.root / "data"
        self.lines: list[Any] = []
        """What a daemon inside the test logged."""
        self._logs = capture_logs()
        self._hook: Hook | None = None

    async def __aenter__(self) -> Self:
        self.lines = self._logs.__enter__()
        await self.forge.start()
        for login in ("ada", "rfcbot"):
            self.forge.create_user(login)
        self.forge.create_organization(OWNER)
        await self.forge.create_repository(META)
        for name, text in (("token", self.forge.token), ("secret", SECRET)):
            (self.root / name).write_text(text)
            (self.root / name).chmod(0o600)
        self.configure()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.forge.stop()
        finally:
            self._logs.__exit__(None, None, None)
            structlog.reset_defaults()
            shutil.rmtree(self.root)

    def configure(
        self, *, url: str = "", interval: str = "60s", overlap: str = "30s", profile: str = "rfc", more: str = ""
    ) -> None:
        """Write the configuration; `more` follows the profile's block."""
        text = CONFIG.format(url=url or self.forge.url, interval=interval, overlap=overlap, profile=profile)
        self.config_file.write_text(text + more)

    async def push(self, **files: bytes | None) -> str:
        """Push entries to the default branch: `a=rfc()` writes rfcs/a.md, `a=None` removes it. The commit's id."""
        paths = {f"rfcs/{name}.md": content for name, content in files.items()}
        return await self.forge.commit(META, paths, message="change", author="ada")

    def hook(self, url: str) -> None:
        """Have the organization's webhook lead to a daemon."""
        if self._hook is None:
            self._hook = self.forge.add_hook(OWNER, f"{url}/webhooks/gitea", SECRET)
        self._hook.url = f"{url}/webhooks/gitea"

    @asynccontextmanager
    async def daemon(self, *, scheduled: bool = False, spacing: float = 0) -> AsyncIterator[Daemon]:
        """A daemon inside this process; `scheduled` False leaves sweeps to the test."""
        config = load(self.config_file, {})
        async with (
            serving(
                config, read_secrets(config, {}), load_blocks(config), spacing=spacing, scheduled=scheduled
            ) as served,
            aiohttp.ClientSession() as session,
        ):
            self.hook(served.url)
            yield Daemon(served, session)

    async def new_state(self) -> None:
        """Go on without a `state.db` that was lost, as people do."""
        ran = await self.spawn("new-state")
        assert ran.code == 0, ran.err

    async def command(self, *arguments: str, environ: dict[str, str] | None = None) -> Ran:
        """The command in this process, on a thread and an event loop of its own: quick, and all but a process."""
        line = ["--config", str(self.config_file), *arguments]
        result = await asyncio.to_thread(CliRunner().invoke, main, line, env=environ)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    async def spawn(self, *arguments: str, **environ: str) -> Ran:
        """The command as people run it."""
        made = await self._start(*arguments, environ=environ, stdout=asyncio.subprocess.PIPE)
        out, err = await made.communicate()
        assert made.returncode is not None
        return Ran(made.returncode, out.decode(), err.decode())

    @asynccontextmanager
    async def process(self, *, hooked: bool = True) -> AsyncIterator[Process]:
        """`forgeglass serve` as a process, listening; killed at the end where it still runs."""
        running = Process(await self._start("serve"))
        try:
            running.url = (await running.logged("daemon.started"))["url"]
            if hooked:
                self.hook(running.url)
            yield running
        finally:
            await running.end(9)

    async def _start(
        self, *arguments: str, environ: dict[str, str] | None = None, stdout: int | None = asyncio.subprocess.DEVNULL
    ) -> asyncio.subprocess.Process:
        line = [sys.executable, "-c", "from daemon.cli import main; main()"]
        return await asyncio.create_subprocess_exec(
            *line, "--config", str(self.config_file), *arguments,
            stdin=asyncio.subprocess.DEVNULL, stdout=stdout, stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(environ or {})},
        )  # fmt: skip


async def until(probe: Callable[[], Awaitable[bool]] | Callable[[], bool]) -> None:
    """Wait until the probe says so: for what another process does, where no event of ours tells of it."""
    async with asyncio.timeout(PATIENCE):
        while True:
            said = probe()
            if await said if isinstance(said, Awaitable) else said:
                return
            await asyncio.sleep(0.02)
