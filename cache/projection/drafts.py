"""What the heads of one pull request make of entries: the draft of a revision for each that it touches.

A draft is told from the forge alone. What was published before is laid over it in `cache.projection.revisions`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from cache.model import MERGED, Blob, HeadFile, PullHead, PullHistory, PullRequest
from cache.profile.collection import Collection
from cache.profile.entry import parse_file
from cache.projection.inputs import Evidence
from cache.projection.reach import NamedBranches
from cache.projection.reading import SUBMODULE, SYMLINK

TEXT, REMOVED, GONE = "text", "removed", "gone"
EARLIEST = "earliest-known"
NOT_TEXT, NOT_A_FILE, TOO_LARGE = "not_text", "not_a_file", "too_large"


class Said(Struct, frozen=True):
    """What a file said at one commit: its text, or why there is none."""

    content: str | None
    state: str


class Head(Struct, frozen=True):
    """A head as a draft knows it: `blob` is what the entry's file was there; `known` is false where that is gone."""

    sha: str
    at: datetime
    blob: str | None
    known: bool = True


class Draft(Struct, frozen=True):
    """What the forge tells of an entry and a pull request that touches it.

    `frozen` is the place, among `heads`, of the first head that touches it; None where a head before that is gone, so
    that nobody can tell which was the first. `order` is by what revisions of one entry are numbered.
    """

    parts: tuple[str, ...]
    """The entry's key, without the repository where it begins with one."""
    entry_repository_id: int
    part: str
    path: str
    repository_id: int
    number: int
    order: tuple[Any, ...]
    said: Said
    heads: tuple[Head, ...]
    frozen: int | None
    frozen_at: datetime | None
    head_sha: str | None
    blob: str | None
    merged_commit: str | None = None
    merged: Said | None = None
    rule: str = "pull_request"
    url: str | None = None
    waiting: bool = False
    """Whether the head that would be frozen may yet be told by a push: its time could still become another."""


class _Place(Struct, frozen=True):
    """An entry's file at one head."""

    path: str
    file: HeadFile | None
    touched: bool


def entry_drafts(
    collection: Collection,
    evidence: Evidence,
    history: PullHistory,
    pull: PullRequest,
    branches: Iterable[NamedBranches],
) -> tuple[Draft, ...]:
    """The drafts of every entry of a collection whose file a pull request touches. `branches` are the collection's
    rules by which a branch names an entry.
    """
    paths: dict[tuple[str, ...], list[str]] = defaultdict(list)
    files = _by_path(history)
    rules = tuple(branches)
    for path, at in files.items():
        parts = _key(collection, evidence, path, at.values())
        if parts is not None:
            paths[parts].append(path)
    made: list[Draft] = []
    for parts, together in paths.items():
        places = {
            head.position: _place(sorted(together), files, head.position, pull, rules)
            for head in history.heads
            if not head.gone
        }
        merged = _place(sorted(together), files, MERGED, pull, rules)
        made += _draft(parts, evidence.repository.id, "entry", evidence, history, places, merged)
    return tuple(made)


def document_drafts(
    path: str, parts: tuple[str, ...], entry_repository_id: int, evidence: Evidence, history: PullHistory
) -> tuple[Draft, ...]:
    """The draft of the entry whose document a pull request touches, if it does."""
    files = _by_path(history)
    if path not in files:
        return ()
    places = {head.position: _alone(path, files, head.position) for head in history.heads if not head.gone}
    merged = _alone(path, files, MERGED)
    return tuple(_draft(parts, entry_repository_id, "document", evidence, history, places, merged))


def _by_path(history: PullHistory) -> Mapping[str, Mapping[int, HeadFile]]:
    files: dict[str, dict[int, HeadFile]] = defaultdict(dict)
    for file in history.files:
        files[file.path][file.position] = file
    return files


