"""Entries: which files claim which key, who wins, and what the winner says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from cache.model import Blob, Commit, FileVersion, Repository, RepositoryEvidence
from cache.profile.collection import Block, Collection
from cache.profile.entry import Record
from cache.projection.drafts import Draft
from cache.projection.failures import naming
from cache.projection.findings import Place, finding
from cache.projection.inputs import Evidence
from cache.projection.names import nearly_matches, shown_path
from cache.projection.reading import Reading, read_file, trailing
from cache.projection.recall import Places, Recall
from cache.projection.selecting import left_out
from cache.revision_rows import RevisionRow
from cache.rows import FindingRow, HistoryRow, Row


class Dated(Struct, frozen=True):
    """The commits that a claim's dates come from."""

    commit: Commit
    """The last that changed what is served."""
    landed: Commit
    """The one with which that arrived on the default branch."""
    added: Commit
    """The one that added the file."""
    brought: Commit | None
    """The one with which the file arrived on the default branch, as it was made."""


class Claim(Struct, frozen=True):
    """A record of a file that claims a key of its collection. One that is not served has no dates."""

    collection: Collection
    repository: Repository
    reading: Reading
    record: Record
    key: str
    dated: Dated | None = None

    @property
    def repository_id(self) -> int:
        """The repository that holds the file."""
        return self.repository.id

    @property
    def path(self) -> str:
        """The file."""
        return self.reading.version.path

    @property
    def dates(self) -> Dated:
        """The commits of a claim that is served. Raises ValueError for another."""
        if self.dated is None:
            raise ValueError(f"{self.path} is not served")
        return self.dated


class Remembered(Struct, frozen=True):
    """A reading, with everything that it was read from."""

    collection: Collection
    versions: tuple[FileVersion, ...]
    blobs: tuple[Blob, ...]
    reading: Reading | None

    def holds(self, collection: Collection, versions: tuple[FileVersion, ...], blobs: Mapping[str, Blob]) -> bool:
        """Whether it would be read the same again: these are the very objects."""
        return (
            self.versions is versions
            and self.collection is collection
            and all(blobs.get(blob.id) is blob for blob in self.blobs)
        )


class Made(Struct, frozen=True):
    """The rows and findings of an entry, with everything that they were made of: by identity, and by value."""

    objects: tuple[object, ...]
    values: tuple[object, ...]
    rows: tuple[Row, ...]
    findings: tuple[FindingRow, ...]

    def holds(self, objects: tuple[object, ...], values: tuple[object, ...]) -> bool:
        """Whether the same would be made again."""
        return (
            len(self.objects) == len(objects)
            and all(one is other for one, other in zip(self.objects, objects, strict=True))
            and self.values == values
        )


class Memo:
    """What was read and made before, so that what did not change costs next to nothing. Never changes an answer."""

    def __init__(self) -> None:
        self.readings: Places[Remembered] = Places()
        """By (block, collection, repository, path)."""
        self.entries: Places[Made] = Places()
        """By (block, collection, key)."""
        self.drafts: Recall[tuple[Draft, ...]] = Recall()
        self.revisions: Recall[RevisionRow] = Recall()
        self.proposed: Recall[tuple[Record, ...]] = Recall()

    def end_round(self) -> None:
        """Everything was asked for: forget what is not there any more."""
        recalled = (self.drafts.places, self.revisions.places, self.proposed.places)
        for places in (self.readings, self.entries, *recalled):
            places.end_round()


class Claims(Struct, frozen=True):
    """Every record of a collection, and the findings of files. `broken` are records that are there and not served."""

    winners: Mapping[str, Claim]
    findings: tuple[FindingRow, ...]
    broken: tuple[Claim, ...] = ()
    contested: Mapping[str, int] = {}
    """Which repository holds a key that a repository with a smaller id claims as well: the ids do not tell that."""


Holder = Callable[[str], int | None]
"""The repository that held a key of a collection first, as we saw it; None where nobody can say."""


def nobody(_key: str) -> None:
    """No key was held by anybody before."""


def claims(
    block: Block,
    collection: Collection,
    repositories: Iterable[RepositoryEvidence],
    memo: Memo,
    holder: Holder = nobody,
) -> Claims:
    """Read every file of a collection, and settle which record has each key.

    Of several that claim one key the first to land wins, so the order in which they were read never shows.
    """
    found: list[FindingRow] = []
    claimed: dict[str, list[Claim]] = defaultdict(list)
    broken: list[Claim] = []
    for evidence in repositories:
        over = left_out(evidence) if evidence.problems else frozenset()
        for path, versions in evidence.versions.items():
            if path in over:
                continue
            reading = _reading(block, collection, evidence, path, versions, memo)
            if reading is None:
                found.extend(odd_name(block, collection, evidence, versions))
                continue
            found.extend(problems_of(block, collection, evidence, reading))
            for record in reading.records:
                key = key_of(collection, evidence.repository, record.key or ())
                claimed[key].append(
                    Claim(collection, evidence.repository, reading, record, key, dated(evidence, reading))
                )
            for record in reading.broken:
                if record.key is not None:
                    key = key_of(collection, evidence.repository, record.key)
                    broken.append(Claim(collection, evidence.repository, reading, record, key))
    winners: dict[str, Claim] = {}
    contested: dict[str, int] = {}
    for key, rivals in claimed.items():
        winner = first(rivals, holder(key) if len(rivals) > 1 else None)
        winners[key] = winner
        found.extend(duplicate(block, winner, rival) for rival in rivals if rival is not winner)
        if any(rival.repository_id < winner.repository_id for rival in rivals):
            contested[key] = winner.repository_id
    return Claims(winners, tuple(found), tuple(one for one in broken if one.key not in winners), contested)


