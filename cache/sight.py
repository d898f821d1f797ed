"""Who may be told a change: what decides it, as it was when the change was applied. No I/O.

A change is kept longer than what it speaks of. A repository that is gone has no row that says whether it was public,
so what decides is kept beside each entry of the feed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from cache.diff import RowChange
from cache.feed import FeedEntry
from cache.revision_rows import RevisionRow
from cache.rows import EntryRow, HistoryRow, RelationRow, RepositoryRow, Rows


class Sight(Struct, frozen=True):
    """What decides who is told a change.

    `private` and `full_name` are its repository's, None where it has none. `others` are further repositories that it
    tells of; who does not see all of those is told the columns in `narrow`, or, where that is None, nothing.
    `farewell` marks what is told only to those who from now on see the repository no more.
    """

    private: bool | None = None
    full_name: str | None = None
    others: tuple[int, ...] = ()
    narrow: tuple[str, ...] | None = ()
    farewell: bool = False


def narrowed(row: EntryRow) -> EntryRow:
    """An entry as it would be if its file were all that can be read: without its document and its own repository."""
    return replace(
        row,
        body=row.entry_body,
        updated_at=row.last_entry_commit_at,
        document_repository_id=None,
        document_path=None,
        document_body=None,
        document_sha=None,
        document_commit=None,
        document_commit_at=None,
        home_repository_id=None,
        last_main_commit_at=None,
    )


def farewells(changes: Iterable[RowChange]) -> list[tuple[FeedEntry, Sight]]:
    """A repository that becomes private is told as removed to those who no longer see it, by the name they knew."""
    told = []
    for change in changes:
        before, after = change.before, change.after
        if not isinstance(before, RepositoryRow) or not isinstance(after, RepositoryRow):
            continue
        if after.private and not before.private:
            entry = FeedEntry("repository", "deleted", repository_id=before.id, name=before.full_name)
            told.append((entry, Sight(False, before.full_name, farewell=True)))
    return told


def sights(entries: Sequence[FeedEntry], changes: Iterable[RowChange], rows: Rows) -> list[Sight]:
    """What decides who is told each of these entries; `rows` are the rows as they are after the changes."""
    seen = _Seen(changes, rows)
    return [seen.sight(entry) for entry in entries]


class _Seen:
    def __init__(self, changes: Iterable[RowChange], rows: Rows) -> None:
        self._rows = rows
        self._changed: dict[type[Any], dict[Any, RowChange]] = {EntryRow: {}, RepositoryRow: {}, RevisionRow: {}}
        self._parts: dict[tuple[str, str, str], list[RowChange]] = {}
        for change in changes:
            if change.kind in self._changed:
                self._changed[change.kind][change.key] = change
            row = change.after or change.before
            if isinstance(row, HistoryRow | RelationRow):
                self._parts.setdefault((row.block, row.collection, row.key), []).append(change)

    def sight(self, entry: FeedEntry) -> Sight:
        """What decides who is told one entry."""
        repository = self._versions(RepositoryRow, entry.repository_id)[-1:]
        known: Mapping[str, Any] = {}
        for row in repository:
            known = {"private": row.private, "full_name": row.full_name}
        place = (entry.block, entry.collection, entry.key)
        versions = self._versions(EntryRow, place) if entry.key is not None else []
        if entry.kind == "entry":
            others = {one for row in versions for one in (row.document_repository_id, row.home_repository_id)}
        else:
            others = {row.repository_id for row in versions}
            if entry.kind == "revision":
                # its text was read from there, and stays when the entry goes
                revised = self._versions(RevisionRow, (*place, entry.repository_id, entry.number))
                others |= {row.entry_repository_id for row in revised}
        others -= {None, entry.repository_id}
        if not others:
            return Sight(**known, narrow=entry.columns)
        narrow = self._narrow(entry, place) if entry.kind == "entry" else None
        return Sight(**known, others=tuple(sorted(others)), narrow=narrow)

    def _versions(self, kind: type[Any], key: Any) -> list[Any]:
        """A row before and after, as far as there is one; the newest last."""
        change = self._changed[kind].get(key)
        if change is not None:
            return [row for row in (change.before, change.after) if row is not None]
        row = self._rows.get(kind, {}).get(key)
        return [] if row is None else [row]

    def _narrow(self, entry: FeedEntry, place: Any) -> tuple[str, ...] | None:
        if entry.operation != "updated":
            return ()
        change = self._changed[EntryRow].get(place)
        columns: tuple[str, ...] = ()
        if change is not None and isinstance(change.before, EntryRow) and isinstance(change.after, EntryRow):
            columns = replace(change, before=narrowed(change.before), after=narrowed(change.after)).columns()
        parts = {part.kind.table for part in self._parts.get(place, ()) if _of_the_file(part)}
        return (*columns, *sorted(parts)) or None


def _of_the_file(change: RowChange) -> bool:
    """Whether a part of an entry differs for those who see its file alone."""
    before, after = change.before, change.after
    if isinstance(before, HistoryRow) or isinstance(after, HistoryRow):
        return any(isinstance(row, HistoryRow) and row.part == "entry" for row in (before, after))
    if isinstance(before, RelationRow) and isinstance(after, RelationRow) and after.kind == "repository":
        return replace(before, target_id=None, resolved=False) != replace(after, target_id=None, resolved=False)
    return True