def _key(
    collection: Collection, evidence: Evidence, path: str, files: Iterable[HeadFile]
) -> tuple[str, ...] | None:
    """The parts of the key of the entry in a file; where fields make it, by the first version of it that says one."""
    captures = collection.captures(path)
    if captures is None:
        return None
    if all(part in captures for part in collection.key):
        return tuple(captures[part] for part in collection.key)
    for file in sorted(files, key=lambda each: (each.position == MERGED, each.position)):
        blob = evidence.blobs.get(file.blob or "")
        if blob is not None and file.mode not in (SYMLINK, SUBMODULE):
            records = parse_file(collection, path, blob.content, captures)
            if records and records[0].key is not None:
                return records[0].key
    return None


def _place(
    paths: Iterable[str],
    files: Mapping[str, Mapping[int, HeadFile]],
    position: int,
    pull: PullRequest,
    branches: Iterable[NamedBranches],
) -> _Place:
    """An entry's file at a head, of the paths that all give its key: the first at which there is one."""
    here = [files[path][position] for path in paths if position in files[path]]
    there = [file for file in here if file.blob is not None]
    touched = any(f.changed for f in here) or any(rule.names(pull, f.path) for f in there for rule in branches)
    shown = (there or here)[0] if here else None
    return _Place(shown.path if shown else "", shown, touched)


def _alone(path: str, files: Mapping[str, Mapping[int, HeadFile]], position: int) -> _Place:
    file = files[path].get(position)
    return _Place(path, file, file is not None and file.changed)


def _draft(
    parts: tuple[str, ...],
    entry_repository_id: int,
    part: str,
    evidence: Evidence,
    history: PullHistory,
    places: Mapping[int, _Place],
    merged: _Place,
) -> Iterator[Draft]:
    touching = [head for head in history.heads if not head.gone and places[head.position].touched]
    if not touching:
        return
    first = touching[0]
    lost = next((head for head in history.heads if head.gone and head.position < first.position), None)
    place = places[first.position]
    at = lost.at if lost is not None else first.at
    yield Draft(
        parts=parts,
        entry_repository_id=entry_repository_id,
        part=part,
        path=place.path,
        repository_id=evidence.repository.id,
        number=history.number,
        order=(at, evidence.repository.id, history.number),
        said=Said(None, GONE) if lost is not None else _at_first(said(place.file, evidence.blobs), history, first),
        heads=tuple(
            Head(head.sha, head.at, None, known=False) if head.gone else _head(head.sha, head.at, places[head.position])
            for head in history.heads
        ),
        frozen=None if lost is not None else history.heads.index(first),
        frozen_at=None if lost is not None else first.at,
        head_sha=None if lost is not None else first.sha,
        blob=None if lost is not None or place.file is None else place.file.blob,
        merged_commit=history.merge_commit,
        merged=None if history.merge_commit is None else said(merged.file, evidence.blobs),
        waiting=not first.told and first is history.heads[-1] and not history.settled,
    )


def _at_first(told: Said, history: PullHistory, first: PullHead) -> Said:
    """What was said at the first head; where the forge may have forgotten heads before it, at the earliest known."""
    forgotten = any(head.gap for head in history.heads if head.position <= first.position)
    return Said(told.content, EARLIEST) if forgotten and told.state == TEXT else told


def _head(sha: str, at: datetime, place: _Place) -> Head:
    return Head(sha, at, place.file.blob if place.file is not None else None)


def said(file: HeadFile | None, blobs: Mapping[str, Blob]) -> Said:
    """The text of a file, verbatim."""
    if file is None or file.blob is None:
        return Said(None, REMOVED)
    if file.mode in (SYMLINK, SUBMODULE):
        return Said(None, NOT_A_FILE)
    blob = blobs.get(file.blob)
    return said_by(blob) if blob is not None else Said(None, TOO_LARGE)


def said_by(blob: Blob) -> Said:
    """The text of a blob, verbatim."""
    content = blob.content
    if content is None:
        return Said(None, TOO_LARGE)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return Said(None, NOT_TEXT)
    return Said(None, NOT_TEXT) if "\0" in text else Said(text, TEXT)
