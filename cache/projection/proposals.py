"""Proposals: what each open pull request would make of entries, by its newest head.

What a pull request touches is judged at its fork point; what becomes of an entry, beside the entry as it is now. One
that says what the default branch says already proposes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from msgspec import Struct

from cache.model import Blob, FileVersion, HeadFile, PullHead, PullHistory
from cache.profile.collection import Block, Collection
from cache.profile.entry import Record
from cache.profile.rules import Problem
from cache.projection.documents import applies, document_text
from cache.projection.entries import Claim, Memo, key_of
from cache.projection.failures import naming
from cache.projection.field_rule import Winner
from cache.projection.findings import Place, finding
from cache.projection.inputs import Evidence
from cache.projection.reach import selected
from cache.projection.reading import SUBMODULE, SYMLINK, Reading, records_of
from cache.projection.recall import Recall
from cache.projection.relations import Targets, fields_of, relations
from cache.projection.revisions import Entries
from cache.revision_rows import ProposalRow
from cache.rows import FindingRow
from cache.world import World

MAX_LOOSE = 20
"""Problems of a file's lines that no entry has: each proposal of that file tells of them."""


class _Raised(Struct, frozen=True):
    """An open pull request with its newest head, and the files that differ there."""

    evidence: Evidence
    number: int
    head: PullHead
    files: tuple[HeadFile, ...]


class _Change(Struct, frozen=True):
    """What would become of one record of a file."""

    file: HeadFile
    record: Record
    key: str
    change: str
    claim: Claim | None
    """The entry as it is now."""
    loose: tuple[Problem, ...] = ()
    """What would be wrong with the file beside its records."""


def proposals(
    block: Block, collection: Collection, world: World, entries: Entries, targets: Targets, memo: Memo
) -> Iterator[ProposalRow]:
    """The proposals for one collection; for an entry's own file before those for its document."""
    holding = {repository.id for repository in selected(collection, world)}
    for key in sorted(holding | entries.homes.keys()):
        evidence = world.mirrored.get(key)
        for number in evidence.histories if evidence is not None else ():
            home = entries.homes.get(key)
            yield from proposals_of(
                block, collection, evidence, number, key in holding, home, entries.winners.get, targets, memo.proposed
            )


def proposals_of(
    block: Block,
    collection: Collection,
    evidence: Evidence | None,
    number: int,
    holds: bool,
    home: Claim | None,
    winner: Winner,
    targets: Targets,
    memo: Recall[tuple[Record, ...]],
) -> Iterator[ProposalRow]:
    """What one pull request would make of a collection's entries. `holds` says whether the collection takes files from
    its repository, `home` is the entry whose own repository that is.
    """
    raised = _open(evidence, number)
    if raised is None:
        return
    changes: list[_Change] = []
    for file in raised.files if holds else ():
        with naming(raised.evidence.repository.full_name, f"{file.path} (pull request {number})"):
            changes += _changes(block, collection, raised, file, winner, targets, memo)
    fresh = _added(block, raised)
    told: set[str] = set()
    for change in changes:
        if change.key not in told:
            told.add(change.key)
            yield _row(block, collection, raised, change, targets, fresh)
    if home is not None and home.key not in told:
        yield from _document(block, collection, raised, home)


def _open(evidence: Evidence | None, number: int) -> _Raised | None:
    """An open pull request whose newest head the forge gives."""
    history = evidence.histories.get(number) if evidence is not None else None
    pull = evidence.pulls.get(number) if evidence is not None else None
    if evidence is None or history is None or pull is None or pull.state != "open" or not _newest(history):
        return None
    head = history.heads[-1]
    files = tuple(file for file in history.files if file.position == head.position and file.changed)
    return _Raised(evidence, number, head, files)


def _newest(history: PullHistory) -> bool:
    return bool(history.heads) and not history.heads[-1].gone


# ---------------------------------------------------------------------------------------------------- what changes


def _changes(
    block: Block,
    collection: Collection,
    raised: _Raised,
    file: HeadFile,
    winner: Winner,
    targets: Targets,
    memo: Recall[tuple[Record, ...]],
) -> Iterator[_Change]:
    captures = collection.captures(file.path)
    if captures is None or (collection.lenient and file.mode in (SYMLINK, SUBMODULE)):
        return
    evidence = raised.evidence

    def read(blob: str | None, mode: str) -> tuple[Record, ...]:
        if blob is None:
            return ()
        version = FileVersion(file.path, 0, raised.head.sha, raised.head.sha, blob, mode)
        place = block.name, collection.name, evidence.repository.id, raised.number, file.path, mode, blob
        held = evidence.blobs.get(blob)
        make = partial(records_of, collection, version, captures, {blob: held or Blob(blob, None)})
        return memo.made(place, (collection, held), make)

    now = read(file.blob, file.mode)
    by_key = {key: record for record in now if (key := _key(collection, evidence, record)) is not None}
    loose = tuple(problem for record in now if record.key is None for problem in record.problems)[:MAX_LOOSE]
    lines = collection.format == "jsonl"
    before = read(file.before, "100644") if lines or file.blob is None else ()
    older = {key: record for record in before if (key := _key(collection, evidence, record)) is not None}
    for key, record in by_key.items():
        claim = winner(key)
        if claim is not None and not targets.open_to_all(claim.repository_id, evidence.repository.id):
            claim = None  # whoever raised this need not know that the key is taken
        if lines and key in older and _same(older[key], record):
            continue
        if claim is not None and _here(claim, evidence, file) and _says(claim, record, file, lines=lines):
            continue
        yield _Change(file, record, key, "changed" if claim is not None else "added", claim, loose)
    for key in older.keys() - by_key.keys():
        claim = winner(key)
        if claim is not None and _here(claim, evidence, file):
            yield _Change(file, claim.record, key, "removed", claim)


