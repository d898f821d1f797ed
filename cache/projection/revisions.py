"""Revisions: what each entry said when a pull request was raised, in numbered order.

What was published stands: its number, text and time come from `state.db` once they are there, whatever is found
later. All else is told from the forge. What was not published yet gets a number, and a row, only once its owners were
listed to the end and both repositories of its entry were read, the one of its file and the one of its document: so a
cold build numbers them in the same order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from cache.model import Blob, KeptRevision, PullHistory, PullRequest, RepositoryEvidence
from cache.profile.collection import Block, Collection
from cache.projection.addresses import pull_address
from cache.projection.drafts import EARLIEST, GONE, Draft, document_drafts, entry_drafts
from cache.projection.entries import Claim, Memo, key_of
from cache.projection.field_rule import KeptKey, Winner, field_drafts, placed, texts
from cache.projection.findings import Place, finding
from cache.projection.inputs import Inputs
from cache.projection.laying import Named, Raised, laid_over
from cache.projection.reach import named_branches, revises, selected
from cache.projection.recall import Recall
from cache.revision_rows import RevisionRow
from cache.rows import FindingRow
from cache.world import World


class Entries(Struct, frozen=True):
    """The entries of a collection by their keys, and by the repositories that hold their documents."""

    winners: Mapping[str, Claim]
    homes: Mapping[int, Claim]


def revisions(
    block: Block, collection: Collection, world: World, entries: Entries, memo: Memo
) -> tuple[list[RevisionRow], list[FindingRow]]:
    """The revisions of a collection, and a finding for each whose text nobody can tell any more."""
    if collection.revisions is None:
        return [], []
    kept = world.tombstones.revisions.get((block.name, collection.name), {})
    drafts: dict[KeptKey, Draft] = {}
    if collection.revisions.rule == "field":
        kept = _by_field(block, collection, collection.revisions.field or "", world, entries, memo, kept, drafts)
    else:
        for told in _drafts(block, collection, world, entries, memo):
            drafts.setdefault((kept_key(collection, told), told.repository_id, told.number), told)
    return numbered_rows(block, collection, world, entries.winners.get, kept, drafts, memo.revisions)


def numbered_rows(
    block: Block,
    collection: Collection,
    world: Inputs,
    winner: Winner,
    kept: Mapping[KeptKey, KeptRevision],
    drafts: Mapping[KeptKey, Draft],
    memo: Recall[RevisionRow],
) -> tuple[list[RevisionRow], list[FindingRow]]:
    """The revisions that were published or can be now, all those of each entry together, and what is wrong with them.

    `winner` gives the entry that has a key.
    """
    rows: list[RevisionRow] = []
    for at, version in _versions(collection, world, winner, kept, drafts).items():
        draft, before, raised = drafts.get(at), kept.get(at), _raised(world, at[1], at[2])
        key = _shown_key(collection, world, at[0], before)
        named = Named(block.name, collection.name, key, at[1], at[2], version)
        make = partial(laid_over, named, draft, before, raised)
        parts = (raised.pull, raised.gone, raised.history) if raised is not None else (None, None, None)
        rows.append(memo.made((block.name, collection.name, *at), (named, draft, before, *parts), make))
    lost = [_gone(row) for row in rows if row.content_state == GONE]
    forgotten = [_forgotten(row) for row in rows if row.content_state == EARLIEST]
    return rows, [*lost, *forgotten, *_unknown(block, world, rows)]


# ------------------------------------------------------------------------------------------------- what there is


def _drafts(block: Block, collection: Collection, world: World, entries: Entries, memo: Memo) -> Iterator[Draft]:
    """Every draft; of one pull request that about an entry's own file before the one about its document."""
    for repository in selected(collection, world):
        rules = tuple(named_branches(collection, repository.id, world))
        for evidence, history, pull in _histories(world, repository.id):
            make = partial(entry_drafts, collection, evidence, history, pull, rules)
            place = block.name, collection.name, "entry", repository.id, history.number
            yield from memo.drafts.made(place, (collection, history, pull, rules, _read_by(evidence, history)), make)
    for home, claim in entries.homes.items():
        path, parts = collection.document.path if collection.document is not None else "", claim.record.key or ()
        for evidence, history, pull in _histories(world, home):
            make = partial(document_drafts, path, parts, claim.repository_id, evidence, history)
            place = block.name, collection.name, "document", home, history.number
            of = path, history, pull, parts, claim.repository_id, _read_by(evidence, history)
            yield from memo.drafts.made(place, of, make)


