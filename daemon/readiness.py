"""Whether `cache.db` can be read, on a thread and a connection of its own: health never waits for those who read."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SECONDS = 2.0

_thread = ThreadPoolExecutor(1, "forgeglass-health")


async def probe(path: Path) -> None:
    """Read a row. Raises sqlite3.Error where that is not possible, TimeoutError where it takes too long."""
    async with asyncio.timeout(SECONDS):
        await asyncio.get_running_loop().run_in_executor(_thread, _read, path)


def _read(path: Path) -> None:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=1.0)) as connection:
        connection.execute("SELECT 1 FROM meta LIMIT 1").fetchone()
