"""Reading one repository: refs, pull requests, objects and history, into evidence. Nothing here is written down.

The order matters. Refs are listed first; whatever is read after them is at least as new. Last, where anything
changed, the repository is asked for by its id: a name that meanwhile belongs to another repository would have
answered with that one's refs, and nothing in Git tells the difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from cache.model import Repository, RepositoryEvidence
from cache.profile.collection import Block
from cache.projection.reach import Interest
from cache.world import BranchTombstone, PullTombstone
from daemon.config.limits import Limits
from daemon.convert import pull_request_of, repository_of, utc
from daemon.histories import objects_of
from daemon.loading import load, same_or
from daemon.timelines import PullsRead, Timelines, Told
from daemon.together import together
from daemon.work.scope import Scope
from gitea_client.errors import GitFailed, Malformed, Missing, ObjectMissing, Redirected
from gitea_client.objects import ObjectStore
from gitea_client.refs import RefListing, ls_refs
from gitea_client.rest import Rest
from gitea_client.secret import Secret
from gitea_client.transport import Transport

MANY = 8
"""From this many pull requests on, one complete list is cheaper than single reads (50 to a page)."""
UNREADABLE = 64
"""How many objects the forge may fail to give before the repository as a whole counts as unreadable."""


class Gone(Exception):
    """The forge answers 404 for a repository by its id. Not yet proof: a complete list must lack it too."""


class NameReused(Malformed):
    """The name stood for another repository while it was read; what was read is discarded."""


class Outcome(Struct, frozen=True):
    """What one look at a repository brought. `evidence` is the very object known before where nothing changed."""

    evidence: RepositoryEvidence
    looked_at: datetime | None
    """The forge's clock when the refs were listed."""
    pulls_read: frozenset[int] = frozenset()
    branches_gone: tuple[BranchTombstone, ...] = ()
    pulls_gone: tuple[PullTombstone, ...] = ()


