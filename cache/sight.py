"""Who may be told a change: what decides it, as it was when the change was applied. No I/O.

A change is kept longer than what it speaks of. A repository that is gone has no row that says whether it was public,
so what decides is kept beside each entry of the feed.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from cache.diff import RowChange
from cache.feed import FeedEntry
from cache.revision_rows import RevisionRow
from cache.rows import EntryRow, HistoryRow, PullEntryRow, RelationRow, RepositoryRow, Row, Rows

_ACTOR = ("actor", "actor_source", "actor_evidence")
_NOBODY = (None, None, None)

MOST = 6
"""Further repositories that are kept of a change; what comes of more of them is told to those alone who see all."""


class Sight(Struct, frozen=True):
    """What decides who is told a change.

    `private` and `full_name` are its repository's, None where it has none. `others` are further repositories that it
    tells of, and `told` the columns for each choice of those that are seen: at the position that has bit `i` set
    where `others[i]` is seen. None there means that nothing is told. `farewell` marks what is told only to those who
    from now on see the repository no more.
    """

    private: bool | None = None
    full_name: str | None = None
    others: tuple[int, ...] = ()
    told: tuple[tuple[str, ...] | None, ...] = ((),)
    farewell: bool = False


def narrowed(row: EntryRow, hidden: Container[int | None]) -> EntryRow:
    """An entry as it would be if nothing could be read from these repositories: its document, its own repository."""
    if row.document_repository_id in hidden:
        row = replace(
            row,
            body=row.entry_body,
            updated_at=row.last_entry_commit_at,
            document_repository_id=None,
            document_path=None,
            document_body=None,
            document_sha=None,
            document_commit=None,
            document_commit_at=None,
        )
    if row.home_repository_id in hidden:
        row = replace(row, home_repository_id=None, last_main_commit_at=None)
    return row


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
        kinds: tuple[type[Any], ...] = (EntryRow, RepositoryRow, RevisionRow, PullEntryRow)
        self._changed: dict[type[Any], dict[Any, RowChange]] = {kind: {} for kind in kinds}
        self._parts: dict[tuple[str, str, str], list[RowChange]] = {}
        self._homes: dict[tuple[str, str], set[int]] | None = None
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
            named = self._named(place)
        else:
            others, named = {row.repository_id for row in versions}, set()
            if entry.kind == "pull":
                named = {home for row in self._placed(entry) for home in self._evidence(row)}
            if entry.kind == "revision":
                # its text was read from there, and stays when the entry goes
                revised = self._versions(RevisionRow, (*place, entry.repository_id, entry.number))
                others |= {row.entry_repository_id for row in revised}
        alone = {None, entry.repository_id}
        every = [*_sorted(others - alone), *_sorted(named - others - alone)]
        ids, over = tuple(every[:MOST]), set(every[MOST:])
        told: list[tuple[str, ...] | None] = []
        for mask in range(2 ** len(ids)):
            hidden = over | {one for bit, one in enumerate(ids) if not mask & 1 << bit}
            if not hidden:
                told.append(entry.columns)
            elif entry.kind == "entry":
                told.append(self._narrow(entry, place, hidden))
            else:
                told.append(None if hidden & others else self._without_actor(entry, hidden))
        return Sight(**known, others=ids, told=tuple(told))

    def _versions(self, kind: type[Any], key: Any) -> list[Any]:
        """A row before and after, as far as there is one; the newest last."""
        change = self._changed[kind].get(key)
        if change is not None:
            return [row for row in (change.before, change.after) if row is not None]
        row = self._rows.get(kind, {}).get(key)
        return [] if row is None else [row]

    def _placed(self, entry: FeedEntry) -> list[PullEntryRow]:
        """The place of a pull request, before and after."""
        return self._versions(PullEntryRow, (entry.repository_id, entry.number, entry.block, entry.collection))

    def _evidence(self, row: PullEntryRow) -> set[int]:
        """The repositories of the entries that say who is behind a pull request."""
        if row.actor_source != "audit" or row.actor_evidence is None:
            return set()
        if self._homes is None:
            self._homes = {}
            changed = (change.before for change in self._changed[EntryRow].values())
            for one in (*self._rows.get(EntryRow, {}).values(), *changed):
                if isinstance(one, EntryRow):
                    self._homes.setdefault((one.block, one.key), set()).add(one.repository_id)
        return self._homes.get((row.block, row.actor_evidence), set())

    def _without_actor(self, entry: FeedEntry, hidden: AbstractSet[int | None]) -> tuple[str, ...] | None:
        """The columns of a pull request's update as they differ where nobody is behind it whom a hidden entry tells."""
        if entry.operation != "updated":
            return ()
        said = [_NOBODY if self._evidence(row) & hidden else tuple(getattr(row, name) for name in _ACTOR)
                for row in self._placed(entry)]  # fmt: skip
        differing = {name for name, *values in zip(_ACTOR, *said, strict=True) if len(set(values)) > 1}
        # who is behind it differs for this viewer also where the hidden entry says the same as what is seen
        seen = (one for one in _ACTOR if one in differing)
        return (*(one for one in entry.columns if one not in _ACTOR), *seen) or None

    def _named(self, place: Any) -> set[int | None]:
        """The repositories that changed parts of an entry speak of."""
        rows = (row for part in self._parts.get(place, ()) for row in (part.before, part.after))
        return {row.repository_id if isinstance(row, HistoryRow) else row.target_id
                for row in rows if isinstance(row, HistoryRow | RelationRow)}  # fmt: skip

    def _narrow(self, entry: FeedEntry, place: Any, hidden: Container[int | None]) -> tuple[str, ...] | None:
        if entry.operation != "updated":
            return ()
        change = self._changed[EntryRow].get(place)
        columns: tuple[str, ...] = ()
        if change is not None and isinstance(change.before, EntryRow) and isinstance(change.after, EntryRow):
            before, after = narrowed(change.before, hidden), narrowed(change.after, hidden)
            columns = replace(change, before=before, after=after).columns()
        parts = {part.kind.table for part in self._parts.get(place, ()) if _is_told(part, hidden)}
        return (*columns, *sorted(parts)) or None


def _sorted(ids: Iterable[int | None]) -> list[int]:
    return sorted(one for one in ids if one is not None)


def _is_told(change: RowChange, hidden: Container[int | None]) -> bool:
    """Whether a part of an entry differs for those who do not see these repositories."""
    before, after = (_part(row, hidden) for row in (change.before, change.after))
    return before != after


def _part(row: Row | None, hidden: Container[int | None]) -> Row | None:
    if isinstance(row, HistoryRow) and row.repository_id in hidden:
        return None
    if isinstance(row, RelationRow) and row.target_id in hidden:
        return replace(row, target_id=None, resolved=False)
    return row
