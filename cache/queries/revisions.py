"""The revisions of an entry: in pages without their texts, and one by one with them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, and_, case, func, literal, null, or_, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.profile.collection import Collection
from cache.queries.columns import Column, of_table, stored
from cache.queries.errors import NothingThere
from cache.queries.paging import Listing, Question, read_page
from cache.queries.visible import by_id, keyed, of_entries, of_repository, of_revision
from cache.revision_rows import RevisionRow
from cache.rows import BlobRow, EntryRow, RepositoryRow
from cache.schema import tables, text_of
from cache.viewer import EVERYTHING, Viewer

_revisions = tables[RevisionRow]
_entries, _blobs = tables[EntryRow], tables[BlobRow]
_repository = tables[RepositoryRow].alias("repository")

SORT, SORT_OF_PULL = "-version", "block"
LATEST_MERGED = "latest-merged"
"""The name of the revision that was merged last."""
HEAD = "head"
"""The name of the entry as it is now, where two texts are compared."""
_VERSION = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


class Amendment(Struct, frozen=True):
    """A later head that changed the entry again; `blob` is None where it removed it."""

    sha: str
    at: datetime
    blob: str | None


class RevisionItem(Struct, frozen=True, kw_only=True):
    """A revision as it is told in lists; `repository` is the pull request's, None where it is gone or not known."""

    block: str
    collection: str
    key: str
    version: int
    rule: str
    part: str
    path: str
    repository: str | None
    repository_id: int
    number: int
    pr_url: str | None
    pr_branch: str
    pr_state: str
    frozen_at: datetime | None
    merged_at: datetime | None
    closed_at: datetime | None
    head_sha: str | None
    merged_commit: str | None
    content_state: str
    amendments: tuple[Amendment, ...]


class Revision(RevisionItem, frozen=True, kw_only=True):
    """A revision with its text, and the text as it was merged."""

    content: str | None
    merged_content: str | None


class RevisionPage(Struct, frozen=True):
    """Some revisions, and the cursor of the next ones."""

    items: tuple[RevisionItem, ...]
    next: str | None


class Neighbours(Struct, frozen=True):
    """The versions around one, and the version that was merged last; None where there is none."""

    before: int | None
    after: int | None
    merged: int | None


class Head(Struct, frozen=True):
    """An entry as it is now: its file's whole text and that of its document, where they are text, and its body."""

    entry: str | None
    document: str | None
    body: str | None


_OF_PULL: dict[str, ColumnElement[Any]] = {
    "repository_id": literal(-1), "pr_state": literal("open"), "pr_branch": literal(""), "merged_at": null(),
    "closed_at": null(), "merged_commit": null(), "merged_content": null(),
}  # fmt: skip
"""What a revision says of its pull request, as it is told where that is not known."""


def _told(viewer: Viewer, name: str) -> ColumnElement[Any]:
    """A column of a revision; one that its pull request gives, only to those who see the repository of that."""
    column = text_of(RevisionRow, name) if name in RevisionRow.texts else _revisions.c[name]
    if name not in _OF_PULL or not of_repository(viewer, _repository):
        return column
    told = or_(_repository.c.id.is_not(None), _revisions.c.repository_id < 0)
    return type_coerce(case((told, column), else_=_OF_PULL[name]), column.type)


def columns(viewer: Viewer = EVERYTHING) -> dict[str, Column]:
    """What revisions can be filtered and sorted by; their values are those that the viewer sees."""
    own = of_table(
        _revisions,
        {
            "version": "integer", "number": "integer", "frozen_at": "datetime", "head_sha": "string", "path": "string",
        },
    )  # fmt: skip
    for name, kind in {"pr_branch": "string", "merged_at": "datetime", "closed_at": "datetime"}.items():
        own[name] = stored(name, _told(viewer, name), kind)
    own["pr_state"] = stored("pr_state", _told(viewer, "pr_state"), "enum", values=("open", "merged", "closed"))
    own["part"] = stored("part", _revisions.c.part, "enum", values=("entry", "document"))
    own["repository"] = stored("repository", _repository.c.full_name, "repository", folded=True)
    return own


