"""Tokens kept in memory, where a daemon has them in `state.db`."""

from __future__ import annotations

from datetime import datetime

from api_rows import NOW

from cache.tokens import Token
from daemon.api.access import new_token
from daemon.api.hashing import digest


class Kept:
    """Tokens in memory, in the place of `state.db`."""

    def __init__(self) -> None:
        self.tokens: dict[str, Token] = {}
        self.notes: list[tuple[str, datetime]] = []

    def give(self, name: str = "ci", expires_at: datetime | None = None, **scopes: list[str]) -> str:
        secret = new_token()
        self.tokens[digest(secret)] = Token(name, digest(secret), NOW, expires_at, scopes)
        return secret

    async def find(self, hashed: str) -> Token | None:
        return self.tokens.get(hashed)

    async def named(self, name: str) -> Token | None:
        return next((token for token in self.tokens.values() if token.name == name), None)

    def revoke(self, name: str) -> None:
        self.tokens = {hashed: token for hashed, token in self.tokens.items() if token.name != name}

    async def used(self, name: str, at: datetime) -> None:
        self.notes.append((name, at))
