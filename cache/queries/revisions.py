"""The revisions of an entry: in pages without their texts, and one by one with them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.profile.collection import Collection
from cache.queries.columns import Column, of_table, stored
from cache.queries.errors import NothingThere
from cache.queries.paging import Listing, Question, read_page
from cache.revision_rows import RevisionRow
from cache.rows import BlobRow, EntryRow, RepositoryRow
from cache.schema import tables

_revisions = tables[RevisionRow]
_entries, _blobs = tables[EntryRow], tables[BlobRow]
_repository = tables[RepositoryRow].alias("repository")
_NEWEST_MERGED = (_revisions.c.merged_at.desc(), _revisions.c.version.desc())

SORT = "-version"
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


def columns() -> dict[str, Column]:
    """What revisions can be filtered and sorted by."""
    own = of_table(
        _revisions,
        {
            "version": "integer", "number": "integer", "pr_branch": "string", "frozen_at": "datetime",
            "merged_at": "datetime", "closed_at": "datetime", "head_sha": "string", "path": "string",
        },
    )  # fmt: skip
    own["pr_state"] = stored("pr_state", _revisions.c.pr_state, "enum", values=("open", "merged", "closed"))
    own["part"] = stored("part", _revisions.c.part, "enum", values=("entry", "document"))
    own["repository"] = stored("repository", _repository.c.full_name, "repository", folded=True)
    return own


async def revision_list(
    connection: AsyncConnection, collection: Collection, key: str, question: Question
) -> RevisionPage:
    """A page of an entry's revisions, in one statement, whether there is an entry or not.

    QueryError: `bad-cursor`, `cursor-mismatch`.
    """
    about = ("revisions", collection.block, collection.name, key)
    rows, ties = _select(collection, key, RevisionItem), (_revisions.c.repository_id, _revisions.c.number)
    page = await read_page(connection, Listing(about, rows, columns(), ties, SORT), question)
    return RevisionPage(tuple(RevisionItem(**_values(row, RevisionItem)) for row in page.rows), page.next)


async def one_revision(connection: AsyncConnection, collection: Collection, key: str, name: str) -> Revision | None:
    """One revision by its version, or the one merged last (`latest-merged`), in one statement; None: there is none."""
    rows = _select(collection, key, Revision)
    if name == LATEST_MERGED:
        rows = rows.where(_revisions.c.merged_at.is_not(None)).order_by(*_NEWEST_MERGED).limit(1)
    else:
        # of a key that has come to another repository, the revisions of both are told under one name
        rows = rows.where(_revisions.c.version == int(name)).order_by(_revisions.c.repository_id.desc()).limit(1)
    row = (await connection.execute(rows)).one_or_none()
    return None if row is None else Revision(**_values(row, Revision))


async def named_revision(connection: AsyncConnection, collection: Collection, key: str, name: str) -> Revision:
    """One revision by a name out of an address, in one statement. NothingThere: it names none, or there is none."""
    if name != LATEST_MERGED and not _VERSION.fullmatch(name):
        message = f"{name[:50]!r} names no revision; it is a version, {LATEST_MERGED}, or in a diff {HEAD}"
        raise NothingThere("not-found", message)
    found = await one_revision(connection, collection, key, name)
    if found is None:
        message = f"{key[:200]!r} of {collection.block}/{collection.name} has no revision {name}"
        raise NothingThere("not-found", message)
    return found


async def neighbours(connection: AsyncConnection, collection: Collection, key: str, version: int) -> Neighbours:
    """What stands around a version, in one statement."""
    own, place = _of(collection, key), _revisions.c.version
    before = select(func.max(place)).where(*own, place < version)
    after = select(func.min(place)).where(*own, place > version)
    merged = select(place).where(*own, _revisions.c.merged_at.is_not(None)).order_by(*_NEWEST_MERGED).limit(1)
    told = (each.scalar_subquery() for each in (before, after, merged))
    return Neighbours(*(await connection.execute(select(*told))).one())


async def revision_count(connection: AsyncConnection, collection: Collection, key: str) -> int:
    """How many revisions there are under this key, whether there is an entry or not."""
    wanted = select(func.count()).select_from(_revisions).where(*_of(collection, key))
    return (await connection.execute(wanted)).scalar_one()


async def any_revision(connection: AsyncConnection, collection: Collection, key: str) -> bool:
    """Whether there is a revision under this key."""
    wanted = select(_revisions.c.version).where(*_of(collection, key)).limit(1)
    return (await connection.execute(wanted)).first() is not None


async def of_pull(connection: AsyncConnection, repository_id: int, number: int) -> tuple[RevisionItem, ...]:
    """The revisions of every entry that a pull request touches, in one statement."""
    rows = _columns(RevisionItem).where(_revisions.c.repository_id == repository_id, _revisions.c.number == number)
    found = await connection.execute(rows.order_by(_revisions.c.block, _revisions.c.collection, _revisions.c.key))
    return tuple(RevisionItem(**_values(row, RevisionItem)) for row in found)


async def entry_now(connection: AsyncConnection, collection: Collection, key: str) -> Head | None:
    """An entry as it is now, in one statement; None where there is none."""
    file, document = _blobs.alias("file"), _blobs.alias("document")
    of_file = (file.c.repository_id == _entries.c.repository_id) & (file.c.id == _entries.c.entry_sha)
    of_document = (document.c.repository_id == _entries.c.document_repository_id) & (
        document.c.id == _entries.c.document_sha
    )
    told = _entries.c.body, file.c.content.label("file"), document.c.content.label("document")
    wanted = (
        select(*told)
        .select_from(_entries.outerjoin(file, of_file).outerjoin(document, of_document))
        .where(_entries.c.block == collection.block, _entries.c.collection == collection.name, _entries.c.key == key)
    )
    row = (await connection.execute(wanted)).one_or_none()
    return None if row is None else Head(_text(row.file), _text(row.document), row.body)


def _text(content: bytes | None) -> str | None:
    try:
        return None if content is None else content.decode()
    except UnicodeDecodeError:
        return None


def _of(collection: Collection, key: str) -> tuple[Any, ...]:
    table = _revisions.c
    return table.block == collection.block, table.collection == collection.name, table.key == key


def _columns(kind: type[RevisionItem]) -> Select[Any]:
    own = (_revisions.c[name] for name in kind.__struct_fields__ if name != "repository")
    joined = _revisions.outerjoin(_repository, _repository.c.id == _revisions.c.repository_id)
    return select(*own, _repository.c.full_name.label("repository")).select_from(joined)


def _select(collection: Collection, key: str, kind: type[RevisionItem]) -> Select[Any]:
    return _columns(kind).where(*_of(collection, key))


def _values(row: Any, kind: type[RevisionItem]) -> dict[str, Any]:
    values = {name: row._mapping[name] for name in kind.__struct_fields__}
    amendments = ({**each, "at": datetime.fromisoformat(each["at"])} for each in values["amendments"])
    return {**values, "amendments": tuple(Amendment(**each) for each in amendments)}
