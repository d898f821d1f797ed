"""Other users of the machine: code run in a process that root began and that then is somebody else."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

DAEMON, READER = 64_111, 64_112
"""Users who own nothing; the first one's own group has its number."""
GROUP, STRANGERS = 64_200, 64_201
"""The group that may read, and one that may not."""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become other users")

_BECOME = """
def become(user, group, *groups):
    import os
    os.setgroups(groups)
    os.setgid(group)
    os.setuid(user)
    os.umask(0o077)
"""

_READ = """
import sqlite3, sys
become(int(sys.argv[2]), int(sys.argv[3]))
try:
    cache = sqlite3.connect(sys.argv[1], uri=True)
    print("read", *cache.execute(sys.argv[4]).fetchone())
    cache.close()
except sqlite3.Error as error:
    print(error)
"""


async def started(code: str, *arguments: str) -> asyncio.subprocess.Process:
    """A process that runs this code; `become(user, group, *groups)` is at hand in it."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", _BECOME + code, *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip


async def as_other(code: str, *arguments: str) -> str:
    """What code prints."""
    return (await (await started(code, *arguments)).communicate())[0].decode().strip()


async def read_as(path: Path, question: str, *, user: int = READER, group: int = GROUP, more: str = "") -> str:
    """What a user whose only right is a group's reads; `more` follows `mode=ro` in the file's address."""
    return await as_other(_READ, f"file:{path}?mode=ro{more}", str(user), str(group), question)
