"""Watermarks of sweeps: per owner and signal, up to where the forge was read.

They choose where to look and never decide that something is gone, so losing one costs time and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from cache.database import Database
from cache.state_schema import marks as table


class Marks:
    """Small JSON values of `state.db`, by key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> dict[str, Any]:
        """Every mark."""
        async with self._database.read() as connection:
            return {row.key: row.value for row in await connection.execute(select(table))}

    async def get(self, key: str) -> Any:
        """One mark; None where there is none."""
        async with self._database.read() as connection:
            return (await connection.execute(select(table.c.value).where(table.c.key == key))).scalar_one_or_none()

    async def put(self, values: Mapping[str, Any]) -> None:
        """Set these, all or none; a value of None forgets the mark."""
        kept = [{"key": key, "value": value} for key, value in values.items() if value is not None]
        gone = [key for key, value in values.items() if value is None]
        statement = insert(table)
        statement = statement.on_conflict_do_update(
            index_elements=[table.c.key], set_={"value": statement.excluded.value}
        )
        async with self._database.transaction() as connection:
            if kept:
                await connection.execute(statement, kept)
            if gone:
                await connection.execute(delete(table).where(table.c.key.in_(gone)))
