"""Filling in evidence from the object store: versions of files, their bytes, and the commits that rows speak of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from msgspec.structs import replace

from cache.model import Blob, Commit, FileVersion, RepositoryEvidence
from cache.profile.collection import Block, unlike
from cache.projection.documents import wanted_blobs
from cache.projection.heads import wanted_of_heads
from cache.projection.reach import Interest
from cache.projection.reading import SUBMODULE, SYMLINK, read_file, trailing
from daemon.histories import histories
from daemon.timelines import Told
from daemon.together import together
from gitea_client.history import first_parent_changes
from gitea_client.objects import ObjectStore

T = TypeVar("T")


async def load(
    store: ObjectStore,
    evidence: RepositoryEvidence,
    known: RepositoryEvidence | None,
    interest: Interest,
    blocks: Sequence[Block],
    max_file_size: int,
    told: Mapping[int, Told],
) -> RepositoryEvidence:
    """Fill in what the object store tells: versions of files, the heads of pull requests (`told` by the forge), the
    bytes of files, and the commits that rows speak of."""
    versions: Mapping[str, tuple[FileVersion, ...]] = {}
    position = -1
    same = known is not None and known.interest == interest.canonical
    head = evidence.head
    if head is not None and interest.depth == "files":
        before = known if same else None
        after = before.head if before is not None and before.position >= 0 else None
        if before is not None and after == head:
            versions, position = before.versions, before.position
        else:
            start = before.position + 1 if before is not None and after is not None else 0
            read = await first_parent_changes(
                store, head, after=after, wanted=interest.wants, start_position=start, below=interest.below
            )
            older = before.versions if before is not None and after is not None and not read.rewound else {}
            versions, position = _appended(older, read.versions), read.tip_position
    made = await histories(store, evidence, known, interest, told)
    evidence = replace(evidence, histories=same_or(made, known.histories if known else None))
    blobs, commits = await together(
        _blobs(store, evidence, versions, known, interest, blocks, max_file_size),
        _commits(store, evidence, versions, known),
    )
    return replace(
        evidence,
        versions=same_or(versions, known.versions if known else None),
        blobs=same_or(blobs, known.blobs if known else None),
        commits=same_or(commits, known.commits if known else None),
        position=position,
    )


async def _commits(
    store: ObjectStore,
    evidence: RepositoryEvidence,
    versions: Mapping[str, tuple[FileVersion, ...]],
    known: RepositoryEvidence | None,
) -> dict[str, Commit]:
    """The commits that rows speak of: heads of branches, and those that changed a file or landed the change."""
    needed = {sha for sha in evidence.branches.values() if sha not in evidence.unreadable}
    needed |= {sha for changes in versions.values() for v in changes for sha in (v.commit, v.landed)}
    held: Mapping[str, Commit] = known.commits if known else {}
    commits = {sha: held[sha] for sha in needed if sha in held}
    absent = [sha for sha in needed if sha not in commits]
    return commits | await store.commits(absent) if absent else commits


async def _blobs(
    store: ObjectStore,
    evidence: RepositoryEvidence,
    versions: Mapping[str, tuple[FileVersion, ...]],
    known: RepositoryEvidence | None,
    interest: Interest,
    blocks: Sequence[Block],
    max_file_size: int,
) -> dict[str, Blob]:
    """The bytes of each file's newest version, and of older ones back to the last that reads well.

    What was loaded before is kept where the file did not change; the rest is read in rounds, each for every file.
    """
    pool: dict[str, Blob] = dict(known.blobs) if known else {}
    patterns = {pattern.source for pattern in interest.patterns}  # not by name: that may change while it is read
    collections = unlike(c for b in blocks for c in b.collections if c.pattern.source in patterns)
    before = known.versions if known is not None and known.interest == interest.canonical else {}
    keep = {*wanted_of_heads(evidence, interest), *_looked_into(versions, interest)}
    if absent := keep - pool.keys():
        pool |= await store.blobs(absent, max_bytes=max_file_size)
    pending = []
    for path, changes in versions.items():
        if before.get(path) is changes:
            keep |= {version.blob for version in trailing(changes) if version.blob is not None and version.blob in pool}
        else:
            pending.append(path)
    older = 0
    while pending:
        wanted: dict[str, tuple[str, ...]] = {}
        for path in pending:
            changes = versions[path]
            read = [reading for c in collections if (reading := read_file(c, changes, pool)) is not None]
            missing = next((reading.wanted for reading in read if reading.wanted is not None), None)
            if missing is None and path in interest.documents:
                missing = wanted_blobs(path, replace(evidence, versions=versions, blobs=pool))
            if missing is not None:
                wanted[path] = _from(changes, missing, older)
            else:
                keep |= _down_to(changes, {reading.version for reading in read}, path in interest.documents)
        if wanted:
            loaded = await store.blobs({blob for blobs in wanted.values() for blob in blobs}, max_bytes=max_file_size)
            pool |= loaded
        pending, older = list(wanted), 4 * older + 3
    return {blob_id: blob for blob_id, blob in pool.items() if blob_id in keep}


def _looked_into(versions: Mapping[str, tuple[FileVersion, ...]], interest: Interest) -> Iterator[str]:
    """The blobs of every version of the files that are looked into."""
    for path, changes in versions.items() if interest.whole else ():
        if interest.looks_into(path):
            yield from (v.blob for v in changes if v.blob is not None and v.mode not in (SYMLINK, SUBMODULE))


def _from(changes: Sequence[FileVersion], blob: str, older: int) -> tuple[str, ...]:
    """A blob with those of so many older versions: a file that was bad for long is read in few rounds."""
    run = [version.blob for version in reversed(trailing(changes)) if version.blob is not None]
    start = run.index(blob)
    return tuple(run[start : start + 1 + older])


def _down_to(changes: Sequence[FileVersion], served: set[FileVersion], document: bool) -> set[str]:
    """The blobs of a file's newest version and of older ones down to those served; for a document, all known."""
    kept: set[str] = set()
    for version in reversed(trailing(changes)):
        if not document and not served:
            break
        kept.add(version.blob or "")
        served.discard(version)
    return kept


def _appended(
    before: Mapping[str, tuple[FileVersion, ...]], read: Iterable[FileVersion]
) -> Mapping[str, tuple[FileVersion, ...]]:
    fresh: dict[str, list[FileVersion]] = {}
    for version in read:
        fresh.setdefault(version.path, []).append(version)
    if not fresh:
        return before
    return {**before, **{path: (*before.get(path, ()), *changes) for path, changes in fresh.items()}}


def same_or(new: T, old: T | None) -> T:
    """The old object where it equals the new one, so that what did not change is passed over by identity."""
    return old if old is not None and old == new else new
