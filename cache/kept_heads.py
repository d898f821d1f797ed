"""The heads that pull requests had, kept because a forge may forget them.

Newer Gitea takes events out of a timeline when a pull request is forced or given another base. What a look found
before that is kept here, so that a lost `cache.db` and a rebuild find it again.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from cache.model import PullHead
from cache.state_schema import pull_heads as table
from cache.store.database import Database
from cache.world import KnownHeads, with_heads


class KeptHeads:
    """The table `pull_heads` of `state.db`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, heads: Mapping[tuple[int, int], tuple[PullHead, ...] | None]) -> None:
        """Keep the heads of these pull requests, by repository and number; None forgets them. All or none."""
        rows = [
            {"repository_id": repository_id, "number": number, "heads": msgspec.to_builtins(of)}
            for (repository_id, number), of in heads.items()
            if of is not None
        ]
        gone = [at for at, of in heads.items() if of is None]
        if not heads:
            return
        statement = insert(table)
        statement = statement.on_conflict_do_update(
            index_elements=list(table.primary_key.columns), set_={"heads": statement.excluded.heads}
        )
        async with self._database.transaction() as connection:
            if rows:
                await connection.execute(statement, rows)
            for repository_id, number in gone:
                await connection.execute(
                    delete(table).where(table.c.repository_id == repository_id, table.c.number == number)
                )

    async def all(self) -> KnownHeads:
        """Every pull request's heads, by repository and number."""
        async with self._database.read() as connection:
            rows = list(await connection.execute(select(table)))
        return with_heads(
            {}, {(row.repository_id, row.number): msgspec.convert(row.heads, tuple[PullHead, ...]) for row in rows}
        )
