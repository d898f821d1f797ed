"""Frozen contents and published version numbers of revisions.

An old head can be collected by the forge's gc and then is never given again, and a link that somebody holds names a
version. So what was published once is kept here, and neither a rebuild nor a lost object changes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import Update, func, select, update
from sqlalchemy.dialects.sqlite import insert

from cache.database import Database
from cache.model import KeptRevision as KeptRevision
from cache.state_schema import revisions as table


class KeptRevisions:
    """The revisions of `state.db`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, revisions: Iterable[KeptRevision]) -> None:
        """Keep these, all or none.

        `version` stays what it was first; `content` and `frozen_at` go from None to a value once and stay; `data`
        is replaced. One that was published before its pull request's repository was known (an id below zero) is the
        one of its entry and version, and stands under that repository from now on. Raises
        `sqlalchemy.exc.IntegrityError` where two revisions of one entry claim one version.
        """
        rows = [{**asdict(each), "data": dict(each.data)} for each in revisions]
        if not rows:
            return
        statement = insert(table)
        new = statement.excluded
        statement = statement.on_conflict_do_update(
            index_elements=list(table.primary_key.columns),
            set_={
                "content": func.coalesce(table.c.content, new.content),
                "frozen_at": func.coalesce(table.c.frozen_at, new.frozen_at),
                "data": new.data,
            },
        )
        async with self._database.transaction() as connection:
            for row in rows:
                await connection.execute(_found(row))
            await connection.execute(statement, rows)

    async def all(self, *, block: str | None = None) -> tuple[KeptRevision, ...]:
        """Every revision kept, in the order of entry and version."""
        order = (table.c.block, table.c.collection, table.c.key, table.c.version)
        statement = select(table).order_by(*order)
        if block is not None:
            statement = statement.where(table.c.block == block)
        async with self._database.read() as connection:
            return tuple(KeptRevision(**row._mapping) for row in await connection.execute(statement))


def _found(row: Mapping[str, Any]) -> Update:
    """Put a revision under the repository that is known by now."""
    names = ("block", "collection", "key", "version")
    same = [table.c[name] == row[name] for name in names]
    elsewhere = table.c.repository_id != row["repository_id"]
    moved = {name: row[name] for name in ("repository_id", "number")}
    return update(table).where(*same, table.c.repository_id < 0, elsewhere).values(moved)
