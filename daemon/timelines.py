"""The heads that pull requests had, as the forge tells them: timelines, and the refs of pull requests.

A head is the last commit of each push that the timeline tells of, in the order of time and id; then
`refs/pull/N/head` where it differs from the last. Servers leave some pushes out: while the pull request was closed, of
commits that the base had already, and some of many in a row. A head that was merely seen in passing is not recorded:
a later reading could not tell it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import structlog
from msgspec import Struct
from msgspec.structs import replace

from cache.model import PullHead, PullHistory, PullRequest, Repository, RepositoryEvidence
from cache.projection.reach import Interest
from gitea_client.errors import Malformed, Missing, ServerFault
from gitea_client.refs import RefListing, ls_refs
from gitea_client.rest import Rest
from gitea_client.wire import Comment

log = structlog.get_logger(__name__)

SETTLED = timedelta(seconds=30)
"""So long after a pull request's own time, by the forge's clock, nothing more bears that time."""
TOLERATED = 2
"""A timeline that could not be read so many times in a row holds up nothing else any more."""


class PullsRead(Struct, frozen=True):
    """Pull requests as one look found them: all that there are, when those read last changed, which were asked for
    one by one, and those that are gone."""

    pulls: Mapping[int, PullRequest]
    updated: Mapping[int, datetime | None]
    single: frozenset[int] = frozenset()


class Told(Struct, frozen=True):
    """A pull request whose heads matter. Of a head that no push told of, `at` is still to be found in its commit."""

    pull: PullRequest
    updated_at: datetime | None
    settled: bool
    heads: tuple[PullHead, ...]

    @property
    def listed(self) -> tuple[frozenset[str], ...]:
        """For each head the commits that the pushes up to it told."""
        upto: set[str] = set()
        told = []
        for head in self.heads:
            upto |= set(head.commits)
            told.append(frozenset(upto))
        return tuple(told)


class Timelines:
    """Reads timelines of one forge."""

    patience: ClassVar[float] = 1.0
    """Seconds by which the event of a push may come after its ref."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._failed: dict[tuple[int, int], int] = {}
        self._untold: dict[tuple[int, int], tuple[str, datetime | None]] = {}
        """Heads of which no push told yet, and when they were first seen, by the forge's clock."""

    async def read(
        self,
        repository: Repository,
        listing: RefListing,
        known: RepositoryEvidence | None,
        interest: Interest,
        read: PullsRead,
        unreadable: dict[str, str],
    ) -> dict[int, Told]:
        """The heads of every pull request that has some of interest, by number.

        A timeline is asked for where the pull request is new to us, or may have changed. What was known stands where
        it cannot be read, with a line in `unreadable`; ForgeError where that may pass.
        """
        before = known.histories if known is not None else {}
        wanted = {number: pull for number, pull in read.pulls.items() if interest.wants_heads(pull)}
        stale = {n for n in wanted if _may_have_changed(before.get(n), n, read, listing.pulls)}
        pushed = await self._pushed(repository, stale, unreadable)
        refs: Mapping[int, str] = listing.pulls
        unsure = {n for n, heads in pushed.items() if not _agree(heads, refs.get(n), before.get(n))}
        if unsure:
            await asyncio.sleep(self.patience)
            format_ = repository.object_format
            refs = (await ls_refs(self._rest.transport, repository.full_name, object_format=format_)).pulls
            # A head that is newer than the listing must not be compared with a base that is as old as that: it would
            # seem to bring what the base gained meanwhile. What was known stands; it is looked at again.
            moved = {n for n in unsure if refs.get(n) != listing.pulls.get(n)}
            pushed = {n: heads for n, heads in pushed.items() if n not in moved}
            pushed |= await self._pushed(repository, unsure - moved, unreadable)
        told = {}
        for number, pull in wanted.items():
            history = before.get(number)
            if number in pushed:
                updated_at = read.updated.get(number)
                heads = _with_ref(pushed[number], refs.get(number), pull)
                settled = self._settled(repository, number, heads, known, listing)
                told[number] = Told(pull, updated_at, settled and _past(updated_at, listing.date), heads)
            elif history is not None:
                settled = history.settled and number not in stale
                told[number] = Told(pull, history.updated_at, settled, history.heads)
        return told

    def _settled(
        self,
        repository: Repository,
        number: int,
        heads: Sequence[PullHead],
        known: RepositoryEvidence | None,
        listing: RefListing,
    ) -> bool:
        """Whether a head of which no push tells was there for so long that none will.

        The event changes the pull request's own time, so that this says nothing until it is there: what counts is when
        the ref was first seen to have moved. One that was there before we looked at all is believed.
        """
        place, ref = (repository.id, number), listing.pulls.get(number)
        if not heads or heads[-1].told:
            self._untold.pop(place, None)
            return True
        before = known.pull_heads.get(number) if known is not None else None
        if before not in (None, ref):
            self._untold[place] = heads[-1].sha, listing.date
        sha, since = self._untold.get(place, ("", None))
        return sha != heads[-1].sha or _past(since, listing.date)

    async def _pushed(
        self, repository: Repository, numbers: Collection[int], unreadable: dict[str, str]
    ) -> dict[int, tuple[PullHead, ...]]:
        tasks = {n: asyncio.ensure_future(self._heads(repository, n, unreadable)) for n in sorted(numbers)}
        try:
            found = {number: await task for number, task in tasks.items()}
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)
        return {number: heads for number, heads in found.items() if heads is not None}

    async def _heads(
        self, repository: Repository, number: int, unreadable: dict[str, str]
    ) -> tuple[PullHead, ...] | None:
        place = repository.id, number
        try:
            heads = pushed_heads(await self._rest.timeline(repository.owner, repository.name, number))
        except (Malformed, Missing, ServerFault) as error:
            self._failed[place] = self._failed.get(place, 0) + 1
            if self._failed[place] < TOLERATED:
                raise
            log.warning("timeline.unreadable", repository=repository.full_name, number=number, error=str(error))
            unreadable[f"its timeline of pull request {number}"] = f"pull request {number}"
            return None
        self._failed.pop(place, None)
        return heads


