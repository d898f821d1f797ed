"""The rows of one entry: itself with its relations and history, and the branches of its own repository."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from cache.profile.collection import Block, Collection
from cache.projection.documents import Document, applies, read_document
from cache.projection.entries import Claim, history
from cache.projection.findings import Place, finding
from cache.projection.inputs import Inputs
from cache.projection.reach import own_repository_fields
from cache.projection.relations import Target, fields_of, line_of, relations
from cache.rows import BranchRow, EntryRow, FindingRow, Row
from cache.world import BranchTombstone


def home_of(claim: Claim, field: str, world: Inputs) -> int | None:
    """The repository that a field of an entry names. Of entries that name one, the first has its pull requests."""
    name = claim.record.fields.get(field)
    return world.home(name) if isinstance(name, str) else None


def entry_rows(
    block: Block,
    collection: Collection,
    claim: Claim,
    world: Inputs,
    at: Mapping[str, int],
    targets: Iterable[Target],
    outside: Iterable[tuple[str, str]],
    found: list[FindingRow],
) -> Iterator[Row]:
    """An entry's row with its relations and history; `at` has the repositories that its fields name."""
    home, dates = next((key for key in at.values() if key in world.listed), None), claim.dates
    place = Place(
        repository_id=claim.repository_id,
        path=claim.path,
        block=block.name,
        collection=collection.name,
        key=claim.key,
        commit=dates.commit,
    )
    document, problems = _document(collection, claim, world, at, place)
    found.extend(problems)
    fields = {**claim.record.extra, **fields_of(claim, targets)}
    at_home = world.mirrored.get(home) if home is not None else None
    head = at_home.commits.get(at_home.head or "") if at_home is not None else None
    label = fields.get(collection.label or "title")
    yield EntryRow(
        block=block.name,
        collection=collection.name,
        key=claim.key,
        repository_id=claim.repository_id,
        path=claim.path,
        line=line_of(claim) or 0,
        title=label if isinstance(label, str) else claim.key,
        valid=claim.reading.version is claim.reading.newest,
        fields=fields,
        body=document.body if document else claim.record.body,
        entry_body=claim.record.body,
        entry_sha=claim.reading.version.blob or "",
        commit=dates.commit.sha,
        last_entry_commit_at=dates.commit.committed_at,
        landed=dates.landed.sha,
        landed_at=dates.landed.committed_at,
        created_at=dates.added.committed_at,
        updated_at=max(c.committed_at for c in (dates.commit, document.commit if document else dates.commit)),
        document_repository_id=document.repository_id if document else None,
        document_path=document.path if document else None,
        document_body=document.body if document else None,
        document_sha=document.sha if document else None,
        document_commit=document.commit.sha if document else None,
        document_commit_at=document.commit.committed_at if document else None,
        home_repository_id=home,
        last_main_commit_at=head.committed_at if head else None,
    )
    for field, name in outside:
        message = (
            f"{field} names {name}, whose owner is not among forge.owners: nothing is read of it; "
            "name a repository of theirs, or have the owner added to the configuration"
        )
        found.append(finding(place, "outside-owners", message, field=field, line=line_of(claim)))
    yield from relations(claim, place, targets, found)
    if collection.format != "jsonl":
        here = world.mirrored[claim.repository_id]
        yield from history(collection, claim.key, "entry", here, here.versions[claim.path])
    if document is not None:
        there = world.mirrored[document.repository_id]
        yield from history(collection, claim.key, "document", there, there.versions[document.path])


def outside_of(claim: Claim, world: Inputs) -> Iterator[tuple[str, str]]:
    """The repositories that an entry names as its own and of which nothing is read: field, and name as written."""
    for field in own_repository_fields(claim.collection):
        name = claim.record.fields.get(field)
        key = world.find(name) if isinstance(name, str) else None
        if key is not None and key not in world.mirrored and not world.ours(world.listed[key]):
            yield field, str(name)


def _document(
    collection: Collection, claim: Claim, world: Inputs, at: Mapping[str, int], place: Place
) -> tuple[Document | None, tuple[FindingRow, ...]]:
    """The document that speaks for an entry. Nothing is said of a repository that was not read for it yet."""
    rule = collection.document
    if rule is None or not applies(rule, claim.record.fields):
        return None, ()
    evidence = world.mirrored.get(at.get(rule.repository_field, -1))
    if evidence is None or evidence.depth != "files":
        return None, ()
    return read_document(rule, evidence, place)


def branch_rows(
    block: Block, collection: Collection, key: str, world: Inputs, home: int, gone: Iterable[BranchTombstone]
) -> Iterator[BranchRow]:
    """The branches of an entry's own repository, those that are gone as well."""
    evidence = world.mirrored.get(home)
    names: set[str] = set()
    if evidence is not None:
        for name, sha in evidence.branches.items():
            names.add(name)
            commit = evidence.commits.get(sha)
            yield BranchRow(
                block=block.name,
                collection=collection.name,
                key=key,
                repository_id=home,
                name=name,
                sha=sha,
                state="open",
                last_commit_at=commit.committed_at if commit else None,
                is_default=name == evidence.repository.default_branch,
            )
    for tombstone in gone:
        if tombstone.name not in names:
            yield BranchRow(
                block=block.name,
                collection=collection.name,
                key=key,
                repository_id=home,
                name=tombstone.name,
                sha=tombstone.sha,
                state="deleted",
                last_commit_at=tombstone.last_commit_at,
                is_default=False,
            )
