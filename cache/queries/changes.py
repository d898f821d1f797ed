"""The change feed, read from a position on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.queries.columns import Column, of_table, stored
from cache.queries.conditions import where
from cache.queries.filters import Condition
from cache.rows import RepositoryRow
from cache.schema import feed, tables

_repository = tables[RepositoryRow].alias("repository")

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
    connection: AsyncConnection, after: int, upto: int, limit: int, conditions: Iterable[Condition] = ()
) -> Changes:
    """The changes with a sequence over `after` and at most `upto` that fit, oldest first."""
    wanted = _that_fit(conditions).where(feed.c.sequence > after, feed.c.sequence <= upto)
    items = await _items(connection, wanted.order_by(feed.c.sequence).limit(limit))
    return Changes(items, items[-1].sequence if len(items) == limit else max(after, upto))


async def changes_before(
    connection: AsyncConnection, before: int, limit: int, conditions: Iterable[Condition] = ()
) -> tuple[ChangeItem, ...]:
    """The changes with a sequence under `before` that fit, newest first."""
    wanted = _that_fit(conditions).where(feed.c.sequence < before)
    return await _items(connection, wanted.order_by(feed.c.sequence.desc()).limit(limit))


def _that_fit(conditions: Iterable[Condition]) -> Select[Any]:
    joined = feed.outerjoin(_repository, _repository.c.id == feed.c.repository_id)
    return (
        select(*feed.c, _repository.c.full_name.label("repository"))
        .select_from(joined)
        .where(*where(conditions, columns()).get("", ()))
    )


async def _items(connection: AsyncConnection, wanted: Select[Any]) -> tuple[ChangeItem, ...]:
    rows = (await connection.execute(wanted)).all()
    made = ({name: row._mapping[name] for name in ChangeItem.__struct_fields__} for row in rows)
    return tuple(ChangeItem(**values) for values in made)
