"""The one path from where to look to what is known: look, read, project, compare, write.

Webhooks, sweeps and people all ask through `look`. Requests for one repository meet in the work queue, so that a
repository is read by one reconcile at a time, and one that arrives while a read is under way leads to another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Protocol, cast

import structlog
from msgspec.structs import replace

from cache.model import Repository, RepositoryEvidence
from cache.rows import LookRow, OwnerRow, PullLookRow, Row
from cache.store.writer import Applied
from cache.world import BranchTombstone, PullTombstone, RepositoryTombstone, World
from daemon.book import Book
from daemon.failing.failures import Failures
from daemon.failing.outage import Outage
from daemon.failing.storage_errors import storage_trouble
from daemon.reading import Gone, Outcome, Reader, missing_branches
from daemon.report import described
from daemon.resolving import Resolver, with_name
from daemon.work.backoff import delay
from daemon.work.scope import Scope
from daemon.work.workers import Workers
from daemon.work.workqueue import Priority, WorkQueue
from gitea_client.errors import ForgeError, Missing, Unreachable
from gitea_client.rest import Rest

log = structlog.get_logger(__name__)


class LookedInVain(ForgeError):
    """A repository could not be read lately, and is in back-off."""

    def __init__(self, look: LookRow) -> None:
        super().__init__(look.last_error or "the last look failed")
        self.remedy = look.remedy or ForgeError.remedy


class Inbox(Protocol):
    """What the reconciler needs of the inbox."""

    async def mark(self) -> int:
        """The newest delivery stored so far."""
        ...

    async def finish(self, repository_id: int, upto: int, at: datetime) -> int:
        """Mark a repository's deliveries up to a mark as done."""
        ...


class Watcher(Protocol):
    """Told how reconciles end."""

    def ended(self, repository_id: int, outcome: str, began: datetime) -> None:
        """`outcome` is `changed`, `same` or `failed`; `began` is when the look began."""
        ...


class _NoWatcher:
    def ended(self, repository_id: int, outcome: str, began: datetime) -> None:
        """Nobody watches."""


