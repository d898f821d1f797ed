"""Reading one repository: refs, pull requests, objects and history, into evidence. Nothing here is written down.

The order matters. Refs are listed first; whatever is read after them is at least as new. Last, where anything
changed, the repository is asked for by its id: a name that meanwhile belongs to another repository would have
answered with that one's refs, and nothing in Git tells the difference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from cache.model import PullHead, ReadError, Repository, RepositoryEvidence
from cache.profile.collection import Block
from cache.projection.reach import Interest
from cache.projection.selecting import Amounts
from cache.world import BranchTombstone, PullTombstone
from daemon.commit_fetching import Fetcher, Wanted
from daemon.config.limits import Limits
from daemon.convert import repository_of
from daemon.deadline import SECONDS, Deadline
from daemon.failing.read_errors import DEFAULT_BRANCH, NO_DEFAULT, Failures, PartlyRead, ReadErrors
from daemon.histories import objects_of
from daemon.loading import load, same_or
from daemon.pull_reading import PullReader, PullsRead, to_read, was_hidden
from daemon.timelines import Timelines, Told
from daemon.together import together
from daemon.work.scope import Scope
from gitea_client.errors import GitFailed, Malformed, Missing, Redirected, TooMuch
from gitea_client.objects import ObjectStore
from gitea_client.refs import RefListing, ls_refs
from gitea_client.rest import Rest
from gitea_client.transport import Transport

Kept = Mapping[int, tuple[PullHead, ...]]
"""The heads that a repository's pull requests had, as `state.db` has them."""


class Gone(Exception):
    """The forge answers 404 for a repository by its id. Not yet proof: a complete list must lack it too."""


class NameReused(Malformed):
    """The name stood for another repository while it was read; what was read is discarded."""


class Switched(Malformed):
    """Pull requests were switched on or off while a repository was read; what was read is discarded."""


class Outcome(Struct, frozen=True):
    """What one look at a repository brought. `evidence` is the very object known before where nothing changed."""

    evidence: RepositoryEvidence
    looked_at: datetime | None
    """The forge's clock when the refs were listed."""
    pulls_read: frozenset[int] = frozenset()
    branches_gone: tuple[BranchTombstone, ...] = ()
    pulls_gone: tuple[PullTombstone, ...] = ()
    heads: Kept = {}
    """The heads of pull requests that are to be kept, by number."""
    partly: PartlyRead | None = None
    """What could not be read and may be soon, once the rest is written."""
    late: Scope | None = None
    """What of pull requests did not come in time, to be read by a deferred look."""


class _Question(Struct, frozen=True):
    """How a repository is to be read, whatever it is called meanwhile; see `Reader.read`."""

    previous: RepositoryEvidence | None
    interest: Interest
    scope: Scope
    blocks: Sequence[Block]
    kept: Kept


