"""What cells ask of what was read: the same questions that a world answers, each recorded as the name of a fact."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar, cast

from cache.model import (
    Blob,
    Commit,
    ContentProblem,
    FileVersion,
    KeptRevision,
    PullHistory,
    PullRequest,
    ReadError,
    Repository,
)
from cache.projection.incremental import Fact
from cache.world import BranchTombstone, PullTombstone, RepositoryTombstone, World

K = TypeVar("K")
V = TypeVar("V")
Ask = Callable[[Fact], object]


class Evidence(Protocol):
    """What was read of one repository, as cells ask for it."""

    @property
    def repository(self) -> Repository: ...
    @property
    def depth(self) -> str: ...
    @property
    def interest(self) -> str: ...
    @property
    def branches(self) -> Mapping[str, str]: ...
    @property
    def commits(self) -> Mapping[str, Commit]: ...
    @property
    def versions(self) -> Mapping[str, tuple[FileVersion, ...]]: ...
    @property
    def blobs(self) -> Mapping[str, Blob]: ...
    @property
    def pulls(self) -> Mapping[int, PullRequest]: ...
    @property
    def pull_heads(self) -> Mapping[int, str]: ...
    @property
    def histories(self) -> Mapping[int, PullHistory]: ...
    @property
    def unreadable(self) -> Mapping[str, str]: ...
    @property
    def read_errors(self) -> Mapping[str, ReadError]: ...
    @property
    def problems(self) -> tuple[ContentProblem, ...]: ...
    @property
    def head(self) -> str | None: ...


class Inputs(Protocol):
    """What is known of a forge, as cells ask for it."""

    @property
    def complete(self) -> bool: ...
    @property
    def listed(self) -> Mapping[int, Repository]: ...
    @property
    def mirrored(self) -> Mapping[int, Evidence]: ...
    def ours(self, repository: Repository) -> bool: ...
    def find(self, full_name: str) -> int | None: ...
    def home(self, full_name: str) -> int | None: ...
    def gone_pull(self, repository_id: int, number: int) -> PullTombstone | None: ...
    def gone_repository(self, repository_id: int) -> RepositoryTombstone | None: ...


class Recorded(Mapping[K, V], Generic[K, V]):
    """A mapping that records each key that is asked for, there or not, and, once gone through, all of it."""

    def __init__(self, ask: Ask, of: Fact, source: Mapping[K, V], show: Callable[[K, V], V] | None = None) -> None:
        self._ask, self._of, self._source, self._show = ask, of, source, show

    def __getitem__(self, key: K) -> V:
        self._ask((*self._of, key))
        value = self._source[key]
        return value if self._show is None else self._show(key, value)

    def __iter__(self) -> Iterator[K]:
        self._ask(self._of)
        return iter(self._source)

    def __len__(self) -> int:
        self._ask(self._of)
        return len(self._source)


class _RecordedRepository:
    """A repository that records which of its columns are asked for."""

    def __init__(self, ask: Ask, repository: Repository) -> None:
        self._ask, self._repository = ask, repository

    @property
    def id(self) -> int:
        return self._repository.id

    @property
    def full_name(self) -> str:
        self._ask(("repository", self.id, "owner"))
        self._ask(("repository", self.id, "name"))
        return self._repository.full_name

    def __getattr__(self, column: str) -> Any:
        self._ask(("repository", self.id, column))
        return getattr(self._repository, column)


_KEYED = ("branches", "commits", "versions", "blobs", "pulls", "pull_heads", "histories")
_WHOLE = ("depth", "interest", "problems", "head", "unreadable", "read_errors")


class _RecordedEvidence:
    """Evidence that records what is asked of it."""

    def __init__(self, ask: Ask, repository_id: int, evidence: Evidence) -> None:
        self._ask, self._id, self._evidence = ask, repository_id, evidence

    @property
    def repository(self) -> Repository:
        return cast("Repository", _RecordedRepository(self._ask, self._evidence.repository))

    def __getattr__(self, part: str) -> Any:
        if part in _KEYED:
            return Recorded(self._ask, (part, self._id), getattr(self._evidence, part))
        self._ask((part, self._id))
        return getattr(self._evidence, part)


class RecordedInputs:
    """A world that records what is asked of it."""

    def __init__(self, world: World, ask: Ask) -> None:
        self._world, self._ask = world, ask

    @property
    def complete(self) -> bool:
        """As `World.complete`."""
        self._ask(("complete",))
        return self._world.complete

    @property
    def listed(self) -> Mapping[int, Repository]:
        """As `World.listed`. Of a repository that is found each column is a fact of its own."""
        return Recorded(self._ask, ("listed",), self._world.listed, self._repository)

    @property
    def mirrored(self) -> Mapping[int, Evidence]:
        """As `World.mirrored`. Each part of what was read is a fact of its own."""
        return Recorded(
            self._ask, ("mirrored",), cast("Mapping[int, Evidence]", self._world.mirrored), self._evidence
        )

    def ours(self, repository: Repository) -> bool:
        """As `World.ours`."""
        for name in self._world.named:
            self.find(name)
        return self._world.ours(repository)

    def find(self, full_name: str) -> int | None:
        """As `World.find`."""
        self._ask(("name", full_name.lower()))
        return self._world.find(full_name)

    def home(self, full_name: str) -> int | None:
        """As `World.home`."""
        self._ask(("home", full_name.lower()))
        return self._world.home(full_name)

    def gone_branches(self, repository_id: int) -> Sequence[BranchTombstone]:
        """The branches that a repository had."""
        self._ask(("gone branches", repository_id))
        gone = self._world.tombstones.branches
        return tuple(stone for (key, _), stone in gone.items() if key == repository_id)

    def gone_pull(self, repository_id: int, number: int) -> PullTombstone | None:
        """As `World.gone_pull`."""
        self._ask(("gone pull", repository_id, number))
        return self._world.tombstones.pulls.get((repository_id, number))

    def gone_repository(self, repository_id: int) -> RepositoryTombstone | None:
        """As `World.gone_repository`."""
        self._ask(("gone repository", repository_id))
        return self._world.gone_repository(repository_id)

    def published(self, block: str, collection: str, key: str) -> Mapping[tuple[str, int, int], KeptRevision]:
        """What was published of the revisions of an entry, by its key as it is kept."""
        self._ask(("published", block, collection, key))
        kept = self._world.tombstones.revisions.get((block, collection), {})
        return {at: revision for at, revision in kept.items() if at[0] == key}

    @property
    def people(self) -> Mapping[str, str]:
        """As `World.people`."""
        return Recorded(self._ask, ("person",), self._world.people)

    def _repository(self, _key: int, repository: Repository) -> Repository:
        return cast("Repository", _RecordedRepository(self._ask, repository))

    def _evidence(self, key: int, evidence: Evidence) -> Evidence:
        return cast("Evidence", _RecordedEvidence(self._ask, key, evidence))


def touched(before: World, after: World) -> Iterator[Fact]:
    """The facts that differ between two worlds."""
    if before.complete is not after.complete:
        yield ("complete",)
    names = {name for world, other in ((before, after), (after, before)) for name in _named(world, other)}
    for name in names:
        if before.find(name) != after.find(name):
            yield "name", name
        if before.home(name) != after.home(name):
            yield "home", name
    for key in _differing(before.listed, after.listed):
        old, new = before.listed.get(key), after.listed.get(key)
        yield from _of_repository(key, old, new)
    yield from _keyed(("listed",), _keys(before.listed), _keys(after.listed))
    for key in _differing(before.mirrored, after.mirrored):
        yield from _of_evidence(key, before.mirrored.get(key), after.mirrored.get(key))
    yield from _keyed(("mirrored",), _keys(before.mirrored), _keys(after.mirrored))
    gone = _differing(before.tombstones.branches, after.tombstones.branches)
    for repository_id in {repository for repository, _ in gone}:
        yield "gone branches", repository_id
    for key in _differing(before.tombstones.pulls, after.tombstones.pulls):
        yield "gone pull", *key
    for key in _differing(before.tombstones.repositories, after.tombstones.repositories):
        yield "gone repository", key
    yield from _of_published(before, after)
    yield from _keyed(("person",), before.people, after.people)


def _of_published(before: World, after: World) -> Iterator[Fact]:
    kept, now = before.tombstones.revisions, after.tombstones.revisions
    for place in _differing(kept, now):
        for key in {at[0] for at in _differing(kept.get(place, {}), now.get(place, {}))}:
            yield "published", *place, key


def _named(world: World, other: World) -> Iterator[str]:
    """The names in one world that may mean something else in the other."""
    for key, repository in world.listed.items():
        now = other.listed.get(key)
        if now is not repository and (now is None or now.full_name != repository.full_name):
            yield repository.full_name.lower()
    for name, key in world.aliases.items():  # an alias of what is not listed leads nowhere
        if key != other.aliases.get(name) or (key in world.listed) is not (key in other.listed):
            yield name
    gone, gone_there = world.tombstones.repositories, other.tombstones.repositories
    yield from (stone.repository.full_name.lower() for key, stone in gone.items() if gone_there.get(key) != stone)


def _of_repository(key: int, old: Repository | None, new: Repository | None) -> Iterator[Fact]:
    for column in Repository.__struct_fields__:
        if old is None or new is None or getattr(old, column) != getattr(new, column):
            yield "repository", key, column


def _of_evidence(key: int, old: Any, new: Any) -> Iterator[Fact]:
    yield from _of_repository(key, old and old.repository, new and new.repository)
    for part in _WHOLE:
        if getattr(old, part, None) != getattr(new, part, None):
            yield part, key
    for part in _KEYED:
        yield from _keyed((part, key), getattr(old, part, {}), getattr(new, part, {}))


def _keyed(of: Fact, old: Mapping[Any, Any], new: Mapping[Any, Any]) -> Iterator[Fact]:
    differing = _differing(old, new)
    if differing:
        yield of
    yield from ((*of, key) for key in differing)


def _differing(old: Mapping[Any, Any], new: Mapping[Any, Any]) -> set[Any]:
    if old is new:
        return set()
    gone = old.keys() - new.keys()
    return {*gone, *(key for key, value in new.items() if key not in old or not _same(old[key], value))}


def _same(one: object, other: object) -> bool:
    return one is other or one == other


def _keys(mapping: Mapping[Any, Any]) -> Mapping[Any, None]:
    return dict.fromkeys(mapping)
