"""Entries: lists of a collection, one by its key, and what is counted beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    text,
    type_coerce,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.profile.collection import Collection
from cache.queries import facets
from cache.queries.columns import Columns, entry_columns, key_parts, stored
from cache.queries.errors import QueryError
from cache.queries.paging import Listing, Question, Rows, read_page, with_texts
from cache.queries.visible import by_id, in_collections, of_repository, of_revision
from cache.revision_rows import RevisionRow
from cache.rows import BranchRow, EntryRow, FindingRow, PullEntryRow, PullRow, RepositoryRow
from cache.schema import tables, text_of
from cache.viewer import EVERYTHING, Viewer

_entries, _findings, _branches = tables[EntryRow], tables[FindingRow], tables[BranchRow]
_revisions = tables[RevisionRow]
_places, _pulls = tables[PullEntryRow], tables[PullRow]
_repository, _home, _document = (tables[RepositoryRow].alias(name) for name in ("repository", "home", "document"))


LONGEST_SEARCH, MOST_TOKENS, LONGEST_PHRASE = 1_000, 32, 16
"""Letters of a search, its words as the index has them, and those of one phrase (`a-b-c` is one of three)."""
_TOKEN = re.compile(r"[^\W_]+")


class Counts(Struct, frozen=True):
    """What belongs to an entry now."""

    branches_open: int = 0
    pulls_open: int = 0
    findings: int = 0


class Counted(Struct, frozen=True):
    """What belongs to an entry now, and how many revisions it has."""

    now: Counts
    revisions: int = 0


class EntryItem(Struct, frozen=True):
    """An entry as it is told. `parts` are the parts of its key by their names.

    `body_sha` is the blob id of what `body` was read from: the document's where the entry has one. `body` is None
    where it was not asked for as well.
    """

    block: str
    collection: str
    key: str
    parts: dict[str, str]
    repository: str | None
    path: str
    line: int
    title: str
    valid: bool
    fields: dict[str, Any]
    body: str | None
    body_sha: str
    entry_sha: str
    document_sha: str | None
    document_repository: str | None
    document_path: str | None
    document_commit: str | None
    commit: str
    landed: str
    last_entry_commit_at: datetime
    landed_at: datetime
    created_at: datetime
    updated_at: datetime
    last_main_commit_at: datetime | None
    home_repository: str | None
    counts: Counts
    revision_count: int
    repository_ids: tuple[int, ...] = ()
    """The repositories that it was read from: its file's, its document's, its own."""


class EntryPage(Struct, frozen=True):
    """Some entries, and the cursor of the next ones."""

    items: tuple[EntryItem, ...]
    next: str | None


def columns(collection: Collection, viewer: Viewer = EVERYTHING) -> Columns:
    """What entries of a collection can be filtered and sorted by; their values are those that the viewer sees."""
    own = dict(entry_columns(collection, _repository, _home))
    declared = {field.name for field in collection.fields}
    for name in ("updated_at", "last_main_commit_at"):
        if name not in declared and not viewer.everything:
            own[name] = stored(name, _seen(collection, viewer, name), "datetime")
    return own


_OF_DOCUMENT = frozenset({
    "document_repository_id", "document_path", "document_sha", "document_commit", "document_commit_at",
})  # fmt: skip
_OF_HOME = frozenset({"home_repository_id", "last_main_commit_at"})


def _seen(collection: Collection, viewer: Viewer, name: str) -> ColumnElement[Any]:
    """A column of an entry as the viewer sees it: without what comes of repositories that are hidden."""
    column = text_of(EntryRow, name) if name == "body" else _entries.c[name]
    if viewer.everything:
        return column
    without = {"body": text_of(EntryRow, "entry_body"), "updated_at": _entries.c.last_entry_commit_at}.get(name)
    if name in _OF_HOME:
        seen: ColumnElement[bool] = _home.c.id.is_not(None)
    elif (name in _OF_DOCUMENT or without is not None) and collection.document is not None:
        seen = or_(_entries.c.document_repository_id.is_(None), _document.c.id.is_not(None))
    else:
        return column
    other = null() if without is None else type_coerce(without, column.type)
    return type_coerce(case((seen, type_coerce(column, Text)), else_=type_coerce(other, Text)), column.type)


async def entry_list(
    connection: AsyncConnection, viewer: Viewer, collection: Collection, question: Question, *, q: str | None = None,
    body: int = 0,
) -> EntryPage:  # fmt: skip
    """A page of a collection's entries, in two statements, four with bodies. `q` is searched for in the text; `body`
    brings bodies, so many bytes of them: a page ends where the next would be more, and tells its first one at least.

    QueryError: `bad-cursor`, `cursor-mismatch`, `too-many-words`.
    """
    page: Rows = await read_page(connection, _listing(viewer, collection, q), question)
    bodies: dict[tuple[Any, ...], Any] = {}
    if body:
        whole = _select(viewer, collection, body=True)
        page, bodies = await with_texts(connection, page, whole, ("key",), "body", body)
    counted = await counts(connection, viewer, collection, page.rows)
    told = ({**row._mapping, "body": bodies.get((row.key,))} for row in page.rows)
    items = (_item(collection, row, counted[row["key"]]) for row in told)
    return EntryPage(tuple(items), page.next)


async def value_counts(
    connection: AsyncConnection, viewer: Viewer, collection: Collection, question: Question, name: str, *,
    q: str | None = None,
) -> dict[str, int]:  # fmt: skip
    """How many entries that fit have each value of a column, whatever is asked of that column itself.

    KeyError: there is no such column. QueryError: `too-many-words`.
    """
    listing = _listing(viewer, collection, q)
    value = listing.columns[name].value.label("value")
    rows = await facets.counted(connection, listing, facets.but(question.conditions, name), value)
    return {str(one): number for one, number in rows if one is not None}


def _listing(viewer: Viewer, collection: Collection, q: str | None) -> Listing:
    rows = _select(viewer, collection, body=False)
    if q is not None:
        rows = rows.where(_holds(viewer, collection, q))
    about = (collection.block, collection.name, q or "")
    return Listing(about, rows, columns(collection, viewer), (_entries.c.key,), "key")


async def one_entry(
    connection: AsyncConnection, viewer: Viewer, collection: Collection, key: str
) -> EntryItem | None:
    """One entry with its body, in two statements; None where none of this key is seen."""
    row = (await connection.execute(_select(viewer, collection, body=True).where(_entries.c.key == key))).one_or_none()
    if row is None:
        return None
    counted = await counts(connection, viewer, collection, [row])
    return _item(collection, row._mapping, counted[key])


async def entry_repositories(
    connection: AsyncConnection, viewer: Viewer, collection: Collection, key: str
) -> tuple[int, ...] | None:
    """The ids of the repositories that an entry was read from; None where no such entry is seen."""
    wanted = _select(viewer, collection, body=False).where(_entries.c.key == key)
    row = (await connection.execute(wanted)).one_or_none()
    return None if row is None else _read_from(row._mapping)


def _holds(viewer: Viewer, collection: Collection, q: str) -> ColumnElement[bool]:
    """That what the viewer sees holds the words: an entry's own text, where its document is hidden."""
    whole = _found("{key title words body}", q)
    if viewer.everything or collection.document is None:
        return whole
    seen = or_(_entries.c.document_repository_id.is_(None), _document.c.id.is_not(None))
    return case((seen, whole), else_=_found("{key title words own}", q))


