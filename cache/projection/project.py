"""The projection: every row that follows from a world and the profiles. Pure, total and repeatable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cache.model import PullRequest, RepositoryEvidence
from cache.profile.collection import Block, Collection
from cache.profile.fields import Field
from cache.projection import actors
from cache.projection.documents import Document, applies, read_document
from cache.projection.entries import Claim, Claims, Memo, claims, history
from cache.projection.findings import Place, finding, numbered
from cache.projection.pulls import places, pull_row
from cache.projection.reach import own_repository_fields, selected
from cache.rows import (
    PROJECTED,
    BranchRow,
    EntryRow,
    FindingRow,
    PullEntryRow,
    RelationRow,
    Row,
    Rows,
    tabulate,
)
from cache.world import World


def project(world: World, blocks: Sequence[Block], memo: Memo | None = None) -> Rows:
    """Every projected row. `memo` keeps what files said between calls; it never changes the answer."""
    memo = {} if memo is None else memo
    rows: list[Row] = list(_pull_rows(world))
    found: list[FindingRow] = list(_unreadable(world))
    for block in blocks:
        read = {c.name: _claims(block, c, world, memo) for c in block.collections}
        for collection in block.collections:
            rows_here, findings_here = _collection(block, collection, world, read)
            rows += rows_here
            found += read[collection.name].findings
            found += findings_here
    return tabulate([*rows, *numbered(found)], PROJECTED)


def _claims(block: Block, collection: Collection, world: World, memo: Memo) -> Claims:
    repositories = (world.mirrored.get(repository.id) for repository in selected(collection, world))
    return claims(block, collection, (r for r in repositories if r is not None and r.depth == "files"), memo)


def _collection(
    block: Block, collection: Collection, world: World, read: Mapping[str, Claims]
) -> tuple[list[Row], list[FindingRow]]:
    rows: list[Row] = []
    found: list[FindingRow] = []
    homes: dict[int, Claim] = {}
    for key in sorted(read[collection.name].winners):
        claim = read[collection.name].winners[key]
        home = _home(collection, claim, world)
        if home is not None:
            homes[home] = _earlier(homes.get(home), claim)
        rows += _entry(block, collection, claim, world, home, found, read)
        if home is not None and collection.branches is not None:
            rows += _branches(block, claim, world, home)
    audits = {
        step.collection: actors.audit_of(_in_file_order(read[step.collection]), world.find)
        for step in collection.actor
        if step.collection is not None and step.collection in read
    }
    owners = {home: claim.key for home, claim in homes.items()}
    rows += _places(block, collection, world, owners, audits)
    return rows, found


def _in_file_order(read: Claims) -> Iterator[tuple[str, Mapping[str, Any]]]:
    ordered = sorted(read.winners.values(), key=lambda c: (c.repository_id, c.path, c.record.line))
    return ((claim.key, claim.record.fields) for claim in ordered)


def _home(collection: Collection, claim: Claim, world: World) -> int | None:
    for field in own_repository_fields(collection):
        name = claim.record.fields.get(field)
        if isinstance(name, str):
            return world.find(name)
    return None


def _earlier(known: Claim | None, claim: Claim) -> Claim:
    """Of two entries that name one repository, the one that landed first owns its pull requests."""
    if known is None:
        return claim
    return min(known, claim, key=lambda c: (c.evidence.commits[c.reading.added.landed].committed_at, c.key))


def _entry(
    block: Block,
    collection: Collection,
    claim: Claim,
    world: World,
    home: int | None,
    found: list[FindingRow],
    read: Mapping[str, Claims],
) -> Iterator[Row]:
    place = Place(
        repository_id=claim.repository_id,
        path=claim.path,
        block=block.name,
        collection=collection.name,
        key=claim.key,
        commit=claim.commit,
    )
    document = _document(collection, claim, world, home, place, found)
    fields = {**claim.record.extra, **claim.record.fields}
    at_home = world.mirrored.get(home) if home is not None else None
    head = at_home.commits.get(at_home.head or "") if at_home is not None else None
    label = fields.get(collection.label or "title")
    yield EntryRow(
        block=block.name,
        collection=collection.name,
        key=claim.key,
        repository_id=claim.repository_id,
        path=claim.path,
        line=_line(claim) or 0,
        title=label if isinstance(label, str) else claim.key,
        valid=claim.reading.version is claim.reading.newest,
        fields=fields,
        body=document.body if document else claim.record.body,
        entry_body=claim.record.body,
        entry_sha=claim.reading.version.blob or "",
        commit=claim.commit.sha,
        last_entry_commit_at=claim.commit.committed_at,
        landed=claim.landed.sha,
        landed_at=claim.landed.committed_at,
        created_at=claim.added.committed_at,
        updated_at=max(claim.commit.committed_at, document.commit.committed_at if document else claim.commit.committed_at),
        document_repository_id=document.repository_id if document else None,
        document_path=document.path if document else None,
        document_body=document.body if document else None,
        document_sha=document.sha if document else None,
        document_commit=document.commit.sha if document else None,
        document_commit_at=document.commit.committed_at if document else None,
        home_repository_id=home,
        last_main_commit_at=head.committed_at if head else None,
    )
    yield from _relations(collection, claim, world, place, found, read)
    if collection.format != "jsonl":
        versions = claim.evidence.versions[claim.path]
        yield from history(block.name, collection.name, claim.key, "entry", claim.evidence, versions)
        if at_home is not None and document is not None:
            versions = at_home.versions[document.path]
            yield from history(block.name, collection.name, claim.key, "document", at_home, versions)


def _document(
    collection: Collection, claim: Claim, world: World, home: int | None, place: Place, found: list[FindingRow]
) -> Document | None:
    rule = collection.document
    if rule is None or home is None or not applies(rule, claim.record.fields):
        return None
    evidence = world.mirrored.get(home)
    if evidence is None or evidence.depth != "files" or evidence.head is None:
        return None
    document, problems = read_document(rule, evidence, place)
    found.extend(problems)
    return document


def _relations(
    collection: Collection,
    claim: Claim,
    world: World,
    place: Place,
    found: list[FindingRow],
    read: Mapping[str, Claims],
) -> Iterator[RelationRow]:
    for field in collection.fields:
        one = field.of if field.type == "list" and field.of is not None else field
        if one.type not in ("repository", "user", "ref"):
            continue
        value = claim.record.fields.get(field.name)
        values = value if isinstance(value, list) else [] if value is None else [value]
        for position, target in enumerate(values):
            if not isinstance(target, str):
                continue
            target_id, resolved = _target(one, target, world, read)
            if not resolved:
                message = f"{field.name} names {target}, which is not there or not shown to us; correct it"
                found.append(finding(place, "dangling", message, field=field.name, line=_line(claim)))
            yield RelationRow(
                block=place.block or "",
                collection=collection.name,
                key=claim.key,
                field=field.name,
                position=position,
                kind=one.type,
                target=target,
                target_id=target_id,
                resolved=resolved,
            )


def _target(field: Field, target: str, world: World, read: Mapping[str, Claims]) -> tuple[int | None, bool]:
    """The id of a repository that a field names, and whether what is named is there.

    Before every owner was listed to the end, a name that is not found proves nothing; logins are not looked up.
    """
    if field.type == "repository":
        found = world.find(target)
        return found, found is not None or not world.complete
    if field.type == "ref" and field.relation is not None:
        return None, any(target in read[name].winners for name in field.relation.collections if name in read)
    return None, True


def _line(claim: Claim) -> int | None:
    return claim.record.line if claim.collection.format == "jsonl" else None


def _branches(block: Block, claim: Claim, world: World, home: int) -> Iterator[BranchRow]:
    evidence = world.mirrored.get(home)
    names: set[str] = set()
    if evidence is not None:
        for name, sha in evidence.branches.items():
            names.add(name)
            commit = evidence.commits.get(sha)
            yield BranchRow(
                block=block.name,
                collection=claim.collection.name,
                key=claim.key,
                repository_id=home,
                name=name,
                sha=sha,
                state="open",
                last_commit_at=commit.committed_at if commit else None,
                is_default=name == evidence.repository.default_branch,
            )
    for (repository_id, name), tombstone in world.tombstones.branches.items():
        if repository_id == home and name not in names:
            yield BranchRow(
                block=block.name,
                collection=claim.collection.name,
                key=claim.key,
                repository_id=home,
                name=name,
                sha=tombstone.sha,
                state="deleted",
                last_commit_at=tombstone.last_commit_at,
                is_default=False,
            )


def _all_pulls(world: World) -> Iterator[tuple[PullRequest, str | None, bool]]:
    for evidence in world.mirrored.values():
        for pull in evidence.pulls.values():
            yield pull, evidence.pull_heads.get(pull.number), False
    for key, tombstone in world.tombstones.pulls.items():
        evidence_here: RepositoryEvidence | None = world.mirrored.get(key[0])
        if evidence_here is None or key[1] not in evidence_here.pulls:
            yield tombstone.pull, tombstone.head_sha, True


def _pull_rows(world: World) -> Iterator[Row]:
    return (pull_row(pull, head, gone=gone) for pull, head, gone in _all_pulls(world))


def _places(
    block: Block,
    collection: Collection,
    world: World,
    owners: Mapping[int, str],
    audits: Mapping[str, actors.Audit],
) -> Iterator[PullEntryRow]:
    names: Iterable[str] = (rule.repository for rule in collection.pulls if rule.repository is not None)
    named = {name: found for name in names if (found := world.find(name)) is not None}
    concerned = {*owners, *named.values()}
    pulls = (pull for pull, _, _ in _all_pulls(world) if pull.repository_id in concerned)
    return places(block, collection, pulls, owners, named, audits)


def _unreadable(world: World) -> Iterator[FindingRow]:
    for evidence in world.mirrored.values():
        for object_id, named_by in evidence.unreadable.items():
            place = Place(repository_id=evidence.repository.id, path=named_by)
            message = (
                f"the forge lists {named_by} at {object_id[:12]} and does not give that object; "
                "check the repository there with git fsck"
            )
            yield finding(place, "unreadable-object", message)
