"""Sweeps: asking the forge what changed (quiet), and asking everything that no signal tells (deep).

Watermarks and overlaps only choose where to look. A repository is due when its update time is not older than our
last look at it, less the overlap, both by the forge's clock; so a change is looked at once more after it has
settled, and then costs nothing any more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import chain

import structlog
from msgspec import Struct
from msgspec.structs import replace

from cache.model import Repository
from cache.rows import LookRow, OwnerRow
from cache.world import World
from daemon.book import Book
from daemon.convert import repository_of, utc
from daemon.failing.failures import Failures
from daemon.failing.outage import Outage
from daemon.failing.storage_errors import storage_trouble
from daemon.reconciler import Reconciler
from daemon.report import Progress, Report, TooMuchMissing, Trouble, described
from daemon.resolving import with_name
from daemon.sweep.former_owners import forget_former_owners
from daemon.sweep.listed import merged, newest, unusable, with_former_names
from daemon.sweep.signals import signalled
from daemon.together import together
from daemon.work.scope import Scope
from daemon.work.workqueue import Priority
from gitea_client import wire
from gitea_client.counting import RequestCounter
from gitea_client.errors import ForgeError, Missing
from gitea_client.rest import RepositoryListing, Rest

log = structlog.get_logger(__name__)

BRAKE = 3
"""From so many repositories on, more than half of an owner's missing at once is not believed without being asked."""


PATIENCE = 5.0
"""Seconds that a scheduled sweep waits for what an owner has to be looked at; the rest is looked at while it goes on.
One repository that answers slowly must not keep the changes of all others waiting."""


class _Run(Struct, frozen=True):
    """How one sweep is done, and where its troubles are gathered."""

    complete: bool
    again: bool
    everything: bool
    priority: Priority
    waits: bool
    errors: list[Trouble]
    progress: Progress | None


class _Looks(Struct, frozen=True):
    """How looks ended: those that failed, and the repositories whose look has not ended yet."""

    failed: dict[int, Exception]
    late: frozenset[int] = frozenset()