class Reader:
    """Reads repositories of one forge into object stores under `objects`."""

    def __init__(
        self, rest: Rest, transport: Transport, objects: Path, *, git: str, max_file_size: int,
        limits: Limits, ca_file: Path | None = None,
        remembered: Callable[[int], RepositoryEvidence | None] = lambda _id: None,
    ) -> None:  # fmt: skip
        self._rest = rest
        self._transport = transport
        self._objects = objects
        self._git = git
        self._max_file_size = max_file_size
        self._limits = limits
        self._remembered = remembered
        """What stands, where nothing is known and the forge does not show something: for a reading anew."""
        self._amounts = Amounts(limits.repository_files, limits.repository_text)
        self.timelines = Timelines(rest)
        self._pulls = PullReader(rest)
        self._fetcher = Fetcher(transport, ca_file=ca_file)
        self.failures: Failures = Counter()
        self._too_much: dict[int, tuple[object, TooMuch]] = {}
        """Of each repository that holds more than is read: of which refs, read as what, that was found out."""
        self._at_work: set[int] = set()
        self._unwanted: set[int] = set()
        self._deferred: dict[int, Deadline] = {}
        self._closing = False

    async def read(
        self,
        repository: Repository,
        previous: RepositoryEvidence | None,
        interest: Interest,
        scope: Scope,
        blocks: Sequence[Block],
        kept: Kept,
    ) -> Outcome:
        """Look at one repository. `kept` are the heads that its pull requests are known to have had.

        Raises:
            Gone: it answers 404 by id.
            ForgeError: anything else went wrong; nothing about what exists follows from that.
        """
        self._at_work.add(repository.id)
        if scope.deferred:
            self._deferred[repository.id] = Deadline(0 if self._closing else None, deferred=True)
        try:
            return await self._read_by_name(repository, _Question(previous, interest, scope, blocks, kept))
        finally:
            self._deferred.pop(repository.id, None)
            self._at_work.discard(repository.id)
            if repository.id in self._unwanted:
                self._unwanted.discard(repository.id)
                await self._store(repository).remove()

    async def _read_by_name(self, repository: Repository, question: _Question) -> Outcome:
        for _ in range(3):
            try:
                return await self._read(repository, question)
            except (NameReused, Switched):
                repository = await self._by_id(repository.id)
        raise NameReused(f"{repository.full_name} was renamed again and again while it was read")

    async def _read(self, repository: Repository, question: _Question) -> Outcome:
        try:
            listing = _legible(
                await ls_refs(self._transport, repository.full_name, object_format=repository.object_format)
            )
        except (Missing, Redirected):
            current = await self._by_id(repository.id)
            if current.full_name == repository.full_name:
                raise
            raise NameReused(f"{repository.full_name} is called {current.full_name} now") from None
        default = await self._default_branch(repository, listing)
        asked = (listing.branches, listing.pulls, default, question.interest.canonical)
        before, error = self._too_much.pop(repository.id, (None, None))
        if error is None or before != asked or question.scope.again:
            try:
                return await self._read_listed(repository, listing, default, question)
            except TooMuch as found:
                error = found
        if error.lasting:  # as it was made, without the frames that it came through and all that they hold
            self._too_much[repository.id] = asked, TooMuch(error.what, error.amount, error.limit)
        raise error

    async def _read_listed(
        self, repository: Repository, listing: RefListing, default: str, question: _Question
    ) -> Outcome:
        previous, interest, scope = question.previous, question.interest, question.scope
        blocks, kept = question.blocks, question.kept
        known = previous if previous is not None and not scope.again else None
        last = previous or self._remembered(repository.id)
        errors = ReadErrors(repository, known, scope, self.failures, self._deadline(repository, known, scope))
        late = errors.deadline.late
        if known is not None and known.interest == interest.canonical and _same_refs(listing, default, known):
            hidden = repository.has_pull_requests and was_hidden(known)
            nothing = not to_read(listing, known, scope) and not scope.all_pulls and not hidden
            if nothing and repository == known.repository:
                return Outcome(known, listing.date)
        repository = replace(repository, default_branch=default)
        last_head = self._last_head(repository, listing, last, errors)
        found = await self._pulls.read(repository, listing, known, last, scope, errors)
        told = await self.timelines.read(repository, listing, known, last, interest, found, kept, errors)
        store, unreadable = self._store(repository), dict[str, str]()
        pull_heads = _pull_heads(listing, known, found)
        wanted = Wanted(
            branches=listing.branches,
            pulls={number: sha for number, sha in pull_heads.items() if number in found.pulls},
            further=objects_of(told, known),
            head=listing.branches.get(default, last_head),
            tips=tuple(known.branches.values()) if known else (),
            file_filter=f"blob:limit={self._max_file_size}" if interest.depth == "files" else "tree:0",
            refetch=known is not None and interest.depth == "files" and _lacks_blobs(known),
        )
        await self._fetcher.fetch(store, repository, wanted, unreadable, errors)
        evidence = RepositoryEvidence(
            repository=repository,
            depth=interest.depth,
            interest=interest.canonical,
            branches=same_or(dict(listing.branches), known.branches if known else None),
            pull_heads=same_or(pull_heads, known.pull_heads if known else None),
            pulls=same_or(dict(found.pulls), known.pulls if known else None),
            unreadable=unreadable,
            last_head=last_head,
        )
        evidence, fresh = await together(
            load(store, evidence, known, interest, blocks, self._max_file_size, told, last, errors, self._amounts),
            self._by_id(repository.id),
        )
        if fresh.full_name != repository.full_name:
            raise NameReused(f"{repository.full_name} is called {fresh.full_name} now")
        if fresh.has_pull_requests is not repository.has_pull_requests:
            raise Switched(f"the pull requests of {repository.full_name} were switched on or off while it was read")
        fresh = replace(fresh, default_branch=default)
        if late:
            pull_heads = _pull_heads(listing, known, found, late)
            evidence = replace(evidence, pull_heads=same_or(pull_heads, known.pull_heads if known else None))
        evidence = replace(
            evidence,
            repository=same_or(fresh, known.repository if known else None),
            read_errors=same_or(errors.found, known.read_errors if known else None),
        )
        return Outcome(
            evidence=same_or(evidence, previous),
            looked_at=listing.date,
            pulls_read=frozenset(found.updated.keys() - late),
            branches_gone=tuple(missing_branches(previous, listing.branches)) if previous is not None else (),
            pulls_gone=found.gone,
            heads={n: each.to_keep for n, each in told.items() if each.to_keep not in (None, kept.get(n))},
            partly=errors.passing,
            late=_of_late(scope, errors.deadline),
        )

    def _deadline(self, repository: Repository, known: RepositoryEvidence | None, scope: Scope) -> Deadline:
        """None for a first reading: nothing is served that could be late."""
        if known is None:
            return Deadline(None)
        return self._deferred[repository.id] if scope.deferred else Deadline(SECONDS)

    def hurry(self, repository_id: int | None = None) -> None:
        """End the waiting of a deferred look at a repository, or of all: something else is asked for."""
        for key, deadline in self._deferred.items():
            if repository_id in (None, key):
                deadline.end()

    def close(self) -> None:
        """No look is deferred any more: the daemon stops."""
        self._closing = True
        self.hurry()

    async def _default_branch(self, repository: Repository, listing: RefListing) -> str:
        """The default branch: where HEAD points, or what the API says where that is no branch.

        A mirror keeps the name that its upstream had, and a HEAD may be broken on disk.
        """
        named = listing.default_branch or repository.default_branch
        if named in listing.branches or not listing.branches:
            return named
        said = (await self._by_id(repository.id)).default_branch
        return said if said in listing.branches else named

    @staticmethod
    def _last_head(
        repository: Repository, listing: RefListing, last: RepositoryEvidence | None, errors: ReadErrors
    ) -> str | None:
        """The commit at which the default branch was last read, where it is not among the branches any more."""
        if repository.default_branch in listing.branches or not listing.branches:
            errors.read(DEFAULT_BRANCH)
            return None
        message = (
            f"the default branch of {repository.full_name} is {repository.default_branch!r}, and there is no such "
            "branch; what was last read of it stands. Make one of its branches the default branch on the forge"
        )
        errors.tell(ReadError(DEFAULT_BRANCH, NO_DEFAULT, message))
        return last.head if last is not None else None

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
                told[number] = Told(pull, history.updated_at, history.settled, history.heads, history.rewritten)
        store = self._store(evidence.repository)
        bare = replace(
            evidence, interest=interest.canonical, depth=interest.depth, versions={}, blobs={}, commits={}, histories={}
        )
        errors = ReadErrors(evidence.repository, evidence, Scope(all_pulls=True), Counter())
        size = self._max_file_size
        loaded = await load(store, bare, None, interest, blocks, size, told, evidence, errors, self._amounts)
        return replace(loaded, read_errors=errors.found)

    async def holds(self, repository: Repository, commit: str) -> bool:
        """Whether a commit was fetched from a repository."""
        return not await self._store(repository).missing([commit])

    async def forget(self, repository: Repository) -> None:
        """Remove a repository's object store, once nobody reads in it: it can be fetched again."""
        self._too_much.pop(repository.id, None)
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
            most_changes=self._limits.repository_changes,
        )

    async def _by_id(self, repository_id: int) -> Repository:
        try:
            return repository_of(await self._rest.repository_by_id(repository_id))
        except Missing:
            raise Gone(f"repository {repository_id} answers 404") from None


