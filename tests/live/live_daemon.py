"""A daemon beside a live forge: started, stopped, asked over HTTP, robbed of its files."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp

from daemon.blocks import load_blocks
from daemon.commands import COMMANDS
from daemon.config import load
from daemon.config.secret_files import read_secrets
from daemon.serving import Served, serving

SECRET = "between-forge-and-daemon"
BESIDE = ("verified_at", "observed_at", "stale", "sequence")
"""What an answer says of itself, not of the revision."""

_CONFIG = """\
data_dir = "data"
listen = "127.0.0.1:{port}"
[forge]
url = "{url}"
token_file = "token"
webhook_secret_file = "secret"
owners = ["{owner}"]
{profiles}
"""


class LiveDaemon:
    """The daemon of one configuration; sweeps come only when they are asked for."""

    def __init__(self, place: Path, url: str, token: str, owner: str, profiles: str) -> None:
        self._place = place
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self._port}"
        self._told = {"port": self._port, "url": url, "owner": owner}
        self.configure(profiles)
        for name, text in (("token", token), ("secret", SECRET)):
            (place / name).write_text(text)
            (place / name).chmod(0o600)
        self._daemon: AsyncExitStack | None = None
        self._served: Served | None = None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession()
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()
        await self.stop()

    def configure(self, profiles: str) -> None:
        """Other blocks, from the next start on."""
        (self._place / "forgeglass.toml").write_text(_CONFIG.format(**self._told, profiles=profiles))

    async def start(self) -> None:
        """Start it."""
        config = load(self._place / "forgeglass.toml", {})
        stack = AsyncExitStack()
        self._served = await stack.enter_async_context(
            serving(config, read_secrets(config, {}), load_blocks(config), scheduled=False)
        )
        self._daemon = stack

    async def stop(self) -> None:
        """Stop it in order."""
        if self._daemon is not None:
            stack, self._daemon, self._served = self._daemon, None, None
            await stack.aclose()

    async def lose(self, *names: str) -> None:
        """Remove files of its data directory while it is stopped (all of it for none named), then start it again."""
        await self.stop()
        data = self._place / "data"
        gone = [path for name in names for path in data.glob(f"{name}*")] if names else [data]
        assert gone
        for path in gone:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        await self.start()

    # ------------------------------------------------------------------------------------------------- asking it

    async def command(self, name: str, **arguments: Any) -> tuple[dict[str, Any], int]:
        """A command's result and exit code."""
        assert self._served is not None
        return await COMMANDS[name](self._served.engine, arguments, lambda _progress: None)

    async def sweep(self, *, deep: bool = False) -> dict[str, Any]:
        """A sweep that must go well; its report."""
        report, code = await self.command("sweep", deep=deep)
        assert code == 0, report["errors"]
        return report

    @asynccontextmanager
    async def sweeping(self) -> AsyncIterator[None]:
        """Sweep after sweep meanwhile. Looking between a push and what follows from it may fail, and is made good."""
        stopping = asyncio.Event()

        async def sweeps() -> None:
            while not stopping.is_set():
                await self.command("sweep", deep=False)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), 0.5)

        task = asyncio.create_task(sweeps())
        try:
            yield
        finally:
            stopping.set()
            await task

    async def idle(self) -> None:
        """Wait until every delivery that came is settled, and nothing is looked at."""
        assert self._served is not None
        async with asyncio.timeout(60):
            while (await self._served.engine.inbox.backlog()).pending:
                await asyncio.sleep(0.05)
            await self._served.engine.desk.workers.idle()

    async def digest(self, *, without_state: bool = False) -> str:
        """The digest of the live rows."""
        return str((await self.command("digest", without_state=without_state))[0]["digest"])

    async def rows(self, sql: str) -> list[dict[str, Any]]:
        """What a statement gives."""
        report, code = await self.command("query", sql=sql)
        assert code == 0
        return list(report["rows"])

    async def get(self, path: str) -> Any:
        """An answer of the API; None for 404."""
        assert self._session is not None
        async with self._session.get(f"{self.address}/api/v1/{path}") as answer:
            if answer.status == 404:
                return None
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def revisions(self, collection: str, key: str) -> list[dict[str, Any]]:
        """Every column of every revision of an entry, newest first: as listed, beside what each says alone."""
        path = f"{collection}/{quote(key, safe='')}/revisions"
        listed: list[dict[str, Any]] = []
        page = await self.get(f"{path}?limit=3")
        while page is not None:
            listed += page["items"]
            page = await self.get(f"{path}?limit=3&cursor={quote(page['next'])}") if page["next"] else None
        alone = [_without(await self.get(f"{path}/{each['version']}"), BESIDE) for each in listed]
        short = [_without(each, ("content", "merged_content")) for each in alone]
        assert listed == short, f"{collection}/{key}: the list and the single answers differ"
        return alone

    async def latest_merged(self, collection: str, key: str) -> int | None:
        """The version that was merged last."""
        found = await self.get(f"{collection}/{quote(key, safe='')}/revisions/latest-merged")
        return None if found is None else int(found["version"])


def _without(item: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in set(names)}
