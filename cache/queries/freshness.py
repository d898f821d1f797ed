"""How fresh an answer is: the earliest time at which a repository that could contribute was read or found unchanged."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Text,
    and_,
    case,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    type_coerce,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.profile.collection import Collection, RepositorySelector
from cache.queries.visible import by_id, itself
from cache.rows import AliasRow, EntryRow, LookRow, OwnerRow, RepositoryRow
from cache.schema import tables
from cache.viewer import Viewer

_repositories, _looks, _owners = tables[RepositoryRow], tables[LookRow], tables[OwnerRow]
_aliases, _entries = tables[AliasRow], tables[EntryRow]

Where = ColumnElement[bool]


class Freshness(Struct, frozen=True):
    """`observed_at` is None where a repository was never read. `verified_at` is the earliest look at the refs."""

    observed_at: datetime | None
    stale: bool
    verified_at: datetime | None = None


def of_ids(ids: Iterable[int | None]) -> Where:
    """The repositories with these ids."""
    return _repositories.c.id.in_([one for one in ids if one is not None])


def of_mirrored() -> Where:
    """Every repository that a profile reaches."""
    return _repositories.c.depth.is_not(None)


def of_collection(viewer: Viewer, collection: Collection) -> Where:
    """The repositories that can hold a collection's files, entries' own repositories, and those of its pulls."""
    named = [rule.repository for rule in collection.pulls if rule.repository is not None]
    parts = [_selected(collection.repository), *(_called(name) for name in named)]
    if collection.document or collection.branches or any(rule.field for rule in collection.pulls):
        of_it = and_(
            _entries.c.home_repository_id == _repositories.c.id,
            _entries.c.block == collection.block,
            _entries.c.collection == collection.name,
            *by_id(viewer, _entries.c.repository_id),
        )
        parts.append(exists(select(literal(1)).select_from(_entries).where(of_it)).correlate(_repositories))
    return or_(*parts)


def _selected(selector: RepositorySelector) -> Where:
    if selector.full_name is not None:
        return _called(selector.full_name)
    conditions: list[Where] = []
    if selector.owner is not None:
        conditions.append(func.lower(_repositories.c.owner) == selector.owner.lower())
    if selector.name is not None:
        glob = selector.name.lower().replace("[!", "[^")
        conditions.append(func.glob(literal(glob), func.lower(_repositories.c.name)) == 1)
    if selector.topic is not None:
        items = text("json_each(repositories.topics) AS item")
        topic: Where = literal_column("item.value") == selector.topic
        conditions.append(exists(select(literal(1)).select_from(items).where(topic)))
    return and_(literal(True), *conditions)


def _called(full_name: str) -> Where:
    name = full_name.lower()
    known_as = select(_aliases.c.repository_id).where(func.lower(_aliases.c.full_name) == name)
    return or_(func.lower(_repositories.c.full_name) == name, _repositories.c.id.in_(known_as))


async def freshness(
    connection: AsyncConnection, viewer: Viewer, where: Where, *, now: datetime, interval: timedelta,
    listed: bool = False,
) -> Freshness:  # fmt: skip
    """The freshness of an answer to which the repositories that fit `where`, and are seen, could contribute.

    A repository counts as observed when it was read, or, without failures, when its owner was swept after that and did
    not leave it behind.
    `listed` is for lists of repositories themselves: there one that is not mirrored counts by its owner's sweep.
    Stale is an answer older than twice the `interval`, one with a repository in back-off or never read, and one to
    which no known repository contributes.
    """
    read, swept = type_coerce(_looks.c.observed_at, Text), type_coerce(_owners.c.swept_at, Text)
    fine = and_(func.coalesce(_looks.c.failures, 0) == 0, _looks.c.due_at.is_(None))
    observed: ColumnElement[Any] = case((and_(fine, swept > read), swept), else_=read)
    if listed:
        observed = case((_repositories.c.depth.is_(None), swept), else_=observed)
    statement = (
        select(
            func.count().label("all"),
            func.count(observed).label("read"),
            func.min(observed).label("observed"),
            func.coalesce(func.max(_looks.c.failures), 0).label("failures"),
            func.count(_looks.c.verified_at).label("verifications"),
            func.min(type_coerce(_looks.c.verified_at, Text)).label("verified"),
        )
        .select_from(
            _repositories.outerjoin(_looks, _looks.c.repository_id == _repositories.c.id).outerjoin(
                _owners, func.lower(_owners.c.name) == func.lower(_repositories.c.owner)
            )
        )
        .where(where, *itself(viewer, _repositories))
    )
    row = (await connection.execute(statement)).one()._mapping
    whole = row["all"] > 0 and row["read"] == row["all"]
    observed_at = datetime.fromisoformat(row["observed"]) if whole else None
    verified = datetime.fromisoformat(row["verified"]) if row["all"] and row["verifications"] == row["all"] else None
    late = observed_at is None or now - observed_at > 2 * interval
    return Freshness(observed_at, bool(late or row["failures"]), verified)


