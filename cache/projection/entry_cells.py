"""The cells of entries: what files say, who has a key, what follows for its entry, and the numbers of findings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, cast

from msgspec import Struct

from cache.model import Repository
from cache.profile.collection import Block
from cache.projection.actors import audit_line
from cache.projection.context import Context, is_selected, under_ids
from cache.projection.entries import Claim, dated, duplicate, first, key_of, odd_name, problems_of
from cache.projection.entry_rows import branch_rows, entry_rows, home_of, outside_of
from cache.projection.failures import naming
from cache.projection.findings import numbered
from cache.projection.incremental import NOTHING, Answers, Cell, Fact, Made
from cache.projection.inputs import Evidence
from cache.projection.reach import own_repository_fields
from cache.projection.reading import read_file
from cache.projection.relations import Findable, Sought, Targets, place_of, said_by
from cache.projection.selecting import left_out, repository_findings
from cache.rows import FindingRow


class Found(Struct, frozen=True):
    """What an entry is to those that name it: whatever else it says, they stay as they are."""

    key: str
    path: str
    repository: Repository

    @property
    def repository_id(self) -> int:
        """The repository that holds its file."""
        return self.repository.id


def file(context: Context, cell: Cell, answers: Answers) -> Made:
    block_name, name, repository_id, path = cell.key
    block, collection = context.places[block_name, name]
    inputs = context.inputs(answers)
    evidence = inputs.mirrored.get(repository_id)
    if evidence is None or evidence.depth != "files" or not is_selected(collection, repository_id, inputs):
        return NOTHING
    versions = evidence.versions.get(path)
    if versions is None or path in left_out(evidence):
        return NOTHING
    with naming(evidence.repository.full_name, path):
        reading = read_file(collection, versions, evidence.blobs)
    if reading is None:
        return Made(says=under_ids(odd_name(block, collection, evidence, versions)))
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
    return Made(says={**says, **under_ids(problems_of(block, collection, evidence, reading))})


def repository(context: Context, cell: Cell, answers: Answers) -> Made:
    """What of a repository could not be read."""
    evidence = context.inputs(answers).mirrored.get(cell.key[0])
    return NOTHING if evidence is None else Made(says=under_ids(repository_findings(evidence)))


def holder(context: Context, cell: Cell, answers: Answers) -> Made:
    block_name, name, key = cell.key
    block, _ = context.places[block_name, name]
    rivals = _all(answers.said(("claims", *cell.key)))
    broken = _all(answers.said(("broken claims", *cell.key)))
    if not rivals:
        return Made(says=_fits(context, "broken fits", block_name, name, broken))
    winner = first(rivals, context.held((block_name, name, key)) if len(rivals) > 1 else None)
    said: dict[Fact, object] = {
        ("winner", *cell.key): winner,
        ("there", *cell.key): _shown(winner),
        **_fits(context, "fits", block_name, name, [winner]),
        **under_ids(duplicate(block, winner, rival) for rival in rivals if rival is not winner),
    }
    if any(rival.repository_id < winner.repository_id for rival in rivals):
        said["contested", *cell.key] = winner.repository_id
    return Made(says=said)


def entry(context: Context, cell: Cell, answers: Answers) -> Made:
    block, collection = context.places[cell.key[0], cell.key[1]]
    claim = next(iter(answers.said(("winner", *cell.key))), None)
    if not isinstance(claim, Claim):
        return NOTHING
    inputs, found = context.inputs(answers), list[FindingRow]()
    named = {field: home_of(claim, field, inputs) for field in own_repository_fields(collection)}
    at = {field: home for field, home in named.items() if home is not None}
    among = AskedEntries(answers, block)
    with naming(claim.repository.full_name, claim.path):
        targets = tuple(Targets(inputs, among).of(claim))
        outside = tuple(outside_of(claim, inputs))
        rows = tuple(entry_rows(block, collection, claim, inputs, at, targets, outside, found))
    said: dict[Fact, object] = {**under_ids(found), ("homes", *cell.key): tuple(at.items())}
    where = claim.repository_id, claim.reading.added.position, claim.path, claim.record.line
    for field, home in at.items():
        said["home of", block.name, collection.name, field, home] = (*where, claim.key)
    if collection.name in context.audited[block.name]:
        line = audit_line(claim.key, claim.record.fields, inputs.find)
        if line is not None:
            said["audit", block.name, collection.name, *line[0]] = (where[0], *where[2:], line[1])
    return Made(rows, said)


def branches(context: Context, cell: Cell, answers: Answers) -> Made:
    block, collection = context.places[cell.key[0], cell.key[1]]
    homes = dict(cast("Iterable[tuple[str, int]]", next(iter(answers.said(("homes", *cell.key))), ())))
    home = homes.get(collection.branches.repository_field) if collection.branches is not None else None
    if home is None:
        return NOTHING
    inputs = context.inputs(answers)
    gone = inputs.gone_branches(home)
    return Made(tuple(branch_rows(block, collection, cell.key[2], inputs, home, gone)))


def _fits(context: Context, kind: str, block: str, collection: str, claims: Iterable[Claim]) -> dict[Fact, object]:
    """What some entries are found by, in each way in which the block looks for entries of their collection."""
    found: dict[Fact, list[Found]] = defaultdict(list)
    for claim in claims:
        for match, within in context.ways[block].get(collection, ()):
            value = said_by(claim, match)
            if value is not None:
                found[kind, block, collection, match, within, place_of(claim, within), value].append(_shown(claim))
    return {fact: tuple(fitting) for fact, fitting in found.items()}


class AskedEntries:
    """The entries of a block, found by asking for facts."""

    def __init__(self, answers: Answers, block: Block) -> None:
        self._answers, self._block = answers, block

    def offers(self, collection: str) -> bool:
        """As `relations.Among.offers`."""
        return any(each.name == collection for each in self._block.collections)

    def winner(self, collection: str, key: str) -> Findable | None:
        """As `relations.Among.winner`."""
        said = self._answers.said(("there", self._block.name, collection, key))
        return cast("Found | None", next(iter(said), None))

    def fitting(self, sought: Sought, collection: str, *, broken: bool) -> Sequence[Findable]:
        """As `relations.Among.fitting`."""
        match, within, (place, value) = sought
        kind = "broken fits" if broken else "fits"
        said = self._answers.said((kind, self._block.name, collection, match, within, place, value))
        return [one for each in said for one in cast("tuple[Found, ...]", each)]


def _named(evidence: Evidence) -> Repository:
    """What of a repository shows in the rows of its entries."""
    there = evidence.repository
    return Repository(id=there.id, owner=there.owner, name=there.name, private=there.private)


def _shown(claim: Claim) -> Found:
    return Found(claim.key, claim.path, claim.repository)


def _all(said: Iterable[object]) -> list[Claim]:
    return [claim for each in said for claim in cast("tuple[Claim, ...]", each)]


def finding(_context: Context, cell: Cell, answers: Answers) -> Made:
    said: list[Any] = [row for each in answers.said(("finding", *cell.key)) for row in cast("tuple[FindingRow]", each)]
    return Made(numbered(said)) if said else NOTHING
