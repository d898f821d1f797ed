"""What is counted for people who look at everything at once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import Text, and_, case, func, literal, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.queries import pulls
from cache.queries.changes import that_fit
from cache.queries.conditions import where
from cache.queries.facets import but
from cache.queries.filters import Condition
from cache.queries.visible import by_id, keyed, of_entries
from cache.rows import EntryRow, PullEntryRow, PullRow
from cache.schema import tables, to_text
from cache.viewer import Viewer

_entries = tables[EntryRow]
_pulls, _places = tables[PullRow], tables[PullEntryRow]

AGES = (timedelta(days=1), timedelta(days=7), timedelta(days=30))
"""Up to a day, a week, a month; the last column is for what is older."""


class Waiting(Struct, frozen=True):
    """Open pull requests of one kind, by age: up to a day, a week, a month, older. `kind` is empty for no place."""

    kind: str
    ages: tuple[int, ...]

    @property
    def number(self) -> int:
        """All of them."""
        return sum(self.ages)


async def entries_by_collection(
    connection: AsyncConnection, viewer: Viewer
) -> dict[tuple[str, str], tuple[int, int]]:
    """How many entries each collection has, and how many of them are not valid, in one statement."""
    wrong = func.sum(case((_entries.c.valid.is_(False), 1), else_=0))
    wanted = select(_entries.c.block, _entries.c.collection, func.count(), wrong)
    seen = wanted.where(*of_entries(viewer, _entries))
    grouped = seen.group_by(_entries.c.block, _entries.c.collection)
    return {(block, name): (number, bad) for block, name, number, bad in await connection.execute(grouped)}


async def pulls_waiting(
    connection: AsyncConnection, viewer: Viewer, now: datetime, conditions: Iterable[Condition] = ()
) -> tuple[Waiting, ...]:
    """Open pull requests that fit by kind and age, in one statement, whatever is asked of the kind itself; one with
    places in two collections counts in both."""
    opened = type_coerce(_pulls.c.opened_at, Text)
    bounds = enumerate(AGES)
    bucket = case(*((opened > to_text(now - one), literal(index)) for index, one in bounds), else_=literal(len(AGES)))
    kind = func.coalesce(_places.c.kind, "")
    same = and_(_places.c.repository_id == _pulls.c.repository_id, _places.c.number == _pulls.c.number)
    placed = and_(same, *keyed(viewer, _places))
    joined = _pulls.outerjoin(_places, placed)
    # what is asked of a place is asked of the very one that gives the kind
    fitting = where(but(conditions, "kind"), pulls.columns(viewer))
    # with scopes of collections, only what has a place in one of them
    scoped = [_places.c.key.is_not(None)] if viewer.collections is not None else []
    wanted = (
        select(kind, bucket, func.count())
        .select_from(joined.outerjoin(pulls.repository, pulls.repository.c.id == _pulls.c.repository_id))
        .where(_pulls.c.state == "open", _pulls.c.gone.is_(False), *by_id(viewer, _pulls.c.repository_id), *scoped)
        .where(*(one for group in fitting.values() for one in group))
        .group_by(kind, bucket)
    )
    found: dict[str, list[int]] = {}
    for name, index, number in await connection.execute(wanted):
        found.setdefault(name, [0] * (len(AGES) + 1))[index] = number
    return tuple(Waiting(name, tuple(ages)) for name, ages in sorted(found.items(), key=lambda one: (not one[0], one)))


async def changes_by_hour(connection: AsyncConnection, viewer: Viewer, since: datetime) -> dict[datetime, int]:
    """How many changes were applied in each hour from `since` on, in one statement; hours without any are left out."""
    seen = that_fit(viewer, ()).subquery()
    at = type_coerce(seen.c.at, Text)
    hour = func.substr(at, 1, len("2026-01-01T00"))
    wanted = select(hour, func.count()).where(at >= to_text(since)).group_by(hour)
    return {datetime.fromisoformat(f"{one}:00:00Z"): number for one, number in await connection.execute(wanted)}
