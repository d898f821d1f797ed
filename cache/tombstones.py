"""Branches, pull requests and repositories that are gone from the forge, with everything once known of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from cache.state_schema import tombstones as table
from cache.store.database import Database

Kind = Literal["branch", "pull", "repository"]


class Tombstone(Struct, frozen=True):
    """One thing gone. `name` is the branch's short name, the pull request's number as text, or empty.

    `data` holds its columns as JSON values; `first_missing_at` is when a complete listing first lacked it.
    """

    kind: Kind
    repository_id: int
    name: str
    data: Mapping[str, Any]
    first_missing_at: datetime


class TombstoneTable:
    """The tombstones of `state.db`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, tombstones: Iterable[Tombstone]) -> None:
        """Keep these, all or none; one that stands already keeps its `first_missing_at` and takes the new data."""
        rows = [
            {
                "kind": each.kind,
                "repository_id": each.repository_id,
                "name": each.name,
                "data": dict(each.data),
                "first_missing_at": each.first_missing_at,
            }
            for each in tombstones
        ]
        if not rows:
            return
        statement = insert(table)
        statement = statement.on_conflict_do_update(
            index_elements=list(table.primary_key.columns), set_={"data": statement.excluded.data}
        )
        async with self._database.transaction() as connection:
            await connection.execute(statement, rows)

    async def remove(self, kind: Kind, repository_id: int, name: str = "") -> bool:
        """Forget one, because the thing is back; False where there was none."""
        statement = delete(table).where(
            table.c.kind == kind, table.c.repository_id == repository_id, table.c.name == name
        )
        async with self._database.transaction() as connection:
            return (await connection.execute(statement)).rowcount > 0

    async def all(self, *, kind: Kind | None = None, repository_id: int | None = None) -> tuple[Tombstone, ...]:
        """Those asked for, ordered by kind, repository and name."""
        statement = select(table).order_by(*table.primary_key.columns)
        if kind is not None:
            statement = statement.where(table.c.kind == kind)
        if repository_id is not None:
            statement = statement.where(table.c.repository_id == repository_id)
        async with self._database.read() as connection:
            return tuple(Tombstone(**row._mapping) for row in await connection.execute(statement))
