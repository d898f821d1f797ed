"""Which repositories a profile reaches, and what is looked for in each: the rest cost nothing."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from cache.model import PullRequest, Repository
from cache.profile.collection import Block, Collection
from cache.profile.fields import Field
from cache.profile.patterns import HeadPattern, PathPattern
from cache.projection.addresses import pull_address
from cache.projection.inputs import Inputs
from cache.projection.names import nearly_matches
from cache.revision_rows import RevisionRow
from cache.rows import EntryRow, Row
from cache.world import World

READ_AS = 2
"""Raise it when more is read of a path than before: every repository is then read anew from its object store."""


class NamedBranches(Struct, frozen=True):
    """Pull requests whose branch names an entry: that has a revision then, changed or not."""

    head: HeadPattern
    forks: bool
    key: tuple[str, ...]
    pattern: PathPattern

    def concerns(self, pull: PullRequest) -> Mapping[str, str] | None:
        """The key that the branch of a pull request names, by its parts; None where it names none."""
        if pull.head_repository_id != pull.repository_id and not self.forks:
            return None
        return self.head.match(pull.head_label)

    def names(self, pull: PullRequest, path: str) -> bool:
        """Whether a pull request names the entry of the file at a path."""
        named, captured = self.concerns(pull), self.pattern.match(path)
        return named is not None and captured is not None and all(named[k] == captured[k] for k in self.key)


class _Asked(Struct, frozen=True, array_like=True):
    """What `Interest.canonical` writes, in its order; a former version wrote fewer."""

    patterns: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    revisions: bool = False
    branches: tuple[Any, ...] = ()
    whole: tuple[str, ...] = ()
    read_as: int = 0


class Interest(Struct, frozen=True):
    """What is looked for in one repository: patterns of entries' files, and documents by their path.

    Without either, commits are enough: dates of branches, and pull requests. With `revisions` the heads of all pull
    requests matter, otherwise only those of open ones, for what they propose.
    """

    patterns: tuple[PathPattern, ...] = ()
    documents: tuple[str, ...] = ()
    revisions: bool = False
    branches: tuple[NamedBranches, ...] = ()
    whole: tuple[PathPattern, ...] = ()
    """The files of which every version is looked into, for what each set a field to."""

    @property
    def depth(self) -> str:
        """`files` where the contents of files are needed, else `commits`."""
        return "files" if self.patterns or self.documents else "commits"

    @property
    def canonical(self) -> str:
        """One text for equal interests."""
        branches = sorted({(b.head.source, b.forks, b.key, b.pattern.source) for b in self.branches})
        asked = _Asked(
            tuple(sorted({p.source for p in self.patterns})),
            tuple(sorted(set(self.documents))),
            self.revisions,
            tuple(branches),
            tuple(sorted({p.source for p in self.whole})),
            READ_AS,
        )
        return json.dumps(msgspec.to_builtins(asked))

    @property
    def below(self) -> tuple[str, ...]:
        """Where all that is looked for lies: folders with their slash, whole paths, or the empty one for everything."""
        places = sorted({*(pattern.below for pattern in self.patterns), *self.documents})
        return ("",) if "" in places else tuple(places)

    def wants_heads(self, pull: PullRequest) -> bool:
        """Whether something follows from the heads of a pull request."""
        return self.depth == "files" and (self.revisions or pull.state == "open")

    def looks_into(self, path: str) -> bool:
        """Whether every version of this path is looked into."""
        return any(pattern.match(path) is not None for pattern in self.whole)

    def holds(self, path: str) -> bool:
        """Whether what a pull request makes of this path matters: it is the file of an entry, or a document."""
        return path in self.documents or any(pattern.match(path) is not None for pattern in self.patterns)

    def named(self, pull: PullRequest, path: str) -> bool:
        """Whether the branch of a pull request names the entry of this path."""
        return any(branches.names(pull, path) for branches in self.branches)

    def wants(self, path: str) -> bool:
        """Whether the versions of this path are kept: it matches, or would but for odd characters and is a finding."""
        return path in self.documents or any(
            pattern.match(path) is not None or nearly_matches(pattern, path) for pattern in self.patterns
        )


class Reach(Struct, frozen=True):
    """The repositories to mirror, by id; every name that a rule or an entry gives a repository, and those of them for
    which no repository is known.

    A name counts even where it leads to no mirroring: whom an audit line means is known by its repository, also after
    that was renamed. `configured` are those of the names that the configuration gives, in lower case.
    """

    interests: Mapping[int, Interest]
    unknown: frozenset[str]
    names: frozenset[str] = frozenset()
    configured: frozenset[str] = frozenset()


def reach(blocks: Sequence[Block], world: World, rows: Iterable[Row]) -> Reach:
    """What the configuration asks for, and the rows of entries and revisions as they are now.

    What entries name is within reach only where it is one of the owners' or named by the configuration: whoever may
    push an entry could otherwise have any repository of the forge read with our token, and copied to our disk.
    """
    patterns: dict[int, list[PathPattern]] = defaultdict(list)
    documents: dict[int, list[str]] = defaultdict(list)
    branches: dict[int, list[NamedBranches]] = defaultdict(list)
    whole: dict[int, list[PathPattern]] = defaultdict(list)
    revised: set[int] = set()
    reached: set[int] = set()
    names = configured_names(blocks)
    collections = {(block.name, c.name): c for block in blocks for c in block.collections}
    for collection in collections.values():
        for repository in selected(collection, world):
            patterns[repository.id].append(collection.pattern)
            if _by_pull_request(collection):
                revised.add(repository.id)
                branches[repository.id] += named_branches(collection, repository.id, world)
            elif collection.revisions is not None:
                whole[repository.id].append(collection.pattern)
    reached |= {found for name in names if (found := world.find(name)) is not None}
    configured = frozenset(name.lower() for name in names)
    chosen = reached | set(patterns)

    def ours(key: int) -> bool:
        return key in chosen or world.ours(world.listed[key])

    named = {key: [f.name for f in c.fields if _is_repository(f)] for key, c in collections.items()}
    forges = {block.name: block.forge for block in blocks}
    for row in rows:
        if isinstance(row, RevisionRow) and row.pr_url is not None and row.block in forges:
            home = pull_address(row.pr_url, forges[row.block]).full_name
            names |= {home} if home is not None else set()
            reached |= {key for key in {row.repository_id} & world.listed.keys() if ours(key)}
        if not isinstance(row, EntryRow):
            continue
        of = collections.get((row.block, row.collection))
        if of is None:
            continue  # a row of a profile as it was before: about to be projected away
        for field in named[row.block, row.collection]:
            value = row.fields.get(field)
            names.update(v for v in (value if isinstance(value, list) else (value,)) if isinstance(v, str))
        for field in own_repository_fields(of):
            value = row.fields.get(field)
            found = world.find(value) if isinstance(value, str) else None
            if found is None or not ours(found):
                continue
            reached.add(found)
            if of.document is not None and of.document.repository_field == field:
                documents[found].append(of.document.path)
                if _by_pull_request(of):
                    revised.add(found)
    known = reached | set(patterns) | set(documents)
    interests = {
        key: Interest(
            tuple(patterns[key]), tuple(documents[key]), key in revised, tuple(branches[key]), tuple(whole[key])
        )
        for key in known
    }
    return Reach(
        interests,
        frozenset(name for name in names if world.find(name) is None),
        frozenset(names),
        configured,
    )


def selected(collection: Collection, world: World) -> Iterator[Repository]:
    """The repositories that hold a collection's files. A single name is looked up as the forge would."""
    exact = collection.repository.full_name
    if exact is not None:
        found = world.find(exact)
        if found is not None:
            yield world.listed[found]
        return
    yield from (world.listed[key] for key in world.directory.select(collection.repository))