def _legible(listing: RefListing) -> RefListing:
    """Branch names may be any bytes; what is not UTF-8 is shown as backslash escapes, so that rows can hold it."""
    names = {name: name.encode("utf-8", "backslashreplace").decode() for name in listing.branches}
    return replace(listing, branches={names[name]: sha for name, sha in listing.branches.items()})


def _same_refs(listing: RefListing, default: str, known: RepositoryEvidence) -> bool:
    return (
        listing.branches == known.branches
        and listing.pulls == known.pull_heads
        and default == known.repository.default_branch
    )


def _lacks_blobs(known: RepositoryEvidence) -> bool:
    """Whether a store may lack blobs that are wanted now: it was filled with a filter that let fewer through."""
    lacking = not known.interest and any(blob.packed is None for blob in known.blobs.values())
    return known.depth == "commits" or lacking


def _pull_heads(
    listing: RefListing, known: RepositoryEvidence | None, found: PullsRead, late: Collection[int] = ()
) -> dict[int, str]:
    """The refs of pull requests; of one that could not be read as they were, so that it is asked for again."""
    before = known.pull_heads if known is not None else {}
    unread = found.unread | set(late)
    heads = {n: sha for n, sha in listing.pulls.items() if n not in unread}
    return dict(sorted((heads | {n: before[n] for n in unread if n in before}).items()))


def _of_late(scope: Scope, deadline: Deadline) -> Scope | None:
    """What a deferred look is to read: what came late, and the whole list where that did."""
    if not deadline.late and not deadline.list_late:
        return None
    pulls = scope.pulls if deadline.list_late else frozenset[int]()
    return Scope(pulls | deadline.late, all_pulls=scope.all_pulls and deadline.list_late, deferred=True)


def missing_branches(before: RepositoryEvidence, now: Mapping[str, str]) -> Iterator[BranchTombstone]:
    """The branches that a complete listing lacks now, as they were."""
    for name, sha in before.branches.items():
        if name not in now:
            commit = before.commits.get(sha)
            yield BranchTombstone(before.repository.id, name, sha, commit.committed_at if commit else None)