class Reader:
    """Reads repositories of one forge into object stores under `objects`."""

    def __init__(
        self, rest: Rest, transport: Transport, objects: Path, *, token: Secret | None, git: str, max_file_size: int,
        limits: Limits, ca_file: Path | None = None,
    ) -> None:  # fmt: skip
        self._rest = rest
        self._transport = transport
        self._objects = objects
        self._token = token
        self._git = git
        self._max_file_size = max_file_size
        self._ca_file = ca_file
        self._limits = limits
        self.timelines = Timelines(rest)
        self._lost: set[tuple[int, str]] = set()
        """Commits that the forge does not give and no ref names: not asked for again and again."""
        self._at_work: set[int] = set()
        self._unwanted: set[int] = set()

    async def read(
        self,
        repository: Repository,
        previous: RepositoryEvidence | None,
        interest: Interest,
        scope: Scope,
        blocks: Sequence[Block],
    ) -> Outcome:
        """Look at one repository.

        Raises:
            Gone: it answers 404 by id.
            ForgeError: anything else went wrong; nothing about what exists follows from that.
        """
        self._at_work.add(repository.id)
        try:
            return await self._read_by_name(repository, previous, interest, scope, blocks)
        finally:
            self._at_work.discard(repository.id)
            if repository.id in self._unwanted:
                self._unwanted.discard(repository.id)
                await self._store(repository).remove()

    async def _read_by_name(
        self,
        repository: Repository,
        previous: RepositoryEvidence | None,
        interest: Interest,
        scope: Scope,
        blocks: Sequence[Block],
    ) -> Outcome:
        for _ in range(3):
            try:
                return await self._read(repository, previous, interest, scope, blocks)
            except NameReused:
                repository = await self._by_id(repository.id)
        raise NameReused(f"{repository.full_name} was renamed again and again while it was read")

    async def _read(
        self,
        repository: Repository,
        previous: RepositoryEvidence | None,
        interest: Interest,
        scope: Scope,
        blocks: Sequence[Block],
    ) -> Outcome:
        try:
            listing = _legible(
                await ls_refs(self._transport, repository.full_name, object_format=repository.object_format)
            )
        except (Missing, Redirected):
            current = await self._by_id(repository.id)
            if current.full_name == repository.full_name:
                raise
            raise NameReused(f"{repository.full_name} is called {current.full_name} now") from None
        known = previous if previous is not None and not scope.again else None
        if known is not None and known.interest == interest.canonical and _same_refs(listing, known):
            pulls_to_read = scope.pulls | (frozenset(listing.pulls) - frozenset(known.pulls))
            if not pulls_to_read and not scope.all_pulls and repository == known.repository:
                return Outcome(known, listing.date)
        unreadable: dict[str, str] = {}
        found, pulls_gone = await self._pulls(repository, listing, known, scope, unreadable)
        told = await self.timelines.read(repository, listing, known, interest, found, unreadable)
        store = self._store(repository)
        await self._fetch(store, repository, listing, known, interest, unreadable, objects_of(told, known))
        evidence = RepositoryEvidence(
            repository=replace(repository, default_branch=listing.default_branch or repository.default_branch),
            depth=interest.depth,
            interest=interest.canonical,
            branches=same_or(dict(listing.branches), known.branches if known else None),
            pull_heads=same_or(dict(listing.pulls), known.pull_heads if known else None),
            pulls=same_or(dict(found.pulls), known.pulls if known else None),
            unreadable=unreadable,
        )
        evidence, fresh = await together(
            load(store, evidence, known, interest, blocks, self._max_file_size, told), self._by_id(repository.id)
        )
        if fresh.full_name != repository.full_name:
            raise NameReused(f"{repository.full_name} is called {fresh.full_name} now")
        fresh = replace(fresh, default_branch=evidence.repository.default_branch)
        evidence = replace(evidence, repository=same_or(fresh, known.repository if known else None))
        return Outcome(
            evidence=same_or(evidence, previous),
            looked_at=listing.date,
            pulls_read=frozenset(found.updated),
            branches_gone=tuple(missing_branches(previous, listing.branches)) if previous is not None else (),
            pulls_gone=pulls_gone,
        )

    async def from_store(
        self, evidence: RepositoryEvidence, interest: Interest, blocks: Sequence[Block]
    ) -> RepositoryEvidence:
        """The same evidence read again from the object store alone, for a changed profile: the forge is not asked.

        Raises `GitFailed` where the store lacks what is needed now; then the repository has to be read.
        """
        told = {}
        for number, pull in evidence.pulls.items():
            if interest.wants_heads(pull):
                if number not in evidence.histories:
                    raise GitFailed(f"{evidence.repository.full_name}: heads of pull request {number} were not read")
                history = evidence.histories[number]
                told[number] = Told(pull, history.updated_at, history.settled, history.heads)
        store = self._store(evidence.repository)
        bare = replace(
            evidence, interest=interest.canonical, depth=interest.depth, versions={}, blobs={}, commits={}, histories={}
        )
        return await load(store, bare, None, interest, blocks, self._max_file_size, told)

    async def holds(self, repository: Repository, commit: str) -> bool:
        """Whether a commit was fetched from a repository."""
        return not await self._store(repository).missing([commit])

    async def forget(self, repository: Repository) -> None:
        """Remove a repository's object store, once nobody reads in it: it can be fetched again."""
        if repository.id in self._at_work:
            self._unwanted.add(repository.id)
        else:
            await self._store(repository).remove()

    def _store(self, repository: Repository) -> ObjectStore:
        return ObjectStore(
            self._objects / f"{repository.id}.git",
            git=self._git,
            counter=self._transport.counter,
            object_format=repository.object_format,
            limits=self._limits.of_store,
            most_paths=self._limits.tree_paths,
        )

    async def _by_id(self, repository_id: int) -> Repository:
        try:
            return repository_of(await self._rest.repository_by_id(repository_id))
        except Missing:
            raise Gone(f"repository {repository_id} answers 404") from None

    async def _pulls(
        self,
        repository: Repository,
        listing: RefListing,
        known: RepositoryEvidence | None,
        scope: Scope,
        unreadable: dict[str, str],
    ) -> tuple[PullsRead, tuple[PullTombstone, ...]]:
        """Pull requests as they are now, and those that are gone.

        A pull request is gone when its ref is missing from the complete listing and the forge answers 404 for it.
        """
        before = known.pulls if known else {}
        pulls = dict(before)
        wanted = set(scope.pulls) | (set(listing.pulls) - set(before)) | (set(before) - set(listing.pulls))
        wanted |= {n for n in set(before) & set(listing.pulls) if known and known.pull_heads.get(n) != listing.pulls[n]}
        read: dict[int, datetime | None] = {}
        single: set[int] = set()
        if (known is None or scope.all_pulls or len(wanted) > MANY) and (listing.pulls or before):
            listed = await self._rest.pull_requests(repository.owner, repository.name)
            for item in listed:
                pulls[item.number] = pull_request_of(item, repository.id)
                read[item.number] = utc(item.updated_at)
            unreadable |= {f"its pull request {number}": f"pull request {number}" for number in listed.unreadable}
            single = wanted & read.keys()
            wanted = (set(before) | wanted) - read.keys() - set(listed.unreadable)
        gone = []
        for number in sorted(wanted):
            try:
                item = await self._rest.pull_request(repository.owner, repository.name, number)
            except Missing:
                if number in listing.pulls:  # its ref is there: it is kept from us, not gone
                    unreadable[f"its pull request {number}"] = f"pull request {number}"
                elif number in pulls:
                    gone.append(PullTombstone(pulls.pop(number), known.pull_heads.get(number) if known else None))
                continue
            pulls[number] = pull_request_of(item, repository.id)
            read[number] = utc(item.updated_at)
            single.add(number)
        return PullsRead(pulls, read, frozenset(single)), tuple(gone)

    async def _fetch(
        self,
        store: ObjectStore,
        repository: Repository,
        listing: RefListing,
        known: RepositoryEvidence | None,
        interest: Interest,
        unreadable: dict[str, str],
        more: frozenset[str],
    ) -> None:
        """Fetch what refs name, and `more` commits; what the forge does not give of these is simply not there."""
        named = {sha: f"refs/pull/{number}/head" for number, sha in listing.pulls.items()}
        named |= {sha: f"refs/heads/{name}" for name, sha in listing.branches.items()}
        tips = [*known.branches.values()] if known else []
        upgrade = known is not None and known.depth == "commits" and interest.depth == "files"
        file_filter = f"blob:limit={self._max_file_size}" if interest.depth == "files" else "tree:0"
        await store.ensure()
        wanted = {*named, *(sha for sha in more if (repository.id, sha) not in self._lost)}
        head = listing.branches.get(listing.default_branch or "")
        while True:
            try:
                await store.fetch(
                    self._transport.git_url(repository.full_name),
                    sorted(wanted),
                    token=self._token,
                    filter=file_filter,
                    refetch=upgrade,
                    tips=tips[:32],
                    ca_file=self._ca_file,
                    slot=self._transport.slot,
                )
            except ObjectMissing as error:
                if error.object_id == head or error.object_id not in wanted or len(unreadable) >= UNREADABLE:
                    raise
                if error.object_id in named:
                    unreadable[error.object_id] = named[error.object_id]
                else:
                    self._lost.add((repository.id, error.object_id))
                wanted.discard(error.object_id)
                continue
            return


def _legible(listing: RefListing) -> RefListing:
    """Branch names may be any bytes; what is not UTF-8 is shown as backslash escapes, so that rows can hold it."""
    names = {name: name.encode("utf-8", "backslashreplace").decode() for name in listing.branches}
    return replace(listing, branches={names[name]: sha for name, sha in listing.branches.items()})


def _same_refs(listing: RefListing, known: RepositoryEvidence) -> bool:
    return (
        listing.branches == known.branches
        and listing.pulls == known.pull_heads
        and (listing.default_branch or known.repository.default_branch) == known.repository.default_branch
    )


def missing_branches(before: RepositoryEvidence, now: Mapping[str, str]) -> Iterator[BranchTombstone]:
    """The branches that a complete listing lacks now, as they were."""
    for name, sha in before.branches.items():
        if name not in now:
            commit = before.commits.get(sha)
            yield BranchTombstone(before.repository.id, name, sha, commit.committed_at if commit else None)
