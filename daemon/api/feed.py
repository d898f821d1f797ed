"""Reading the change feed from a reader's place on: what both `/changes` and `/events` do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from cache.queries import changes as queries
from cache.queries.filters import Condition, parse
from daemon.api.context import ApiContext
from daemon.api.parameters import WAITING, FeedPlace, Pairs, feed_place, one
from daemon.api.problems import ProblemError

LATEST = "latest"
PLACING = ("after", "epoch")


class Batch(Struct, frozen=True):
    """Changes in their order, as JSON-able objects, and the place after them. `upto` is the feed's end."""

    items: list[dict[str, Any]]
    place: FeedPlace
    upto: int


def filters(pairs: Pairs, others: Sequence[str]) -> tuple[Condition, ...]:
    """What a reader wants of the feed. QueryError: as `cache.queries.filters.parse`."""
    return parse(pairs, queries.columns(), (*WAITING, *PLACING, *others))


async def starting_place(context: ApiContext, pairs: Pairs, said: str | None = None) -> FeedPlace:
    """Where a reader begins: at `said` or at `after=`; at the end for `after=latest`; else at what is kept.

    ProblemError: `bad-position`; `resync` where the feed cannot go on from there.
    """
    after, epoch = one(pairs, "after"), one(pairs, "epoch")
    current = context.epoch()
    async with context.database.read() as connection:
        extent = await queries.extent(connection)
    if said is None and after in (None, LATEST):
        if after == LATEST:
            return FeedPlace(current, _end(context, extent))
        return FeedPlace(current, extent.first - 1 if extent.first is not None else context.sequence())
    parameter = "Last-Event-ID" if said is not None else "after"
    place = feed_place(said if said is not None else after or "", epoch if said is None else None, current, parameter)
    _check(context, place, extent)
    return place


async def read(context: ApiContext, place: FeedPlace, limit: int, conditions: tuple[Condition, ...]) -> Batch:
    """The next changes after a place. ProblemError: `resync` where the feed went on without the reader."""
    async with context.database.read() as connection:
        extent = await queries.extent(connection)
        _check(context, place, extent)
        upto = extent.last or place.sequence
        found = await queries.changes_after(connection, place.sequence, upto, limit, conditions)
    items = [
        {"position": str(FeedPlace(place.epoch, item.sequence)), **msgspec.to_builtins(item)} for item in found.items
    ]
    return Batch(items, FeedPlace(place.epoch, found.last), upto)


def _end(context: ApiContext, extent: queries.Extent) -> int:
    return max(context.sequence(), extent.last or 0)


def _check(context: ApiContext, place: FeedPlace, extent: queries.Extent) -> None:
    current, end = context.epoch(), _end(context, extent)
    if place.epoch != current:
        why = "it is of another epoch: the feed began anew"
    elif place.sequence > end:
        why = f"the feed ends at {end}"
    elif place.sequence < end and (extent.first is None or place.sequence < extent.first - 1):
        why = "the changes after it are no longer kept"
    else:
        return
    now = str(FeedPlace(current, end))
    message = f"The feed cannot go on from {place}: {why}. Read the lists you need again, then go on from {now}."
    raise ProblemError("resync", message, epoch=current, position=now)