class Sweeper:
    """Runs sweeps, one at a time."""

    def __init__(
        self,
        book: Book,
        reconciler: Reconciler,
        rest: Rest,
        counter: RequestCounter,
        owners: Iterable[str],
        overlap: timedelta,
        outage: Outage,
        failures: Failures,
    ) -> None:
        self._book = book
        self._reconciler = reconciler
        self._rest = rest
        self._counter = counter
        self._owners = tuple(owners)
        self._overlap = overlap
        self._outage = outage
        self._failures = failures
        self._sweeping = asyncio.Lock()
        self._deepened: dict[int, int] = {}
        self._turns = 0
        self._owing = 0.0

    def alone(self) -> asyncio.Lock:
        """Held while no sweep may run: a rebuild replaces what a sweep would write."""
        return self._sweeping

    async def sweep(
        self,
        *,
        deep: bool = False,
        again: bool = False,
        asked: bool = False,
        lists_only: bool = False,
        progress: Progress | None = None,
    ) -> Report:
        """Ask the forge what changed, have it read, and wait for that.

        `again` reads everything anew; `asked` is a sweep that somebody waits for, which tries at once what is in
        back-off; `lists_only` reads the complete lists of a deep sweep and leaves the repositories to `deepen`. What
        nobody asked for, the first and a deep sweep apart, goes on after `PATIENCE`, and notes what it left behind.

        Never raises ForgeError: what could not be read stands in the report, and so does a disk that fails.
        """
        async with self._sweeping:
            started, before = time.perf_counter(), self._counter.snapshot()
            self._reconciler.read.clear()
            applied = self._book.store.applied
            errors: list[Trouble] = []
            priority = Priority.INTERACTIVE if asked else Priority.DEEP if deep else Priority.SWEEP
            run = _Run(deep or again or lists_only, again, not lists_only, priority, asked or deep, errors, progress)
            if run.complete:
                self._reconciler.resolver.doubt_people()
            self._reconciler.swept = True
            try:
                await self._all(run)
            except Exception as error:
                if (found := storage_trouble(error)) is None:
                    raise
                self._failures.stored_badly(*found)
                errors.append(Trouble("storage", *found))
            finally:
                self._reconciler.swept = False
            spent = self._counter.delta(before)
            reached = self._book.reach.interests.keys()
            return Report(
                kind="deep" if deep or again or lists_only else "quiet",
                seconds=round(time.perf_counter() - started, 3),
                requests={"rest": spent.rest, "git": spent.git},
                repositories=len(reached),
                reconciled=len(self._reconciler.read & reached),
                changes=self._book.store.applied - applied,
                errors=errors,
            )

    async def _all(self, run: _Run) -> None:
        """Every owner, and the people whom pull requests name. Where the forge fails as a whole, nobody is asked on."""
        outage: ForgeError | None = None
        try:
            for name in self._owners:
                failed = outage or await self._owner_or_error(name, run)
                if failed is not None:
                    run.errors.append(Trouble(f"owner:{name}", str(failed), failed.remedy))
                    outage = outage or await self._outage.behind(failed)
                    await self._note_trouble(name, failed)
        finally:
            self._reconciler.swept = False
        if outage is not None:
            return
        await self._reconciler.follow_reach()
        if not run.errors:
            await forget_former_owners(self._book)
        for address, trouble in (await self._reconciler.resolver.resolve_people()).items():
            run.errors.append(Trouble(f"address:{address}", str(trouble), trouble.remedy))

    async def _owner_or_error(self, name: str, run: _Run) -> ForgeError | None:
        try:
            await self._owner(name, run)
        except ForgeError as error:
            return error
        return None

    async def deepen(self, share: float) -> None:
        """Go on with the deep sweep that is spread over its interval: look at this share of all repositories.

        Those looked at longest ago come first, so that every repository has its turn whatever comes and goes.
        """
        async with self._sweeping:
            reached = self._book.reach.interests
            self._deepened = {key: at for key, at in self._deepened.items() if key in reached}
            self._owing = min(self._owing + share * len(reached), float(len(reached)))
            if self._outage.now:
                return  # each of them would only wait for the forge
            due = sorted(reached, key=lambda key: self._deepened.get(key, -1))[: int(self._owing)]
            self._owing -= int(self._owing)
            for key in due:
                self._turns += 1
                self._deepened[key] = self._turns
            await self._look_for_a_while({key: Scope(all_pulls=True) for key in due}, Priority.DEEP)

    async def _owner(self, name: str, run: _Run) -> None:
        began = self._book.clock()
        owner = self._book.owner(name) or await self._introduce(name)
        complete = run.complete or owner.listed_at is None
        (listing, hits), activities = await together(
            together(
                self._rest.repositories(owner.id, since=None if complete else self._since(owner.repositories_since)),
                self._changed_pulls(owner),
            ),
            self._rest.activities(name, organization=owner.organization, after_id=owner.activity_id),
        )
        if not listing.complete and listing.total != owner.total:
            listing = await self._rest.repositories(owner.id, since=None)
        await self._take_over(owner, listing)
        self._outage.over()  # the forge answers
        self._reconciler.workers.resume()
        resolver = self._reconciler.resolver
        if run.complete:
            resolver.ask_again()
        unresolved = await resolver.confirm_aliases() if run.complete else {}
        if run.complete and name == self._owners[0]:
            unresolved |= await resolver.confirm_strangers(self._owners)
        unresolved |= await resolver.resolve_unknown()
        scopes: dict[int, Scope] = {}
        due = signalled(self._book, self._overlap, owner, listing, hits, activities[0])
        for repository_id, scope in due:
            scopes[repository_id] = scopes.get(repository_id, Scope()).merge(scope)
        if run.complete and run.everything:
            whole = Scope(all_pulls=True, again=run.again)
            for repository_id in self._of_owner(name):
                scopes[repository_id] = scopes.get(repository_id, Scope()).merge(whole)
        for repository_id in self._reconciler.within_reach_but_unread():
            scopes.setdefault(repository_id, Scope())
        if run.priority is Priority.INTERACTIVE:
            for repository_id in self._of_owner(name):
                if self._book.look(repository_id).failures:  # which pull requests it was about, is not kept
                    scopes[repository_id] = scopes.get(repository_id, Scope()).merge(Scope(all_pulls=True))
        whole_run = run.waits or owner.swept_at is None
        looks = await (self._look_at_all(scopes, run) if whole_run else self._look_for_a_while(scopes, run.priority))
        unresolved |= await resolver.resolve_unknown()
        await self._reconciler.let_go()
        await self._as_listed(listing)
        run.errors.extend(unusable(name, item) for item in listing.unusable)
        for given, trouble in unresolved.items():
            run.errors.append(Trouble(f"name:{given}", str(trouble), trouble.remedy))
        for repository_id, error in looks.failed.items():
            repository = self._book.world.listed.get(repository_id)
            where = repository.full_name if repository else str(repository_id)
            run.errors.append(Trouble(f"repository:{where}", *described(error)))
        dates = [d for d in (listing.date,) if d is not None]
        moved = replace(
            self._book.owner(name) or owner,
            total=listing.total if listing.total is not None else owner.total,
            listed_at=began if listing.complete else owner.listed_at,
            repositories_since=newest(owner.repositories_since, (utc(item.updated_at) for item in listing.items)),
            pulls_since=newest(owner.pulls_since or _first(dates), (utc(hit.updated_at) for hit in hits)),
            activity_id=max([owner.activity_id or 0, *(item.id for item in activities[0])]),
            swept_at=began,
            last_error=None,
        )
        await self._book.turn(notes=chain([moved], self._left_behind(looks.late, began)))

    def _left_behind(self, late: Iterable[int], began: datetime) -> Iterator[LookRow]:
        """What is noted of repositories that the sweep goes on without. Lazy: each may have been read by the time
        that the notes are written, and then says so itself."""
        for repository_id in late:
            look = self._book.looks().get(repository_id)
            if look is not None and (look.verified_at is None or look.verified_at < began):
                yield replace(look, due_at=began)

    async def _introduce(self, name: str) -> OwnerRow:
        """An owner seen for the first time: its id, and whether it is an organization."""
        user = await self._rest.user(name)
        try:
            await self._rest.organization(name)
            organization = True
        except Missing:
            organization = False
        owner = OwnerRow(name=user.login or name, id=user.id, organization=organization)
        return replace(owner, name=name)

    async def _changed_pulls(self, owner: OwnerRow) -> list[wire.IssueHit]:
        since = self._since(owner.pulls_since)
        if since is None:
            return []
        return list((await self._rest.changed_pull_requests(owner.name, since))[0])

    def _since(self, watermark: datetime | None) -> datetime | None:
        return watermark - self._overlap if watermark is not None else None

    async def _take_over(self, owner: OwnerRow, listing: RepositoryListing) -> None:
        """Bring the list of repositories up to date. Only a complete list makes any of them missing."""
        listed = {item.id: repository_of(item) for item in listing.items}
        known = self._book.world.listed

        def change(world: World) -> World:
            world = replace(world, complete=world.complete or listing.complete)
            fresh = {key: merged(world, repository) for key, repository in listed.items()}
            return with_former_names(replace(world, listed={**world.listed, **fresh}), world)

        changed = any(known.get(key) != merged(self._book.world, value) for key, value in listed.items())
        if changed or (listing.complete and not self._book.world.complete):
            aliases = set(self._book.world.aliases)
            await self._book.turn(change)
            await self._reconciler.resolver.confirm_aliases(set(self._book.world.aliases) - aliases)
        if listing.complete:
            ours = [r for r in known.values() if r.owner.lower() == owner.name.lower()]
            there = listed.keys() | {item.id for item in listing.unusable}
            absent = [r for r in ours if r.id not in there]
            if len(absent) >= BRAKE and 2 * len(absent) > len(ours):
                raise TooMuchMissing(owner.name, len(absent), len(ours))
            for repository in absent:
                await self._absent(repository)

    async def _as_listed(self, listing: RepositoryListing) -> None:
        """Of what is not read, or not any more, the list alone tells; it was overruled where refs had told better."""
        listed = {item.id: repository_of(item) for item in listing.items}

        def change(world: World) -> World:
            unread = {key: r for key, r in listed.items() if key in world.listed and key not in world.mirrored}
            fresh = {key: repository for key, repository in unread.items() if world.listed[key] != repository}
            return replace(world, listed={**world.listed, **fresh}) if fresh else world

        if change(self._book.world) is not self._book.world:
            await self._book.turn(change)

    async def _absent(self, repository: Repository) -> None:
        """A complete list lacks a repository: it was renamed to another owner, or it is gone."""
        try:
            current = repository_of(await self._rest.repository_by_id(repository.id))
        except Missing:
            await self._reconciler.bury(repository.id)
            return
        await self._book.turn(lambda world: with_name(world, current))
        await self._reconciler.resolver.confirm_aliases([repository.full_name.lower()])
        if repository.id in self._book.world.mirrored or repository.id in self._book.reach.interests:
            self._reconciler.ask(repository.id, Scope(), Priority.SWEEP)
        elif current.owner.lower() not in {name.lower() for name in self._owners}:
            await self._book.turn(lambda world: world.without(repository.id, listed=False))

    def _of_owner(self, name: str) -> list[int]:
        """The repositories within reach to look at with this owner: its own, and with the first one the strangers'."""
        owners = {owner.lower() for owner in self._owners}
        first = name == self._owners[0]
        world = self._book.world
        return [
            key
            for key in self._book.reach.interests
            if (holder := world.listed[key].owner.lower()) == name.lower() or (first and holder not in owners)
        ]

    async def _look_for_a_while(self, scopes: Mapping[int, Scope], priority: Priority) -> _Looks:
        """Have repositories looked at, and wait `PATIENCE` seconds for it; what comes within reach by it, waits."""
        if not scopes:
            return _Looks({})
        looks = {key: asyncio.ensure_future(self._reconciler.look(key, scopes[key], priority)) for key in scopes}
        try:
            await asyncio.wait(looks.values(), timeout=PATIENCE)
        finally:
            late = frozenset(key for key, look in looks.items() if not look.done())
            for key in late:
                looks[key].cancel()  # the waiting alone: the look goes on
            await asyncio.gather(*(looks[key] for key in late), return_exceptions=True)
        ended = {key: look.result() for key, look in looks.items() if key not in late}
        await self._reconciler.resolver.resolve_unknown()
        return _Looks({key: error for key, error in ended.items() if error is not None}, late)

    async def _look_at_all(self, scopes: Mapping[int, Scope], run: _Run) -> _Looks:
        progress = run.progress
        if progress is not None:
            progress("repositories", 0, len(scopes))
        done = 0

        async def one(repository_id: int, scope: Scope) -> tuple[int, Exception | None]:
            nonlocal done
            asked = run.priority is Priority.INTERACTIVE
            error = await self._reconciler.look(repository_id, scope, run.priority, with_late=asked)
            done += 1
            if progress is not None:
                progress("repositories", done, len(scopes))
            return repository_id, error

        results = await asyncio.gather(*(one(key, scope) for key, scope in scopes.items()))
        failed = {key: error for key, error in results if error is not None}
        await self._reconciler.resolver.resolve_unknown()
        pending = {key: Scope() for key in self._reconciler.within_reach_but_unread() if key not in failed}
        return _Looks(failed | await self._reconciler.look_at_all(pending, run.priority))

    async def _note_trouble(self, name: str, error: ForgeError) -> None:
        owner = self._book.owner(name)
        if owner is not None:
            await self._book.turn(notes=[replace(owner, last_error=str(error))])


def _first(times: list[datetime]) -> datetime | None:
    return times[0] if times else None
