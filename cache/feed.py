"""The change feed: what a reader is told of each applied change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import cast

from msgspec import Struct
from msgspec.structs import replace

from cache.diff import RowChange
from cache.revision_rows import ProposalRow, RevisionRow
from cache.rows import (
    BranchRow,
    EntryRow,
    FindingRow,
    HistoryRow,
    PullEntryRow,
    PullRow,
    RelationRow,
    RepositoryRow,
    Row,
    Rows,
    identity,
)

_OURS = frozenset({"depth", "interest", "position"})
"""Columns of a repository that say how it is read, not what it is."""


_RETOLD = frozenset({"retold"})
"""Columns of a revision that say how much of it the forge still tells."""


class FeedEntry(Struct, frozen=True):
    """One applied change. `columns` names what differs in an update.

    An entry's own columns apart, `history` and `relations` stand for its rows in those tables.
    """

    kind: str
    operation: str
    columns: tuple[str, ...] = ()
    block: str | None = None
    collection: str | None = None
    key: str | None = None
    repository_id: int | None = None
    number: int | None = None
    name: str | None = None
    commit: str | None = None


def entries(changes: Iterable[RowChange], rows: Rows) -> tuple[FeedEntry, ...]:
    """The feed entries of some changes, in a fixed order; `rows` are the rows as they are after them."""
    told: list[FeedEntry] = []
    parts: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    pulls: dict[tuple[int, int], RowChange] = {}
    places: dict[tuple[int, int], list[RowChange]] = defaultdict(list)
    for change in changes:
        row = change.after or change.before
        if isinstance(row, PullRow):
            pulls[row.repository_id, row.number] = change
        elif isinstance(row, PullEntryRow):
            places[row.repository_id, row.number].append(change)
        elif isinstance(row, HistoryRow | RelationRow):
            parts[row.block, row.collection, row.key].add(row.table)
        else:
            told.extend(_simple(change, row))
    told = [*_with_parts(told, parts, rows), *_pulls(pulls, places, rows)]
    return tuple(sorted(told, key=_order))


def _simple(change: RowChange, row: Row | None) -> Iterator[FeedEntry]:
    operation, columns = change.operation, change.columns()
    if isinstance(row, EntryRow):
        yield from _entry(change, operation, columns)
    elif isinstance(row, BranchRow):
        if operation == "updated" and "state" in columns:
            operation = "deleted" if row.state == "deleted" else "created"
        yield FeedEntry(
            "branch", operation, columns, row.block, row.collection, row.key, row.repository_id,
            name=row.name, commit=row.sha,
        )  # fmt: skip
    elif isinstance(row, RevisionRow):
        columns = tuple(column for column in columns if column not in _RETOLD)
        if columns or operation != "updated":
            yield FeedEntry(
                "revision", operation, columns, row.block, row.collection, row.key, row.repository_id, row.number,
                name=f"v{row.version}", commit=row.head_sha,
            )  # fmt: skip
    elif isinstance(row, ProposalRow):
        yield FeedEntry(
            "proposal", operation, columns, row.block, row.collection, row.key, row.repository_id, row.number,
            name=row.change, commit=row.head_sha,
        )  # fmt: skip
    elif isinstance(row, FindingRow):
        yield FeedEntry(
            "finding", operation, columns, row.block, row.collection, row.key, row.repository_id,
            name=row.id, commit=row.commit,
        )  # fmt: skip
    elif isinstance(row, RepositoryRow):
        columns = tuple(column for column in columns if column not in _OURS)
        if columns or operation != "updated":
            yield FeedEntry("repository", operation, columns, repository_id=row.id, name=row.full_name)


def _entry(change: RowChange, operation: str, columns: tuple[str, ...]) -> Iterator[FeedEntry]:
    """An entry. One that came to another repository is deleted there and created here: a reader may see but one."""
    before, after = (cast("EntryRow | None", row) for row in (change.before, change.after))
    told = [(operation, columns, after or before)]
    if before is not None and after is not None and before.repository_id != after.repository_id:
        told = [("deleted", (), before), ("created", (), after)]
    for how, differing, row in told:
        if row is not None:
            yield FeedEntry(
                "entry", how, differing, row.block, row.collection, row.key, row.repository_id, commit=row.commit
            )


def _with_parts(
    told: Iterable[FeedEntry], parts: dict[tuple[str, str, str], set[str]], rows: Rows
) -> Iterator[FeedEntry]:
    """What is told, with history and relations that changed: beside their entry, or by themselves."""
    rest = dict(parts)
    for entry in told:
        if entry.kind == "entry":
            changed = rest.pop((entry.block or "", entry.collection or "", entry.key or ""), set())
            if entry.operation == "updated":
                yield replace(entry, columns=(*entry.columns, *sorted(changed)))
                continue
        yield entry
    for place, changed in rest.items():
        row = rows.get(EntryRow, {}).get(place)
        if isinstance(row, EntryRow):
            yield FeedEntry(
                "entry", "updated", tuple(sorted(changed)), *place, repository_id=row.repository_id, commit=row.commit
            )


def _pulls(
    pulls: dict[tuple[int, int], RowChange], places: dict[tuple[int, int], list[RowChange]], rows: Rows
) -> Iterator[FeedEntry]:
    """A pull request that has places in collections is told once for each, so that a reader of one sees it."""
    changed = {change.key for group in places.values() for change in group}
    for place in cast("Iterable[PullEntryRow]", rows.get(PullEntryRow, {}).values() if pulls else ()):
        key = place.repository_id, place.number
        if key in pulls and identity(place) not in changed:
            places[key].append(RowChange(PullEntryRow, identity(place), place, place))
    for key, pull in pulls.items():
        if key not in places:
            yield FeedEntry("pull", pull.operation, pull.columns(), repository_id=key[0], number=key[1])
    for key, group in places.items():
        for change in group:
            yield from _placed(key, pulls.get(key), change)


def _placed(key: tuple[int, int], pull: RowChange | None, change: RowChange) -> Iterator[FeedEntry]:
    """One place of a pull request. One that came under another key is deleted there and created here."""
    before, after = (cast("PullEntryRow | None", row) for row in (change.before, change.after))
    columns = (*(pull.columns() if pull else ()), *change.columns())
    if before is not None and after is not None and before.key != after.key:
        for operation, place in (("deleted", before), ("created", after)):
            yield FeedEntry("pull", operation, (), place.block, place.collection, place.key, *key)
        return
    row = after or before
    if row is None:
        return
    operation = pull.operation if pull is not None and before is after else change.operation
    shown = columns if operation == "updated" else ()
    yield FeedEntry("pull", operation, shown, row.block, row.collection, row.key, *key)


def _order(entry: FeedEntry) -> tuple[str, ...]:
    # an entry that is told twice leaves before it comes
    leaves = entry.kind == "entry" and entry.operation == "deleted"
    parts = (
        entry.kind, entry.block, entry.collection, entry.key, 0 if leaves else 1, entry.repository_id, entry.number,
        entry.name, entry.operation,
    )  # fmt: skip
    return tuple(f"{part:020d}" if isinstance(part, int) else part or "" for part in parts)
