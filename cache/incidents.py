"""What happened to the files of `data_dir`, kept for whoever comes later and wonders."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import delete, insert, select

from cache.state_schema import incidents as table
from cache.store.database import Database

MOST = 1_000
"""Incidents that are kept."""


class Incident(Struct, frozen=True):
    """Something that happened to a file, and what is to be done about it (empty: nothing)."""

    at: datetime
    file: str
    what: str
    remedy: str


class Incidents:
    """The incidents of `state.db`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, incident: Incident) -> None:
        """Keep one."""
        values = {name: getattr(incident, name) for name in Incident.__struct_fields__}
        async with self._database.transaction() as connection:
            key = (await connection.execute(insert(table).values(**values).returning(table.c.id))).scalar_one()
            await connection.execute(delete(table).where(table.c.id <= key - MOST))

    async def since(self, when: datetime) -> tuple[Incident, ...]:
        """Those since then, newest first."""
        columns = [table.c[name] for name in Incident.__struct_fields__]
        statement = select(*columns).where(table.c.at >= when).order_by(table.c.id.desc()).limit(50)
        async with self._database.read() as connection:
            return tuple(Incident(**row._mapping) for row in await connection.execute(statement))
