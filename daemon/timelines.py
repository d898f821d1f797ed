"""The heads that pull requests had, as the forge tells them: timelines, and the refs of pull requests.

A head is the last commit of each push that the timeline tells of, and the old side of a forced one, in the order of
time and id, with those that were told before and are not any more; then `refs/pull/N/head` where it differs from the
last. Servers leave some pushes out: while the pull request was closed, of commits that the base had already, and some
of many in a row. A head that was merely seen in passing is not recorded: a later reading could not tell it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from msgspec import Struct

from cache.model import PullHead, PullHistory, PullRequest, Repository, RepositoryEvidence
from cache.projection.reach import Interest
from daemon.deadline import DeadlinePassedError
from daemon.failing.read_errors import ONE, ReadErrors, timeline
from daemon.pull_reading import PullsRead
from daemon.pull_timeline import PullTimeline, last_of, pull_timeline, with_ref
from gitea_client.errors import ForgeError
from gitea_client.refs import RefListing, ls_refs
from gitea_client.rest import Rest

SETTLED = timedelta(seconds=30)
"""So long after a pull request's own time, by the forge's clock, nothing more bears that time."""


class Told(Struct, frozen=True):
    """A pull request whose heads matter. Of a head that no push told of, `at` is still to be found in its commit.

    `to_keep` are the heads that its timeline has just told, None where it was not read.
    """

    pull: PullRequest
    updated_at: datetime | None
    settled: bool
    heads: tuple[PullHead, ...]
    rewritten: bool = False
    to_keep: tuple[PullHead, ...] | None = None


class Timelines:
    """Reads timelines of one forge."""

    patience: ClassVar[float] = 1.0
    """Seconds by which the event of a push may come after its ref."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._untold: dict[tuple[int, int], tuple[str, datetime | None]] = {}
        """Heads of which no push told yet, and when they were first seen, by the forge's clock."""

    async def read(
        self,
        repository: Repository,
        listing: RefListing,
        known: RepositoryEvidence | None,
        last: RepositoryEvidence | None,
        interest: Interest,
        read: PullsRead,
        kept: Mapping[int, tuple[PullHead, ...]],
        errors: ReadErrors,
    ) -> dict[int, Told]:
        """The heads of every pull request that has some of interest, by number.

        A timeline is asked for where the pull request is new to us, or may have changed. What it told before is in
        `kept`, and stands. Where it cannot be read, the heads stand as `last` has them, and `errors` tells of it.
        """
        before = known.histories if known is not None else {}
        stands = before if known is not None else last.histories if last is not None else {}
        wanted = {number: pull for number, pull in read.pulls.items() if interest.wants_heads(pull)}
        stale = {n for n in wanted if not read.hidden and _may_have_changed(before.get(n), n, read, listing.pulls)}
        stale = {n for n in stale if not errors.stands(timeline(n), n, listing.pulls)}
        pushed = await self._pushed(repository, stale, kept, errors)
        refs: Mapping[int, str] = listing.pulls
        unsure = {n for n, told in pushed.items() if not _agree(told.heads, refs.get(n), before.get(n))}
        if unsure:
            await asyncio.sleep(self.patience)
            format_ = repository.object_format
            refs = (await ls_refs(self._rest.transport, repository.full_name, object_format=format_)).pulls
            # A head that is newer than the listing must not be compared with a base that is as old as that: it would
            # seem to bring what the base gained meanwhile. What was known stands; it is looked at again.
            moved = {n for n in unsure if refs.get(n) != listing.pulls.get(n)}
            pushed = {n: told for n, told in pushed.items() if n not in moved}
            pushed |= await self._pushed(repository, unsure - moved, kept, errors)
        told = {}
        for number, pull in wanted.items():
            history = stands.get(number)
            if number in pushed:
                updated_at, now = read.updated.get(number), pushed[number]
                heads = with_ref(now.heads, refs.get(number), pull)
                settled = self._settled(repository, number, heads, known, listing)
                past = _past(updated_at, listing.date)
                told[number] = Told(pull, updated_at, settled and past, heads, now.rewritten, now.heads)
            elif history is not None:
                settled = history.settled and number not in stale
                told[number] = Told(pull, history.updated_at, settled, history.heads, history.rewritten)
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
        self,
        repository: Repository,
        numbers: Collection[int],
        kept: Mapping[int, tuple[PullHead, ...]],
        errors: ReadErrors,
    ) -> dict[int, PullTimeline]:
        tasks = {n: asyncio.ensure_future(self._heads(repository, n, kept.get(n), errors)) for n in sorted(numbers)}
        try:
            found = {number: await task for number, task in tasks.items()}
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)
        return {number: heads for number, heads in found.items() if heads is not None}

    async def _heads(
        self, repository: Repository, number: int, kept: tuple[PullHead, ...] | None, errors: ReadErrors
    ) -> PullTimeline | None:
        try:
            async with errors.deadline.asking(number):
                events = await self._rest.timeline(repository.owner, repository.name, number)
            found = pull_timeline(events, kept)
        except DeadlinePassedError:
            return None
        except ForgeError as error:
            errors.add(timeline(number), ONE, error, number)
            return None
        errors.read(timeline(number))
        return found


def _agree(pushed: Sequence[PullHead], ref: str | None, before: PullHistory | None) -> bool:
    """Whether the last push is the ref, or they differ as they did before: that was looked at again already."""
    if ref is None or last_of(pushed) == ref:
        return True
    same = before is not None and [h.sha for h in before.heads] == [*(head.sha for head in pushed), ref]
    return same and before is not None and not before.heads[-1].told


def _disagrees(history: PullHistory, ref: str | None) -> bool:
    """Whether the last push that was told is not what the ref is: then it is looked at again, as long as that is so."""
    return last_of([head for head in history.heads if head.told]) != ref


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
