"""API tokens, by their hash: what is stored opens nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import delete, insert, select, update

from cache.state_schema import tokens as table
from cache.store.database import Database


class Token(Struct, frozen=True):
    """A token as kept: `hash` is a digest of the secret (the caller chooses which), `data` what it may do."""

    name: str
    hash: str
    created_at: datetime
    expires_at: datetime | None = None
    data: Mapping[str, Any] = {}
    used_at: datetime | None = None
    """When it was last used, to about a minute."""


class Tokens:
    """The tokens of `state.db`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, token: Token) -> None:
        """Keep a new one; `sqlalchemy.exc.IntegrityError` where its name is taken."""
        async with self._database.transaction() as connection:
            await connection.execute(insert(table).values(**{**asdict(token), "data": dict(token.data)}))

    async def remove(self, name: str) -> bool:
        """Revoke one; False where there was none."""
        async with self._database.transaction() as connection:
            return (await connection.execute(delete(table).where(table.c.name == name))).rowcount > 0

    async def used(self, name: str, at: datetime) -> None:
        """Note that one was used."""
        async with self._database.transaction() as connection:
            await connection.execute(update(table).where(table.c.name == name).values(used_at=at))

    async def find(self, digest: str) -> Token | None:
        """The token with this hash, expired or not."""
        async with self._database.read() as connection:
            row = (await connection.execute(select(table).where(table.c.hash == digest))).one_or_none()
        return None if row is None else Token(**row._mapping)

    async def named(self, name: str) -> Token | None:
        """The token of this name, expired or not."""
        async with self._database.read() as connection:
            row = (await connection.execute(select(table).where(table.c.name == name))).one_or_none()
        return None if row is None else Token(**row._mapping)

    async def all(self) -> tuple[Token, ...]:
        """Every token, by name."""
        async with self._database.read() as connection:
            return tuple(
                Token(**row._mapping) for row in await connection.execute(select(table).order_by(table.c.name))
            )
