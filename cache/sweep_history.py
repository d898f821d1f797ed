"""What each sweep cost and found."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import delete, func, insert, select

from cache.state_schema import sweeps as table
from cache.store.database import Database


class SweepRecord(Struct, frozen=True):
    """One sweep that ended. `kind` is `quiet`, `deep`, `rebuild` or `verify`; `id` is 0 until it is stored."""

    kind: str
    started_at: datetime
    finished_at: datetime
    requests_rest: int = 0
    requests_git: int = 0
    repositories: int = 0
    """How many repositories were looked at."""
    reconciled: int = 0
    """How many of them were read again."""
    changes: int = 0
    errors: tuple[str, ...] = ()
    id: int = 0


class SweepHistory:
    """The sweeps of `state.db`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, sweep: SweepRecord) -> SweepRecord:
        """Store one, and give it back with its id."""
        values = asdict(sweep)
        del values["id"]
        statement = insert(table).values(**{**values, "errors": list(sweep.errors)}).returning(table.c.id)
        async with self._database.transaction() as connection:
            key: int = (await connection.execute(statement)).scalar_one()
        return SweepRecord(**{**values, "id": key})

    async def newest(self) -> int:
        """The id of the newest sweep, 0 where there was none: it only ever grows."""
        async with self._database.read() as connection:
            return (await connection.execute(select(func.max(table.c.id)))).scalar() or 0

    async def last(self, count: int = 1, *, kind: str | None = None) -> tuple[SweepRecord, ...]:
        """The newest `count`, newest first."""
        statement = select(table).order_by(table.c.id.desc()).limit(count)
        if kind is not None:
            statement = statement.where(table.c.kind == kind)
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).mappings().all()
        return tuple(SweepRecord(**{**row, "errors": tuple(row["errors"])}) for row in rows)

    async def last_good(self) -> datetime | None:
        """When the newest sweep ended that read everything it looked at; None where none is remembered."""
        good = select(table.c.finished_at).where(table.c.kind.in_(("quiet", "deep")), table.c.errors == [])
        async with self._database.read() as connection:
            found: datetime | None = (await connection.execute(good.order_by(table.c.id.desc()).limit(1))).scalar()
        return found

    async def prune(self, keep: int) -> int:
        """Forget all but the newest `keep` of each kind; gives how many went."""
        newer = table.alias()
        rank = (
            select(newer.c.id)
            .where(newer.c.kind == table.c.kind)
            .order_by(newer.c.id.desc())
            .limit(1)
            .offset(keep)
            .correlate(table)
            .scalar_subquery()
        )
        async with self._database.transaction() as connection:
            return (await connection.execute(delete(table).where(table.c.id <= rank))).rowcount
