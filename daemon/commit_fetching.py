"""Fetching what refs name into an object store: branches first, then pull requests, so that these fail by themselves.

Anybody may raise a pull request, over whatever a pack can hold. What branches name is fetched without it, in the usual
two requests; a second fetch follows only where a pull request has commits that no branch names. One that cannot be
fetched is found by halving, and is told alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from cache.model import Repository
from daemon.deadline import DeadlinePassedError
from daemon.failing.read_errors import ONE, ReadErrors, commits, is_whole_forge
from gitea_client.errors import ForgeError, ObjectMissing
from gitea_client.objects import ObjectStore
from gitea_client.transport import Transport

UNREADABLE = 64
"""How many objects the forge may fail to give before the repository as a whole counts as unreadable."""
MOST_TIPS = 32
"""Commits that the forge is told we have."""


class Wanted(Struct, frozen=True):
    """What is to be there: commits by the refs that name them, and of each pull request further ones by no ref.

    `head` is the commit without which there is nothing to read. `tips` are commits that are held, and the forge's too.
    """

    branches: Mapping[str, str]
    pulls: Mapping[int, str]
    further: Mapping[int, Collection[str]]
    head: str | None
    tips: Sequence[str]
    file_filter: str
    refetch: bool


class Fetcher:
    """Fetches from one forge."""

    def __init__(self, transport: Transport, *, ca_file: Path | None) -> None:
        self._transport = transport
        self._ca_file = ca_file
        self._lost: set[tuple[int, str]] = set()
        """Commits that the forge does not give and no ref names: not asked for again and again."""

    async def fetch(
        self,
        store: ObjectStore,
        repository: Repository,
        wanted: Wanted,
        unreadable: dict[str, str],
        errors: ReadErrors,
    ) -> None:
        """Have in the store what is wanted. What refs name and the forge does not give is told in `unreadable`, by its
        id; a pull request of which nothing can be fetched in `errors`. Raises ForgeError for branches.
        """
        await store.ensure()
        names = {sha: f"refs/heads/{name}" for name, sha in wanted.branches.items()}
        must = {*names, *([wanted.head] if wanted.head is not None else [])}
        await self._all(store, repository, wanted, must, names, unreadable)
        names |= {sha: f"refs/pull/{number}/head" for number, sha in wanted.pulls.items() if sha not in names}
        of: dict[int, set[str]] = {}
        for number in sorted({*wanted.pulls, *wanted.further}):
            ids = {*wanted.further.get(number, ()), *([wanted.pulls[number]] if number in wanted.pulls else [])} - must
            ids -= {sha for sha in ids if (repository.id, sha) in self._lost}
            if ids and not errors.stands(commits(number), number, wanted.pulls):
                of[number] = ids
        errors.deadline.next_step()
        await self._pulls(store, repository, wanted, of, names, unreadable, errors)

    async def _pulls(
        self,
        store: ObjectStore,
        repository: Repository,
        wanted: Wanted,
        of: Mapping[int, set[str]],
        names: Mapping[str, str],
        unreadable: dict[str, str],
        errors: ReadErrors,
    ) -> None:
        if not of:
            return
        before, every = set(errors.deadline.late), set().union(*of.values())
        try:
            async with errors.deadline.asking(*of):
                await self._all(store, repository, wanted, every, names, unreadable)
        except DeadlinePassedError:
            # asked for together, they are late together: not those of which all is here already
            absent = await store.missing(every)
            errors.deadline.late -= {number for number, ids in of.items() if not ids & absent} - before
        except ForgeError as error:
            if is_whole_forge(error):
                raise
            if len(of) == 1:
                (number,) = of
                errors.add(commits(number), ONE, error, number)
                return
            numbers = sorted(of)
            for half in (numbers[: len(of) // 2], numbers[len(of) // 2 :]):
                await self._pulls(store, repository, wanted, {n: of[n] for n in half}, names, unreadable, errors)
        else:
            errors.read(*map(commits, of))

    async def _all(
        self,
        store: ObjectStore,
        repository: Repository,
        wanted: Wanted,
        ids: set[str],
        names: Mapping[str, str],
        unreadable: dict[str, str],
    ) -> None:
        """Fetch all of some commits; what the forge does not give of these is simply not there."""
        while True:
            try:
                await store.fetch(
                    self._transport.git_url(repository.full_name),
                    sorted(ids),
                    token=self._transport.token,
                    filter=wanted.file_filter,
                    refetch=wanted.refetch,
                    tips=list(wanted.tips)[:MOST_TIPS],
                    ca_file=self._ca_file,
                    slot=self._transport.slot,
                )
            except ObjectMissing as error:
                absent = error.object_id
                if absent == wanted.head or absent not in ids or len(unreadable) >= UNREADABLE:
                    raise
                if absent in names:
                    unreadable[absent] = names[absent]
                else:
                    self._lost.add((repository.id, absent))
                ids = ids - {absent}
                continue
            return
