"""One making of an answer for all who ask for it meanwhile: what costs a scan is not asked for by two at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Shared(Generic[K, T]):
    """Answers that are being made, by key. Nothing is kept of one that is done."""

    def __init__(self) -> None:
        self._running: dict[K, asyncio.Future[T]] = {}

    async def once(self, key: K, make: Callable[[], Awaitable[T]]) -> T:
        """What `make` gives, shared with whoever asks for the same key until it ends; raises what it raises.

        Whoever leaves does not stop it for the others.
        """
        running = self._running.get(key)
        if running is None:
            running = self._running[key] = asyncio.ensure_future(make())
            running.add_done_callback(lambda done: self._ended(key, done))
        return await asyncio.shield(running)

    def _ended(self, key: K, done: asyncio.Future[T]) -> None:
        del self._running[key]
        if not done.cancelled():
            done.exception()  # looked at: whoever asked may have left
