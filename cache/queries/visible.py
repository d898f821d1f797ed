"""The one place where a viewer becomes SQL.

Every function gives conditions for `where`, none where the viewer sees all, so that nothing is paid for what nobody
hides. A repository that `cache.db` does not hold (any more) is seen by those alone who see all: nobody can say
whether it was public.

`coalesce` is there for two reasons: what has no repository stays hidden, and SQLite keeps the outer join as it is
instead of beginning with the repositories, which would lose the order that an index gives.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Text,
    and_,
    case,
    exists,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    tuple_,
    type_coerce,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.rows import EntryRow, RepositoryRow
from cache.schema import tables
from cache.viewer import Viewer

Conditions = list[ColumnElement[bool]]

_repositories, _entries = tables[RepositoryRow], tables[EntryRow]
# made once: a new alias has every column of its table made again, for every condition of every statement. None of the
# conditions stands within another of its kind, where it would be taken for part of it.
_seen, _held = _repositories.alias("seen"), _entries.alias("held")
_lasting, _lasting_in = _entries.alias("lasting"), _repositories.alias("lasting_in")
_keyed, _keyed_in = _entries.alias("keyed"), _repositories.alias("keyed_in")


def of_repository(viewer: Viewer, repository: Any) -> Conditions:
    """What the row of a (joined) table of repositories must be."""
    return _named(viewer, repository.c.private, repository.c.owner, repository.c.full_name)


def _named(viewer: Viewer, private: Any, owner: Any, full_name: Any) -> Conditions:
    found: Conditions = []
    if not viewer.private:
        found.append(func.coalesce(private, 1) == 0)
    if viewer.owners is not None:
        found.append(func.coalesce(func.lower(owner), "").in_(viewer.owners))
    if viewer.repositories is not None:
        found.append(func.coalesce(func.lower(full_name), "").in_(viewer.repositories))
    return found


def as_it_was(viewer: Viewer, private: Any, full_name: Any) -> Conditions:
    """What a repository must have been, by two columns that were kept of it."""
    owner = func.substr(full_name, 1, func.instr(full_name, "/") - 1)
    return _named(viewer, private, owner, full_name)


def by_id(viewer: Viewer, repository_id: Any) -> Conditions:
    """What a repository with this id must be; for rows that no repository is joined to."""
    wanted = of_repository(viewer, _seen)
    if not wanted:
        return []
    return [exists(select(literal(1)).select_from(_seen).where(_seen.c.id == repository_id, *wanted))]


def in_collections(viewer: Viewer, table: Any) -> Conditions:
    """Rows of the collections that may be seen."""
    if viewer.collections is None:
        return []
    return [tuple_(table.c.block, table.c.collection).in_(_pairs(viewer))]


def _pairs(viewer: Viewer) -> list[tuple[str, str]]:
    parts = (one.partition("/") for one in viewer.collections or ())
    return [(block, collection) for block, _, collection in parts]


def of_entries(viewer: Viewer, entries: Any) -> Conditions:
    """Rows of entries that may be seen, where no repository is joined to them."""
    return [*by_id(viewer, entries.c.repository_id), *in_collections(viewer, entries)]


def itself(viewer: Viewer, repository: Any) -> Conditions:
    """What a repository must be to be shown itself: with scopes of collections, one that holds something of theirs."""
    found = of_repository(viewer, repository)
    if viewer.collections is not None:
        of_it = or_(_held.c.repository_id == repository.c.id, _held.c.home_repository_id == repository.c.id)
        found.append(exists(select(literal(1)).select_from(_held).where(of_it, *in_collections(viewer, _held))))
    return found


def keyed(viewer: Viewer, table: Any) -> Conditions:
    """Rows that carry the key of an entry: of a collection that may be seen, and not of an entry that is hidden."""
    hidden = hidden_entry(viewer, table.c.block, table.c.key, table.c.collection)
    return [*in_collections(viewer, table), *([] if hidden is None else [not_(hidden)])]


def lasting(viewer: Viewer, table: Any) -> Conditions:
    """Cleared findings: they outlive the entry whose key they carry, and without it nobody can say any more whether it
    was hidden. Nor whether that file was which one about a key that was claimed twice names.
    """
    entry, home = _lasting, _lasting_in
    seen = [*of_repository(viewer, home), *in_collections(viewer, entry)]
    if not seen:
        return []
    same = [entry.c.block == table.c.block, entry.c.collection == table.c.collection, entry.c.key == table.c.key]
    joined = entry.outerjoin(home, home.c.id == entry.c.repository_id)
    there = exists(select(literal(1)).select_from(joined).where(*same, *seen))
    return [*in_collections(viewer, table), or_(table.c.key.is_(None), there), table.c.rule != "duplicate-key-claim"]


def hidden_entry(viewer: Viewer, block: Any, key: Any, collection: Any = None) -> ColumnElement[bool] | None:
    """That there is an entry of this key that may not be seen, in any collection of the block where none is given.

    None where nothing is hidden.
    """
    entry, home = _keyed, _keyed_in
    seen = [*of_repository(viewer, home), *in_collections(viewer, entry)]
    if not seen:
        return None
    same = [entry.c.block == block, entry.c.key == key]
    if collection is not None:
        same.append(entry.c.collection == collection)
    joined = entry.outerjoin(home, home.c.id == entry.c.repository_id)
    return exists(select(literal(1)).select_from(joined).where(*same, not_(and_(*seen))))


def of_revision(viewer: Viewer, table: Any) -> Conditions:
    """Rows of revisions: its text is read from the entry's repository, or from that of its pull request.

    By the rule `field` the text is the entry's own; what its pull request says is told beside it, where it is seen.
    """
    raised = by_id(viewer, table.c.repository_id)
    if not raised:
        return []
    return [*by_id(viewer, table.c.entry_repository_id), or_(table.c.rule == "field", and_(*raised))]


def of_actor(viewer: Viewer, places: Any, column: Any) -> ColumnElement[Any]:
    """What the place of a pull request says of who is behind it; what an audit entry says, only to who sees that."""
    hidden = hidden_entry(viewer, places.c.block, places.c.actor_evidence)
    if hidden is None:
        found: ColumnElement[Any] = column
        return found
    return case((and_(places.c.actor_source == "audit", hidden), null()), else_=type_coerce(column, Text))


async def visible_ids(connection: AsyncConnection, viewer: Viewer) -> frozenset[int] | None:
    """The ids of the repositories that may be seen, in one statement; None, without one, where all may."""
    if viewer.everything:
        return None
    wanted = select(_repositories.c.id).where(*itself(viewer, _repositories))
    return frozenset((await connection.execute(wanted)).scalars())
