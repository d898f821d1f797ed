"""The configured group reads `cache.db` while a daemon runs, after its end, after its death and after one command."""

from __future__ import annotations

import asyncio
import grp
import os
import signal
import sys
from pathlib import Path

import pytest
from serving_place import Place, rfc

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become other users")

READER = 64_112
READ = """
import os, sqlite3, sys
os.setgroups([])
os.setgid(int(sys.argv[2]))
os.setuid(int(sys.argv[3]))
try:
    print([title for title, in sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True).execute(
        "SELECT title FROM cached_rfcs ORDER BY slug")])
except sqlite3.Error as error:
    print(error)
"""


@pytest.fixture
def group() -> grp.struct_group:
    """A group of this machine that root is no member of."""
    return next(each for each in grp.getgrall() if each.gr_gid > 0)


async def seen(place: Place, group: int) -> str:
    """What somebody sees who has that group alone."""
    for folder in (place.root, place.root.parent):
        folder.chmod(0o711)
    path = place.data_dir / "cache.db"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", READ, str(path), str(group), str(READER), stdout=asyncio.subprocess.PIPE
    )
    return (await process.communicate())[0].decode().strip()


async def test_the_group_reads_in_every_state(group: grp.struct_group) -> None:
    """Guards W9, and a data_dir that was made for its owner alone."""
    async with Place() as place:
        place.data_dir.mkdir(mode=0o700)
        config = place.config_file.read_text()
        place.config_file.write_text(f'group = "{group.gr_name}"\n{config}')
        await place.push(one=rfc("One"))
        assert (await place.command("sweep")).code == 0
        assert await seen(place, group.gr_gid) == "['One']", "after one command"
        for last, told in ((signal.SIGTERM, "['Two']"), (signal.SIGKILL, "['Three']")):
            await place.push(one=rfc(told[2:-2]))
            async with place.process() as daemon:
                await daemon.logged("sweep.done")
                assert await seen(place, group.gr_gid) == told, "while it runs"
                await daemon.end(last)
            assert await seen(place, group.gr_gid) == told, f"after {last.name}"
        await place.push(one=rfc("Four"))
        assert (await place.command("rebuild")).code == 0
        assert await seen(place, group.gr_gid) == "['Four']", "after a rebuild"
        assert (await place.command("changes", environ={"FORGEGLASS_LISTEN": "127.0.0.1:9"})).code == 0
        assert await seen(place, group.gr_gid) == "['Four']", "after a look at the feed"
        assert "unable to open" in await seen(place, group.gr_gid + 40_000)
        others = [path.name for path in place.data_dir.iterdir() if readable(path, group.gr_gid)]
        assert sorted(others) == ["cache.db", "cache.db-shm", "cache.db-wal"]


def readable(path: Path, group: int) -> bool:
    """Whether the group may read a file."""
    return path.stat().st_gid == group and bool(path.stat().st_mode & 0o040)
