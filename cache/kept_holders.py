"""Which repository held a key first that files of several repositories claim.

Nothing in Git tells: a commit's date is its pusher's word, and a position counts within one repository alone. What we
saw is kept, so that a rebuild gives the key to whom the live cache gave it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from cache.state_schema import holders as table
from cache.store.database import Database
from cache.world import KeyPlace


class KeptHolders:
    """The holders of `state.db`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, holders: Mapping[KeyPlace, int], released: Collection[KeyPlace] = ()) -> None:
        """Keep these, and let go of keys that are claimed once by now; all or nothing."""
        if not holders and not released:
            return
        statement = insert(table)
        statement = statement.on_conflict_do_update(
            index_elements=list(table.primary_key.columns), set_={"repository_id": statement.excluded.repository_id}
        )
        async with self._database.transaction() as connection:
            for block, collection, key in released:
                columns = table.c
                of_it = (columns.block == block, columns.collection == collection, columns.key == key)
                await connection.execute(delete(table).where(*of_it))
            for (block, collection, key), repository_id in holders.items():
                row = {"block": block, "collection": collection, "key": key, "repository_id": repository_id}
                await connection.execute(statement, row)

    async def all(self) -> dict[KeyPlace, int]:
        """Every holder, by block, collection and key."""
        async with self._database.read() as connection:
            found = await connection.execute(select(table))
            return {(row.block, row.collection, row.key): row.repository_id for row in found}
