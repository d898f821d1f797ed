"""Deliveries stored before they are answered, until what they point at has been read.

The forge sends a delivery once and never again, so an answer of success is a promise. A row is done only when a
reconcile that *began* after it has committed: one that was already reading may have read before the push.

    mark = await inbox.mark()            # before the first read
    ...                                  # read, project, diff, apply
    await inbox.finish(repository_id, mark, now)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from statistics import median
from typing import Any, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from cache.database import Database
from cache.state_schema import inbox as table
from webhooks.delivery import Delivery
from webhooks.scope import Scope

KEPT_HEADERS = ("content-type", "user-agent")
"""Kept beside those that name delivery and event; signatures and `Authorization` never are."""
NAMING = ("-delivery", "-event", "-event-type")


class Pending(Struct, frozen=True):
    """A delivery that waits for its reconcile."""

    id: int
    delivery: str
    event: str
    repository_id: int | None
    full_name: str
    scope: Scope
    attempts: int
    received_at: datetime


class Backlog(Struct, frozen=True):
    """How far behind the inbox is: how many rows in each state, and when the oldest pending one came."""

    states: Mapping[str, int]
    oldest: datetime | None

    @property
    def pending(self) -> int:
        """Rows that wait."""
        return self.states.get("pending", 0)


class Lags(Struct, frozen=True):
    """How long deliveries waited until their rows were written, in seconds: of how many, the median and the longest."""

    number: int
    median: float | None = None
    longest: float | None = None


class Inbox:
    """The inbox of `state.db`; give it a database opened with `synchronous="FULL"`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(
        self, delivery: Delivery, *, headers: Mapping[str, str], body: bytes, received_at: datetime
    ) -> Literal["new", "duplicate"]:
        """Store a delivery; on the disk when this returns. One whose id is known already changes nothing.

        Those that nothing follows from are stored without their body, as done.
        """
        pending = not delivery.ignored
        statement = (
            insert(table)
            .values(
                delivery=delivery.id,
                event=delivery.event,
                repository_id=delivery.repository_id,
                full_name=delivery.full_name,
                scope=msgspec.to_builtins(delivery.scope, order="deterministic"),
                headers=_kept(headers),
                body=body if pending else b"",
                state="pending" if pending else "ignored",
                why=delivery.ignored,
                attempts=0,
                received_at=received_at,
                done_at=None if pending else received_at,
            )
            .on_conflict_do_nothing(index_elements=[table.c.delivery])
            .returning(table.c.id)
        )
        async with self._database.transaction() as connection:
            stored = (await connection.execute(statement)).scalar_one_or_none()
        return "duplicate" if stored is None else "new"

    async def mark(self) -> int:
        """The newest row's id, 0 where there is none: take it before a reconcile reads anything."""
        async with self._database.read() as connection:
            return (await connection.execute(select(func.max(table.c.id)))).scalar_one() or 0

    async def pending(self, *, repository_id: int | None = None) -> tuple[Pending, ...]:
        """What waits, oldest first; of one repository where it is named."""
        columns = [table.c[name] for name in Pending.__struct_fields__]
        statement = select(*columns).where(table.c.state == "pending").order_by(table.c.id)
        if repository_id is not None:
            statement = statement.where(table.c.repository_id == repository_id)
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).mappings().all()
        return tuple(Pending(**{**row, "scope": msgspec.convert(row["scope"], Scope)}) for row in rows)

    async def finish(self, repository_id: int, upto: int, at: datetime) -> int:
        """A reconcile of this repository that took its mark at `upto` has committed; gives how many rows are done."""
        return await self._settle("done", (table.c.repository_id == repository_id) & (table.c.id <= upto), at)

    async def finish_all(self, upto: int, at: datetime) -> int:
        """A sweep that looked at everything and took its mark at `upto` has committed."""
        return await self._settle("done", table.c.id <= upto, at)

    async def done(self, ids: Iterable[int], at: datetime, *, why: str = "") -> int:
        """These are done, such as those of a repository that no profile reaches (`why` then says so)."""
        return await self._settle("done", table.c.id.in_(list(ids)), at, why)

    async def fail(self, repository_id: int, upto: int, at: datetime, *, why: str, give_up: bool = False) -> int:
        """A reconcile failed: count the attempt; with `give_up` the rows wait no longer and stay visible as failed."""
        which = (table.c.repository_id == repository_id) & (table.c.id <= upto)
        if give_up:
            return await self._settle("failed", which, at, why, attempts=table.c.attempts + 1)
        statement = update(table).where(table.c.state == "pending", which)
        async with self._database.transaction() as connection:
            return (await connection.execute(statement.values(attempts=table.c.attempts + 1, why=why))).rowcount

    async def backlog(self) -> Backlog:
        """Counts by state, and the oldest row that waits."""
        states = select(table.c.state, func.count().label("rows")).group_by(table.c.state)
        oldest = select(table.c.received_at).where(table.c.state == "pending").order_by(table.c.id).limit(1)
        async with self._database.read() as connection:
            counts: dict[str, int] = {row.state: row.rows for row in await connection.execute(states)}
            return Backlog(counts, (await connection.execute(oldest)).scalar_one_or_none())

    async def lags(self, since: datetime, limit: int = 1_000) -> Lags:
        """How long the deliveries that came since then, at most the `limit` newest, waited until they were done."""
        wanted = select(table.c.received_at, table.c.done_at).where(
            table.c.state == "done", table.c.received_at >= since
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(wanted.order_by(table.c.id.desc()).limit(limit))).all()
        seconds = sorted((row.done_at - row.received_at).total_seconds() for row in rows)
        return Lags(len(seconds), median(seconds), seconds[-1]) if seconds else Lags(0)

    async def prune(self, before: datetime) -> int:
        """Forget rows settled before this time; those that wait stay however old they are."""
        statement = delete(table).where(table.c.state != "pending", table.c.done_at < before)
        async with self._database.transaction() as connection:
            return (await connection.execute(statement)).rowcount

    async def _settle(self, state: str, which: ColumnElement[bool], at: datetime, why: str = "", **values: Any) -> int:
        """Only failed rows keep their body: it is what a developer will ask for."""
        if state == "done":
            values["body"] = b""
        statement = update(table).where(table.c.state == "pending", which)
        async with self._database.transaction() as connection:
            result = await connection.execute(statement.values(state=state, done_at=at, why=why, **values))
            return result.rowcount


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name.lower(): value
        for name, value in headers.items()
        if name.lower() in KEPT_HEADERS or (name.lower().startswith("x-") and name.lower().endswith(NAMING))
    }
