"""The tables of `cache.db`, built from the row types, so that a column is written down once."""

from __future__ import annotations

import json
import types
import typing
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
)
from sqlalchemy import (
    types as sqltypes,
)

from cache.revision_rows import ProposalRow, RevisionRow
from cache.rows import (
    EVIDENCE,
    OPERATIONAL,
    PROJECTED,
    BlobRow,
    BranchRow,
    EntryRow,
    FileVersionRow,
    FindingRow,
    HistoryRow,
    PullEntryRow,
    PullRow,
    RelationRow,
    RepositoryRow,
    Row,
)

metadata = MetaData()


class UtcText(sqltypes.TypeDecorator[datetime]):
    """An instant as text, `2026-01-02T03:04:05Z`: sorts as it reads, and any SQLite tool can show it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> str | None:
        """Aware datetimes only; fractions of a second are kept to the microsecond where there are any."""
        return None if value is None else to_text(value)

    def process_result_value(self, value: str | None, dialect: Any) -> datetime | None:
        """The instant, in UTC."""
        return None if value is None else datetime.fromisoformat(value)


class JsonText(sqltypes.TypeDecorator[Any]):
    """A JSON value as canonical text: sorted keys, no spaces."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        """Canonical JSON; a lone surrogate, which UTF-8 cannot hold, stays the escape that JSON has for it."""
        if value is None:
            return None
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text.encode("utf-8", "backslashreplace").decode()

    def process_result_value(self, value: str | None, dialect: Any) -> Any:
        """The value; lists come back as lists."""
        return None if value is None else json.loads(value)


class TupleText(JsonText):
    """A JSON list that is a tuple in our rows."""

    cache_ok = True

    def process_result_value(self, value: str | None, dialect: Any) -> Any:
        """The list as a tuple."""
        return None if value is None else tuple(json.loads(value))


class AnyText(sqltypes.TypeDecorator[str]):
    """Text from outside: whatever it holds, a row can be written."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        """Lone surrogates, which no UTF-8 text can hold, become backslash escapes."""
        return None if value is None else value.encode("utf-8", "backslashreplace").decode()


def to_text(value: datetime) -> str:
    """An instant as it stands in the database and in the API."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _type(annotation: Any) -> Any:
    members = [a for a in typing.get_args(annotation) if a is not types.NoneType] or [annotation]
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return _type(members[0])
    if origin is tuple:
        return TupleText
    if origin is dict:
        return JsonText
    return {int: BigInteger, str: AnyText, bool: Boolean, bytes: LargeBinary, datetime: UtcText}[annotation]


texts = Table(
    "texts", metadata,
    Column("id", Integer, primary_key=True),
    Column("hash", LargeBinary, nullable=False, unique=True),   # SHA-256
    Column("content", LargeBinary, nullable=False),
)  # fmt: skip
"""Whatever rows say at length, once: a row refers to a text by `..._text`, and to where it begins in it by `..._start`,
in bytes."""


def _table(kind: type[Row]) -> Table:
    """The table of a row type. For the full-text index entries have a number as well, which VACUUM leaves alone, and
    what their fields say."""
    numbered = kind is EntryRow
    columns: list[Column[Any]] = [Column("id", Integer, primary_key=True)] if numbered else []
    for name, annotation in typing.get_type_hints(kind).items():
        if typing.get_origin(annotation) is typing.ClassVar or (kind, name) == (EntryRow, "body"):
            continue
        if name in kind.texts:
            columns.append(Column(f"{name}_text", Integer, ForeignKey("texts.id")))
            columns.append(Column(f"{name}_start", Integer))
            continue
        optional = types.NoneType in typing.get_args(annotation)
        primary = name in kind.primary
        column_type = Integer if kind.primary == (name,) and annotation is int else _type(annotation)
        columns.append(
            Column(name, column_type, primary_key=primary and not numbered, nullable=optional and not primary)
        )
    if numbered:
        columns.append(Column("words", AnyText, nullable=False))
    table = Table(kind.table, metadata, *columns, *([UniqueConstraint(*kind.primary)] if numbered else []))
    for name in kind.texts:  # what says whether a text is still referred to
        column = table.c[f"{name}_text"]
        Index(f"{kind.table}_{name}", column, sqlite_where=column.is_not(None))
    return table


tables: dict[type[Row], Table] = {kind: _table(kind) for kind in (*EVIDENCE, *PROJECTED, *OPERATIONAL)}