def _read_by(evidence: RepositoryEvidence, history: PullHistory) -> tuple[Blob | None, ...]:
    """The blobs that drafts of a pull request are read from: one that could not be had at first may come later."""
    return tuple(evidence.blobs.get(file.blob or "") for file in history.files)


def _by_field(
    block: Block,
    collection: Collection,
    field: str,
    world: World,
    entries: Entries,
    memo: Memo,
    kept: Mapping[KeptKey, KeptRevision],
    drafts: dict[KeptKey, Draft],
) -> Mapping[KeptKey, KeptRevision]:
    """Fill in drafts by the rule `field`; what is kept, with what was published under no repository where it is now."""
    told: list[Draft] = []
    for repository in sorted(selected(collection, world), key=lambda each: each.id):
        evidence = world.mirrored.get(repository.id)
        if evidence is None or evidence.depth != "files":
            continue
        make = partial(field_drafts, collection, field, evidence, entries.winners.get, block.forge)
        made_of = (collection, evidence.versions, evidence.blobs, _places(entries), block.forge)
        told += memo.drafts.made((block.name, collection.name, "field", repository.id), made_of, make)
    return by_address(block, collection, world, told, kept, drafts)


def by_address(
    block: Block,
    collection: Collection,
    world: Inputs,
    told: Iterable[Draft],
    kept: Mapping[KeptKey, KeptRevision],
    drafts: dict[KeptKey, Draft],
) -> Mapping[KeptKey, KeptRevision]:
    """Put drafts of the rule `field` where their addresses lead; what is kept, where it stands now."""
    by_text, moved = texts(kept, block.forge), dict(kept)
    for each in told:
        address = pull_address(each.url or "", block.forge)
        at, before = placed(kept_key(collection, each), address, world, kept, by_text)
        if before is not None and before in moved:
            moved[at] = moved.pop(before)
        drafts.setdefault(at, replace(each, repository_id=at[1], number=at[2]))
    return moved


def _places(entries: Entries) -> dict[str, tuple[int, str]]:
    return {key: (claim.repository_id, claim.path) for key, claim in entries.winners.items()}


def _histories(
    world: World, repository_id: int
) -> Iterator[tuple[RepositoryEvidence, PullHistory, PullRequest]]:
    evidence = world.mirrored.get(repository_id)
    for number, history in evidence.histories.items() if evidence is not None else ():
        if evidence is not None and number in evidence.pulls:
            yield evidence, history, evidence.pulls[number]


def _raised(world: Inputs, repository_id: int, number: int) -> Raised | None:
    evidence = world.mirrored.get(repository_id)
    if evidence is not None and number in evidence.pulls:
        return Raised(evidence.pulls[number], gone=False, history=evidence.histories.get(number))
    gone = world.gone_pull(repository_id, number)
    return Raised(gone.pull, gone=True) if gone is not None else None


# --------------------------------------------------------------------------------------------- keys and numbers


def kept_key(collection: Collection, draft: Draft) -> str:
    """An entry's key as it is kept: where it begins with the repository, that stands there by its id."""
    parts = (str(draft.entry_repository_id), *draft.parts) if collection.key_has_repository else draft.parts
    return "/".join(parts)


def kept_key_of(collection: Collection, row: RevisionRow) -> str:
    """The key under which a row is kept."""
    if not collection.key_has_repository:
        return row.key
    return f"{row.entry_repository_id}/{row.key.split('/', 2)[2]}"


