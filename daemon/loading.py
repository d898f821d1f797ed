"""Filling in evidence from the object store: versions of files, their bytes, and the commits that rows speak of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from msgspec.structs import replace

from cache.model import Blob, Commit, ContentProblem, FileVersion, RepositoryEvidence
from cache.profile.collection import Block, unlike
from cache.projection.documents import wanted_blobs
from cache.projection.heads import wanted_of_heads
from cache.projection.names import shown_path
from cache.projection.reach import Interest
from cache.projection.reading import SUBMODULE, SYMLINK, read_file, trailing
from cache.projection.selecting import USUAL, Amounts, too_much
from cache.projection.selecting import left_out as left_out_of
from daemon.blob_loading import Examined, load_files
from daemon.failing.read_errors import ReadErrors
from daemon.histories import histories
from daemon.timelines import Told
from daemon.together import together
from gitea_client.git import LATEST, TreeItem
from gitea_client.history import Known, first_parent_changes
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
    last: RepositoryEvidence | None,
    errors: ReadErrors,
    amounts: Amounts = USUAL,
) -> RepositoryEvidence:
    """Fill in what the object store tells: versions of files, the heads of pull requests (`told` by the forge), the
    bytes of files, and the commits that rows speak of. What of pull requests fails stands as `last` has it."""
    versions: Mapping[str, tuple[FileVersion, ...]] = {}
    position = -1
    doubled: frozenset[str] = frozenset()
    same = known is not None and known.interest == interest.canonical
    head = evidence.head
    if head is not None and interest.depth == "files":
        before = known if same else None
        after = before.head if before is not None and before.position >= 0 else None
        if before is not None and after == head:
            versions, position, doubled = before.versions, before.position, _doubled(before)
        else:
            start = before.position + 1 if before is not None and after is not None else 0
            read = await first_parent_changes(
                store,
                head,
                after=after,
                wanted=interest.wants,
                start_position=start,
                below=interest.below,
                known=Known(_item_of(before.versions), _doubled(before)) if before is not None else None,
            )
            older = before.versions if before is not None and after is not None and not read.rewound else {}
            versions, position = _appended(older, read.versions), read.tip_position
            doubled = read.doubled
    made = await histories(store, evidence, known, last, interest, told, errors)
    evidence = replace(evidence, histories=same_or(made, known.histories if known else None))
    sizes = await _sizes(store, versions, known.blobs if known else {})
    excess = tuple(too_much(versions, sizes, amounts, max_file_size))
    left_out = {problem.path for problem in excess}
    blobs, commits = await together(
        _blobs(store, evidence, versions, known, last, interest, blocks, max_file_size, sizes, left_out),
        _commits(store, evidence, versions, known),
    )
    return replace(
        evidence,
        versions=same_or(versions, known.versions if known else None),
        blobs=same_or(blobs, known.blobs if known else None),
        commits=same_or(commits, known.commits if known else None),
        position=position,
        problems=tuple(sorted((*excess, *map(_twice, doubled), *_odd_dates(versions, commits)))),
    )


def _odd_dates(
    versions: Mapping[str, tuple[FileVersion, ...]], commits: Mapping[str, Commit]
) -> Iterator[ContentProblem]:
    """The files whose newest version is of a commit with a date that cannot be kept as it is."""
    odd = {sha for sha, commit in commits.items() if LATEST in (commit.committed_at, commit.authored_at)}
    for path, changes in versions.items() if odd else ():
        if (sha := changes[-1].commit) in odd:
            yield ContentProblem("odd-date", path, f"commit {sha} is dated beyond 9999; it is kept as {LATEST:%FT%TZ}")


def _twice(path: str) -> ContentProblem:
    message = f"{shown_path(path)} stands twice in its folder; the first of the two is read"
    return ContentProblem("doubled-name", path, f"{message}, as git does. Commit the folder again from a checkout")


def _doubled(evidence: RepositoryEvidence) -> frozenset[str]:
    return frozenset(problem.path for problem in evidence.problems if problem.rule == "doubled-name")


def _item_of(versions: Mapping[str, tuple[FileVersion, ...]]) -> Callable[[str], TreeItem | None]:
    """What a path was after the last of its versions."""

    def item(path: str) -> TreeItem | None:
        newest = versions[path][-1] if path in versions else None
        if newest is None or newest.blob is None:
            return None
        return TreeItem(newest.mode, "commit" if newest.mode == SUBMODULE else "blob", newest.blob)

    return item


async def _commits(
    store: ObjectStore,
    evidence: RepositoryEvidence,
    versions: Mapping[str, tuple[FileVersion, ...]],
    known: RepositoryEvidence | None,
) -> dict[str, Commit]:
    """The commits that rows speak of: heads of branches, and those that changed a file or landed the change."""
    needed = {sha for sha in evidence.branches.values() if sha not in evidence.unreadable}
    needed |= {sha for changes in versions.values() for v in changes for sha in (v.commit, v.landed, v.added) if sha}
    held: Mapping[str, Commit] = known.commits if known else {}
    commits = {sha: held[sha] for sha in needed if sha in held}
    absent = [sha for sha in needed if sha not in commits]
    return commits | await store.commits(absent) if absent else commits


async def _blobs(
    store: ObjectStore,
    evidence: RepositoryEvidence,
    versions: Mapping[str, tuple[FileVersion, ...]],
    known: RepositoryEvidence | None,
    last: RepositoryEvidence | None,
    interest: Interest,
    blocks: Sequence[Block],
    max_file_size: int,
    sizes: Mapping[str, int],
    left_out: Collection[str],
) -> dict[str, Blob]:
    """The bytes of each file's newest version, and of older ones back to the last that reads well.

    What was loaded before is kept where the file did not change.
    """
    same = known is not None and known.interest == interest.canonical
    pool = _at_hand(known.blobs, max_file_size, whole=same) if known is not None else {}
    patterns = {pattern.source for pattern in interest.patterns}  # not by name: that may change while it is read
    collections = unlike(c for b in blocks for c in b.collections if c.pattern.source in patterns)
    before = known.versions if known is not None and same else {}
    keep = {*wanted_of_heads(evidence, interest), *_looked_into(versions, interest, left_out)}
    if absent := {blob_id for blob_id in keep if blob_id not in pool or pool[blob_id].packed is None}:
        pool |= await store.blobs(absent, max_bytes=max_file_size)
        if last is not None and last is not known:  # of a pull request that cannot be read anew
            lost = {blob_id for blob_id in absent if pool[blob_id].packed is None}
            pool |= {blob_id: last.blobs[blob_id] for blob_id in lost & last.blobs.keys()}
    had_no_room = left_out_of(known) if known is not None else frozenset()
    pending = []
    for path, changes in versions.items():
        if path in left_out:
            continue
        if before.get(path) is changes and path not in had_no_room:
            keep |= {version.blob for version in trailing(changes) if version.blob is not None and version.blob in pool}
        else:
            pending.append(path)

    def examine(path: str, blobs: Mapping[str, Blob]) -> Examined:
        changes = versions[path]
        read = [reading for c in collections if (reading := read_file(c, changes, blobs)) is not None]
        missing = next((reading.wanted for reading in read if reading.wanted is not None), None)
        if missing is None and path in interest.documents:
            missing = wanted_blobs(path, replace(evidence, versions=versions, blobs=blobs))
        if missing is not None:
            return Examined(missing)
        kept = _down_to(changes, {r.version for r in read}, path in interest.documents)
        return Examined(None, frozenset(kept | _not_at_hand(changes, blobs)))

    keep |= await load_files(store, pending, versions, sizes, pool, examine, max_file_size)
    return {blob_id: blob for blob_id, blob in pool.items() if blob_id in keep}


def _at_hand(blobs: Mapping[str, Blob], max_file_size: int, *, whole: bool) -> dict[str, Blob]:
    """What was loaded before; where everything is looked at anew, no blob that is read another way today: one that
    could not be had then, and one that is too large now.
    """
    if whole:
        return dict(blobs)
    return {key: blob for key, blob in blobs.items() if blob.packed is not None and blob.packed.size <= max_file_size}


async def _sizes(
    store: ObjectStore, versions: Mapping[str, tuple[FileVersion, ...]], known: Mapping[str, Blob]
) -> dict[str, int]:
    """The bytes of the newest version of each file that is there."""
    newest = {blob for changes in versions.values() if (blob := changes[-1].blob) is not None}
    sizes = {key: packed.size for key in newest & known.keys() if (packed := known[key].packed) is not None}
    files = (changes[-1] for changes in versions.values() if changes[-1].mode != SUBMODULE)
    asked = [version.blob for version in files if version.blob is not None and version.blob not in sizes]
    return sizes | await store.sizes(asked)


def _looked_into(
    versions: Mapping[str, tuple[FileVersion, ...]], interest: Interest, left_out: Collection[str]
) -> Iterator[str]:
    """The blobs of every version of the files that are looked into."""
    for path, changes in versions.items() if interest.whole else ():
        if interest.looks_into(path) and path not in left_out:
            yield from (v.blob for v in changes if v.blob is not None and v.mode not in (SYMLINK, SUBMODULE))


def _down_to(changes: Sequence[FileVersion], served: set[FileVersion], document: bool) -> set[str]:
    """The blobs of a file's newest version and of older ones down to those served; for a document, all known."""
    kept: set[str] = set()
    for version in reversed(trailing(changes)):
        if not document and not served:
            break
        kept.add(version.blob or "")
        served.discard(version)
    return kept


def _not_at_hand(changes: Sequence[FileVersion], blobs: Mapping[str, Blob]) -> set[str]:
    """The blobs of older versions that were looked for and could not be had: that they are lacking must be known where
    a limit is raised.
    """
    sought = (blobs.get(version.blob) for version in trailing(changes) if version.blob is not None)
    return {blob.id for blob in sought if blob is not None and blob.packed is None}


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
