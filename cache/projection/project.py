"""The projection: every row that follows from a world and the profiles. Pure, total and repeatable."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from cache.model import PullRequest
from cache.profile.collection import Block, Collection
from cache.projection import actors
from cache.projection.entries import Claim, Claims, Made, Memo, claims, first
from cache.projection.entry_rows import branch_rows, entry_rows, home_of, outside_of
from cache.projection.failures import naming
from cache.projection.findings import fewer, numbered
from cache.projection.proposals import proposals
from cache.projection.pulls import places, pull_row
from cache.projection.reach import own_repository_fields, selected
from cache.projection.relations import AllEntries, Target, Targets
from cache.projection.revisions import Entries, revisions
from cache.projection.selecting import repository_findings
from cache.rows import (
    PROJECTED,
    FindingRow,
    PullEntryRow,
    Row,
    Rows,
    tabulate,
)
from cache.world import BranchTombstone, KeyPlace, World

Holders = Callable[[KeyPlace], int | None]
"""The repository that held a key (block, collection, key) until now; None where nobody can say."""


def nobody_before(_place: KeyPlace) -> None:
    """Nothing was settled before."""


class Projection(Struct, frozen=True):
    """Every projected row, and which repository holds a key where that does not follow from the repositories' ids."""

    rows: Rows
    holders: Mapping[KeyPlace, int]


def project(world: World, blocks: Sequence[Block], memo: Memo | None = None) -> Rows:
    """Every projected row. `memo` keeps what files said between calls; it never changes the answer."""
    return project_after(world, blocks, memo).rows


def project_after(
    world: World, blocks: Sequence[Block], memo: Memo | None = None, before: Holders = nobody_before
) -> Projection:
    """Like `project`. `before` tells which repository held a key until now, where that was settled; what `state.db`
    keeps goes before it.
    """
    memo = Memo() if memo is None else memo
    gone = _gone_branches(world)
    raised = _raised(world)
    rows: list[Row] = [pull_row(pull, head, gone=lost) for of in raised.values() for pull, head, lost in of]
    found: list[FindingRow] = [row for evidence in world.mirrored.values() for row in repository_findings(evidence)]
    holders: dict[KeyPlace, int] = {}
    for block in blocks:
        read = {c.name: _claims(block, c, world, memo, before) for c in block.collections}
        targets = Targets(world, AllEntries(read))
        for collection in block.collections:
            rows_here, findings_here = _collection(block, collection, world, read, targets, gone, raised, memo)
            rows += rows_here
            found += read[collection.name].findings
            for key, holder in read[collection.name].contested.items():
                holders[block.name, collection.name, key] = holder
            found += findings_here
    memo.end_round()
    return Projection(tabulate([*rows, *numbered(fewer(found))], PROJECTED), holders)


def _claims(block: Block, collection: Collection, world: World, memo: Memo, before: Holders) -> Claims:
    repositories = (world.mirrored.get(repository.id) for repository in selected(collection, world))
    kept = world.tombstones.holders

    def holder(key: str) -> int | None:
        place = block.name, collection.name, key
        return kept[place] if place in kept else before(place)

    return claims(block, collection, (r for r in repositories if r is not None and r.depth == "files"), memo, holder)


