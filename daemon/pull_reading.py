"""Which pull requests a look asks the forge for, and what follows where it does not show them.

Refs tell which pull requests there may be, not which there are: a repository that was migrated or mirrored carries the
`refs/pull/*` of where it came from, and where pull requests are switched off, or may not be read, their refs stay in
Git while the API answers 404. So a ref that belongs to no pull request is asked for once and remembered by its commit,
and a 404 is believed only while other pull requests are shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from cache.model import PullRequest, ReadError, Repository, RepositoryEvidence
from cache.world import PullTombstone
from daemon.convert import pull_request_of, utc
from daemon.deadline import DeadlinePassedError
from daemon.failing.read_errors import HIDDEN, LIST, ONE, THE_LIST, ReadErrors, one
from daemon.work.scope import Scope
from gitea_client import wire
from gitea_client.errors import ForgeError, Missing
from gitea_client.refs import RefListing
from gitea_client.rest import Rest

MANY = 8
"""From this many pull requests on, one complete list is cheaper than single reads (50 to a page)."""


class PullsRead(Struct, frozen=True):
    """Pull requests as one look found them: all that there are, when those read last changed, which were asked for
    one by one, and those that are gone. `hidden` says that the forge shows none of them; `unread` are those of which
    nothing could be read, and that are asked for again where their refs are new."""

    pulls: Mapping[int, PullRequest]
    updated: Mapping[int, datetime | None] = {}
    single: frozenset[int] = frozenset()
    gone: tuple[PullTombstone, ...] = ()
    hidden: bool = False
    unread: frozenset[int] = frozenset()


def to_read(listing: RefListing, known: RepositoryEvidence, scope: Scope) -> frozenset[int]:
    """The pull requests that must be asked for one by one, or by the list where they are many."""
    moved = {number for number, sha in listing.pulls.items() if known.pull_heads.get(number) != sha}
    lost = {number for number in known.pulls if number not in listing.pulls}
    failed = {error.number for error in known.read_errors.values() if error.retry and error.number}
    return frozenset(scope.pulls | moved | lost | failed | _of_other_branches(listing, known))


def was_hidden(known: RepositoryEvidence) -> bool:
    """Whether the forge did not show the pull requests when a repository was last read."""
    error = known.read_errors.get(THE_LIST)
    return not known.repository.has_pull_requests or (error is not None and error.rule == HIDDEN)


def _of_other_branches(listing: RefListing, known: RepositoryEvidence) -> set[int]:
    """Pull requests whose head or base is a branch that is not there any more: it was renamed, or is gone.

    The name that leaves the list is the only sign of a renaming, and the forge gives the pull request its new names a
    moment later; open ones are asked for until it has. Merged ones keep the names that they had.
    """
    left = known.branches.keys() - listing.branches.keys()
    names: set[int] = set()
    for number, pull in known.pulls.items():
        ends = {pull.base_ref, *([pull.head_label] if pull.head_repository_id == pull.repository_id else [])} - {""}
        if not pull.merged and ((pull.state == "open" and ends - listing.branches.keys()) or ends & left):
            names.add(number)
    return names


class PullReader:
    """Reads pull requests of one forge."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def read(
        self,
        repository: Repository,
        listing: RefListing,
        known: RepositoryEvidence | None,
        last: RepositoryEvidence | None,
        scope: Scope,
        errors: ReadErrors,
    ) -> PullsRead:
        """Pull requests as they are now. What cannot be read stands as `last` has it, and is told in `errors`.

        One is gone when its ref is missing from the complete listing and the forge answers 404 for it while it shows
        others. Raises ForgeError for what concerns the forge as a whole.
        """
        before = known.pulls if known else {}
        stands = PullsRead(known.pulls if known else last.pulls if last else {}, hidden=True)
        if not repository.has_pull_requests:
            errors.read(THE_LIST)
            if stands.pulls:
                errors.tell(_hidden(repository, "are switched off", "switch them on, or", retry=False))
            return stands
        wanted = to_read(listing, known, scope) if known is not None else frozenset(listing.pulls) | scope.pulls
        so_far = PullsRead(before)
        whole = known is None or scope.all_pulls or len(wanted) > MANY or was_hidden(known)
        if whole := whole and bool(listing.pulls or before):
            try:
                async with errors.deadline.asking():
                    listed = await self._rest.pull_requests(repository.owner, repository.name)
            except DeadlinePassedError:
                return replace(stands, hidden=False, unread=frozenset(wanted))
            except Missing:
                errors.tell(_hidden(repository, "are not shown to the token", _RIGHTS, retry=True))
                return stands
            except ForgeError as error:
                errors.add(THE_LIST, LIST, error)
                return replace(stands, hidden=False, unread=frozenset(wanted))
            found = {item.number: pull_request_of(item, repository.id) for item in listed}
            for number in listed.unreadable:
                errors.tell(_refused(repository, number))
            errors.read(THE_LIST, *map(one, found))
            updated = {item.number: utc(item.updated_at) for item in listed}
            so_far = PullsRead({**before, **found}, updated, wanted & found.keys())
            # What only a ref tells of is no pull request of this repository.
            wanted = frozenset(before.keys() | scope.pulls) - found.keys() - set(listed.unreadable)
        return await self._singles(repository, listing, known, so_far, sorted(wanted), errors, shown=whole)

    async def _singles(
        self,
        repository: Repository,
        listing: RefListing,
        known: RepositoryEvidence | None,
        so_far: PullsRead,
        wanted: Sequence[int],
        errors: ReadErrors,
        *,
        shown: bool,
    ) -> PullsRead:
        """What was read `so_far`, with those asked for one by one. `shown` says that the forge shows pull requests."""
        pulls, updated, single = dict(so_far.pulls), dict(so_far.updated), set(so_far.single)
        missing = []
        for number, item in await self._each(repository, wanted, errors):
            if item is None:
                missing.append(number)
            else:
                pulls[number] = pull_request_of(item, repository.id)
                updated[number] = utc(item.updated_at)
                single.add(number)
                errors.read(one(number))
                shown = True
        if missing and not shown:
            try:
                async with errors.deadline.asking(*missing):
                    shown = await self._rest.shows_pull_requests(repository.owner, repository.name)
            except DeadlinePassedError:
                return replace(so_far, unread=frozenset(missing))
            except ForgeError as error:
                errors.add(THE_LIST, LIST, error)
                return replace(so_far, unread=frozenset(missing))
            if not shown:
                errors.tell(_hidden(repository, "are not shown to the token", _RIGHTS, retry=True))
                return replace(so_far, hidden=True)
        gone = []
        for number in missing:
            if number in listing.pulls and number in pulls:  # its ref is there: it is kept from us, not gone
                errors.tell(_refused(repository, number))
            else:
                errors.gone(number)
                if number in pulls:
                    head = known.pull_heads.get(number) if known is not None else None
                    gone.append(PullTombstone(pulls.pop(number), head))
        return PullsRead(pulls, updated, frozenset(single), tuple(gone))

    async def _each(
        self, repository: Repository, numbers: Sequence[int], errors: ReadErrors
    ) -> list[tuple[int, wire.PullRequest | None]]:
        """Pull requests asked for one by one, together; None for a 404. Others that cannot be read, `errors` tells."""

        async def read(number: int) -> wire.PullRequest | ForgeError | DeadlinePassedError:
            try:
                async with errors.deadline.asking(number):
                    return await self._rest.pull_request(repository.owner, repository.name, number)
            except (ForgeError, DeadlinePassedError) as error:
                return error

        found: list[tuple[int, wire.PullRequest | None]] = []
        for number, answer in zip(numbers, await asyncio.gather(*map(read, numbers)), strict=True):
            match answer:
                case Missing():
                    found.append((number, None))
                case ForgeError():
                    errors.add(one(number), ONE, answer, number)
                case wire.PullRequest():
                    found.append((number, answer))
        return found


_RIGHTS = "let its user read pull requests, or"


def _hidden(repository: Repository, why: str, remedy: str, *, retry: bool) -> ReadError:
    message = (
        f"the pull requests of {repository.full_name} {why}, and stand as they were last seen; {remedy} leave "
        "them out of the profile"
    )
    return ReadError(THE_LIST, HIDDEN, message, retry=retry)


def _refused(repository: Repository, number: int) -> ReadError:
    message = (
        f"the forge has the ref of pull request {number} of {repository.full_name} and does not give the pull request; "
        "check it on the forge"
    )
    return ReadError(one(number), ONE, message, number)
