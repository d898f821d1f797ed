"""The change feed, read from a position on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    exists,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    text,
    type_coerce,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.queries.columns import Column, of_table, stored
from cache.queries.conditions import where
from cache.queries.filters import Condition
from cache.queries.visible import as_it_was, by_id, in_collections, itself, of_repository
from cache.rows import RepositoryRow
from cache.schema import feed, sight, tables
from cache.viewer import Viewer

_repository = tables[RepositoryRow].alias("repository")
_there = tables[RepositoryRow].alias("there")

KINDS = ("entry", "branch", "pull", "revision", "proposal", "finding", "repository")
OPERATIONS = ("created", "updated", "deleted")


class ChangeItem(Struct, frozen=True):
    """One applied change; `columns` names what differs in an update."""

    sequence: int
    at: datetime
    kind: str
    operation: str
    block: str | None
    collection: str | None
    key: str | None
    repository: str | None
    repository_id: int | None
    number: int | None
    name: str | None
    columns: tuple[str, ...]
    commit: str | None


class Changes(Struct, frozen=True):
    """Some changes in their order; `last` is the sequence up to which everything that fits was read."""

    items: tuple[ChangeItem, ...]
    last: int


class Extent(Struct, frozen=True):
    """The first and the last sequence that the feed holds; None where it holds nothing."""

    first: int | None
    last: int | None


def columns() -> dict[str, Column]:
    """What changes can be filtered by."""
    kinds = {"block": "string", "collection": "string", "key": "string", "number": "integer", "name": "string"}
    own = of_table(feed, kinds)
    own["kind"] = stored("kind", feed.c.kind, "enum", values=KINDS)
    own["operation"] = stored("operation", feed.c.operation, "enum", values=OPERATIONS)
    own["repository"] = stored("repository", _repository.c.full_name, "repository", folded=True)
    return own


async def extent(connection: AsyncConnection) -> Extent:
    """What the feed holds."""
    first, last = (await connection.execute(select(func.min(feed.c.sequence), func.max(feed.c.sequence)))).one()
    return Extent(first, last)


async def changes_after(
    connection: AsyncConnection, viewer: Viewer, after: int, upto: int, limit: int,
    conditions: Iterable[Condition] = (),
) -> Changes:  # fmt: skip
    """The changes with a sequence over `after` and at most `upto` that fit, oldest first."""
    wanted = that_fit(viewer, conditions).where(feed.c.sequence > after, feed.c.sequence <= upto)
    items = await _items(connection, wanted.order_by(feed.c.sequence).limit(limit))
    return Changes(items, items[-1].sequence if len(items) == limit else max(after, upto))


async def changes_before(
    connection: AsyncConnection, viewer: Viewer, before: int, limit: int, conditions: Iterable[Condition] = (),
    after: int = 0,
) -> tuple[ChangeItem, ...]:
    """The changes with a sequence under `before` and over `after` that fit, newest first."""
    wanted = that_fit(viewer, conditions).where(feed.c.sequence < before, feed.c.sequence > after)
    return await _items(connection, wanted.order_by(feed.c.sequence.desc()).limit(limit))


def that_fit(viewer: Viewer, conditions: Iterable[Condition]) -> Select[Any]:
    """The changes that are told to a viewer, and fit."""
    known = and_(_repository.c.id == feed.c.repository_id, *of_repository(viewer, _repository))
    joined = feed.outerjoin(_repository, known).outerjoin(sight, sight.c.sequence == feed.c.sequence)
    told = [_columns(viewer) if column.name == "columns" else column for column in feed.c]
    return (
        select(*told, _repository.c.full_name.label("repository"))
        .select_from(joined)
        .where(_told(viewer), *where(conditions, columns()).get("", ()))
    )


def _columns(viewer: Viewer) -> ColumnElement[Any]:
    """The names of columns as they are told: without those that come of what is hidden; NULL where nothing is told."""
    seen = by_id(viewer, literal_column("other.value"))
    if not seen:
        return feed.c.columns
    others = text("json_each(sights.others) AS other")
    bits = select(func.sum(literal_column("1 << other.key"))).select_from(others).where(*seen).scalar_subquery()
    path = literal("$[").concat(func.coalesce(bits, 0)).concat("]")
    return type_coerce(func.json_extract(sight.c.told, path), feed.c.columns.type).label("columns")


def _told(viewer: Viewer) -> ColumnElement[bool]:
    """What is told: of a repository that was seen when it changed, and is now, as far as it is still there."""
    farewell = func.coalesce(sight.c.farewell, 0)
    if viewer.everything:
        return farewell == 0
    was = as_it_was(viewer, sight.c.private, sight.c.full_name)
    gone = not_(exists(select(literal(1)).select_from(_there).where(_there.c.id == feed.c.repository_id)))
    parts = [farewell == 0, *was, or_(_repository.c.id.is_not(None), gone)]
    parts.append(type_coerce(_columns(viewer), Text).is_not(None))
    if viewer.collections is not None:
        itself_seen = and_(feed.c.kind == "repository", _repository.c.id.is_not(None), *itself(viewer, _repository))
        parts.append(or_(and_(*in_collections(viewer, feed)), itself_seen))
    # to those who see private repositories too, none takes its leave
    return and_(*parts) if viewer.private else or_(and_(*parts), and_(farewell == 1, *was))


async def _items(connection: AsyncConnection, wanted: Select[Any]) -> tuple[ChangeItem, ...]:
    rows = (await connection.execute(wanted)).all()
    made = ({name: row._mapping[name] for name in ChangeItem.__struct_fields__} for row in rows)
    return tuple(ChangeItem(**values) for values in made)
