"""Pull requests, with their places in collections."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, and_, exists, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.profile.collection import Collection
from cache.queries.columns import Column, of_table, stored
from cache.queries.paging import Listing, Question, only, read_page
from cache.queries.visible import keyed, of_actor, of_repository
from cache.rows import PullEntryRow, PullRow, RepositoryRow
from cache.schema import tables
from cache.viewer import EVERYTHING, Viewer

_pulls, _places = tables[PullRow], tables[PullEntryRow]
repository = tables[RepositoryRow].alias("repository")
_same = and_(_places.c.repository_id == _pulls.c.repository_id, _places.c.number == _pulls.c.number)

SORT = "-opened_at"


class Place(Struct, frozen=True):
    """A pull request's place in a collection."""

    block: str
    collection: str
    key: str
    kind: str
    actor: str | None
    actor_source: str | None
    actor_evidence: str | None


class PullItem(Struct, frozen=True):
    """A pull request as it is told; `repository` is None for one of a repository that is gone."""

    repository: str | None
    repository_id: int
    number: int
    title: str
    description: str
    state: str
    draft: bool
    user: str
    opened_at: datetime
    merged_at: datetime | None
    closed_at: datetime | None
    merge_commit_sha: str | None
    head_branch: str
    head_sha: str | None
    from_fork: bool
    base_branch: str
    labels: tuple[str, ...]
    gone: bool
    places: tuple[Place, ...]


class PullPage(Struct, frozen=True):
    """Some pull requests, and the cursor of the next ones."""

    items: tuple[PullItem, ...]
    next: str | None


_ACTOR = ("actor", "actor_source", "actor_evidence")


def columns(viewer: Viewer = EVERYTHING) -> dict[str, Column]:
    """What pull requests can be filtered and sorted by; those of a place are only for filters."""
    own = of_table(
        _pulls,
        {
            "number": "integer", "title": "string", "draft": "boolean", "user": "string", "opened_at": "datetime",
            "merged_at": "datetime", "closed_at": "datetime", "merge_commit_sha": "string",
            "head_branch": "string", "head_sha": "string", "from_fork": "boolean", "base_branch": "string",
            "labels": "list", "gone": "boolean",
        },
    )  # fmt: skip
    own["state"] = stored("state", _pulls.c.state, "enum", values=("open", "merged", "closed"))
    own["repository"] = stored("repository", repository.c.full_name, "repository", folded=True)
    for name in ("block", "collection", "key", "kind", "actor", "actor_source"):
        own[name] = stored(name, _told(viewer, name), "string", group="place")
    return own


def _told(viewer: Viewer, name: str) -> ColumnElement[Any]:
    """A column of a place, as the viewer sees it."""
    column = _places.c[name]
    return of_actor(viewer, _places, column) if name in _ACTOR else column


async def pull_list(
    connection: AsyncConnection, viewer: Viewer, question: Question, *, collection: Collection | None = None,
    key: str | None = None,
) -> PullPage:  # fmt: skip
    """A page of pull requests, in two statements; of one entry where `collection` and `key` are given.

    QueryError: `bad-cursor`, `cursor-mismatch`.
    """
    rows = _select(viewer)
    placed = keyed(viewer, _places)
    about: tuple[str, ...] = ("pulls",)
    if collection is not None:
        about = ("pulls", collection.block, collection.name, key or "")
        of_entry = select(_places.c.repository_id, _places.c.number).where(
            _places.c.block == collection.block, _places.c.collection == collection.name, _places.c.key == key,
            *placed,
        )
        rows = rows.where(tuple_(_pulls.c.repository_id, _pulls.c.number).in_(of_entry))
    places = only(_places).where(_same, *placed)
    ties = (_pulls.c.repository_id, _pulls.c.number)
    listing = Listing(about, rows, columns(viewer), ties, SORT, (("place", places),))
    page = await read_page(connection, listing, question)
    found = await _placed(connection, viewer, [(row.repository_id, row.number) for row in page.rows])
    return PullPage(tuple(_item(row._mapping, found) for row in page.rows), page.next)


async def one_pull(connection: AsyncConnection, viewer: Viewer, full_name: str, number: int) -> PullItem | None:
    """One pull request of a repository by its name of today, in two statements; None where none is seen."""
    rows = _select(viewer).where(func.lower(repository.c.full_name) == full_name.lower(), _pulls.c.number == number)
    row = (await connection.execute(rows)).one_or_none()
    if row is None:
        return None
    return _item(row._mapping, await _placed(connection, viewer, [(row.repository_id, row.number)]))


async def by_number(
    connection: AsyncConnection, viewer: Viewer, wanted: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], PullItem]:
    """Pull requests by (repository id, number), in two statements; those that are not seen are left out."""
    if not wanted:
        return {}
    rows = _select(viewer).where(tuple_(_pulls.c.repository_id, _pulls.c.number).in_(wanted))
    found = (await connection.execute(rows)).all()
    places = await _placed(connection, viewer, [(row.repository_id, row.number) for row in found])
    return {(row.repository_id, row.number): _item(row._mapping, places) for row in found}


def _select(viewer: Viewer) -> Select[Any]:
    joined = _pulls.outerjoin(repository, repository.c.id == _pulls.c.repository_id)
    rows = select(*_pulls.c, repository.c.full_name.label("repository")).select_from(joined)
    if viewer.collections is not None:
        rows = rows.where(exists(only(_places).where(_same, *keyed(viewer, _places))))
    return rows.where(*of_repository(viewer, repository))


async def _placed(
    connection: AsyncConnection, viewer: Viewer, pulls: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], tuple[Place, ...]]:
    if not pulls:
        return {}
    told = [_told(viewer, column.name).label(column.name) for column in _places.c]
    wanted = select(*told).where(
        tuple_(_places.c.repository_id, _places.c.number).in_(pulls), *keyed(viewer, _places)
    )
    found: dict[tuple[int, int], tuple[Place, ...]] = {}
    for row in await connection.execute(wanted.order_by(*_places.primary_key.columns)):
        place = Place(row.block, row.collection, row.key, row.kind, row.actor, row.actor_source, row.actor_evidence)
        pull = row.repository_id, row.number
        found[pull] = (*found.get(pull, ()), place)
    return found


def _item(row: Any, places: dict[tuple[int, int], tuple[Place, ...]]) -> PullItem:
    own = {name: row[name] for name in PullItem.__struct_fields__ if name != "places"}
    return PullItem(**own, places=places.get((row["repository_id"], row["number"]), ()))