def _found(columns: str, q: str) -> ColumnElement[bool]:
    words: Any = bindparam("words", f"{columns} : ({match(q)})", unique=True)
    found = text("SELECT rowid FROM entry_text WHERE entry_text MATCH :words").bindparams(words)
    return _entries.c.id.in_(found.columns(literal_column("rowid")).scalar_subquery())


def match(q: str) -> str:
    """An FTS5 query for text as people type it: every word must be there, the last may be a beginning.

    Words are quoted, so nothing that a reader types is an operator (sqlite.org/fts5.html, "FTS5 Strings"). QueryError
    `too-many-words`: SQLite looks through every place of every word, and cannot be stopped while it does.
    """
    tokens = [len(_TOKEN.findall(word)) for word in q.split()]
    if len(q) > LONGEST_SEARCH or sum(tokens) > MOST_TOKENS or max(tokens, default=0) > LONGEST_PHRASE:
        message = (
            f"q may have {LONGEST_SEARCH} letters and {MOST_TOKENS} words, {LONGEST_PHRASE} of them joined by signs;"
            " leave some out"
        )
        raise QueryError("too-many-words", message, "q")
    words = [word.replace('"', '""') for word in q.replace("\x00", " ").split()]
    return " AND ".join(f'"{word}"' for word in words) + "*" if words else '""'


