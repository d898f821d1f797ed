"""A large documentation set, read from nothing: `python -m benchmarks.documentation [--pages N] [--page-size BYTES]`.

Prints seconds, the highest resident memory of the reading process and of the git programs that it ran, and the longest
stand-still of its event loop. The forge (the stand-in) is a process of its own, and not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO

from daemon.blocks import load_blocks
from daemon.clock import utc_now
from daemon.commands import sweep
from daemon.config import load
from daemon.engine import engine
from gitea_client.fake import StandIn
from gitea_client.secret import Secret

CONFIG = """
data_dir = "data"
listen = "127.0.0.1:0"
[forge]
url = "{url}"
token_file = "token"
owners = ["docs"]
[[profiles]]
use = "markdown"
repository = "docs/site"
"""
STALE = 2000
"""How many merges ago a branch may have been begun."""
WORDS = [f"{a}{b}{c}" for a in ("con", "re", "un") for b in ("fig", "lea", "vid", "stor") for c in ("e", "ing", "ed")]


def history(pages: int, commits: int, page_size: int, seed: int = 0) -> Iterator[bytes]:
    """For `git fast-import`: half of the pages in one commit, the rest by branches that are begun and merged late."""
    made = random.Random(seed)
    names = [f"docs/part-{number % 40:02}/chapter-{number % 400:03}/page-{number:05}.md" for number in range(pages)]
    first = names[: pages // 2]
    rest = iter(names[pages // 2 :])
    merges = max(1, (commits - 1) // 2)
    adding = -(-(pages - len(first)) // merges)
    mark = 0

    def blob(name: str) -> Iterator[bytes]:
        nonlocal mark
        mark += 1
        text = f"---\ntitle: {name[-13:-3]}\n---\n# {name[-13:-3]}\n"
        lines = []
        size = len(text)
        while size < page_size:
            line = " ".join(made.choices(WORDS, k=12))
            lines.append(line)
            size += len(line) + 1
        data = (text + "\n".join(lines)).encode()
        yield b"blob\nmark :%d\ndata %d\n%s\n" % (mark, len(data), data)

    def commit(ref: str, parents: list[int], changes: dict[str, int]) -> bytes:
        nonlocal mark
        mark += 1
        lines = [f"commit refs/heads/{ref}", f"mark :{mark}", f"committer A <a@b.c> {1_600_000_000 + mark} +0000"]
        lines += ["data 8", "a change", *(f"{word} :{p}" for word, p in zip(("from", "merge"), parents, strict=False))]
        lines += [f"M 100644 :{content} {name}" for name, content in changes.items()]
        return "\n".join([*lines, ""]).encode()

    def written(paths: list[str]) -> Iterator[bytes | tuple[str, int]]:
        for path in paths:
            yield from blob(path)
            yield path, mark

    def bring(paths: list[str], changes: dict[str, int]) -> Iterator[bytes]:
        for part in written(paths):
            if isinstance(part, bytes):
                yield part
            else:
                changes[part[0]] = part[1]

    changes: dict[str, int] = {}
    yield from bring(first, changes)
    yield commit("main", [], changes)
    tips = [mark]
    for number in range(merges):
        changes = {}
        new = list(islice(rest, adding))
        yield from bring([*new, *made.sample(first, 2)], changes)
        yield commit(f"side-{number}", [made.choice(tips[-STALE:])], changes)
        yield commit("main", [tips[-1], mark], changes)
        tips.append(mark)


async def main() -> None:
    """Plant, have it read by a process of its own, and print what that took."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.documentation")
    parser.add_argument("--pages", type=int, default=24_000)
    parser.add_argument("--commits", type=int, default=8_400)
    parser.add_argument("--page-size", type=int, default=5_000)
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read is not None:
        print(json.dumps(await read(given.read)))
        return
    with tempfile.TemporaryDirectory(prefix="forgeglass-bench-") as temporary:
        folder = Path(temporary)
        async with StandIn(folder / "forge") as forge:
            forge.create_organization("docs")
            await forge.create_repository("docs/site")
            repository = forge.repository("docs/site")
            await asyncio.to_thread(plant, repository.git.path, given.pages, given.commits, given.page_size)
            repository.empty = False
            repository.branches["main"] = (repository.git.path / "refs/heads/main").read_text().strip()
            (folder / "token").write_text(forge.token)
            (folder / "forgeglass.toml").write_text(CONFIG.format(url=forge.url))
            command = [sys.executable, "-m", "benchmarks.documentation", "--read", str(folder)]
            reading = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
            said, _ = await reading.communicate()
        measured = json.loads(said)
        files = {name: size(folder / "data" / name) for name in ("cache.db", "cache.db-wal", "objects")}
    for name, value in {**measured, **{f"{name} (MB)": value for name, value in files.items()}}.items():
        print(f"{name:36}{value:>12}")


def plant(path: Path, pages: int, commits: int, page_size: int) -> None:
    """Make the history in a bare repository, with the main branch alone."""
    git = ["git", "--git-dir", str(path)]
    with subprocess.Popen([*git, "fast-import", "--quiet"], stdin=subprocess.PIPE) as importing:
        pipe: IO[bytes] | None = importing.stdin
        assert pipe is not None
        for part in history(pages, commits, page_size):
            pipe.write(part)
        pipe.close()
    listing = [*git, "for-each-ref", "--format=delete %(refname)", "refs/heads/side-*"]
    sides = subprocess.run(listing, capture_output=True, check=True).stdout
    subprocess.run([*git, "update-ref", "--stdin"], input=sides, check=True)


async def read(folder: Path) -> dict[str, object]:
    """Read everything from nothing; what it took."""
    config = load(folder / "forgeglass.toml", {})
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.01)
            longest = max(longest, time.perf_counter() - before - 0.01)

    idle = peak(resource.RUSAGE_SELF)
    async with engine(config, Secret((folder / "token").read_text()), load_blocks(config), utc_now) as opened:
        watching = asyncio.create_task(watch())
        began = time.perf_counter()
        report, _ = await sweep(opened, {}, lambda _: None)
        seconds = time.perf_counter() - began
        watching.cancel()
        rows = {kind.table: len(table) for kind, table in opened.desk.book.rows.items() if table}
    return {
        "seconds": round(seconds, 1),
        "errors": len(report["errors"]),
        "longest stand-still (ms)": round(1000 * longest),
        "memory before reading (MB)": idle,
        "highest memory (MB)": peak(resource.RUSAGE_SELF),
        "highest memory of a git (MB)": peak(resource.RUSAGE_CHILDREN),
        **{f"rows of {name}": count for name, count in rows.items()},
    }


def peak(who: int) -> int:
    """The highest resident memory so far, in MB."""
    return resource.getrusage(who).ru_maxrss // 1024


def size(path: Path) -> int:
    """The size of a file, or of all in a folder, in MB."""
    files = path.rglob("*") if path.is_dir() else [path] if path.exists() else []
    return sum(file.stat().st_size for file in files) >> 20


if __name__ == "__main__":
    asyncio.run(main())
