"""Deliveries stored before they are answered, until what they point at has been read.

The forge sends a delivery once and never again, so an answer of success is a promise. A row is done only when a
reconcile that *began* after it has committed: one that was already reading may have read before the push.

    mark = await inbox.mark()            # before the first read
    ...                                  # read, project, diff, apply
    await inbox.finish(repository_id, mark, now)
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from statistics import median
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, delete, func, literal_column, select, update
from sqlalchemy.dialects.sqlite import insert

from cache.state_schema import inbox as table
from cache.store.database import Database
from cache.store.finish import finish
from webhooks.delivery import Delivery
from webhooks.scope import Scope

KEPT_HEADERS = ("content-type", "user-agent")
"""Kept beside those that name delivery and event; signatures and `Authorization` never are."""
NAMING = ("-delivery", "-event", "-event-type")


PENDING: Final = table.c.state == literal_column("'pending'")
"""Written out: SQLite takes an index of those that wait only where it sees that nothing else is asked for."""
_OLDEST: Final = select(table.c.received_at).where(
    table.c.id == select(func.min(table.c.id)).where(PENDING).scalar_subquery()
)
_STORE: Final = insert(table).on_conflict_do_nothing(index_elements=[table.c.delivery]).returning(table.c.id)


class Pending(Struct, frozen=True):
    """A delivery that waits for its reconcile."""

    id: int
    delivery: str
    event: str
    repository_id: int | None
    full_name: str
    scope: Scope
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
        self._arriving: list[tuple[dict[str, Any], asyncio.Future[bool]]] = []
        self._storing = asyncio.Lock()
        self._counts: Counter[str] | None = None

    async def append(
        self, delivery: Delivery, *, headers: Mapping[str, str], received_at: datetime
    ) -> Literal["new", "duplicate"]:
        """Store a delivery; on the disk when this returns. One whose id is known already changes nothing.

        What arrives while others are being written goes into one transaction with all that does so: reaching the disk
        is what takes its time. Those that nothing follows from are stored as done. Its body is not kept: a delivery
        only says where to look.
        """
        pending = not delivery.ignored
        values = {
            "delivery": delivery.id,
            "event": delivery.event,
            "repository_id": delivery.repository_id,
            "full_name": delivery.full_name,
            "scope": msgspec.to_builtins(delivery.scope, order="deterministic"),
            "headers": _kept(headers),
            "state": "pending" if pending else "ignored",
            "why": delivery.ignored,
            "received_at": received_at,
            "done_at": None if pending else received_at,
        }
        stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._arriving.append((values, stored))
        await finish(self._store(stored))
        return "new" if stored.result() else "duplicate"

    async def _store(self, mine: asyncio.Future[bool]) -> None:
        """Write all that has arrived, unless whoever wrote before has written `mine` along with theirs."""
        async with self._storing:
            if mine.done():
                return
            together, self._arriving = self._arriving, []
            try:
                await self._write(together)
            except Exception:
                for one in together:  # one by one: what is wrong with one is nobody else's fault
                    try:
                        await self._write([one])
                    except Exception as error:
                        one[1].set_exception(error)
                        one[1].exception()  # looked at, where nobody waits for it any more

    async def _write(self, deliveries: Sequence[tuple[dict[str, Any], asyncio.Future[bool]]]) -> None:
        made = []
        async with self._database.transaction() as connection:
            for values, _ in deliveries:
                made.append((await connection.execute(_STORE, values)).scalar_one_or_none() is not None)
        for (values, stored), new in zip(deliveries, made, strict=True):
            self._moved(values["state"], int(new))
            stored.set_result(new)

    async def mark(self) -> int:
        """The newest row's id, 0 where there is none: take it before a reconcile reads anything."""
        async with self._database.read() as connection:
            return (await connection.execute(select(func.max(table.c.id)))).scalar_one() or 0

    async def pending(self, *, repository_id: int | None = None) -> tuple[Pending, ...]:
        """What waits, oldest first; of one repository where it is named."""
        columns = [table.c[name] for name in Pending.__struct_fields__]
        statement = select(*columns).where(PENDING).order_by(table.c.id)
        if repository_id is not None:
            statement = statement.where(table.c.repository_id == repository_id)
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).mappings().all()
        return tuple(Pending(**{**row, "scope": msgspec.convert(row["scope"], Scope)}) for row in rows)

    async def finish(self, repository_id: int, upto: int, at: datetime) -> int:
        """A reconcile of this repository that took its mark at `upto` has committed; gives how many rows are done."""
        return await self._settle("done", (table.c.repository_id == repository_id) & (table.c.id <= upto), at)

    async def done(self, ids: Iterable[int], at: datetime, *, why: str = "") -> int:
        """These are done, such as those of a repository that no profile reaches (`why` then says so)."""
        return await self._settle("done", table.c.id.in_(list(ids)), at, why)

    async def settle(self, deliveries: Iterable[str], at: datetime, *, why: str) -> int:
        """These are done, by the ids that the forge gave them."""
        return await self._settle("done", table.c.delivery.in_(list(deliveries)), at, why)

    async def backlog(self) -> Backlog:
        """Counts by state, and the oldest row that waits. Counted once, and kept count of from then on."""
        if self._counts is None:
            states = select(table.c.state, func.count().label("rows")).group_by(table.c.state)
            async with self._database.transaction() as connection:  # nothing comes or goes meanwhile
                self._counts = Counter({row.state: row.rows for row in await connection.execute(states)})
        async with self._database.read() as connection:
            oldest = (await connection.execute(_OLDEST)).scalar_one_or_none()
        return Backlog({state: rows for state, rows in sorted(self._counts.items()) if rows}, oldest)

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        """Count anew where what moves rows is cut off: it may have been committed all the same."""
        try:
            yield
        except BaseException:
            self._counts = None
            raise

    def _moved(self, state: str, rows: int) -> None:
        if self._counts is not None:
            self._counts[state] += rows

    async def lags(self, since: datetime, limit: int = 1_000) -> Lags:
        """How long the deliveries that came since then, of the `limit` newest, waited until they were done."""
        newest = select(table).order_by(table.c.id.desc()).limit(limit).subquery()
        wanted = select(newest.c.received_at, newest.c.done_at).where(
            newest.c.state == "done", newest.c.received_at >= since
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(wanted)).all()
        seconds = sorted((row.done_at - row.received_at).total_seconds() for row in rows)
        return Lags(len(seconds), median(seconds), seconds[-1]) if seconds else Lags(0)

    async def prune(self, before: datetime) -> int:
        """Forget rows settled before this time; those that wait stay however old they are."""
        old = table.c.done_at < before  # which those that wait do not have
        states = select(table.c.state, func.count().label("rows")).where(old).group_by(table.c.state)
        async with self._counted(), self._database.transaction() as connection:
            gone = {row.state: row.rows for row in await connection.execute(states)}
            if gone:
                await connection.execute(delete(table).where(old))
        for state, rows in gone.items():
            self._moved(state, -rows)
        return sum(gone.values())

    async def _settle(self, state: str, which: ColumnElement[bool], at: datetime, why: str = "") -> int:
        statement = update(table).where(PENDING, which).values(state=state, done_at=at, why=why)
        async with self._counted(), self._database.transaction() as connection:
            settled = (await connection.execute(statement)).rowcount
        self._moved("pending", -settled)
        self._moved(state, settled)
        return settled


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name.lower(): value
        for name, value in headers.items()
        if name.lower() in KEPT_HEADERS or (name.lower().startswith("x-") and name.lower().endswith(NAMING))
    }
