"""How long lists of revisions take, read from the database: `python -m benchmarks.revisions [--revisions N]`.

One entry has all of them, each with a text of some kilobytes, and nothing is left out: neither what a reader may see
nor the order. Seconds are of this machine and this run; the median of many.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cache.diff import changes
from cache.profile.block import bind, load_profile
from cache.profile.collection import Block
from cache.queries.paging import MAX_LIMIT, ask
from cache.queries.revisions import LATEST_MERGED, RevisionPage, columns, one_revision, revision_list
from cache.revision_rows import RevisionRow
from cache.rows import EntryRow, RepositoryRow, Row, tabulate
from cache.store.database import Database
from cache.store.migrating import upgrade
from cache.store.writer import Store
from cache.viewer import EVERYTHING, PUBLIC
from cache.views import create_views

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
TEXT = "What the contract said, word for word.\n" * 100
KEY = "contract"
TIMES = 31


def rows(number: int) -> list[Row]:
    """A repository, its entry, and the revisions of that."""
    at, sha = EPOCH, "0" * 40
    place: dict[str, Any] = {"block": "directives", "collection": "directives", "key": KEY, "repository_id": 1}
    name = {"owner": "acme", "name": "contracts", "full_name": "acme/contracts"}
    repository = RepositoryRow(**_filled(RepositoryRow, id=1, **name))
    entry = EntryRow(**_filled(EntryRow, **place, valid=True, body=TEXT, entry_body=TEXT))
    revisions = [
        RevisionRow(
            **place, number=n, entry_repository_id=1,
            version=n, rule="field", part="entry", path=f"directives/{KEY}.md", content=TEXT, content_state="text",
            frozen_at=at + timedelta(minutes=n), head_sha=f"{n:040x}", blob=sha,
            pr_state="merged" if n % 3 else "open", pr_url=f"http://forge.example/acme/contracts/pulls/{n}",
            pr_branch=f"directive/{KEY}/{n}", merged_at=at + timedelta(minutes=n) if n % 3 else None, closed_at=None,
            merged_commit=None, merged_content=None, amendments=(), retold=None,
        )
        for n in range(1, number + 1)
    ]  # fmt: skip
    return [repository, entry, *revisions]


def _filled(kind: type[Row], **known: Any) -> dict[str, Any]:
    """A row's values: those known, and something of the right kind for the others."""
    plain: dict[str, Any] = {"str": "x", "int": 0, "bool": False, "datetime": EPOCH, "dict": {}, "tuple": ()}
    told = {}
    for name, annotation in kind.__annotations__.items():
        if name in kind.__struct_fields__:
            words = str(annotation)
            told[name] = None if "None" in words else plain[words.partition("[")[0]]
    return {**told, **known}


@asynccontextmanager
async def filled(folder: Path, number: int) -> AsyncIterator[tuple[Database, Block]]:
    """A cache with that many revisions."""
    block = bind(load_profile("directives"), parameters={"repository": "acme/contracts"})
    sequence = 0

    async def reserve(count: int) -> range:
        nonlocal sequence
        sequence += count
        return range(sequence - count + 1, sequence + 1)

    async with Database(folder / "cache.db") as database:
        await upgrade(database, "cache")
        async with database.transaction() as connection:
            await create_views(connection, [block])
        made = tabulate(rows(number), {RepositoryRow, EntryRow, RevisionRow})
        await Store(database, reserve).apply(changes({kind: {} for kind in made}, made), at=EPOCH, rows=made)
        yield database, block


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.revisions")
    parser.add_argument("--revisions", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        async with filled(Path(folder), given.revisions) as (database, block):
            figures = await measured(database, block, Path(folder) / "cache.db")
    if given.json:
        print(json.dumps({"revisions": given.revisions, "milliseconds": figures}, indent=2))
        return
    print(f"{given.revisions} revisions of one entry, {len(TEXT)} bytes each; milliseconds, median of {TIMES}")
    for name, milliseconds in figures.items():
        print(f"  {name:<52} {milliseconds:8.2f}")


async def measured(database: Database, block: Block, file: Path) -> dict[str, float]:
    """Milliseconds of each question."""
    collection = block.collections[0]

    async def page(viewer: Any, *pairs: tuple[str, str]) -> RevisionPage:
        question = ask(pairs, columns(viewer), sort="-version")
        async with database.read() as connection:
            return await revision_list(connection, viewer, collection, KEY, question)

    async def latest() -> None:
        async with database.read() as connection:
            await one_revision(connection, EVERYTHING, collection, KEY, LATEST_MERGED)

    async def whole() -> None:
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
            told = "id, directive_id, pr_url, pr_branch, pr_state, version, frozen_at"
            connection.execute(f"SELECT {told} FROM directive_revisions ORDER BY version DESC").fetchall()

    deep = await page(EVERYTHING, ("limit", str(MAX_LIMIT)), ("version__lt", "5000"))
    most = ("limit", str(MAX_LIMIT))
    there = ("version__lt", "5000"), ("cursor", deep.next or "")
    asked: dict[str, Callable[[], Awaitable[object]]] = {
        "newest 50": lambda: page(EVERYTHING),
        f"newest {MAX_LIMIT}": lambda: page(EVERYTHING, most),
        f"newest {MAX_LIMIT}, to a stranger": lambda: page(PUBLIC, most),
        f"{MAX_LIMIT} from the middle": lambda: page(EVERYTHING, most, *there),
        f"newest {MAX_LIMIT} that are open": lambda: page(EVERYTHING, most, ("pr_state", "open")),
        f"{MAX_LIMIT} by the time of their merge": lambda: page(EVERYTHING, most, ("sort", "-merged_at")),
        "the latest merged one, with its text": latest,
        "all of them in one statement of SQL, without texts": whole,
    }
    return {name: await _median(question) for name, question in asked.items()}


async def _median(question: Callable[[], Awaitable[object]]) -> float:
    await question()
    times = []
    for _ in range(TIMES):
        began = time.perf_counter()
        await question()
        times.append(time.perf_counter() - began)
    return round(statistics.median(times) * 1000, 2)


if __name__ == "__main__":
    asyncio.run(main())
