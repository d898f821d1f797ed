"""Repositories, and how our looking at each goes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.queries.columns import Column, of_table, stored
from cache.queries.paging import Listing, Question, read_page
from cache.queries.visible import itself
from cache.rows import LookRow, RepositoryRow
from cache.schema import tables
from cache.viewer import Viewer

_repositories, _looks = tables[RepositoryRow], tables[LookRow]

SORT = "full_name"


class Look(Struct, frozen=True):
    """Our looking at a repository; `next_look_at` is the end of a back-off."""

    observed_at: datetime | None
    verified_at: datetime | None
    delivered_at: datetime | None
    failures: int
    next_look_at: datetime | None
    last_error: str | None
    last_error_at: datetime | None
    remedy: str | None


class RepositoryItem(Struct, frozen=True):
    """A repository; `mirrored` where a profile reaches it, else it is only listed."""

    id: int
    full_name: str
    owner: str
    name: str
    default_branch: str
    private: bool
    archived: bool
    empty: bool
    fork: bool
    mirror: bool
    description: str
    topics: tuple[str, ...]
    created_at: datetime | None
    object_format: str
    mirrored: bool
    depth: str | None
    look: Look | None


class RepositoryPage(Struct, frozen=True):
    """Some repositories, and the cursor of the next ones."""

    items: tuple[RepositoryItem, ...]
    next: str | None


def columns() -> dict[str, Column]:
    """What repositories can be filtered and sorted by."""
    own = of_table(
        _repositories,
        {
            "id": "integer", "name": "string", "default_branch": "string", "private": "boolean",
            "archived": "boolean", "empty": "boolean", "fork": "boolean", "mirror": "boolean", "topics": "list",
            "created_at": "datetime",
        },
    )  # fmt: skip
    for name in ("full_name", "owner"):
        own[name] = stored(name, _repositories.c[name], "repository", folded=True)
    own["depth"] = stored("depth", _repositories.c.depth, "enum", values=("files", "commits"))
    own["failures"] = stored("failures", _looks.c.failures, "integer")
    own["observed_at"] = stored("observed_at", _looks.c.observed_at, "datetime")
    return own


def everything() -> ColumnElement[bool]:
    """The condition that every repository meets."""
    return _repositories.c.id.is_not(None)


def _select(viewer: Viewer) -> Select[Any]:
    looks = [_looks.c[name].label(f"look_{name}") for name in Look.__struct_fields__]
    joined = _repositories.outerjoin(_looks, _looks.c.repository_id == _repositories.c.id)
    told = select(*_repositories.c, *looks, _looks.c.repository_id.label("looked")).select_from(joined)
    return told.where(*itself(viewer, _repositories))


async def repository_list(connection: AsyncConnection, viewer: Viewer, question: Question) -> RepositoryPage:
    """A page of repositories, in one statement. QueryError: `bad-cursor`, `cursor-mismatch`."""
    listing = Listing(("repositories",), _select(viewer), columns(), (_repositories.c.id,), SORT)
    page = await read_page(connection, listing, question)
    return RepositoryPage(tuple(_item(row._mapping) for row in page.rows), page.next)


async def one_repository(connection: AsyncConnection, viewer: Viewer, full_name: str) -> RepositoryItem | None:
    """A repository by its name, compared without case as the forge does; None where none is seen that has it."""
    wanted = _select(viewer).where(func.lower(_repositories.c.full_name) == full_name.lower())
    row = (await connection.execute(wanted.order_by(_repositories.c.id).limit(1))).one_or_none()
    return None if row is None else _item(row._mapping)


def _item(row: Any) -> RepositoryItem:
    own = {name: row[name] for name in RepositoryItem.__struct_fields__ if name not in ("mirrored", "look")}
    look = None
    if row["looked"] is not None:
        look = Look(**{name: row[f"look_{name}"] for name in Look.__struct_fields__})
    return RepositoryItem(**own, mirrored=row["depth"] is not None, look=look)
