"""How many rows of a list have each value of one of its columns: what stands beside the values to choose from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.queries.conditions import where
from cache.queries.filters import Condition
from cache.queries.paging import Listing


def but(conditions: Iterable[Condition], column: str) -> tuple[Condition, ...]:
    """The conditions without those on one column: what is counted by it is what could be chosen instead."""
    return tuple(one for one in conditions if one.column != column)


async def counted(
    connection: AsyncConnection, listing: Listing, conditions: Iterable[Condition], *by: ColumnElement[Any]
) -> list[tuple[Any, ...]]:
    """Rows of (values of `by`, number of the list's rows that have them and fit), in one statement."""
    rows = listing.rows
    joins = dict(listing.groups)
    for group, fitting in where(conditions, listing.columns).items():
        rows = rows.where(exists(joins[group].where(*fitting)) if group else and_(*fitting))
    found = await connection.execute(rows.with_only_columns(*by, func.count()).group_by(*by))
    return [tuple(row) for row in found]
