"""Entries: which files claim which key, who wins, and what the winner says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from cache.model import Commit, FileVersion, RepositoryEvidence
from cache.profile.collection import Block, Collection
from cache.profile.entry import Record
from cache.projection.findings import Place, finding
from cache.projection.reading import Reading, read_file
from cache.rows import FindingRow, HistoryRow


class Claim(Struct, frozen=True):
    """A record of a file that claims a key of its collection."""

    collection: Collection
    evidence: RepositoryEvidence
    reading: Reading
    record: Record
    key: str

    @property
    def repository_id(self) -> int:
        """The repository that holds the file."""
        return self.evidence.repository.id

    @property
    def path(self) -> str:
        """The file."""
        return self.reading.version.path

    @property
    def commit(self) -> Commit:
        """The last commit that changed what is served."""
        return self.evidence.commits[self.reading.version.commit]

    @property
    def landed(self) -> Commit:
        """The commit with which that arrived on the default branch."""
        return self.evidence.commits[self.reading.version.landed]

    @property
    def added(self) -> Commit:
        """The commit that added the file."""
        return self.evidence.commits[self.reading.added.commit]


Memo = dict[tuple[str, str, int, str], tuple[tuple[FileVersion, ...], Any, Any]]
"""Readings by (block, collection, repository, path), with the versions and blobs that they were read from."""


class Claims(Struct, frozen=True):
    """Every record of a collection, and the findings of files."""

    winners: Mapping[str, Claim]
    findings: tuple[FindingRow, ...]


def claims(block: Block, collection: Collection, repositories: Iterable[RepositoryEvidence], memo: Memo) -> Claims:
    """Read every file of a collection, and settle which record has each key.

    Of several that claim one key the first to land wins: by position within a repository, across repositories by
    when the file's first commit landed, then by repository id and path. So the order in which they were read never shows.
    """
    found: list[FindingRow] = []
    claimed: dict[str, list[Claim]] = defaultdict(list)
    for evidence in repositories:
        for path, versions in evidence.versions.items():
            reading = _reading(block, collection, evidence, path, versions, memo)
            if reading is None:
                continue
            found.extend(_problems(block, collection, evidence, reading))
            for record in reading.records:
                key = entry_key(collection, evidence, record)
                claimed[key].append(Claim(collection, evidence, reading, record, key))
    winners = {}
    for key, rivals in claimed.items():
        winner = _first(rivals) if len(rivals) > 1 else rivals[0]
        winners[key] = winner
        found.extend(_duplicate(block, winner, rival) for rival in rivals if rival is not winner)
    return Claims(winners, tuple(found))


def entry_key(collection: Collection, evidence: RepositoryEvidence, record: Record) -> str:
    """An entry's key as one string: its parts joined by `/`, the repository first where the profile says so."""
    parts = record.key or ()
    return "/".join((evidence.repository.full_name, *parts) if collection.key_has_repository else parts)


def _reading(
    block: Block,
    collection: Collection,
    evidence: RepositoryEvidence,
    path: str,
    versions: tuple[FileVersion, ...],
    memo: Memo,
) -> Reading | None:
    place = (block.name, collection.name, evidence.repository.id, path)
    known = memo.get(place)
    if known is not None and known[0] is versions and known[1] is collection:
        reading: Reading | None = known[2]
        return reading
    reading = read_file(collection, versions, evidence.blobs)
    if reading is None or reading.wanted is None:
        memo[place] = (versions, collection, reading)
    return reading


def _problems(
    block: Block, collection: Collection, evidence: RepositoryEvidence, reading: Reading
) -> Iterator[FindingRow]:
    if not reading.problems:
        return
    place = Place(
        repository_id=evidence.repository.id,
        path=reading.newest.path,
        block=block.name,
        collection=collection.name,
        commit=evidence.commits.get(reading.newest.commit),
    )
    for problem in reading.problems:
        yield finding(
            place, problem.rule, problem.message, severity=problem.severity, line=problem.line, field=problem.field
        )


def _first(rivals: list[Claim]) -> Claim:
    by_repository: dict[int, list[Claim]] = defaultdict(list)
    for claim in rivals:
        by_repository[claim.repository_id].append(claim)
    firsts = [
        min(group, key=lambda c: (c.reading.added.position, c.path, c.record.line)) for group in by_repository.values()
    ]
    return min(
        firsts, key=lambda c: (c.evidence.commits[c.reading.added.landed].committed_at, c.repository_id, c.path)
    )


def _duplicate(block: Block, winner: Claim, rival: Claim) -> FindingRow:
    place = Place(
        repository_id=rival.repository_id,
        path=rival.path,
        block=block.name,
        collection=rival.collection.name,
        key=rival.key,
        commit=rival.evidence.commits.get(rival.reading.added.commit),
    )
    where = winner.path
    if winner.repository_id != rival.repository_id:
        where = f"{winner.evidence.repository.full_name}:{winner.path}"
    if winner.collection.format == "jsonl":
        where = f"{where}:{winner.record.line}"
    message = f"{rival.collection.name} {rival.key!r} is already claimed by {where}, which landed first; rename this one"
    return finding(place, "duplicate-key-claim", message, line=rival.record.line if rival.collection.format == "jsonl" else None)


def history(
    block: str, collection: str, key: str, part: str, evidence: RepositoryEvidence, versions: Iterable[FileVersion]
) -> Iterator[HistoryRow]:
    """Every change of one path, oldest first."""
    before: str | None = None
    for version in versions:
        commit, landed = evidence.commits[version.commit], evidence.commits[version.landed]
        change = "removed" if version.blob is None else "added" if before is None else "modified"
        before = version.blob
        yield HistoryRow(
            block=block,
            collection=collection,
            key=key,
            part=part,
            position=version.position,
            change=change,
            repository_id=evidence.repository.id,
            path=version.path,
            sha=version.blob,
            commit=commit.sha,
            commit_at=commit.committed_at,
            author_name=commit.author_name,
            author_email=commit.author_email,
            landed=landed.sha,
            landed_at=landed.committed_at,
            subject=commit.message.split("\n", 1)[0][:200],
        )