def columns_of_pull(viewer: Viewer = EVERYTHING) -> dict[str, Column]:
    """What the revisions of a pull request can be filtered and sorted by: by their entries as well."""
    own = {name: column for name, column in columns(viewer).items() if name not in ("repository", "number")}
    return {**of_table(_revisions, dict.fromkeys(("block", "collection", "key"), "string")), **own}


async def revision_list(
    connection: AsyncConnection, viewer: Viewer, collection: Collection, key: str, question: Question
) -> RevisionPage:
    """A page of an entry's revisions, in one statement, whether there is an entry or not.

    QueryError: `bad-cursor`, `cursor-mismatch`.
    """
    about = ("revisions", collection.block, collection.name, key)
    # ties stand in cursors, which anyone can read: nothing of the pull request may be among them
    ties = (_revisions.c.version, _revisions.c.entry_repository_id)
    rows = _select(viewer, collection, key, RevisionItem)
    page = await read_page(connection, Listing(about, rows, columns(viewer), ties, SORT), question)
    return RevisionPage(tuple(RevisionItem(**_values(row, RevisionItem)) for row in page.rows), page.next)


async def one_revision(
    connection: AsyncConnection, viewer: Viewer, collection: Collection, key: str, name: str
) -> Revision | None:
    """One revision by its version, or the one merged last (`latest-merged`), in one statement; None: none is seen."""
    rows = _select(viewer, collection, key, Revision)
    if name == LATEST_MERGED:
        rows = _newest_merged(viewer, rows)
    else:
        # of a key that has come to another repository, the revisions of both are told under one name
        rows = rows.where(_revisions.c.version == int(name)).order_by(_revisions.c.entry_repository_id.desc()).limit(1)
    row = (await connection.execute(rows)).one_or_none()
    return None if row is None else Revision(**_values(row, Revision))


async def named_revision(
    connection: AsyncConnection, viewer: Viewer, collection: Collection, key: str, name: str
) -> Revision:
    """One revision by a name out of an address, in one statement. NothingThere: it names none, or none is seen."""
    if name != LATEST_MERGED and not _VERSION.fullmatch(name):
        message = f"{name[:50]!r} names no revision; it is a version, {LATEST_MERGED}, or in a diff {HEAD}"
        raise NothingThere("not-found", message)
    found = await one_revision(connection, viewer, collection, key, name)
    if found is None:
        message = f"{key[:200]!r} of {collection.block}/{collection.name} has no revision {name}"
        raise NothingThere("not-found", message)
    return found


async def neighbours(
    connection: AsyncConnection, viewer: Viewer, collection: Collection, key: str, version: int
) -> Neighbours:
    """What stands around a version, in one statement."""
    own, place = _of(viewer, collection, key), _revisions.c.version
    before = select(func.max(place)).where(*own, place < version)
    after = select(func.min(place)).where(*own, place > version)
    merged = _newest_merged(viewer, select(place).select_from(_joined(viewer)).where(*own))
    told = (each.scalar_subquery() for each in (before, after, merged))
    return Neighbours(*(await connection.execute(select(*told))).one())


async def revision_count(connection: AsyncConnection, viewer: Viewer, collection: Collection, key: str) -> int:
    """How many revisions are seen under this key, whether there is an entry or not."""
    wanted = select(func.count()).select_from(_revisions).where(*_of(viewer, collection, key))
    return (await connection.execute(wanted)).scalar_one()


async def any_revision(connection: AsyncConnection, viewer: Viewer, collection: Collection, key: str) -> bool:
    """Whether a revision is seen under this key."""
    wanted = select(_revisions.c.version).where(*_of(viewer, collection, key)).limit(1)
    return (await connection.execute(wanted)).first() is not None


