"""Branches of an entry's own repository."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.profile.collection import Collection
from cache.queries.columns import Column, of_table, stored
from cache.queries.paging import Listing, Question, read_page
from cache.queries.visible import keyed, of_repository
from cache.rows import BranchRow, RepositoryRow
from cache.schema import tables
from cache.viewer import Viewer

_branches = tables[BranchRow]
_repository = tables[RepositoryRow].alias("repository")

SORT = "name"


class BranchItem(Struct, frozen=True):
    """A branch; a `deleted` one is remembered with the head it had."""

    repository: str | None
    repository_id: int
    name: str
    sha: str
    state: str
    last_commit_at: datetime | None
    is_default: bool


class BranchPage(Struct, frozen=True):
    """Some branches, and the cursor of the next ones."""

    items: tuple[BranchItem, ...]
    next: str | None


def columns() -> dict[str, Column]:
    """What branches can be filtered and sorted by."""
    kinds = {"name": "string", "sha": "string", "last_commit_at": "datetime", "is_default": "boolean"}
    own = of_table(_branches, kinds)
    own["state"] = stored("state", _branches.c.state, "enum", values=("open", "closed", "deleted"))
    own["repository"] = stored("repository", _repository.c.full_name, "repository", folded=True)
    return own


async def branch_list(
    connection: AsyncConnection, viewer: Viewer, collection: Collection, key: str, question: Question
) -> BranchPage:
    """A page of an entry's branches, in one statement. QueryError: `bad-cursor`, `cursor-mismatch`."""
    rows = (
        select(*_branches.c, _repository.c.full_name.label("repository"))
        .select_from(_branches.outerjoin(_repository, _repository.c.id == _branches.c.repository_id))
        .where(_branches.c.block == collection.block, _branches.c.collection == collection.name, _branches.c.key == key)
        .where(*of_repository(viewer, _repository), *keyed(viewer, _branches))
    )
    about = ("branches", collection.block, collection.name, key)
    ties = (_branches.c.repository_id, _branches.c.name)
    page = await read_page(connection, Listing(about, rows, columns(), ties, SORT), question)
    made = ({name: row._mapping[name] for name in BranchItem.__struct_fields__} for row in page.rows)
    return BranchPage(tuple(BranchItem(**values) for values in made), page.next)
