"""The webhooks that we made on the forge, as `state.db` keeps them."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import asdict
from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from cache.installed_hook import InstalledHook
from cache.state_schema import hooks as table
from cache.store.database import Database


class InstalledHooks:
    """The table `hooks` of `state.db`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> tuple[InstalledHook, ...]:
        """Every webhook that was made and not deleted by us, by number."""
        async with self._database.read() as connection:
            rows = (await connection.execute(select(table).order_by(table.c.hook_id))).mappings().all()
        return tuple(InstalledHook(**row) for row in rows)

    async def put(self, hook: InstalledHook) -> None:
        """Remember one, in place of what was known under its number."""
        values = asdict(hook)
        statement = insert(table).values(values).on_conflict_do_update(index_elements=[table.c.hook_id], set_=values)
        async with self._database.transaction() as connection:
            await connection.execute(statement)

    async def remove(self, hook_ids: Iterable[int]) -> None:
        """Forget those that are gone."""
        async with self._database.transaction() as connection:
            await connection.execute(delete(table).where(table.c.hook_id.in_(list(hook_ids))))
