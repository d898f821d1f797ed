"""The rule `field`: a commit on the default branch that sets a field to a pull request not named before.

What the entry said is its body at that commit; the state follows the pull request, wherever it lives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from cache.model import Blob, FileVersion, KeptRevision
from cache.profile.collection import Collection
from cache.profile.entry import Record
from cache.projection.addresses import PullAddress, pull_address
from cache.projection.drafts import TEXT, Draft, Said, said_by
from cache.projection.entries import Claim, key_of
from cache.projection.inputs import Evidence, Inputs
from cache.projection.reading import records_of, trailing
from cache.revision_rows import RevisionRow

Winner = Callable[[str], Claim | None]
"""The entry that has a key."""
KeptKey = tuple[str, int, int]
"""The key as it is kept, and the repository and number of the pull request."""


Told = tuple[str, Draft]
"""What the address that a version names means, and the draft of what it said."""


def field_drafts(
    collection: Collection, field: str, evidence: Evidence, winner: Winner, bases: tuple[str, ...]
) -> tuple[Draft, ...]:
    """The drafts of every entry of a collection in one repository, in first-parent order: one for each address.

    Their `repository_id` is still to be found, by their address.
    """
    paths = [path for path in evidence.versions if collection.captures(path) is not None]
    return firsts(told for path in paths for told in file_drafts(collection, field, evidence, path, winner, bases))


def file_drafts(
    collection: Collection, field: str, evidence: Evidence, path: str, winner: Winner, bases: tuple[str, ...]
) -> Iterator[Told]:
    """The drafts of every version of one file that names an address."""
    for version in evidence.versions.get(path, ()):
        record = _record(collection, version, evidence)
        url = record.fields.get(field) if record is not None else None
        if record is None or record.key is None or not isinstance(url, str) or not url:
            continue
        if not _lost(collection, version, record.key, evidence, winner):
            address = pull_address(url, bases)
            yield address.text, _draft(collection, evidence, version, record, url, address)


def firsts(told: Iterable[Told]) -> tuple[Draft, ...]:
    """Of each entry the first draft for each address, in their order."""
    found: dict[tuple[int, tuple[str, ...], str], Draft] = {}
    for text, draft in sorted(told, key=lambda each: each[1].order):
        found.setdefault((draft.entry_repository_id, draft.parts, text), draft)
    return tuple(found.values())


def _record(collection: Collection, version: FileVersion, evidence: Evidence) -> Record | None:
    """What a version says, as far as it can be read; None where the file is gone or not at hand."""
    captures = collection.captures(version.path)
    blob = evidence.blobs.get(version.blob or "")
    if version.blob is None or captures is None or blob is None:
        return None
    records = records_of(collection, version, captures, {blob.id: blob})
    return records[0] if records else None


def _lost(
    collection: Collection,
    version: FileVersion,
    key: tuple[str, ...],
    evidence: Evidence,
    winner: Winner,
) -> bool:
    """Whether the file is there and another one has the key that it claims."""
    holder = winner(key_of(collection, evidence.repository, key))
    if holder is None or (holder.repository_id, holder.path) == (evidence.repository.id, version.path):
        return False
    return bool(trailing(evidence.versions[version.path]))


def _draft(
    collection: Collection,
    evidence: Evidence,
    version: FileVersion,
    record: Record,
    url: str,
    address: PullAddress,
) -> Draft:
    landed = evidence.commits[version.landed]
    blob = evidence.blobs.get(version.blob or "") or Blob(version.blob or "", None)
    return Draft(
        parts=record.key or (),
        entry_repository_id=evidence.repository.id,
        part="entry",
        path=version.path,
        repository_id=address.unknown_id,
        number=address.number,
        order=(evidence.repository.id, version.position, version.path),
        said=Said(record.body or "", TEXT) if collection.body is not None else said_by(blob),
        heads=(),
        frozen=None,
        frozen_at=landed.committed_at,
        head_sha=landed.sha,
        blob=version.blob,
        rule="field",
        url=url,
    )


def home_of(address: PullAddress, world: Inputs) -> int:
    """The repository of a pull request, or what stands for one that is not known."""
    found = world.home(address.full_name) if address.full_name is not None else None
    return found if found is not None else address.unknown_id


def placed(
    key: str,
    address: PullAddress,
    world: Inputs,
    kept: Mapping[KeptKey, KeptRevision],
    by_text: Mapping[tuple[str, str], KeptKey],
) -> tuple[KeptKey, KeptKey | None]:
    """Where a revision of this address stands, and where it was published before its repository was known.

    What was published under an address stays with it: the name in it may lead to another repository by now.
    """
    home = home_of(address, world)
    now = key, home, address.number
    before = by_text.get((key, address.text))
    if before is None or before == now or now in kept:
        return now, None
    return (now, before) if before[1] < 0 <= home else (before, None)


def texts(kept: Mapping[KeptKey, KeptRevision], bases: tuple[str, ...]) -> dict[tuple[str, str], KeptKey]:
    """What was published by this rule, by key and by what its address means."""
    found = {}
    for at, each in kept.items():
        url = each.data.get("pr_url")
        if isinstance(url, str):
            found[at[0], pull_address(url, bases).text] = at
    return found


def named_by(row: RevisionRow, bases: tuple[str, ...]) -> str | None:
    """The repository that the address of a revision names, where it names one of this forge."""
    return pull_address(row.pr_url, bases).full_name if row.pr_url is not None else None