def _collection(
    block: Block,
    collection: Collection,
    world: World,
    read: Mapping[str, Claims],
    targets: Targets,
    gone: Mapping[int, Sequence[BranchTombstone]],
    raised: Mapping[int, Sequence[Raised]],
    memo: Memo,
) -> tuple[list[Row], list[FindingRow]]:
    rows: list[Row] = []
    found: list[FindingRow] = []
    homes: dict[str, dict[int, list[Claim]]] = defaultdict(lambda: defaultdict(list))
    for claim in read[collection.name].winners.values():
        named = {field: home_of(claim, field, world) for field in own_repository_fields(collection)}
        at = {field: home for field, home in named.items() if home is not None}
        for field, home in at.items():
            homes[field][home].append(claim)
        made = _entry(block, collection, claim, world, at, tuple(targets.of(claim)), memo)
        rows += made.rows
        found += made.findings
        if collection.branches is not None and collection.branches.repository_field in at:
            home = at[collection.branches.repository_field]
            rows += branch_rows(block, collection, claim.key, world, home, gone.get(home, ()))
    audits = {
        step.collection: actors.audit_of(_in_file_order(read[step.collection]), world.find)
        for step in collection.actor
        if step.collection is not None and step.collection in read
    }
    owners = {field: {home: first(claims).key for home, claims in by_home.items()} for field, by_home in homes.items()}
    rows += _places(block, collection, world, owners, audits, raised)
    documents = homes.get(collection.document.repository_field, {}) if collection.document is not None else {}
    entries = Entries(read[collection.name].winners, {home: first(claims) for home, claims in documents.items()})
    revised, lost = revisions(block, collection, world, entries, memo)
    proposed = proposals(block, collection, world, entries, targets, memo)
    return [*rows, *revised, *proposed], [*found, *lost]


def _in_file_order(read: Claims) -> Iterator[tuple[str, Mapping[str, Any]]]:
    ordered = sorted(read.winners.values(), key=lambda c: (c.repository_id, c.path, c.record.line))
    return ((claim.key, claim.record.fields) for claim in ordered)


def _entry(
    block: Block,
    collection: Collection,
    claim: Claim,
    world: World,
    at: Mapping[str, int],
    targets: tuple[Target, ...],
    memo: Memo,
) -> Made:
    """An entry's rows, made anew only where something that they are made of is another."""
    there = (world.mirrored.get(home) for home in at.values())
    versions = world.mirrored[claim.repository_id].versions[claim.path]
    objects = (collection, claim.reading, claim.record, versions, *there)
    outside = tuple(outside_of(claim, world))
    values = (targets, tuple(at.items()), outside)
    place = (block.name, collection.name, claim.key)
    made = memo.entries.get(place)
    if made is None or not made.holds(objects, values):
        found: list[FindingRow] = []
        with naming(claim.repository.full_name, claim.path):
            rows = tuple(entry_rows(block, collection, claim, world, at, targets, outside, found))
        made = memo.entries[place] = Made(objects, values, rows, tuple(found))
    return made


def _gone_branches(world: World) -> Mapping[int, Sequence[BranchTombstone]]:
    gone: dict[int, list[BranchTombstone]] = defaultdict(list)
    for tombstone in world.tombstones.branches.values():
        gone[tombstone.repository_id].append(tombstone)
    return gone


Raised = tuple[PullRequest, str | None, bool]
"""A pull request, the head of its ref, and whether it is gone."""


def _raised(world: World) -> Mapping[int, Sequence[Raised]]:
    """Every pull request, by its repository."""
    raised: dict[int, list[Raised]] = defaultdict(list)
    for key, evidence in world.mirrored.items():
        for pull in evidence.pulls.values():
            raised[key].append((pull, evidence.pull_heads.get(pull.number), False))
    for (key, number), tombstone in world.tombstones.pulls.items():
        there = world.mirrored.get(key)
        if there is None or number not in there.pulls:
            raised[key].append((tombstone.pull, tombstone.head_sha, True))
    return raised


def _places(
    block: Block,
    collection: Collection,
    world: World,
    owners: Mapping[str, Mapping[int, str]],
    audits: Mapping[str, actors.Audit],
    raised: Mapping[int, Sequence[Raised]],
) -> Iterator[PullEntryRow]:
    names: Iterable[str] = (rule.repository for rule in collection.pulls if rule.repository is not None)
    named = {name: found for name in names if (found := world.home(name)) is not None}
    concerned = set(named.values()).union(*owners.values())
    pulls = (pull for key in concerned for pull, _, _ in raised.get(key, ()))
    return places(block, collection, pulls, owners, named, audits, world.people)