async def of_pull(
    connection: AsyncConnection, viewer: Viewer, repository_id: int, number: int, question: Question
) -> RevisionPage:
    """A page of the revisions of every entry that a pull request touches, in one statement.

    QueryError: `bad-cursor`, `cursor-mismatch`.
    """
    rows = _columns(viewer, RevisionItem).where(
        _revisions.c.repository_id == repository_id, _revisions.c.number == number,
        *keyed(viewer, _revisions), *of_revision(viewer, _revisions),
    )  # fmt: skip
    about = ("revisions", "pull", str(repository_id), str(number))
    ties = tuple(_revisions.c[name] for name in ("collection", "key", "version", "entry_repository_id"))
    page = await read_page(connection, Listing(about, rows, columns_of_pull(viewer), ties, SORT_OF_PULL), question)
    return RevisionPage(tuple(RevisionItem(**_values(row, RevisionItem)) for row in page.rows), page.next)


async def entry_now(connection: AsyncConnection, viewer: Viewer, collection: Collection, key: str) -> Head | None:
    """An entry as it is now, in one statement; None where none is seen."""
    file, document = _blobs.alias("file"), _blobs.alias("document")
    shown = by_id(viewer, _entries.c.document_repository_id)
    of_file = (file.c.repository_id == _entries.c.repository_id) & (file.c.id == _entries.c.entry_sha)
    of_document = and_(
        document.c.repository_id == _entries.c.document_repository_id, document.c.id == _entries.c.document_sha, *shown
    )
    own = or_(_entries.c.document_repository_id.is_(None), *shown)
    body = text_of(EntryRow, "body")
    seen = type_coerce(case((own, body), else_=text_of(EntryRow, "entry_body")), body.type) if shown else body
    files = (text_of(BlobRow, "content", name).label(name) for name in ("file", "document"))
    wanted = (
        select(seen.label("body"), *files)
        .select_from(_entries.outerjoin(file, of_file).outerjoin(document, of_document))
        .where(_entries.c.block == collection.block, _entries.c.collection == collection.name, _entries.c.key == key)
        .where(*of_entries(viewer, _entries))
    )
    row = (await connection.execute(wanted)).one_or_none()
    return None if row is None else Head(_text(row.file), _text(row.document), row.body)


def _text(content: bytes | None) -> str | None:
    try:
        return None if content is None else content.decode()
    except UnicodeDecodeError:
        return None


def _of(viewer: Viewer, collection: Collection, key: str) -> tuple[Any, ...]:
    table = _revisions.c
    own = table.block == collection.block, table.collection == collection.name, table.key == key
    return *own, *keyed(viewer, _revisions), *of_revision(viewer, _revisions)


def _columns(viewer: Viewer, kind: type[RevisionItem]) -> Select[Any]:
    own = (_told(viewer, name).label(name) for name in kind.__struct_fields__ if name != "repository")
    return select(*own, _repository.c.full_name.label("repository")).select_from(_joined(viewer))


def _joined(viewer: Viewer) -> Any:
    """Revisions with the repositories of their pull requests, where those are seen."""
    seen = and_(_repository.c.id == _revisions.c.repository_id, *of_repository(viewer, _repository))
    return _revisions.outerjoin(_repository, seen)


def _newest_merged(viewer: Viewer, rows: Select[Any]) -> Select[Any]:
    merged_at = _told(viewer, "merged_at")
    return rows.where(merged_at.is_not(None)).order_by(merged_at.desc(), _revisions.c.version.desc()).limit(1)


def _select(viewer: Viewer, collection: Collection, key: str, kind: type[RevisionItem]) -> Select[Any]:
    return _columns(viewer, kind).where(*_of(viewer, collection, key))


def _values(row: Any, kind: type[RevisionItem]) -> dict[str, Any]:
    values = {name: row._mapping[name] for name in kind.__struct_fields__}
    amendments = ({**each, "at": datetime.fromisoformat(each["at"])} for each in values["amendments"])
    return {**values, "amendments": tuple(Amendment(**each) for each in amendments)}