@cache
def text_sql(kind: type[Row], name: str, table: str = "") -> str:
    """The SQL of a text of a row; `table` is what the row's table is called in the statement, where not by its name.

    An entry's `body` is its document's where it has one, else its own.
    """
    own = table or kind.table
    if (kind, name) == (EntryRow, "body"):
        parts = (text_sql(kind, part, own) for part in ("entry_body", "document_body"))
        return f"CASE WHEN {own}.document_repository_id IS NULL THEN {next(parts)} ELSE {next(parts)} END"
    content = f"coalesce(substr(texts.content, {own}.{name}_start + 1), x'')"  # substr says NULL of nothing
    if kind is not BlobRow:
        content = f"CAST({content} AS TEXT)"
    return f"(SELECT {content} FROM texts WHERE texts.id = {own}.{name}_text)"  # noqa: S608 - names of ours


@cache
def text_of(kind: type[Row], name: str, table: str = "") -> ColumnElement[Any]:
    """A text of a row, as `text_sql` has it."""
    return literal_column(f"({text_sql(kind, name, table)})", LargeBinary() if kind is BlobRow else AnyText())


_repositories, _entries = tables[RepositoryRow], tables[EntryRow]
_pulls, _places, _branches = tables[PullRow], tables[PullEntryRow], tables[BranchRow]
Index("repositories_full_name", _repositories.c.full_name)
Index("file_versions_landed", tables[FileVersionRow].c.repository_id, tables[FileVersionRow].c.position)
Index("entries_updated", _entries.c.block, _entries.c.collection, _entries.c.updated_at)
Index("entries_landed", _entries.c.block, _entries.c.collection, _entries.c.landed_at)
Index("entries_home", _entries.c.home_repository_id)
Index("entries_repository", _entries.c.repository_id)
Index("entries_key", _entries.c.block, _entries.c.key)
Index("history_landed", tables[HistoryRow].c.block, tables[HistoryRow].c.collection, tables[HistoryRow].c.key,
      tables[HistoryRow].c.landed_at)  # fmt: skip
Index("relations_target", tables[RelationRow].c.kind, tables[RelationRow].c.target)
Index("branches_repository", _branches.c.repository_id, _branches.c.name)
Index("pulls_opened", _pulls.c.opened_at)
Index("pulls_open", _pulls.c.repository_id, _pulls.c.opened_at, sqlite_where=_pulls.c.state == "open")
Index("pull_entries_key", _places.c.block, _places.c.collection, _places.c.key)
_revisions = tables[RevisionRow]
_entry = (_revisions.c.block, _revisions.c.collection, _revisions.c.key)
Index("revisions_version", *_entry, _revisions.c.version)
Index("revisions_merged", *_entry, _revisions.c.merged_at)
Index("revisions_pull", _revisions.c.repository_id, _revisions.c.number)
_proposals = tables[ProposalRow]
Index("proposals_key", _proposals.c.block, _proposals.c.collection, _proposals.c.key)
Index("findings_repository", tables[FindingRow].c.repository_id)
Index("findings_entry", tables[FindingRow].c.block, tables[FindingRow].c.collection, tables[FindingRow].c.key)
Index("findings_rule", tables[FindingRow].c.rule)

feed = Table(
    "changes", metadata,
    Column("sequence", Integer, primary_key=True),
    Column("at", UtcText, nullable=False),
    Column("kind", Text, nullable=False),        # entry, branch, pull, revision, proposal, finding, repository
    Column("operation", Text, nullable=False),   # created, updated, deleted
    Column("block", Text),
    Column("collection", Text),
    Column("key", Text),
    Column("repository_id", Integer),
    Column("number", Integer),
    Column("name", Text),
    Column("columns", TupleText, nullable=False),
    Column("commit", Text),
)  # fmt: skip
Index("changes_entry", feed.c.block, feed.c.collection, feed.c.key)

sight = Table(
    "sights", metadata,
    Column("sequence", Integer, primary_key=True),
    Column("private", Boolean),
    Column("full_name", Text),
    Column("others", TupleText, nullable=False),
    Column("told", TupleText, nullable=False),
    Column("farewell", Boolean, nullable=False),
)  # fmt: skip
"""Who may be told a change: `cache.sight.Sight`, by its sequence."""

cleared = Table(
    "cleared_findings", metadata,
    *(Column(c.name, c.type) for c in tables[FindingRow].columns if c.name != "id"),
    Column("id", Text, nullable=False),
    Column("cleared_at", UtcText, nullable=False),
    Column("sequence", Integer, primary_key=True),
)  # fmt: skip

meta = Table("meta", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))
