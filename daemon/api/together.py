"""Reading the feed once for all streams that are at the same place: after a push that is nearly every one."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass

import msgspec
from msgspec import Struct

from cache.queries.filters import Condition
from daemon.api.access import Asked
from daemon.api.feed import FeedSource, read
from daemon.api.parameters import FeedPlace


class ChangeText(Struct, frozen=True):
    """A change as every stream sends it: its position, and its JSON."""

    position: str
    text: str


class ChangeTexts(Struct, frozen=True):
    """Changes in their order, the place after them, and the feed's end."""

    changes: tuple[ChangeText, ...]
    place: FeedPlace
    upto: int


@dataclass
class _Read:
    task: asyncio.Task[ChangeTexts]
    waiting: int = 0


class ReadsTogether:
    """Reads that are under way; who asks for the same meanwhile waits for the same. Nothing is kept afterwards.

    Those who may see the same share a read, and strangers share none with who is known: they have fewer seats.
    """

    def __init__(self) -> None:
        self._under_way: dict[Hashable, _Read] = {}

    async def read(
        self, source: FeedSource, asked: Asked, place: FeedPlace, limit: int, conditions: tuple[Condition, ...]
    ) -> ChangeTexts:
        """The next changes after a place. ProblemError: as `daemon.api.feed.read`."""
        key = (asked.viewer, asked.credential is None, place, limit, conditions, source.sequence())
        under_way = self._under_way.get(key)
        if under_way is None:
            task = asyncio.create_task(_texts(source, asked, place, limit, conditions), name="forgeglass-feed-read")
            under_way = self._under_way[key] = _Read(task)
        under_way.waiting += 1
        try:
            return await asyncio.shield(under_way.task)
        finally:
            under_way.waiting -= 1
            if under_way.task.done() or not under_way.waiting:
                if self._under_way.get(key) is under_way:
                    del self._under_way[key]
                under_way.task.cancel()
                await asyncio.wait([under_way.task])


async def _texts(
    source: FeedSource, asked: Asked, place: FeedPlace, limit: int, conditions: tuple[Condition, ...]
) -> ChangeTexts:
    batch = await read(source, asked.viewer, place, limit, conditions)
    changes = tuple(ChangeText(item["position"], msgspec.json.encode(item).decode()) for item in batch.items)
    return ChangeTexts(changes, batch.place, batch.upto)
