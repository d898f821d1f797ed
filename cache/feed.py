"""The change feed: what a reader is told of each applied change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from msgspec import Struct

from cache.diff import RowChange
from cache.rows import BranchRow, EntryRow, FindingRow, PullEntryRow, PullRow, RepositoryRow, Row, Rows


class FeedEntry(Struct, frozen=True):
    """One applied change. `columns` names what differs in an update."""

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
    """The feed entries of some changes, in a fixed order; `rows` are the rows as they are after them.

    A pull request that has places in collections is told once for each, so that a reader of one collection sees it.
    """
    told: list[FeedEntry] = []
    pulls: dict[tuple[int, int], RowChange] = {}
    placed: dict[tuple[int, int], list[RowChange]] = defaultdict(list)
    for change in changes:
        row = change.after or change.before
        if isinstance(row, PullRow):
            pulls[row.repository_id, row.number] = change
        elif isinstance(row, PullEntryRow):
            placed[row.repository_id, row.number].append(change)
        else:
            told.extend(_simple(change, row))
    if pulls:
        for place in rows.get(PullEntryRow, {}).values():
            if isinstance(place, PullEntryRow) and (place.repository_id, place.number) in pulls:
                key = place.repository_id, place.number
                if not any(change.after is place for change in placed[key]):
                    placed[key].append(RowChange(PullEntryRow, None, place, place))
    for key, change in pulls.items():
        if not placed[key]:
            told.append(FeedEntry("pull", change.operation, change.columns(), repository_id=key[0], number=key[1]))
    for key, group in placed.items():
        told.extend(_placed(key, pulls.get(key), change) for change in group)
    return tuple(sorted(told, key=_order))


def _simple(change: RowChange, row: Row | None) -> Iterable[FeedEntry]:
    operation, columns = change.operation, change.columns()
    if isinstance(row, EntryRow):
        yield FeedEntry(
            "entry", operation, columns, row.block, row.collection, row.key, row.repository_id, commit=row.commit
        )
    elif isinstance(row, BranchRow):
        if operation == "updated" and "state" in columns:
            operation = "deleted" if row.state == "deleted" else "created"
        yield FeedEntry(
            "branch", operation, columns, row.block, row.collection, row.key, row.repository_id,
            name=row.name, commit=row.sha,
        )  # fmt: skip
    elif isinstance(row, FindingRow):
        yield FeedEntry(
            "finding", operation, columns, row.block, row.collection, row.key, row.repository_id,
            name=row.id, commit=row.commit,
        )  # fmt: skip
    elif isinstance(row, RepositoryRow):
        columns = tuple(c for c in columns if c not in ("depth", "interest", "position"))
        if columns or operation != "updated":
            yield FeedEntry("repository", operation, columns, repository_id=row.id, name=row.full_name)


def _placed(key: tuple[int, int], pull: RowChange | None, change: RowChange) -> FeedEntry:
    place = change.after or change.before
    assert isinstance(place, PullEntryRow)  # noqa: S101 - says to the reader and to mypy what `placed` holds
    operation = change.operation if change.before is not change.after or pull is None else pull.operation
    columns = (*(pull.columns() if pull else ()), *change.columns())
    return FeedEntry("pull", operation, columns, place.block, place.collection, place.key, key[0], key[1])


def _order(entry: FeedEntry) -> tuple[str, ...]:
    parts = (entry.kind, entry.block, entry.collection, entry.key, entry.repository_id, entry.number, entry.name)
    return tuple(f"{part:012d}" if isinstance(part, int) else part or "" for part in parts)