class Reconciler:
    """Reads repositories on request and turns the book's page."""

    def __init__(
        self, book: Book, reader: Reader, rest: Rest, inbox: Inbox, resolver: Resolver, owners: Iterable[str],
        outage: Outage, failures: Failures,
    ) -> None:  # fmt: skip
        self.book = book
        self.reader = reader
        self.resolver = resolver
        self._rest = rest
        self._inbox = inbox
        self._outage = outage
        self._failures = failures
        self._owners = frozenset(owner.lower() for owner in owners)
        self._workers: Workers[int, Scope] | None = None
        self._queue: WorkQueue[int, Scope] | None = None
        self.swept = False
        """While a sweep runs it sees to what comes within reach by itself, and waits for it."""
        self.looked = 0
        """How many times a repository was read, or tried to be."""
        self.read: set[int] = set()
        """The repositories that were read since a sweep began, however often."""
        self.watcher: Watcher = _NoWatcher()
        self.delivered: dict[int, datetime] = {}
        """When a delivery last spoke of a repository, until its look is written."""
        self.late: set[int] = set()
        """Repositories of whose pull requests something did not come in time: a deferred look waits for it."""
        self.awaited: set[int] = set()
        """Repositories for which deliveries wait in the inbox."""

    def employ(self, workers: Workers[int, Scope], queue: WorkQueue[int, Scope]) -> None:
        """Give the reconciler its workers, which in turn call `handle`."""
        self._workers, self._queue = workers, queue

    @property
    def workers(self) -> Workers[int, Scope]:
        """The workers, once employed."""
        if self._workers is None:
            raise RuntimeError("employ workers first")
        return self._workers

    # ---------------------------------------------------------------------------------------------- asking

    def ask(self, repository_id: int, scope: Scope, priority: Priority) -> None:
        """Have a repository looked at, without waiting for it."""
        self._hurry(repository_id, scope)
        self.workers.submit(repository_id, scope, priority)

    def _hurry(self, repository_id: int, scope: Scope) -> None:
        """Let a deferred look give way to what is asked of its repository; all of them where nobody else is free."""
        if not scope.deferred:
            self.reader.hurry(None if self.workers.all_at_work else repository_id)

    def in_back_off(self, repository_id: int) -> bool:
        """Whether the last look at a repository failed, so that it waits before the next."""
        return self._queue is not None and self._queue.failed(repository_id)

    async def look(
        self, repository_id: int, scope: Scope, priority: Priority, *, with_late: bool = False
    ) -> Exception | None:
        """Have a repository looked at, and wait for a look that begins after this call; `with_late` also for what of
        pull requests came too late for that one.

        Returns what went wrong, None where nothing did. One in back-off is tried at once where somebody waits for
        it (INTERACTIVE); otherwise it stays in back-off, and its last error is returned.
        """
        if self._queue is not None and repository_id in self._queue.backoffs():
            if priority is not Priority.INTERACTIVE:
                self.ask(repository_id, scope, priority)
                return LookedInVain(self.book.look(repository_id))
            waiting = self._queue.waiting(repository_id)
            self._queue.forget(repository_id)
            scope = scope.merge(waiting) if waiting is not None else scope
        self._hurry(repository_id, scope)
        error = await self.workers.run(repository_id, scope, priority)
        if error is None and with_late and repository_id in self.late:
            error = await self.workers.run(repository_id, Scope(deferred=True), priority)
        return error

    async def look_at_all(self, scopes: Mapping[int, Scope], priority: Priority) -> dict[int, Exception]:
        """Look at several repositories, then at those that come within reach by it; what failed, by id."""
        failed: dict[int, Exception] = {}
        pending = dict(scopes)
        tried: set[tuple[int, str]] = set()
        while pending:
            tried |= {(i, self._wanted(i)) for i in pending}
            ids = list(pending)
            results = await asyncio.gather(*(self.look(i, pending[i], priority) for i in ids))
            failed |= {i: error for i, error in zip(ids, results, strict=True) if error is not None}
            await self.resolver.resolve_unknown()
            # One that was looked at may be wanted for more since: an entry in it made its own repository of it.
            unread = [i for i in self.within_reach_but_unread() if i not in failed]
            pending = {i: Scope() for i in unread if (i, self._wanted(i)) not in tried}
        return failed

    def _wanted(self, repository_id: int) -> str:
        interest = self.book.reach.interests.get(repository_id)
        return interest.canonical if interest is not None else ""

    def within_reach_but_unread(self) -> list[int]:
        """Repositories that a profile reaches and that were not read for what is wanted now."""
        mirrored = self.book.world.mirrored
        return [
            repository_id
            for repository_id, interest in self.book.reach.interests.items()
            if repository_id not in mirrored or mirrored[repository_id].interest != interest.canonical
        ]

    # ---------------------------------------------------------------------------------------------- working

    async def handle(self, repository_id: int, scope: Scope) -> None:
        """Reconcile one repository: what a worker calls. What it raises puts it into the queue's back-off."""
        began, applied = self.book.clock(), self.book.store.applied
        outcome, awaited = "failed", repository_id in self.awaited
        self.awaited.discard(repository_id)  # what arrives from here on leads to another run
        try:
            await self._reconcile(repository_id, scope, awaited)
            outcome = "changed" if self.book.store.applied > applied else "same"
            self._failures.ended("repository", str(repository_id))
        except Exception as error:  # a look that fails for whatever reason must be seen to have failed
            await self._note_failure(repository_id, error)
            raise
        finally:
            if outcome == "failed" and awaited:
                self.awaited.add(repository_id)
            self.watcher.ended(repository_id, outcome, began)

    async def _reconcile(self, repository_id: int, scope: Scope, awaited: bool) -> None:
        mark = await self._inbox.mark() if awaited else 0
        began = self.book.clock()
        world = self.book.world
        repository = world.listed.get(repository_id)
        interest = self.book.reach.interests.get(repository_id)
        previous = world.mirrored.get(repository_id)
        late: Scope | None = None
        if repository is None or interest is None:
            await self._drop(repository_id)
        else:
            self.looked += 1
            if scope.deferred and self._queue is not None and self._queue.waiting(repository_id) is not None:
                scope = replace(scope, deferred=False)  # something was asked for since this run began
            try:
                kept = world.tombstones.heads.get(repository_id, {})
                outcome = await self.reader.read(repository, previous, interest, scope, self.book.blocks, kept)
            except Gone:
                await self._bury_if_gone(repository)
            else:
                if repository_id in self.book.reach.interests:  # what led to it may be gone since the reading began
                    await self._write(repository_id, previous, outcome, began)
                self.read.add(repository_id)
                self._outage.over()
                late = outcome.late
                if late is not None:
                    self.late.add(repository_id)
                    self.ask(repository_id, late, Priority.DEEP)
                if outcome.partly is not None:
                    raise outcome.partly
        if late is None:
            self.late.discard(repository_id)
        if awaited and late is not None:
            self.awaited.add(repository_id)  # the look that reads what came late is the one that is done with them
        elif awaited:
            await self._inbox.finish(repository_id, mark, self.book.clock())
        await self.follow_reach()
        if awaited:
            await self.resolver.resolve_people()  # what failed, the next sweep asks for again, and tells

    async def _write(
        self, repository_id: int, previous: RepositoryEvidence | None, outcome: Outcome, began: datetime
    ) -> Applied:
        known = self.book.look(repository_id)
        look = replace(
            known,
            observed_at=began,
            verified_at=began,
            looked_at=outcome.looked_at or began,
            delivered_at=self.delivered.pop(repository_id, known.delivered_at),
            due_at=known.due_at if known.due_at is not None and began < known.due_at else None,
            failures=0,
            next_look_at=None,
            last_error=None,
            last_error_at=None,
            remedy=None,
        )
        at = look.looked_at or began
        notes: list[Row] = [look, *(PullLookRow(repository_id, number, at) for number in outcome.pulls_read)]
        evidence = outcome.evidence
        if evidence is previous and not (outcome.branches_gone or outcome.pulls_gone or outcome.heads):
            return await self.book.turn(notes=notes)
        return await self.book.turn(
            lambda world: self._taken_over(world, evidence),
            notes=notes,
            buried=(*outcome.branches_gone, *outcome.pulls_gone),
            heads={(repository_id, number): heads for number, heads in outcome.heads.items()},
        )

    async def _note_failure(self, repository_id: int, error: Exception) -> None:
        now = self.book.clock()
        look = self.book.look(repository_id)
        message, remedy = described(error)
        await self._tell(repository_id, error)
        failures = look.failures + 1
        note = replace(
            look,
            failures=failures,
            next_look_at=now + timedelta(seconds=delay(failures, lambda: 0.0)),
            last_error=message,
            last_error_at=now,
            remedy=remedy,
        )
        with self._storing(repository_id):
            await self._write_failure(repository_id, note)

    async def _tell(self, repository_id: int, error: Exception) -> None:
        """Say that a repository could not be read, or what stands behind that."""
        message, remedy = described(error)
        if (trouble := storage_trouble(error)) is not None:
            self._failures.stored_badly(*trouble, repository=str(repository_id))
        if await self._outage.behind(error) is None:
            listed = self.book.world.listed.get(repository_id)
            name = listed.full_name if listed is not None else str(repository_id)
            self._failures.failed("repository", message, remedy, key=str(repository_id), name=name)

    @contextmanager
    def _storing(self, repository_id: int) -> Iterator[None]:
        """A failure that cannot be noted, since the disk is what fails, is told all the same."""
        try:
            yield
        except Exception as error:
            trouble = storage_trouble(error)
            if trouble is None:
                raise
            self._failures.stored_badly(*trouble, repository=str(repository_id))

    async def _write_failure(self, repository_id: int, note: LookRow) -> None:
        await self.book.turn(notes=[note])
        unread = [each.finding for each in self.book.never_read() if each.repository.id == repository_id]
        if unread:
            await self.book.turn(notes=unread)

    # ------------------------------------------------------------------------------------- what is not there

    async def _drop(self, repository_id: int) -> None:
        """Forget the evidence of a repository that no profile reaches any more; it stays listed.

        No list tells that a stranger's repository is gone: that is asked here, since being gone may be just why
        nothing leads to it.
        """
        evidence = self.book.world.mirrored.get(repository_id)
        if evidence is None:
            return
        if not self._ours(evidence.repository):
            try:
                await self._rest.repository_by_id(repository_id)
            except Missing:
                await self.bury(repository_id)
                return
        await self.book.turn(
            lambda world: world.without(repository_id, listed=True), forget=[self.book.look(repository_id)]
        )
        await self.reader.forget(evidence.repository)

    async def _bury_if_gone(self, repository: Repository) -> None:
        """Mark a repository that answers 404 by id as gone, where its owner's complete list lacks it too."""
        for owner in cast("Iterable[OwnerRow]", self.book.rows[OwnerRow].values()):
            if owner.name.lower() == repository.owner.lower():
                listing = await self._rest.repositories(owner.id)
                if any(item.id == repository.id for item in listing.items):
                    raise Unreachable(f"repository {repository.id} is listed and answers 404; looking again later")
        await self.bury(repository.id)

    async def bury(self, repository_id: int) -> None:
        """Turn a repository into tombstones. The caller has proof: a 404 by id and a complete list without it."""
        world = self.book.world
        repository = world.listed.get(repository_id)
        if repository is None:
            return
        self._failures.forgotten("repository", str(repository_id))
        log.info("repository.gone", repository_id=repository_id, repository=repository.full_name)
        forget: list[Row] = [self.book.looks()[repository_id]] if repository_id in self.book.looks() else []
        await self.book.turn(
            lambda world: world.without(repository_id, listed=False),
            buried=tuple(tombstones_of(world, repository)),
            forget=forget,
        )
        await self.reader.forget(repository)

    async def follow_reach(self) -> None:
        """Ask for repositories that have come within reach, and let go of those out of it."""
        for repository_id in self.within_reach_but_unread() if not self.swept else ():
            if self.book.look(repository_id).failures == 0:
                self.ask(repository_id, Scope(), Priority.SWEEP)
        await self.let_go()

    async def let_go(self) -> None:
        """Forget what nothing leads to any more: evidence, names, and repositories of strangers."""
        for repository_id in set(self.book.world.mirrored) - set(self.book.reach.interests):
            try:
                await self._drop(repository_id)
            except ForgeError as error:
                log.warning("repository.kept", repository_id=repository_id, error=str(error), remedy=error.remedy)
        if self._needed(self.book.world) is not self.book.world:
            await self.book.turn(self._needed)

    def _needed(self, world: World) -> World:
        """A world without names that nobody gives, and without strangers' repositories that no name leads to."""
        strangers = {key for key, repository in world.listed.items() if not self._ours(repository)}
        if not strangers and not world.aliases:
            return world
        names = {name.lower() for name in self.book.reach.names}
        borne = {repository.full_name.lower() for repository in world.listed.values()}
        aliases = {n: key for n, key in world.aliases.items() if n in names and n not in borne and key in world.listed}
        strangers -= {*aliases.values(), *self.book.reach.interests, *world.mirrored}
        strangers -= {key for name in names if (key := world.find(name)) is not None}
        if not strangers and len(aliases) == len(world.aliases):
            return world
        listed = {key: repository for key, repository in world.listed.items() if key not in strangers}
        return replace(world, listed=listed, aliases=aliases)

    def _ours(self, repository: Repository) -> bool:
        return repository.owner.lower() in self._owners

    def _taken_over(self, world: World, evidence: RepositoryEvidence) -> World:
        """A world after a repository was read, unless that was found gone meanwhile, or nothing leads to it any more:
        then what was read is older.
        """
        key = evidence.repository.id
        if key not in world.listed or key not in self.book.reach.interests:
            return world
        return with_name(world, evidence.repository).with_evidence(evidence)


def tombstones_of(
    world: World, repository: Repository
) -> Iterable[BranchTombstone | PullTombstone | RepositoryTombstone]:
    """Everything that goes with a repository."""
    yield RepositoryTombstone(repository)
    evidence = world.mirrored.get(repository.id)
    if evidence is None:
        return
    yield from missing_branches(evidence, {})
    for number, pull in evidence.pulls.items():
        yield PullTombstone(pull, evidence.pull_heads.get(number))
