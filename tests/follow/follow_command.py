"""`forgeglass changes --follow` as people run it, and what a daemon's feed holds."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from serving_place import PATIENCE, ROOT, Daemon, Place, until


class Followed:
    """`forgeglass changes --follow` in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self.notes: list[str] = []
        self._reading = [
            asyncio.ensure_future(self._read(process.stdout, self.lines)),
            asyncio.ensure_future(self._read(process.stderr, self.notes)),
        ]

    async def _read(self, stream: asyncio.StreamReader | None, into: list[str]) -> None:
        assert stream is not None
        async for line in stream:
            into.append(line.decode().rstrip("\n"))

    async def noted(self, text: str) -> None:
        await until(lambda: any(text in note for note in self.notes))

    async def end(self, number: int | None = None) -> int:
        """Its exit code, after a signal where one is given."""
        if number is not None and self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(PATIENCE):
            code = await self.process.wait()
            await asyncio.gather(*self._reading)
        return code

    @property
    def positions(self) -> list[str]:
        return [json.loads(line)["position"] for line in self.lines]


@asynccontextmanager
async def following(place: Place, *arguments: str) -> AsyncIterator[Followed]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from daemon.cli import main; main()",
        "--config", str(place.config_file), "changes", "--follow", *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    followed = Followed(process)
    try:
        yield followed
    finally:
        await followed.end(signal.SIGKILL)


async def kept(daemon: Daemon) -> list[Any]:
    return list((await daemon.get("/api/v1/changes?limit=200"))[1]["items"])


async def changed(place: Place, daemon: Daemon, **files: bytes | None) -> None:
    await place.push(**files)
    await daemon.sweep()
