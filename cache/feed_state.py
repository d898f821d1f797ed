"""The change feed's place in time: it must not start again when `cache.db` is lost.

A reader holds a position `(epoch, sequence)`. Were numbers handed out again after a loss, a reader would take new
changes for those it has seen. So numbers are reserved here, durably, before `cache.db` uses them; a crash in
between leaves a gap, which readers need not notice.
"""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import case, insert, select, update

from cache.state_schema import feed_state as table
from cache.store.database import Database


class FeedPosition(Struct, frozen=True):
    """The epoch that positions belong to, and the highest sequence ever reserved in it (0: none yet)."""

    epoch: str
    high_water: int


class FeedState:
    """The feed's epoch and high-water mark in `state.db`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, new_epoch: str) -> FeedPosition:
        """The position kept, or a first one in `new_epoch` where nothing is kept (a new or lost `state.db`)."""
        async with self._database.transaction() as connection:
            row = (await connection.execute(select(table.c.epoch, table.c.high_water))).one_or_none()
            if row is not None:
                return FeedPosition(row.epoch, row.high_water)
            await connection.execute(insert(table).values(only=1, epoch=new_epoch, high_water=0))
        return FeedPosition(new_epoch, 0)

    async def renew(self, new_epoch: str) -> FeedPosition:
        """Begin another epoch, so that every position handed out so far asks its reader to resync.

        Sequences go on from where they were. Raises RuntimeError before `open`.
        """
        return await self._change(high_water=table.c.high_water, epoch=new_epoch)

    async def reserve(self, count: int) -> range:
        """The next `count` sequence numbers, never given out before or again. Raises RuntimeError before `open`."""
        if count < 0:
            raise ValueError(f"cannot reserve {count} sequence numbers")
        position = await self._change(high_water=table.c.high_water + count)
        return range(position.high_water - count + 1, position.high_water + 1)

    async def reach(self, sequence: int) -> FeedPosition:
        """Raise the mark to `sequence` where it is lower, as after a restored backup of `state.db`."""
        return await self._change(high_water=case((table.c.high_water < sequence, sequence), else_=table.c.high_water))

    async def _change(self, **values: object) -> FeedPosition:
        statement = update(table).values(**values).returning(table.c.epoch, table.c.high_water)
        async with self._database.transaction() as connection:
            row = (await connection.execute(statement)).one_or_none()
        if row is None:
            raise RuntimeError("the change feed has no epoch yet; call FeedState.open first")
        return FeedPosition(row.epoch, row.high_water)
