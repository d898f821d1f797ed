"""Reading the cache for those who ask: with a seat, a limit of time, and never all seats for strangers.

A question that runs too long, or whose asker left, is interrupted: SQLite stops it, and its seat is free again. Two
seats are never strangers', and one is never a reader's: what the daemon itself reads, and whoever is known, get on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from typing import Final, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from cache.store.database import Database
from daemon.api.access import Asked
from daemon.api.problems import ProblemError

SEATS: Final = 4
"""Readers of `cache.db`."""
QUEUE: Final = 64
"""Strangers who wait for a seat together."""

ASKER: ContextVar[Asked | None] = ContextVar("asker", default=None)
"""Who asks, while a request is answered; None for the daemon itself."""


class Readable(Protocol):
    """What can be read: a `Database`, or `Reads` over one."""

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A reading connection: one snapshot from its first statement on."""


class Reads:
    """A database as those read it who ask over HTTP; each read has `seconds`."""

    def __init__(self, database: Database, seconds: float, seats: int = SEATS) -> None:
        self._database = database
        self._seconds = seconds
        self._readers = asyncio.Semaphore(max(1, seats - 1))
        self._strangers = asyncio.Semaphore(max(1, seats - 2))
        self._waiting = 0

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A reading connection. ProblemError: `busy` where no seat came free in time, `too-slow`."""
        async with AsyncExitStack() as stack:
            asked = ASKER.get()
            if asked is not None:
                await self._seat(stack, stranger=asked.credential is None)
            try:
                async with asyncio.timeout(self._seconds), self._database.read() as connection:
                    yield connection
            except TimeoutError:
                message = f"This took longer than {self._seconds:g} s and was stopped; ask for less, or narrow it."
                raise ProblemError("too-slow", message) from None

    async def _seat(self, stack: AsyncExitStack, *, stranger: bool) -> None:
        if stranger and self._waiting >= QUEUE:
            raise _busy()
        self._waiting += stranger
        try:
            async with asyncio.timeout(self._seconds):
                if stranger:
                    await stack.enter_async_context(self._strangers)
                await stack.enter_async_context(self._readers)
        except TimeoutError:
            raise _busy() from None
        finally:
            self._waiting -= stranger


def _busy() -> ProblemError:
    return ProblemError("busy", "Others are reading; ask again in a moment, or with a token.")
