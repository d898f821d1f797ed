"""The cells of entries: what files say, who has a key, what follows for its entry, and the numbers of findings.

| stratum | cell | key | asks for | owns |
|---|---|---|---|---|
| 1 | file | block, collection, repository, path | the file's versions and blobs | claims of keys, the file's findings |
| 2 | holder | block, collection, key | claims of the key | who has it; findings of the others |
| 3 | entry | block, collection, key | its holder, what it names, its document | entry, relations, history, findings |
| 4 | branches | block, collection, key | the entry's own repository | branches |
| 9 | finding | id | what is said under it | the finding |
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from msgspec import Struct

from cache.model import Repository
from cache.profile.collection import Block, Collection
from cache.profile.fields import Within
from cache.projection.entries import Claim, dated, duplicate, first, key_of, odd_name, problems_of
from cache.projection.entry_rows import branch_rows, entry_rows, home_of, outside_of
from cache.projection.failures import naming
from cache.projection.findings import numbered
from cache.projection.incremental import NOTHING, Answers, Cell, Fact, Made
from cache.projection.inputs import Evidence, RecordedInputs
from cache.projection.names import nearly_matches
from cache.projection.reach import own_repository_fields
from cache.projection.reading import read_file
from cache.projection.relations import Findable, Sought, Targets, place_of, said_by, ways_to
from cache.projection.selecting import left_out
from cache.rows import FindingRow
from cache.world import KeyPlace, World

FILE, HOLDER, ENTRY, BRANCHES, FINDING = 1, 2, 3, 4, 9
"""The strata."""

Place = tuple[Block, Collection]


class Found(Struct, frozen=True):
    """What an entry is to those that name it: whatever else it says, they stay as they are."""

    key: str
    path: str
    repository: Repository

    @property
    def repository_id(self) -> int:
        """The repository that holds its file."""
        return self.repository.id


class Cells:
    """Makes the cells of some blocks over one world. `held` tells which repository held a key until now."""

    def __init__(self, world: World, blocks: Sequence[Block], held: Callable[[KeyPlace], int | None]) -> None:
        self._world, self._held = world, held
        self._places: dict[tuple[str, str], Place] = {(b.name, c.name): (b, c) for b in blocks for c in b.collections}
        self._blocks = {block.name: block for block in blocks}
        self._ways = {block.name: _ways(block) for block in blocks}
        self._makers: dict[str, Callable[[Cell, Answers], Made]] = {
            "file": self._file,
            "holder": self._holder,
            "entry": self._entry,
            "branches": self._branches,
            "finding": _finding,
        }

    def make(self, cell: Cell, answers: Answers) -> Made:
        """What a cell comes to."""
        return self._makers[cell.kind](cell, answers)

    def concerned(self, fact: Fact) -> Iterator[Cell]:
        """The cells that a fact brings into being."""
        kind, *key = fact
        if kind == "versions" and len(key) == 2:
            for (block, name), (_, collection) in self._places.items():
                path = str(key[1])
                if collection.captures(path) is not None or nearly_matches(collection.pattern, path):
                    yield Cell(FILE, "file", (block, name, *key))
        elif kind in ("claims", "broken claims"):
            yield Cell(HOLDER, "holder", tuple(key))
        elif kind == "winner":
            yield Cell(ENTRY, "entry", tuple(key))
        elif kind == "homes":
            yield Cell(BRANCHES, "branches", tuple(key))
        elif kind == "finding":
            yield Cell(FINDING, "finding", tuple(key))

    # -------------------------------------------------------------------------------------------------- each kind

    def _file(self, cell: Cell, answers: Answers) -> Made:
        block_name, name, repository_id, path = cell.key
        block, collection = self._places[block_name, name]
        inputs = self._inputs(answers)
        evidence = inputs.mirrored.get(repository_id)
        if evidence is None or evidence.depth != "files" or not _selected(collection, repository_id, inputs):
            return NOTHING
        versions = evidence.versions.get(path)
        if versions is None or path in left_out(evidence):
            return NOTHING
        with naming(evidence.repository.full_name, path):
            reading = read_file(collection, versions, evidence.blobs)
        if reading is None:
            return Made(says=_found(odd_name(block, collection, evidence, versions)))
        here = _named(evidence)
        claims: dict[Fact, list[Claim]] = defaultdict(list)
        for record in reading.records:
            key = key_of(collection, here, record.key or ())
            claim = Claim(collection, here, reading, record, key, dated(evidence, reading))
            claims["claims", block_name, name, key].append(claim)
        for record in reading.broken:
            if record.key is not None:
                key = key_of(collection, here, record.key)
                claims["broken claims", block_name, name, key].append(Claim(collection, here, reading, record, key))
        says = {fact: tuple(of_key) for fact, of_key in claims.items()}
        return Made(says={**says, **_found(problems_of(block, collection, evidence, reading))})

    def _holder(self, cell: Cell, answers: Answers) -> Made:
        block_name, name, key = cell.key
        block, _ = self._places[block_name, name]
        rivals = _all(answers.said(("claims", *cell.key)))
        broken = _all(answers.said(("broken claims", *cell.key)))
        if not rivals:
            return Made(says=self._fits("broken fits", block_name, name, broken))
        winner = first(rivals, self._held((block_name, name, key)) if len(rivals) > 1 else None)
        said: dict[Fact, object] = {
            ("winner", *cell.key): winner,
            ("there", *cell.key): _shown(winner),
            **self._fits("fits", block_name, name, [winner]),
            **_found(duplicate(block, winner, rival) for rival in rivals if rival is not winner),
        }
        if any(rival.repository_id < winner.repository_id for rival in rivals):
            said["contested", *cell.key] = winner.repository_id
        return Made(says=said)

    def _entry(self, cell: Cell, answers: Answers) -> Made:
        block, collection = self._places[cell.key[0], cell.key[1]]
        claim = next(iter(answers.said(("winner", *cell.key))), None)
        if not isinstance(claim, Claim):
            return NOTHING
        inputs, found = self._inputs(answers), list[FindingRow]()
        named = {field: home_of(claim, field, inputs) for field in own_repository_fields(collection)}
        at = {field: home for field, home in named.items() if home is not None}
        among = _Among(answers, self._blocks[block.name])
        with naming(claim.repository.full_name, claim.path):
            targets = tuple(Targets(inputs, among).of(claim))
            outside = tuple(outside_of(claim, inputs))
            rows = tuple(entry_rows(block, collection, claim, inputs, at, targets, outside, found))
        return Made(rows, {**_found(found), ("homes", *cell.key): tuple(at.items())})

    def _branches(self, cell: Cell, answers: Answers) -> Made:
        block, collection = self._places[cell.key[0], cell.key[1]]
        homes = dict(cast("Iterable[tuple[str, int]]", next(iter(answers.said(("homes", *cell.key))), ())))
        home = homes.get(collection.branches.repository_field) if collection.branches is not None else None
        if home is None:
            return NOTHING
        inputs = self._inputs(answers)
        gone = inputs.gone_branches(home)
        return Made(tuple(branch_rows(block, collection, cell.key[2], inputs, home, gone)))

    # --------------------------------------------------------------------------------------------------- together

    def _inputs(self, answers: Answers) -> RecordedInputs:
        return RecordedInputs(self._world, answers.asked.add)

    def _fits(self, kind: str, block: str, collection: str, claims: Iterable[Claim]) -> dict[Fact, object]:
        """What some entries are found by, in each way in which the block looks for entries of their collection."""
        found: dict[Fact, list[Found]] = defaultdict(list)
        for claim in claims:
            for match, within in self._ways[block].get(collection, ()):
                value = said_by(claim, match)
                if value is not None:
                    found[kind, block, collection, match, within, place_of(claim, within), value].append(_shown(claim))
        return {fact: tuple(fitting) for fact, fitting in found.items()}


class _Among:
    """The entries of a block, found by asking for facts."""

    def __init__(self, answers: Answers, block: Block) -> None:
        self._answers, self._block = answers, block

    def offers(self, collection: str) -> bool:
        return any(each.name == collection for each in self._block.collections)

    def winner(self, collection: str, key: str) -> Findable | None:
        said = self._answers.said(("there", self._block.name, collection, key))
        return cast("Found | None", next(iter(said), None))

    def fitting(self, sought: Sought, collection: str, *, broken: bool) -> Sequence[Findable]:
        match, within, (place, value) = sought
        kind = "broken fits" if broken else "fits"
        said = self._answers.said((kind, self._block.name, collection, match, within, place, value))
        return [one for each in said for one in cast("tuple[Found, ...]", each)]


def _ways(block: Block) -> Mapping[str, Sequence[tuple[str, Within]]]:
    """By what the entries of each collection are looked for within a block."""
    ways: dict[str, dict[tuple[str, Within], None]] = defaultdict(dict)
    for collection in block.collections:
        for field in collection.fields:
            one = field.of if field.type == "list" and field.of is not None else field
            if one.relation is not None:
                for target in one.relation.collections:
                    ways[target].update(dict.fromkeys(ways_to(one.relation)))
    return {name: tuple(found) for name, found in ways.items()}


def _selected(collection: Collection, repository_id: int, inputs: RecordedInputs) -> bool:
    """Whether a collection takes its files from a repository. A single name is looked up as the forge would."""
    exact = collection.repository.full_name
    if exact is not None:
        return inputs.find(exact) == repository_id
    listed = inputs.listed.get(repository_id)
    return listed is not None and collection.repository.selects(listed)


def _named(evidence: Evidence) -> Repository:
    """What of a repository shows in the rows of its entries."""
    there = evidence.repository
    return Repository(id=there.id, owner=there.owner, name=there.name, private=there.private)


def _shown(claim: Claim) -> Found:
    return Found(claim.key, claim.path, claim.repository)


def _all(said: Iterable[object]) -> list[Claim]:
    return [claim for each in said for claim in cast("tuple[Claim, ...]", each)]


def _found(findings: Iterable[FindingRow]) -> dict[Fact, object]:
    """Findings under their ids: several may have one, and are numbered then."""
    by_id: dict[Fact, list[FindingRow]] = defaultdict(list)
    for row in findings:
        by_id["finding", row.id].append(row)
    return {fact: tuple(rows) for fact, rows in by_id.items()}


def _finding(cell: Cell, answers: Answers) -> Made:
    said: list[Any] = [row for each in answers.said(("finding", *cell.key)) for row in cast("tuple[FindingRow]", each)]
    return Made(numbered(said)) if said else NOTHING