def dated(evidence: Evidence, reading: Reading) -> Dated:
    commits, served, added = evidence.commits, reading.version, reading.added
    return Dated(
        commits[served.commit],
        commits[served.landed],
        commits[added.added or added.commit],
        commits.get(added.commit),
    )


def key_of(collection: Collection, repository: Repository, parts: Sequence[str]) -> str:
    """An entry's key as one string: its parts joined by `/`, the repository first where the profile says so."""
    return "/".join((repository.full_name, *parts) if collection.key_has_repository else parts)


def _reading(
    block: Block,
    collection: Collection,
    evidence: RepositoryEvidence,
    path: str,
    versions: tuple[FileVersion, ...],
    memo: Memo,
) -> Reading | None:
    place = (block.name, collection.name, evidence.repository.id, path)
    known = memo.readings.get(place)
    if known is not None and known.holds(collection, versions, evidence.blobs):
        return known.reading
    with naming(evidence.repository.full_name, path):
        reading = read_file(collection, versions, evidence.blobs)
    if reading is None or reading.wanted is None:
        read_from = tuple(_read_from(reading, versions, evidence.blobs))
        memo.readings[place] = Remembered(collection, versions, read_from, reading)
    return reading


def _read_from(reading: Reading | None, versions: tuple[FileVersion, ...], blobs: Mapping[str, Blob]) -> Iterator[Blob]:
    """The blobs looked at: from the newest version back to the one served, or to the first where none is."""
    for version in reversed(trailing(versions)) if reading is not None else ():
        blob = blobs.get(version.blob or "")
        if blob is not None:
            yield blob
        if reading is not None and reading.records and version is reading.version:
            return


def odd_name(
    block: Block, collection: Collection, evidence: Evidence, versions: tuple[FileVersion, ...]
) -> Iterator[FindingRow]:
    newest = versions[-1]
    if newest.blob is None or not nearly_matches(collection.pattern, newest.path):
        return
    path = shown_path(newest.path)
    place = Place(
        repository_id=evidence.repository.id,
        path=path,
        block=block.name,
        collection=collection.name,
        commit=evidence.commits[newest.commit],
    )
    message = f"{path} is no entry: its name holds bytes that are not UTF-8, or control characters; rename the file"
    yield finding(place, "odd-name", message)


def problems_of(
    block: Block, collection: Collection, evidence: Evidence, reading: Reading
) -> Iterator[FindingRow]:
    if not reading.problems:
        return
    captures = collection.captures(reading.newest.path) or {}
    named = all(part in captures for part in collection.key)
    place = Place(
        repository_id=evidence.repository.id,
        path=reading.newest.path,
        block=block.name,
        collection=collection.name,
        key=key_of(collection, evidence.repository, [captures[part] for part in collection.key]) if named else None,
        commit=evidence.commits.get(reading.newest.commit),
    )
    for problem in reading.problems:
        yield finding(
            place, problem.rule, problem.message, severity=problem.severity, line=problem.line, field=problem.field
        )


def first(rivals: Sequence[Claim], holder: int | None = None) -> Claim:
    """The claim that landed first, in whatever order they are given.

    By position within a repository; across repositories that of `holder`, else that of the smallest repository id.
    Dates are not asked: a commit's date is its pusher's word, and would take any key from any other repository.
    """
    if len(rivals) == 1:
        return rivals[0]
    by_repository: dict[int, list[Claim]] = defaultdict(list)
    for claim in rivals:
        by_repository[claim.repository_id].append(claim)
    firsts = [
        min(group, key=lambda c: (c.reading.added.position, c.path, c.record.line)) for group in by_repository.values()
    ]
    return min(firsts, key=lambda c: (c.repository_id != holder, c.repository_id))


def duplicate(block: Block, winner: Claim, rival: Claim) -> FindingRow:
    place = Place(
        repository_id=rival.repository_id,
        path=rival.path,
        block=block.name,
        collection=rival.collection.name,
        key=rival.key,
        commit=rival.dates.brought,
    )
    where = winner.path
    if winner.repository_id != rival.repository_id:
        where = f"{winner.repository.full_name}:{winner.path}"
    if winner.collection.format == "jsonl":
        where = f"{where}:{winner.record.line}"
    line = rival.record.line if rival.collection.format == "jsonl" else None
    message = f"{rival.collection.name} {rival.key!r} is claimed by {where}, which had it first; give this another key"
    return finding(place, "duplicate-key-claim", message, line=line)


def history(
    collection: Collection, key: str, part: str, evidence: Evidence, versions: Sequence[FileVersion]
) -> Iterator[HistoryRow]:
    """The changes of one path, oldest first: all, or as many of the newest as the collection keeps. Of one that added
    it, the commit that did so.
    """
    before: str | None = None
    skipped = 0 if collection.history is None else len(versions) - collection.history
    for number, version in enumerate(versions):
        if number < skipped:
            before = version.blob
            continue
        change = "removed" if version.blob is None else "added" if before is None else "modified"
        made = version.added if change == "added" and version.added is not None else version.commit
        commit, landed = evidence.commits[made], evidence.commits[version.landed]
        before = version.blob
        yield HistoryRow(
            block=collection.block,
            collection=collection.name,
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