def _shown_key(collection: Collection, world: Inputs, kept_key: str, before: KeptRevision | None) -> str:
    """The key by the names of today; as it was published where the repository is not known any more."""
    if not collection.key_has_repository:
        return kept_key
    number, _, rest = kept_key.partition("/")
    gone = world.gone_repository(int(number))
    repository = world.listed.get(int(number)) or (gone.repository if gone is not None else None)
    if repository is not None:
        return f"{repository.full_name}/{rest}"
    return str(before.data["key"]) if before is not None else kept_key


def _versions(
    collection: Collection,
    world: Inputs,
    winner: Winner,
    kept: Mapping[KeptKey, KeptRevision],
    drafts: Mapping[KeptKey, Draft],
) -> dict[KeptKey, int]:
    """The number of every revision: as published, or the next of its entry, in the order of their drafts."""
    versions = {at: each.version for at, each in kept.items()}
    fresh = sorted((draft.order, at) for at, draft in drafts.items() if at not in versions and not draft.waiting)
    if not fresh or not world.complete:
        return versions
    last: dict[str, int] = defaultdict(int)
    for (key, *_), version in versions.items():
        last[key] = max(last[key], version)
    for _, at in fresh:
        if _read(collection, world, winner, drafts[at]):
            last[at[0]] += 1
            versions[at] = last[at[0]]
    return versions


def _read(collection: Collection, world: Inputs, winner: Winner, draft: Draft) -> bool:
    """Whether the repositories were read, for this, that hold an entry's file and its document. A stranger's, which an
    entry may name as well, is never read.
    """
    if not _revised(world, draft.entry_repository_id, collection):
        return False
    if collection.document is None or draft.rule == "field":
        return True
    repository = world.listed.get(draft.entry_repository_id)
    claim = winner(key_of(collection, repository, draft.parts)) if repository is not None else None
    name = claim.record.fields.get(collection.document.repository_field) if claim is not None else None
    home = world.find(name) if isinstance(name, str) else None
    if home is None or home not in world.listed or not world.ours(world.listed[home]):
        return True
    return _revised(world, home, collection)


def _revised(world: Inputs, repository_id: int, collection: Collection) -> bool:
    evidence = world.mirrored.get(repository_id)
    return evidence is not None and revises(evidence.interest, collection)


def _unknown(block: Block, world: Inputs, rows: Iterable[RevisionRow]) -> Iterator[FindingRow]:
    """A finding for each pull request that an entry names and that is not there. Before every owner was listed to the
    end, and its repository read, nothing is said.
    """
    for row in rows:
        evidence = world.mirrored.get(row.repository_id)
        if row.rule != "field" or not world.complete or _raised(world, row.repository_id, row.number) is not None:
            continue
        if row.repository_id > 0 and evidence is None and row.repository_id in world.listed:
            continue
        of, at = row.entry_repository_id, (row.block, row.collection, row.key)
        place = Place(repository_id=of, path=row.path, block=at[0], collection=at[1], key=at[2])
        message = f"version {row.version} names {row.pr_url}, which is no pull request that is shown to us; correct it"
        yield finding(place, "unknown-pull-request", message)


def _gone(row: RevisionRow) -> FindingRow:
    place = Place(
        repository_id=row.repository_id, path=row.path, block=row.block, collection=row.collection, key=row.key
    )
    message = (
        f"what {row.key!r} said when pull request {row.number} was raised cannot be told: the forge does not give "
        "the heads it had then; keep state.db, and let the forge's gc wait longer"
    )
    return finding(place, "revision-content-gone", message)


def _forgotten(row: RevisionRow) -> FindingRow:
    place = Place(
        repository_id=row.repository_id, path=row.path, block=row.block, collection=row.collection, key=row.key
    )
    message = (
        f"version {row.version} of {row.key!r} holds what the earliest known push of pull request {row.number} said: "
        "the forge may have forgotten earlier pushes before that; keep state.db, which remembers what was read"
    )
    return finding(place, "heads-forgotten", message)
