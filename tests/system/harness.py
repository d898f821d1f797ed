"""A stand-in forge and a daemon, put together: what every test of the whole begins with.

The forge's clock stands still until a test moves it, so that overlaps are crossed without sleeping. The daemon goes
by the real clock, years away: watermarks must come from the server's own times, and whatever mixes the two shows.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import structlog
from structlog.testing import capture_logs

from cache.digest import COVERED
from cache.rows import Row
from daemon.blocks import load_blocks
from daemon.clock import utc_now
from daemon.commands import COMMANDS
from daemon.config import load
from daemon.config.secret_files import read_secrets
from daemon.engine import Engine, engine
from daemon.serving import Served, serving
from daemon.timelines import Timelines
from gitea_client.fake import StandIn
from gitea_client.fake.state import Hook

OWNER = "acme"
META = "acme/meta"
BOT = "rfcbot"
SECRET = "between-forge-and-daemon"
OVERLAP = 30
"""Seconds, as configured by default."""

Tables = dict[type[Row], dict[Any, Row]]

Timelines.patience = 0.2  # the stand-in's events come a few milliseconds after their refs

_CONFIG = """\
data_dir = "data"
listen = "127.0.0.1:0"
[forge]
url = "{url}"
token_file = "token"
webhook_secret_file = "secret"
owners = [{owners}]
timeout = "{timeout}"
[sweep]
interval = "60s"
deep_interval = "1h"
[[profiles]]
"""
RFC = """\
use = "rfc"
meta = "acme/meta"
bot = "rfcbot"
"""


class Clock:
    """The forge's time, moved by hand; whole seconds matter to it."""

    def __init__(self) -> None:
        self.now = datetime(2025, 3, 1, 8, 0, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def tick(self, seconds: float = 1) -> None:
        """Move on."""
        self.now += timedelta(seconds=seconds)


class System:
    """A forge with an organization, its meta repository, and a daemon that mirrors it and listens for deliveries.

    `daemon` False leaves the daemon to `start`. `spacing` is the seconds between two looks at one repository. Sweeps
    come only when a test asks for one. `profile` is the block of the configuration.
    """

    def __init__(
        self, *, flavour: str = "gitea", owners: tuple[str, ...] = (OWNER,), daemon: bool = True, timeout: str = "10s",
        spacing: float = 0, profile: str = RFC,
    ) -> None:  # fmt: skip
        self._place = Path(tempfile.mkdtemp(prefix="sys-"))
        self._owners, self._timeout, self._wanted, self._spacing = owners, timeout, daemon, spacing
        self._profile = profile
        self._daemon: AsyncExitStack | None = None
        self._hook: Hook | None = None
        self._logs = capture_logs()
        self.lines: list[Any] = []
        """What the daemon logged."""
        self.clock = Clock()
        self.forge = StandIn(self._place / "forge", flavour=flavour, clock=self.clock)
        self.served: Served | None = None

    # ------------------------------------------------------------------------------------------ coming and going

    async def __aenter__(self) -> Self:
        self.lines = self._logs.__enter__()
        await self.forge.start()
        for login in ("ada", BOT):
            self.forge.create_user(login)
        for owner in self._owners:
            self.forge.create_organization(owner)
        await self.forge.create_repository(META)
        (self._place / "token").write_text(self.forge.token)
        (self._place / "secret").write_text(SECRET)
        owners = ", ".join(f'"{owner}"' for owner in self._owners)
        text = _CONFIG.format(url=self.forge.url, owners=owners, timeout=self._timeout)
        self.config_file.write_text(text + self._profile)
        for name in ("token", "secret"):
            (self._place / name).chmod(0o600)
        if self._wanted:
            await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.stop()
        finally:
            await self.forge.stop()
            self._logs.__exit__(None, None, None)
            structlog.reset_defaults()
            shutil.rmtree(self._place)

    @property
    def config_file(self) -> Path:
        """The daemon's configuration."""
        return self._place / "forgeglass.toml"

    @property
    def data_dir(self) -> Path:
        """What the daemon owns."""
        return self._place / "data"

    @property
    def engine(self) -> Engine:
        """The running daemon's parts."""
        if self.served is None:
            raise RuntimeError("the daemon is not running: await system.start()")
        return self.served.engine

    async def start(self) -> None:
        """Start the daemon, and have the organization's webhook lead to it."""
        config = load(self.config_file, {})
        stack = AsyncExitStack()
        self.served = await stack.enter_async_context(
            serving(config, read_secrets(config, {}), load_blocks(config), spacing=self._spacing, scheduled=False)
        )
        self._daemon = stack
        url = f"{self.served.url}/webhooks/gitea"
        if self._hook is None:
            self._hook = self.forge.add_hook(OWNER, url, SECRET)
        self._hook.url = url

    async def stop(self) -> None:
        """Stop the daemon in order; deliveries are lost until it is started again."""
        if self._daemon is not None:
            stack, self._daemon, self.served = self._daemon, None, None
            await stack.aclose()

    async def restart(self) -> None:
        """Stop in order, and start again."""
        await self.stop()
        await self.start()

    async def kill(self) -> None:
        """Have the data directory as a SIGKILL at this moment would leave it.

        It is copied as it is, by another process (closing a database file in this one would let go of its locks),
        then the daemon is stopped and what it did after that moment is thrown away.
        """
        image = self._place / "image"
        # Before their logs: whatever is written meanwhile is in a log that is copied later, or cut off by checksum.
        databases = "cp -p *.db {0}/; cp -p *.db-wal {0}/ 2>/dev/null; cp -Rp objects {0}/ 2>/dev/null; true"
        image.mkdir()
        copying = await asyncio.create_subprocess_shell(databases.format(image), cwd=self.data_dir)
        await copying.wait()
        await self.stop()
        shutil.rmtree(self.data_dir)
        image.replace(self.data_dir)

    async def lose(self, *names: str) -> None:
        """Remove files or directories of the data directory while the daemon is stopped, and start it again."""
        await self.stop()
        for name in names:
            for path in self.data_dir.glob(f"{name}*"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        if "state.db" in names and (self.data_dir / "cache.db").exists():
            config = load(self.config_file, {})
            async with engine(config, None, load_blocks(config), utc_now, new_state=True):
                pass
        await self.start()

    # ------------------------------------------------------------------------------------------ asking the daemon

    async def command(self, name: str, **arguments: Any) -> tuple[dict[str, Any], int]:
        """A command's result and exit code."""
        return await COMMANDS[name](self.engine, arguments, lambda _progress: None)

    async def sweep(self, *, deep: bool = False) -> dict[str, Any]:
        """A sweep that must go well; its report."""
        report, code = await self.command("sweep", deep=deep)
        assert code == 0, report["errors"]
        return report

    async def settle(self) -> None:
        """Wait until the forge has sent what it has to tell, and the daemon has acted on it."""
        await self.forge.settle()
        if self.served is not None:
            await self.engine.desk.workers.idle()

    async def rows(self) -> Tables:
        """Every row that a digest covers, from the file."""
        return await self.engine.store.load(COVERED)

    async def table(self, kind: type[Row]) -> dict[Any, Any]:
        """The rows of one type, in the order of their keys."""
        return dict(sorted((await self.rows())[kind].items(), key=lambda item: repr(item[0])))

    async def until_nothing_is_pending(self) -> None:
        """Wait until every delivery in the inbox is settled; what concerns nobody is settled beside the queue."""
        async with asyncio.timeout(30):
            while (await self.engine.inbox.backlog()).pending:
                await asyncio.sleep(0.01)

    async def digest(self, *, without_state: bool = False) -> str:
        """The digest of the live rows."""
        return str((await self.command("digest", without_state=without_state))[0]["digest"])

    def spent(self, mark: int) -> list[str]:
        """What the forge was asked since `forge.mark()`."""
        return [f"{request.method} {request.path}" for request in self.forge.requests_since(mark)]


def rfc(title: str = "Title", state: str = "idea", body: str = "Text.\n", **fields: object) -> str:
    """A well-formed entry."""
    lines = [f"title: {title}", f"state: {state}"]
    for name, value in fields.items():
        shown = f"[{', '.join(value)}]" if isinstance(value, list | tuple) else value
        lines.append(f"{name}: {shown}")
    return "---\n" + "\n".join(lines) + "\n---\n" + body


def environment() -> Mapping[str, str]:
    """For Git run by tests: nothing of this machine's configuration."""
    return {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
