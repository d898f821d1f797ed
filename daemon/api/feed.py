"""Reading the change feed from a reader's place on: what `/changes`, `/events` and `forgeglass changes` do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from cache.queries import changes as queries
from cache.queries.filters import Condition, parse
from cache.viewer import Viewer
from daemon.api.parameters import WAITING, FeedPlace, Pairs, feed_place, one
from daemon.api.problems import ProblemError
from daemon.api.reads import Readable

LATEST = "latest"
PLACING = ("after", "epoch")


class FeedSource(Protocol):
    """Where a feed is read from: `ApiContext`, or a `cache.db` that no daemon has open."""

    @property
    def database(self) -> Readable:
        """`cache.db`."""

    @property
    def epoch(self) -> Callable[[], str]:
        """The epoch that positions belong to."""

    @property
    def sequence(self) -> Callable[[], int]:
        """The last sequence applied."""


class Batch(Struct, frozen=True):
    """Changes in their order, as JSON-able objects, and the place after them. `upto` is the feed's end."""

    items: list[dict[str, Any]]
    place: FeedPlace
    upto: int


def filters(pairs: Pairs, others: Sequence[str]) -> tuple[Condition, ...]:
    """What a reader wants of the feed. QueryError: as `cache.queries.filters.parse`."""
    return parse(pairs, queries.columns(), (*WAITING, *PLACING, *others))


async def starting_place(source: FeedSource, pairs: Pairs, said: str | None = None) -> FeedPlace:
    """Where a reader begins: at `said` or at `after=`; at the end for `after=latest`; else at what is kept.

    ProblemError: `bad-position`; `resync` where the feed cannot go on from there.
    """
    after, epoch = one(pairs, "after"), one(pairs, "epoch")
    current = source.epoch()
    async with source.database.read() as connection:
        extent = await queries.extent(connection)
    if said is None and after in (None, LATEST):
        if after == LATEST:
            return FeedPlace(current, _end(source, extent))
        return FeedPlace(current, extent.first - 1 if extent.first is not None else source.sequence())
    parameter = "Last-Event-ID" if said is not None else "after"
    place = feed_place(said if said is not None else after or "", epoch if said is None else None, current, parameter)
    _check(source, place, extent)
    return place


async def read(
    source: FeedSource, viewer: Viewer, place: FeedPlace, limit: int, conditions: tuple[Condition, ...]
) -> Batch:
    """The next changes after a place. ProblemError: `resync` where the feed went on without the reader."""
    async with source.database.read() as connection:
        extent = await queries.extent(connection)
        _check(source, place, extent)
        upto = extent.last or place.sequence
        found = await queries.changes_after(connection, viewer, place.sequence, upto, limit, conditions)
    return Batch(shown(found.items, place.epoch), FeedPlace(place.epoch, found.last), upto)


async def newest(
    source: FeedSource, viewer: Viewer, count: int, conditions: tuple[Condition, ...], begin: FeedPlace | None = None
) -> Batch:
    """The newest changes that fit, of those after `begin` where it is given, oldest first; the place is the feed's end.

    ProblemError: `resync`.
    """
    current = source.epoch()
    async with source.database.read() as connection:
        extent = await queries.extent(connection)
        if begin is not None:
            _check(source, begin, extent)
        end, after = _end(source, extent), begin.sequence if begin is not None else 0
        found = await queries.changes_before(connection, viewer, end + 1, count, conditions, after)
    return Batch(shown(reversed(found), current), FeedPlace(current, end), end)


def shown(items: Iterable[queries.ChangeItem], epoch: str) -> list[dict[str, Any]]:
    """Changes as they are told, each with the position to resume from after it."""
    return [{"position": str(FeedPlace(epoch, item.sequence)), **msgspec.to_builtins(item)} for item in items]


def _end(source: FeedSource, extent: queries.Extent) -> int:
    return max(source.sequence(), extent.last or 0)


def _check(source: FeedSource, place: FeedPlace, extent: queries.Extent) -> None:
    current, end = source.epoch(), _end(source, extent)
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
