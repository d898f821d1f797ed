"""The webhooks that we made on the forge, and what they were made with.

The forge never tells a webhook's secret, and cannot change it: whether a webhook signs with the secret that we know
is known from here alone. Kept is a salted hash, never the secret.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from cache.state_schema import hooks as table
from cache.store.database import Database


class InstalledHook(Struct, frozen=True):
    """One webhook as it was made."""

    hook_id: int
    """The forge's number, which it gives once."""
    scope: str
    """Whose it was then: `acme`, or `acme/meta`."""
    url: str
    salt: str
    hash: str
    """Of salt and secret; see `fingerprint`."""
    made_at: datetime | None = None
    """When the forge says that it was made: together with the number it names the webhook for certain."""

    def signs_with(self, secret: bytes) -> bool:
        """Whether it was made with this secret."""
        return hmac.compare_digest(self.hash, fingerprint(secret, self.salt))


def fingerprint(secret: bytes, salt: str) -> str:
    """HMAC-SHA256 of a secret under a salt, hexadecimal."""
    return hmac.new(salt.encode(), secret, hashlib.sha256).hexdigest()


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
