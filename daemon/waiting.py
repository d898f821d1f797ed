"""Read-your-push: looking at the forge until a commit is there.

A delivery comes 0.8 s (Gitea) or 2.4 s (Forgejo) after a push, while Git shows the push at once (measured). So whoever
waits for a commit has the repository looked at right away, and again until the commit is there or the time is up.
All who wait for one repository share its looks: the work queue merges their requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from msgspec import Struct

from daemon.reconciler import Reconciler
from daemon.work.scope import Scope
from daemon.work.workqueue import Priority
from gitea_client.errors import ForgeError

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 1.0


class WaitResult(Struct, frozen=True):
    """Whether the commit is in the rows now. `head` is the default branch's, `known` whether the repository is."""

    seen: bool
    head: str | None
    known: bool
    error: str | None = None


class Waiting:
    """Waits for commits."""

    def __init__(self, reconciler: Reconciler, monotonic: Callable[[], float]) -> None:
        self._reconciler = reconciler
        self._monotonic = monotonic

    async def wait_for(
        self, full_name: str, commit: str, timeout: float, seen: Collection[int] | None = None  # noqa: ASYNC109 - see API
    ) -> WaitResult:
        """Look until `commit` was read from the repository, for at most `timeout` seconds.

        Repositories other than `seen` (None: all) are unknown, and not looked at.
        """
        book = self._reconciler.book
        until = self._monotonic() + timeout
        repository_id = book.world.find(full_name)
        if repository_id is None or repository_id not in book.reach.interests or not (
            seen is None or repository_id in seen
        ):
            return WaitResult(seen=False, head=None, known=False)
        pause, error = FIRST_PAUSE, None
        while True:
            left = until - self._monotonic()
            try:
                async with asyncio.timeout(max(left, 0.0)):
                    failed = await self._reconciler.look(repository_id, Scope(), Priority.INTERACTIVE)
                error = str(failed) if failed is not None else None
            except TimeoutError:
                return self._unseen(repository_id, error)
            if failed is None and await self._holds(repository_id, commit):
                return WaitResult(seen=True, head=self._head(repository_id), known=True)
            if self._monotonic() + pause >= until:
                return self._unseen(repository_id, error)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)

    async def _holds(self, repository_id: int, commit: str) -> bool:
        evidence = self._reconciler.book.world.mirrored.get(repository_id)
        if evidence is None:
            return False
        if commit in evidence.branches.values() or commit in evidence.pull_heads.values():
            return True
        try:
            return await self._reconciler.reader.holds(evidence.repository, commit)
        except ForgeError:
            return False

    def _head(self, repository_id: int) -> str | None:
        evidence = self._reconciler.book.world.mirrored.get(repository_id)
        return evidence.head if evidence else None

    def _unseen(self, repository_id: int, error: str | None) -> WaitResult:
        return WaitResult(seen=False, head=self._head(repository_id), known=True, error=error)
