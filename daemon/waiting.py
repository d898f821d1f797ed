"""Read-your-push: looking at the forge until a commit is there.

A delivery comes 0.8 s (Gitea) or 2.4 s (Forgejo) after a push, while Git shows the push at once (measured). So whoever
waits for a commit has the repository looked at right away, and again until the commit is there or the time is up.

Anybody may wait, for a commit that is nowhere too, so what the forge is asked follows the repository and never the
number of those who wait: all who wait for one share its looks, the time between two doubles while nothing changes and
is kept when waiters come and go, and a repository in back-off is left to its back-off. Whoever waits is answered as
soon as the rows hold the commit, whatever brought it: a look of theirs, a delivery, a sweep.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection

from msgspec import Struct

from cache.model import RepositoryEvidence
from daemon.reconciler import Reconciler
from daemon.work.scope import Scope
from daemon.work.workqueue import Priority
from gitea_client.errors import ForgeError

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 5.0
FORGOTTEN = 60.0
"""Seconds after the last look from which on pauses begin anew."""
PROBES = 2
"""Looks into object stores under way together; each is a run of git."""


class WaitResult(Struct, frozen=True):
    """Whether the commit is in the rows now. `head` is the default branch's, `known` whether the repository is."""

    seen: bool
    head: str | None
    known: bool
    error: str | None = None


class _Looks:
    """The looks at one repository that those who wait share."""

    def __init__(self) -> None:
        self.waiting = 0
        self.task: asyncio.Task[None] | None = None
        self.ended = float("-inf")
        self.pause = FIRST_PAUSE
        self.error: str | None = None
        self.succeeded = 0
        """How many looks went well."""
        self.number = 0
        """How many times there was news."""
        self._news = asyncio.Event()

    def tell(self) -> None:
        """Wake those who wait: a look ended, or rows changed."""
        self.number += 1
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def after(self, number: int) -> None:
        """Wait until there is news later than `number`."""
        while self.number <= number:
            await self._news.wait()


class Waiting:
    """Waits for commits. `stop` ends the looks under way."""

    def __init__(self, reconciler: Reconciler, monotonic: Callable[[], float]) -> None:
        self._reconciler = reconciler
        self._monotonic = monotonic
        self._looks: dict[int, _Looks] = {}
        self._probes = asyncio.Semaphore(PROBES)
        reconciler.book.listeners.append(lambda _applied, _changes: self._rows_changed())

    async def wait_for(
        self, full_name: str, commit: str, timeout: float, seen: Collection[int] | None = None  # noqa: ASYNC109 - see API
    ) -> WaitResult:
        """Look until `commit` was read from the repository, for at most `timeout` seconds.

        Repositories other than `seen` (None: all) are unknown, and not looked at.
        """
        book = self._reconciler.book
        repository_id = book.world.find(full_name)
        if repository_id is None or repository_id not in book.reach.interests or not (
            seen is None or repository_id in seen
        ):
            return WaitResult(seen=False, head=None, known=False)
        found = False
        async with self._joined(repository_id) as looks:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._arrived(repository_id, commit, looks)
                    found = True
            evidence = self._evidence(repository_id)
            head = evidence.head if evidence is not None else None
            return WaitResult(seen=found, head=head, known=True, error=None if found else looks.error)

    async def stop(self, _app: object = None) -> None:
        """End the looks; those who wait have been answered."""
        tasks = [looks.task for looks in self._looks.values() if looks.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _arrived(self, repository_id: int, commit: str, looks: _Looks) -> None:
        """Return once the rows hold the commit. The object store is asked after a look that brought something."""
        probed: RepositoryEvidence | None = None
        first = looks.succeeded
        while True:
            number, evidence = looks.number, self._evidence(repository_id)
            if evidence is not None:
                if commit in evidence.branches.values() or commit in evidence.pull_heads.values():
                    return
                # before a look it may hold what was fetched, and not yet written as rows
                if looks.succeeded > first and evidence is not probed:
                    probed = evidence
                    if await self._holds(evidence, commit):
                        return
            await looks.after(number)

    async def _holds(self, evidence: RepositoryEvidence, commit: str) -> bool:
        async with self._probes:
            try:
                return await self._reconciler.reader.holds(evidence.repository, commit)
            except ForgeError:
                return False

    def _evidence(self, repository_id: int) -> RepositoryEvidence | None:
        return self._reconciler.book.world.mirrored.get(repository_id)

    def _rows_changed(self) -> None:
        for looks in self._looks.values():
            if looks.waiting:
                looks.tell()

    @contextlib.asynccontextmanager
    async def _joined(self, repository_id: int) -> AsyncIterator[_Looks]:
        now = self._monotonic()
        for key in [key for key, one in self._looks.items() if one.task is None and now - one.ended > FORGOTTEN]:
            del self._looks[key]
        looks = self._looks.setdefault(repository_id, _Looks())
        looks.waiting += 1
        if looks.task is None:
            looks.task = asyncio.create_task(self._look(repository_id, looks), name="forgeglass-wait-for")
        try:
            yield looks
        finally:
            looks.waiting -= 1

    async def _look(self, repository_id: int, looks: _Looks) -> None:
        """Look again and again, as long as somebody waits."""
        try:
            while looks.waiting:
                left = looks.ended + looks.pause - self._monotonic()
                if left > 0:
                    await asyncio.sleep(left)
                    continue
                before = self._evidence(repository_id)
                if self._reconciler.in_back_off(repository_id):
                    looks.error = looks.error or self._reconciler.book.look(repository_id).last_error
                else:
                    failed = await self._reconciler.look(repository_id, Scope(), Priority.INTERACTIVE)
                    looks.error = str(failed) if failed is not None else None
                    looks.succeeded += failed is None
                changed = self._evidence(repository_id) is not before
                looks.pause = FIRST_PAUSE if changed else min(2 * looks.pause, LONGEST_PAUSE)
                looks.ended = self._monotonic()
                looks.tell()
        finally:
            looks.task = None