def revises(interest: str, collection: Collection) -> bool:
    """Whether an interest, as `canonical` writes it, asks for what the revisions of a collection follow from."""
    if collection.revisions is None:
        return False
    asked = msgspec.convert(json.loads(interest or "[]"), _Asked)
    return collection.pattern.source in asked.whole if collection.revisions.rule == "field" else asked.revisions


def _by_pull_request(collection: Collection) -> bool:
    return collection.revisions is not None and collection.revisions.rule == "pull_request"


def named_branches(
    collection: Collection, repository_id: int, world: Inputs
) -> Iterator[NamedBranches]:
    """The branch rules of a collection for one repository, as far as a path gives the key that they name."""
    if not set(collection.key) <= set(collection.pattern.names) or collection.key_has_repository:
        return
    for rule in collection.pulls:
        if rule.head is not None and rule.repository is not None and world.find(rule.repository) == repository_id:
            yield NamedBranches(rule.head, rule.forks, collection.key, collection.pattern)


def configured_names(blocks: Iterable[Block]) -> set[str]:
    """Every name that the configuration gives a repository."""
    return {name for block in blocks for collection in block.collections for name in _named(collection)}


def _named(collection: Collection) -> Iterator[str]:
    if collection.repository.full_name is not None:
        yield collection.repository.full_name
    yield from (rule.repository for rule in collection.pulls if rule.repository is not None)


def _is_repository(field: Field) -> bool:
    return (field.of if field.type == "list" and field.of is not None else field).type == "repository"


def own_repository_fields(collection: Collection) -> tuple[str, ...]:
    """The fields whose value names an entry's own repository, in a fixed order."""
    names = [collection.document.repository_field] if collection.document else []
    names += [collection.branches.repository_field] if collection.branches else []
    names += [rule.field for rule in collection.pulls if rule.field is not None]
    return tuple(dict.fromkeys(names))