def _of(collection: Collection) -> tuple[Any, Any]:
    # written into the statement, not bound: a partial index is used only where SQLite sees its very condition
    block: Any = bindparam("block_name", collection.block, literal_execute=True)
    name: Any = bindparam("collection_name", collection.name, literal_execute=True)
    return _entries.c.block == block, _entries.c.collection == name


def _select(viewer: Viewer, collection: Collection, *, body: bool) -> Select[Any]:
    names = [name for name in EntryRow.__struct_fields__ if name in _entries.c or (body and name == "body")]
    told = [_seen(collection, viewer, name).label(name) for name in names]
    return (
        select(
            *told,
            _repository.c.full_name.label("repository"),
            _home.c.full_name.label("home_repository"),
            _document.c.full_name.label("document_repository"),
        )
        .select_from(
            _entries.outerjoin(_repository, _repository.c.id == _entries.c.repository_id)
            .outerjoin(_home, and_(_home.c.id == _entries.c.home_repository_id, *of_repository(viewer, _home)))
            .outerjoin(
                _document,
                and_(_document.c.id == _entries.c.document_repository_id, *of_repository(viewer, _document)),
            )
        )
        .where(*_of(collection), *of_repository(viewer, _repository), *in_collections(viewer, _entries))
    )


async def counts(
    connection: AsyncConnection, viewer: Viewer, collection: Collection, rows: Sequence[Any]
) -> dict[str, Counted]:
    """What belongs to these rows of entries, by key, in one statement.

    A finding without a key is about a file, and counts for the entries read from it: of a `jsonl` file for the entry
    of its line.
    """
    if not rows:
        return {}
    keys, paths = [row.key for row in rows], {row.path for row in rows}
    of_file = [func.coalesce(_findings.c.repository_id, 0), func.coalesce(_findings.c.line, 0)]
    statement = union_all(
        _counted(viewer, "branches_open", _branches.c.key, keys, collection).where(_branches.c.state == "open"),
        _counted(viewer, "pulls_open", _places.c.key, keys, collection)
        .join(_pulls, and_(_pulls.c.repository_id == _places.c.repository_id, _pulls.c.number == _places.c.number))
        .where(_pulls.c.state == "open", _pulls.c.gone.is_(False)),
        _counted(viewer, "findings", _findings.c.key, keys, collection),
        _counted(viewer, "revisions", _revisions.c.key, keys, collection),
        _counted(viewer, "file", _findings.c.path, paths, collection, *of_file).where(_findings.c.key.is_(None)),
    )
    found: dict[str, dict[str, int]] = {row.key: {} for row in rows}
    for name, what, number, repository_id, line in await connection.execute(statement):
        if what != "file":
            found[name][what] = found[name].get(what, 0) + number
            continue
        for row in rows:
            if (row.repository_id, row.path) == (repository_id, name) and row.line in (0, line):
                found[row.key]["findings"] = found[row.key].get("findings", 0) + number
    revised = {key: numbers.pop("revisions", 0) for key, numbers in found.items()}
    return {key: Counted(Counts(**numbers), revised[key]) for key, numbers in found.items()}


def _counted(
    viewer: Viewer, what: str, name: Any, names: Iterable[str], collection: Collection, *by: Any
) -> Select[Any]:
    table = name.table
    beside = by or (literal(0), literal(0))
    return (
        select(name.label("name"), literal(what).label("what"), func.count().label("number"), *beside)
        .select_from(table)
        .where(table.c.block == collection.block, table.c.collection == collection.name, name.in_(sorted(names)))
        .where(*(of_revision(viewer, table) if table is _revisions else by_id(viewer, table.c.repository_id)))
        .group_by(name, *by)
    )


def _item(collection: Collection, row: Any, counted: Counted) -> EntryItem:
    same = (
        "block", "collection", "key", "repository", "path", "line", "title", "valid", "fields", "entry_sha",
        "document_sha", "document_repository", "document_path", "document_commit", "commit", "landed",
        "last_entry_commit_at", "landed_at", "created_at", "updated_at", "last_main_commit_at", "home_repository",
    )  # fmt: skip
    return EntryItem(
        **{name: row[name] for name in same},
        parts=key_parts(collection, row["key"]),
        body=row.get("body"),
        body_sha=row["document_sha"] or row["entry_sha"],
        counts=counted.now,
        revision_count=counted.revisions,
        repository_ids=_read_from(row),
    )


def _read_from(row: Any) -> tuple[int, ...]:
    ids = (row["repository_id"], row["document_repository_id"], row["home_repository_id"])
    return tuple(dict.fromkeys(one for one in ids if one is not None))
