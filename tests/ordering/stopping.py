"""Stopping a coroutine at its n-th await, and looking at both databases after each commit.

What a process that is killed leaves behind is what was committed: SQLite sees to that. So a look at the rows after
every commit sees every state that a kill could leave, without one.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

import pytest
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")


class Step(Generic[T]):
    """Awaits `work`, and calls `then` where it waits the `number`-th time, from 1; `count` is how often it waited."""

    def __init__(self, work: Awaitable[T], number: int, then: Callable[[], object]) -> None:
        self._work, self._number, self._then = work, number, then
        self.count = 0

    def __await__(self) -> Generator[Any, Any, T]:
        inner = self._work.__await__()
        thrown: BaseException | None = None
        while True:
            try:
                waited = next(inner) if thrown is None else inner.throw(thrown)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return] # the coroutine's own result
            thrown = None
            self.count += 1
            if self.count == self._number:
                asyncio.get_running_loop().call_soon(self._then)
            try:
                yield waited
            except BaseException as error:
                thrown = error


async def cancelled_at(number: int, work: Awaitable[object]) -> bool:
    """Run `work`, cancelled where it waits for the `number`-th time; whether it got that far."""

    async def run() -> None:
        await step

    step = Step(work, number, lambda: task.cancel())
    task = asyncio.ensure_future(run())
    await asyncio.wait((task,))
    if not task.cancelled():
        task.result()
    return step.count >= number


class Snapshot(Struct, frozen=True):
    """What stands in the two files after one commit."""

    refs: dict[tuple[int, str], str]
    """`refs/heads/*` as last read, by repository and branch."""
    pulls: frozenset[tuple[int, int]]
    repositories: frozenset[int]
    revisions: dict[tuple[str, int, int], str | None]
    """The text of each revision, by key, repository and number."""
    entries: frozenset[str]
    told: dict[str, str]
    """The last operation that the change feed tells of each entry."""
    sequence: int
    tombstones: frozenset[tuple[str, int, str]]
    kept: frozenset[tuple[str, int, int]]
    """The revisions that `state.db` keeps."""
    heads: dict[tuple[int, int], frozenset[str]]
    """The heads that `state.db` keeps of each pull request."""
    pushed: dict[tuple[int, int], frozenset[str]]
    """The heads of which `cache.db` says that a push told of them."""
    high_water: int
    done: frozenset[str]
    """Deliveries that are done, by their ids."""


def look(data: Path) -> Snapshot:
    """Both files as anybody would find them now."""
    cache, state = (sqlite3.connect(f"file:{data / name}?mode=ro", uri=True) for name in ("cache.db", "state.db"))
    with closing(cache), closing(state):
        heads: dict[tuple[int, int], set[str]] = {}
        for key, number, sha in cache.execute("SELECT repository_id, number, sha FROM pull_heads WHERE told"):
            heads.setdefault((key, number), set()).add(sha)
        kept = state.execute("SELECT repository_id, number, heads FROM pull_heads")
        return Snapshot(
            refs={
                (key, name.removeprefix("refs/heads/")): sha
                for key, name, sha in cache.execute("SELECT repository_id, name, sha FROM refs")
                if name.startswith("refs/heads/")
            },
            pulls=frozenset(cache.execute("SELECT repository_id, number FROM pull_requests")),
            repositories=frozenset(key for (key,) in cache.execute("SELECT id FROM repositories")),
            revisions={
                (key, repository, number): content
                for key, repository, number, content in cache.execute(
                    "SELECT key, repository_id, number, frozen_at FROM revisions"
                )
            },
            entries=frozenset(key for (key,) in cache.execute("SELECT key FROM entries WHERE collection = 'rfcs'")),
            told=dict(
                cache.execute(
                    "SELECT key, operation FROM changes WHERE kind = 'entry' AND collection = 'rfcs' ORDER BY sequence"
                ).fetchall()
            ),
            sequence=cache.execute("SELECT coalesce(max(sequence), 0) FROM changes").fetchone()[0],
            tombstones=frozenset(state.execute("SELECT kind, repository_id, name FROM tombstones")),
            kept=frozenset(state.execute("SELECT key, repository_id, number FROM revisions")),
            heads={(key, number): frozenset(head["sha"] for head in json.loads(text)) for key, number, text in kept},
            pushed={at: frozenset(shas) for at, shas in heads.items()},
            high_water=state.execute("SELECT high_water FROM feed_state").fetchone()[0],
            done=frozenset(name for (name,) in state.execute("SELECT delivery FROM inbox WHERE state = 'done'")),
        )


@contextmanager
def after_each_commit(data: Path, seen: Callable[[Snapshot], None]) -> Iterator[None]:
    """Have `seen` called with what stands after every commit to either database."""
    commit = AsyncConnection.commit

    async def committing(connection: AsyncConnection) -> None:
        await commit(connection)
        seen(look(data))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AsyncConnection, "commit", committing)
        yield
