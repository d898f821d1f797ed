"""When each owner's webhooks were last heard of, so that their silence is noticed across restarts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from cache.state_schema import heard as table
from cache.store.database import Database


class Heard(Struct, frozen=True):
    """An owner from which deliveries came: the last one, and how many sweeps since found what none had told."""

    owner: str
    """In lower case."""
    delivered_at: datetime
    silent_sweeps: int = 0


class HeardOwners:
    """The table `heard` of `state.db`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> tuple[Heard, ...]:
        """Every owner that was ever heard of."""
        async with self._database.read() as connection:
            rows = (await connection.execute(select(table).order_by(table.c.owner))).mappings().all()
        return tuple(Heard(**row) for row in rows)

    async def put(self, owners: Iterable[Heard]) -> None:
        """Remember these, all or none."""
        statement = insert(table)
        statement = statement.on_conflict_do_update(
            index_elements=[table.c.owner],
            set_={name: statement.excluded[name] for name in ("delivered_at", "silent_sweeps")},
        )
        values = [asdict(owner) for owner in owners]
        if values:
            async with self._database.transaction() as connection:
                await connection.execute(statement, values)
