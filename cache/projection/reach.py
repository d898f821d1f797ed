"""Which repositories a profile reaches, and what is looked for in each: the rest cost nothing."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from cache.model import Repository
from cache.profile.collection import Block, Collection
from cache.profile.patterns import PathPattern
from cache.rows import EntryRow, Row
from cache.world import World


class Interest(Struct, frozen=True):
    """What is looked for in one repository: patterns of entries' files, and documents by their path.

    Without either, commits are enough: dates of branches, and pull requests.
    """

    patterns: tuple[PathPattern, ...] = ()
    documents: tuple[str, ...] = ()

    @property
    def depth(self) -> str:
        """`files` where the contents of files are needed, else `commits`."""
        return "files" if self.patterns or self.documents else "commits"

    @property
    def canonical(self) -> str:
        """One text for equal interests."""
        return json.dumps([sorted({p.source for p in self.patterns}), sorted(set(self.documents))])

    def wants(self, path: str) -> bool:
        """Whether the versions of this path are kept."""
        return path in self.documents or any(pattern.match(path) is not None for pattern in self.patterns)


class Reach(Struct, frozen=True):
    """The repositories to mirror, by id, and the names for which no repository is known."""

    interests: Mapping[int, Interest]
    unknown: frozenset[str]


def reach(blocks: Iterable[Block], world: World, entries: Iterable[Row]) -> Reach:
    """What the configuration and the entries as they are now ask for."""
    patterns: dict[int, list[PathPattern]] = defaultdict(list)
    documents: dict[int, list[str]] = defaultdict(list)
    reached: set[int] = set()
    unknown: set[str] = set()
    collections = {(block.name, c.name): c for block in blocks for c in block.collections}
    for collection in collections.values():
        for repository in selected(collection, world):
            patterns[repository.id].append(collection.pattern)
        for name in _named(collection):
            found = world.find(name)
            if found is None:
                unknown.add(name)
            else:
                reached.add(found)
    for row in entries:
        if not isinstance(row, EntryRow):
            continue
        collection = collections[row.block, row.collection]
        for field in own_repository_fields(collection):
            name = row.fields.get(field)
            if not isinstance(name, str):
                continue
            found = world.find(name)
            if found is None:
                unknown.add(name)
                continue
            reached.add(found)
            if collection.document is not None and collection.document.repository_field == field:
                documents[found].append(collection.document.path)
    known = reached | set(patterns) | set(documents)
    return Reach(
        {key: Interest(tuple(patterns.get(key, ())), tuple(documents.get(key, ()))) for key in known},
        frozenset(unknown),
    )


def selected(collection: Collection, world: World) -> Iterator[Repository]:
    """The repositories that hold a collection's files. A single name is looked up as the forge would."""
    exact = collection.repository.full_name
    if exact is not None:
        found = world.find(exact)
        if found is not None:
            yield world.listed[found]
        return
    yield from (repository for repository in world.listed.values() if collection.repository.selects(repository))


def _named(collection: Collection) -> Iterator[str]:
    if collection.repository.full_name is not None:
        yield collection.repository.full_name
    yield from (rule.repository for rule in collection.pulls if rule.repository is not None)


def own_repository_fields(collection: Collection) -> tuple[str, ...]:
    """The fields whose value names an entry's own repository, in a fixed order."""
    names = [collection.document.repository_field] if collection.document else []
    names += [collection.branches.repository_field] if collection.branches else []
    names += [rule.field for rule in collection.pulls if rule.field is not None]
    return tuple(dict.fromkeys(names))


