"""What `state.db` is of, in a few named values."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from cache.state_schema import meta as table
from cache.store.database import Database


class StateMeta:
    """The named values of `state.db`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, name: str) -> str | None:
        """A value, None where there is none."""
        async with self._database.read() as connection:
            return (await connection.execute(select(table.c.value).where(table.c.name == name))).scalar_one_or_none()

    async def put(self, name: str, value: str) -> None:
        """Set a value."""
        statement = insert(table).values(name=name, value=value)
        changed = {"value": statement.excluded.value}
        async with self._database.transaction() as connection:
            await connection.execute(statement.on_conflict_do_update(index_elements=[table.c.name], set_=changed))
