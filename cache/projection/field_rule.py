"""The rule `field`: a commit on the default branch that sets a field to a pull request not named before.

What the entry said is its body at that commit; the state follows the pull request, wherever it lives.
"""

from __future__ import annotations

from collections.abc import Mapping

from cache.model import Blob, FileVersion, KeptRevision, RepositoryEvidence
from cache.profile.collection import Collection
from cache.profile.entry import Record
from cache.projection.addresses import PullAddress, pull_address
from cache.projection.drafts import TEXT, Draft, Said, said_by
from cache.projection.entries import Claim, key_of
from cache.projection.reading import records_of, trailing
from cache.revision_rows import RevisionRow
from cache.world import World

KeptKey = tuple[str, int, int]
"""The key as it is kept, and the repository and number of the pull request."""


def field_drafts(
    collection: Collection,
    field: str,
    evidence: RepositoryEvidence,
    winners: Mapping[str, Claim],
    bases: tuple[str, ...],
) -> tuple[Draft, ...]:
    """The drafts of every entry of a collection in one repository, in first-parent order: one for each address.

    Their `repository_id` is still to be found, by their address.
    """
    seen: set[tuple[tuple[str, ...], str]] = set()
    found: list[Draft] = []
    for version in _versions(collection, evidence):
        record = _record(collection, version, evidence)
        url = record.fields.get(field) if record is not None else None
        if record is None or record.key is None or not isinstance(url, str) or not url:
            continue
        address = pull_address(url, bases)
        if (record.key, address.text) in seen or _lost(collection, version, record.key, evidence, winners):
            continue
        seen.add((record.key, address.text))
        found.append(_draft(collection, evidence, version, record, url, address))
    return tuple(found)


def _versions(collection: Collection, evidence: RepositoryEvidence) -> list[FileVersion]:
    paths = [path for path in evidence.versions if collection.captures(path) is not None]
    found = (version for path in paths for version in evidence.versions[path])
    return sorted(found, key=lambda version: (version.position, version.path))


def _record(collection: Collection, version: FileVersion, evidence: RepositoryEvidence) -> Record | None:
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
    evidence: RepositoryEvidence,
    winners: Mapping[str, Claim],
) -> bool:
    """Whether the file is there and another one has the key that it claims."""
    winner = winners.get(key_of(collection, evidence.repository, key))
    if winner is None or (winner.repository_id, winner.path) == (evidence.repository.id, version.path):
        return False
    return bool(trailing(evidence.versions[version.path]))


def _draft(
    collection: Collection,
    evidence: RepositoryEvidence,
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


def home_of(address: PullAddress, world: World) -> int:
    """The repository of a pull request, or what stands for one that is not known."""
    found = world.home(address.full_name) if address.full_name is not None else None
    return found if found is not None else address.unknown_id


def placed(
    key: str,
    address: PullAddress,
    world: World,
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