def _key(collection: Collection, evidence: Evidence, record: Record) -> str | None:
    return key_of(collection, evidence.repository, record.key) if record.key is not None else None


def _here(claim: Claim, evidence: Evidence, file: HeadFile) -> bool:
    return (claim.repository_id, claim.path) == (evidence.repository.id, file.path)


def _says(claim: Claim, record: Record, file: HeadFile, *, lines: bool) -> bool:
    """Whether an entry says already what is proposed."""
    return _same(claim.record, record) if lines else claim.reading.newest.blob == file.blob


def _same(one: Record, other: Record) -> bool:
    return (one.fields, one.extra, one.body, one.valid) == (other.fields, other.extra, other.body, other.valid)


def _added(block: Block, raised: _Raised) -> frozenset[str]:
    """The keys and paths of entries whose files a pull request adds: what names them leads somewhere then."""
    fresh = set()
    for collection in block.collections:
        for file in raised.files:
            captures = collection.captures(file.path) if file.before is None else None
            if captures is not None and all(part in captures for part in collection.key):
                parts = [captures[part] for part in collection.key]
                fresh |= {key_of(collection, raised.evidence.repository, parts), file.path}
    return frozenset(fresh)


# ---------------------------------------------------------------------------------------------------- as it would be


def _row(
    block: Block, collection: Collection, raised: _Raised, change: _Change, targets: Targets, fresh: frozenset[str]
) -> ProposalRow:
    file, record = change.file, change.record
    removed = change.change == "removed"
    fields: Mapping[str, Any] = {**record.extra, **record.fields}
    found: list[FindingRow] = []
    if not removed:
        version = FileVersion(file.path, 0, raised.head.sha, raised.head.sha, file.blob, file.mode)
        reading = Reading((record,), record.problems, version, version, version)
        claim = Claim(collection, raised.evidence.repository, reading, record, change.key)
        named = tuple(targets.of(claim, proposed=True))
        fields = {**record.extra, **fields_of(claim, named)}
        place = Place(
            repository_id=claim.repository_id, path=file.path, block=block.name, collection=collection.name,
            key=change.key,
        )  # fmt: skip
        found += _wrong(place, (*record.problems, *change.loose))
        led = (each for each in named if each.kind != "ref" or not fresh & {each.target, each.path})
        list(relations(claim, place, led, found))
        if change.claim is not None and not _here(change.claim, raised.evidence, file):
            message = f"{change.key!r} is claimed by {change.claim.path}, which had it first; give this another key"
            found.append(finding(place, "duplicate-key-claim", message))
    label = fields.get(collection.label or "title")
    return ProposalRow(
        repository_id=raised.evidence.repository.id,
        number=raised.number,
        block=block.name,
        collection=collection.name,
        key=change.key,
        change=change.change,
        part="entry",
        path=file.path,
        line=record.line if collection.format == "jsonl" else 0,
        title=label if isinstance(label, str) else change.key,
        valid=record.valid,
        fields=dict(fields),
        body=record.body,
        findings=tuple(_told(each) for each in found),
        head_sha=raised.head.sha,
        blob=file.blob,
    )


def _document(block: Block, collection: Collection, raised: _Raised, claim: Claim) -> Iterator[ProposalRow]:
    """What a pull request would make of the document that speaks for an entry."""
    rule = collection.document
    file = next((file for file in raised.files if rule is not None and file.path == rule.path), None)
    if rule is None or file is None or not applies(rule, claim.record.fields):
        return
    text, problem = document_text(raised.evidence.blobs, file.blob, file.mode)
    place = Place(
        repository_id=raised.evidence.repository.id, path=file.path, block=block.name, collection=collection.name,
        key=claim.key,
    )  # fmt: skip
    removed = file.blob is None
    fields = {**claim.record.extra, **claim.record.fields}
    label = fields.get(collection.label or "title")
    wrong = () if removed or problem is None else tuple(_told(each) for each in _wrong(place, [problem]))
    yield ProposalRow(
        repository_id=raised.evidence.repository.id,
        number=raised.number,
        block=block.name,
        collection=collection.name,
        key=claim.key,
        change="removed" if removed else "changed" if file.before is not None else "added",
        part="document",
        path=file.path,
        line=0,
        title=label if isinstance(label, str) else claim.key,
        valid=removed or problem is None,
        fields=fields,
        body=text,
        findings=wrong,
        head_sha=raised.head.sha,
        blob=file.blob,
    )


def _wrong(place: Place, problems: Iterable[Problem]) -> Iterator[FindingRow]:
    for each in problems:
        yield finding(place, each.rule, each.message, severity=each.severity, line=each.line, field=each.field)


def _told(row: FindingRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("rule", "severity", "message", "line", "field")}
