"""The program of docs/how-to/follow-changes.md, as it stands there: its copy is the list, whatever happens."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from follow_line import Line
from serving_place import META, Daemon, Place, rfc, until

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "follow-changes.md"
LINES = 22
"""A consumer that takes more to write is one that people get wrong."""


def program() -> str:
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


class Copy:
    """What the program keeps."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def items(self) -> dict[str, Any] | None:
        return dict(json.loads(self.file.read_text())) if self.file.exists() else None

    async def equals(self, daemon: Daemon) -> bool:
        _, body, _ = await daemon.get("/api/v1/rfc/rfcs?limit=200")
        return self.items() == {item["key"]: item for item in body["items"]}


@asynccontextmanager
async def running(url: str, folder: Path) -> AsyncIterator[Copy]:
    (folder / "follow.py").write_text(program())
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "ignore", "follow.py", f"{url}/api/v1", "rfc/rfcs", "copy.json", cwd=folder,
        stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Copy(folder / "copy.json")
        assert process.returncode is None, "it must outlive every fault"
    finally:
        if process.returncode is None:
            process.kill()
        _, said = await process.communicate()
        assert not said, said.decode()


def test_the_program_is_short() -> None:
    assert len([line for line in program().splitlines() if line.strip()]) <= LINES


async def test_the_copy_is_the_list_after_pushes_pulls_and_a_lost_connection(tmp_path: Path) -> None:
    """Guards the promise of the page: whoever does as it says misses nothing and keeps nothing that is gone."""
    async with Place() as place, Line() as line:
        await place.push(one=rfc("One"), two=rfc("Two"), three=b"no front matter")
        async with place.daemon() as daemon, running(line.url, tmp_path) as copy:
            await daemon.sweep()
            line.lead(daemon.url)
            await until(lambda: copy.equals(daemon))
            before = line.taken

            await place.push(one=rfc("One again"), four=rfc("Four"), two=None)
            await daemon.sweep()
            await until(lambda: copy.equals(daemon))
            assert set(copy.items() or ()) == {"one", "four"}

            await line.cut()
            await place.push(five=rfc("Five"), four=rfc("Four", "withdrawn"))
            await daemon.sweep()
            await until(lambda: copy.equals(daemon))
            assert line.taken > before

            await place.forge.commit(
                META, {"rfcs/six.md": rfc("Six")}, message="six", author="ada", branch="propose/six", start="main"
            )
            await place.forge.open_pull(META, head="propose/six", base="main", title="Six", by="ada")
            await place.forge.commit(
                META, {"rfcs/one.md": rfc("Two")}, message="one", author="ada", branch="edit/one/a", start="main"
            )
            await place.forge.open_pull(META, head="edit/one/a", base="main", title="One", by="ada")
            await daemon.sweep()
            await until(lambda: copy.equals(daemon))
            assert (copy.items() or {})["one"]["counts"]["pulls_open"] == 1, "what belongs to an entry is in its row"


async def test_the_copy_is_the_list_after_restarts_of_daemon_and_program(tmp_path: Path) -> None:
    """Guards resuming: the copy is right again after either ended, and after the feed began anew (410)."""
    async with Place() as place, Line() as line:
        await place.push(one=rfc("One"), two=rfc("Two"))
        async with place.daemon() as daemon, running(line.url, tmp_path) as copy:
            line.lead(daemon.url)
            await daemon.sweep()
            await until(lambda: copy.equals(daemon))
        async with running(line.url, tmp_path) as copy:
            line.lead(None)
            await place.push(one=None, three=rfc("Three"))
            async with place.daemon() as daemon:
                line.lead(daemon.url)
                await daemon.sweep()
                await until(lambda: copy.equals(daemon))
            line.lead(None)
            await place.push(two=rfc("Two again"), three=None)
            for left in place.data_dir.glob("state.db*"):
                left.unlink()
            await place.new_state()
            async with place.daemon() as daemon:  # the feed begins anew: the old position is answered with 410
                line.lead(daemon.url)
                await daemon.sweep()
                await until(lambda: copy.equals(daemon))


async def test_a_change_that_names_no_entry_has_the_copy_read_anew(tmp_path: Path) -> None:
    """Guards names of repositories in rows: a renaming is told once, not for each entry that shows the name."""
    async with Place() as place, Line() as line:
        await place.forge.create_repository("acme/app")
        await place.push(one=rfc("One", "active", repo="acme/app"))
        async with place.daemon() as daemon, running(line.url, tmp_path) as copy:
            line.lead(daemon.url)
            await daemon.sweep()
            await until(lambda: copy.equals(daemon))
            assert (copy.items() or {})["one"]["home_repository"] == "acme/app"
            await place.forge.rename_repository("acme/app", "program")
            await daemon.sweep(deep=True)
            await until(lambda: copy.equals(daemon))
            assert (copy.items() or {})["one"]["home_repository"] != "acme/app"
