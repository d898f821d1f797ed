"""The cells of the projection, by their kinds, and what each asks of.

| stratum | cell | key | asks for | owns |
|---|---|---|---|---|
| 1 | file | block, collection, repository, path | the file's versions and blobs | claims of keys, the file's findings |
| 1 | repository | repository | objects, parts and contents that could not be read | its findings |
| 2 | holder | block, collection, key | claims of the key | who has it; findings of the others |
| 3 | entry | block, collection, key | its holder, what it names, its document | entry, relations, history, findings |
| 4 | branches | block, collection, key | the entry's own repository | branches |
| 4 | home | block, collection, field, repository | the entries that name it | whose it is |
| 5 | pull | repository, number | pull request, rules, homes, audit lines, people | pull request, its entries |
| 5 | draft | block, collection, repository, number | heads, branch rules, homes, blobs | what they make of entries |
| 5 | field draft | block, collection, repository, path | the file's versions and blobs, holders | what each said |
| 6 | revision | block, collection, kept key | drafts, what was published, pull requests | revisions, findings |
| 6 | proposal | block, collection, repository, number | newest head, holders, targets | proposals |
| 9 | finding | id | what is said under it | the finding |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from cache.profile.collection import Block
from cache.projection import entry_cells, pull_cells, revision_cells
from cache.projection.context import Context
from cache.projection.incremental import Answers, Cell, Fact, Made
from cache.projection.names import nearly_matches
from cache.world import KeyPlace, World

FILE, HOLDER, ENTRY, HOME, PULL, REVISION, FINDING = 1, 2, 3, 4, 5, 6, 9
"""The strata."""
Maker = Callable[[Context, Cell, Answers], Made]
_MAKERS: dict[str, Maker] = {
    "file": entry_cells.file,
    "repository": entry_cells.repository,
    "holder": entry_cells.holder,
    "entry": entry_cells.entry,
    "branches": entry_cells.branches,
    "finding": entry_cells.finding,
    "home": pull_cells.home,
    "pull": pull_cells.pull,
    "draft": revision_cells.draft,
    "field draft": revision_cells.field_draft,
    "revision": revision_cells.revision,
    "proposal": revision_cells.proposal,
}
_BROUGHT: dict[str, tuple[int, str]] = {
    "claims": (HOLDER, "holder"),
    "broken claims": (HOLDER, "holder"),
    "winner": (ENTRY, "entry"),
    "homes": (HOME, "branches"),
    "home of": (HOME, "home"),
    "pulls": (PULL, "pull"),
    "gone pull": (PULL, "pull"),
    "draft": (REVISION, "revision"),
    "field draft": (REVISION, "revision"),
    "published": (REVISION, "revision"),
    "finding": (FINDING, "finding"),
}
"""The cell that each kind of fact brings into being, under the same key."""


class Cells:
    """Makes the cells of some blocks over one world. `held` tells which repository held a key until now."""

    def __init__(self, world: World, blocks: Sequence[Block], held: Callable[[KeyPlace], int | None]) -> None:
        self._context = Context(world, blocks, held)

    def make(self, cell: Cell, answers: Answers) -> Made:
        """What a cell comes to."""
        return _MAKERS[cell.kind](self._context, cell, answers)

    def concerned(self, fact: Fact) -> Iterator[Cell]:
        """The cells that a fact brings into being."""
        kind, *key = fact
        if kind == "versions" and len(key) == 2:
            for (block, name), (_, collection) in self._context.places.items():
                path = str(key[1])
                if collection.captures(path) is not None or nearly_matches(collection.pattern, path):
                    yield Cell(FILE, "file", (block, name, *key))
                    if collection.revisions is not None and collection.revisions.rule == "field":
                        yield Cell(PULL, "field draft", (block, name, *key))
        elif kind in ("unreadable", "read_errors", "problems"):
            yield Cell(FILE, "repository", tuple(key))
        elif kind == "histories" and len(key) == 2:
            for (block, name), (_, collection) in self._context.places.items():
                if collection.revisions is not None and collection.revisions.rule == "pull_request":
                    yield Cell(PULL, "draft", (block, name, *key))
                yield Cell(REVISION, "proposal", (block, name, *key))
        elif kind in _BROUGHT and (kind != "pulls" or len(key) == 2):
            yield Cell(*_BROUGHT[str(kind)], tuple(key))
