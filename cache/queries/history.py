"""The history of an entry: each change of its file, and of its document."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.profile.collection import Collection
from cache.queries.columns import Column, of_table, stored
from cache.queries.paging import Listing, Question, read_page
from cache.queries.visible import keyed, of_repository
from cache.rows import HistoryRow, RepositoryRow
from cache.schema import tables
from cache.viewer import Viewer

_history = tables[HistoryRow]
_repository = tables[RepositoryRow].alias("repository")

SORT = "-landed_at"


class HistoryItem(Struct, frozen=True):
    """One change: `commit` made it, `landed` brought it onto the default branch."""

    part: str
    position: int
    change: str
    repository: str | None
    path: str
    sha: str | None
    commit: str
    commit_at: datetime
    author_name: str
    author_email: str
    landed: str
    landed_at: datetime
    subject: str


class HistoryPage(Struct, frozen=True):
    """Some changes, and the cursor of the next ones."""

    items: tuple[HistoryItem, ...]
    next: str | None


def columns() -> dict[str, Column]:
    """What a history can be filtered and sorted by."""
    own = of_table(
        _history,
        {
            "position": "integer", "path": "string", "sha": "string", "commit": "string", "commit_at": "datetime",
            "author_name": "string", "author_email": "string", "landed": "string", "landed_at": "datetime",
        },
    )  # fmt: skip
    own["part"] = stored("part", _history.c.part, "enum", values=("entry", "document"))
    own["change"] = stored("change", _history.c.change, "enum", values=("added", "modified", "removed"))
    own["repository"] = stored("repository", _repository.c.full_name, "repository", folded=True)
    return own


async def history_list(
    connection: AsyncConnection, viewer: Viewer, collection: Collection, key: str, question: Question
) -> HistoryPage:
    """A page of an entry's history, in one statement; of changes that landed together the later position first.

    QueryError: `bad-cursor`, `cursor-mismatch`.
    """
    rows = (
        select(*_history.c, _repository.c.full_name.label("repository"))
        .select_from(_history.outerjoin(_repository, _repository.c.id == _history.c.repository_id))
        .where(_history.c.block == collection.block, _history.c.collection == collection.name, _history.c.key == key)
        .where(*of_repository(viewer, _repository), *keyed(viewer, _history))
    )
    about = ("history", collection.block, collection.name, key)
    ties = (-_history.c.position, _history.c.part)
    page = await read_page(connection, Listing(about, rows, columns(), ties, SORT), question)
    made = ({name: row._mapping[name] for name in HistoryItem.__struct_fields__} for row in page.rows)
    return HistoryPage(tuple(HistoryItem(**values) for values in made), page.next)