def pushed_heads(events: Iterable[Comment]) -> tuple[PullHead, ...]:
    """The heads that a timeline tells of, given by time and id. Raises Malformed for an event that says no push.

    A pull request that is given another base keeps its heads; what each brought was brought to the base of its time.
    """
    heads: list[PullHead] = []
    for event in events:
        if event.type == "change_target_branch" and event.old_ref:
            heads = [head if head.base is not None else replace(head, base=event.old_ref) for head in heads]
        push = event.push_event
        if push is not None and push.commit_ids:
            at, ids = event.created_at.astimezone(UTC), push.commit_ids
            heads.append(PullHead(len(heads), ids[-1], at, push.is_force_push, commits=ids))
    return tuple(heads)


def _with_ref(heads: Sequence[PullHead], ref: str | None, pull: PullRequest) -> tuple[PullHead, ...]:
    if ref is None or _last(heads) == ref:
        return tuple(heads)
    at = heads[-1].at if heads else pull.created_at
    return (*heads, PullHead(len(heads), ref, at, told=False))


def dated(heads: Sequence[PullHead], committed: Mapping[str, datetime], pull: PullRequest) -> tuple[PullHead, ...]:
    """The heads, the one that no push told of at its committer's date: not before the one before it (or the pull
    request), and not after the merge."""
    if not heads or heads[-1].told:
        return tuple(heads)
    *others, last = heads
    earliest = others[-1].at if others else pull.created_at
    at = max(committed.get(last.sha, earliest), earliest)
    if pull.merged_at is not None:
        at = max(min(at, pull.merged_at), earliest)
    return (*others, replace(last, at=at))


def _last(heads: Sequence[PullHead]) -> str | None:
    return heads[-1].sha if heads else None


def _agree(pushed: Sequence[PullHead], ref: str | None, before: PullHistory | None) -> bool:
    """Whether the last push is the ref, or they differ as they did before: that was looked at again already."""
    if ref is None or _last(pushed) == ref:
        return True
    same = before is not None and [h.sha for h in before.heads] == [*(head.sha for head in pushed), ref]
    return same and before is not None and not before.heads[-1].told


def _disagrees(history: PullHistory, ref: str | None) -> bool:
    """Whether the last push that was told is not what the ref is: then it is looked at again, as long as that is so."""
    return _last([head for head in history.heads if head.told]) != ref


def _may_have_changed(history: PullHistory | None, number: int, read: PullsRead, refs: Mapping[int, str]) -> bool:
    if history is None:
        return True
    if number not in read.updated:
        return False
    if number in read.single or not history.settled or read.updated[number] != history.updated_at:
        return True
    return _disagrees(history, refs.get(number))


def _past(updated_at: datetime | None, now: datetime | None) -> bool:
    return updated_at is not None and now is not None and now - updated_at > SETTLED


