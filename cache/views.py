"""The SQL views that profiles declare, and the indexes of their collections.

SQL text is made of names and patterns that a checked profile holds; nothing from a repository ever becomes part of
it. Names are quoted and once more looked at here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.profile.collection import Block, Collection, ViewColumn, ViewRule
from cache.profile.words import ATTRIBUTES, SQL_NAME
from cache.queries.columns import field_sql, json_path, key_part_sql
from cache.revision_rows import RevisionRow
from cache.rows import EntryRow, Row
from cache.schema import metadata, tables, text_sql
from cache.store.writer import get_meta, put_meta

META = "views"


class ViewError(Exception):
    """A view that cannot be made; the message says which, and what to change."""


async def create_views(connection: AsyncConnection, blocks: Iterable[Block]) -> None:
    """Bring the database's views and indexes to what the blocks declare, within the caller's transaction.

    What has not changed is left alone, what is no longer declared is dropped. The `meta` table remembers what is
    ours. ViewError as in `declared`, with nothing changed.
    """
    wanted = declared(blocks)
    known: dict[str, str] = json.loads(await get_meta(connection, META) or "{}")
    listed = await connection.execute(text("SELECT name FROM sqlite_master WHERE type IN ('view', 'index')"))
    there = {row.name for row in listed}
    for name, statement in known.items():
        if wanted.get(name) != statement:
            await _drop(connection, name, statement.split()[1])
            there.discard(name)
    for name, statement in wanted.items():
        if name in there and known.get(name) == statement:
            continue
        await _drop(connection, name, statement.split()[1])
        await connection.exec_driver_sql(statement)
    if wanted != known:
        await put_meta(connection, META, json.dumps(wanted))


async def _drop(connection: AsyncConnection, name: str, kind: str) -> None:
    await connection.exec_driver_sql(f"DROP {kind} IF EXISTS {_quoted(name)}")


def declared(blocks: Iterable[Block]) -> dict[str, str]:
    declared: dict[str, str] = {}
    own = (*metadata.tables, "entry_text", "entry_search")
    owners: dict[str, str] = {name.lower(): "Forgeglass itself" for name in own}
    for block in blocks:
        for rule in block.views:
            name = block.view_prefix + rule.name
            if name.lower() in owners:
                message = f"the view {name!r} of {block.name!r} has the name of one of {owners[name.lower()]}"
                raise ViewError(f"{message}; give the block another view_prefix")
            owners[name.lower()] = f"the block {block.name!r}"
            declared[name] = _view(name, rule, block.collection(rule.collection), next(iter(block.forge), ""))
        for collection in block.collections:
            declared.update(_indexes(collection))
    return declared


def _view(name: str, rule: ViewRule, collection: Collection, forge: str) -> str:
    columns = ",\n  ".join(f"{_source(rule, c, collection, forge)} AS {_quoted(c.name)}" for c in rule.columns)
    table = _FROM[rule.rows]
    block, of = _text(collection.block), _text(collection.name)
    where = f"WHERE {table.alias}.block = {block} AND {table.alias}.collection = {of}"
    return f"CREATE VIEW {_quoted(name)} AS SELECT\n  {columns}\nFROM {table.joined}\n{where}"


class _Table:
    def __init__(self, alias: str, joined: str, own: Callable[[str], str]) -> None:
        self.alias, self.joined, self.own = alias, joined, own


def _own(kind: type[Row], name: str) -> str:
    return text_sql(kind, name) if name == "body" or name in kind.texts else f"{kind.table}.{_quoted(name)}"


_BODY_SHA = "coalesce(entries.document_sha, entries.entry_sha)"
_PLACE_COLUMNS = frozenset({"key", "kind", "actor", "actor_source", "actor_evidence"})
_FROM = {
    "entries": _Table(
        "entries",
        "entries LEFT JOIN repositories ON repositories.id = entries.repository_id",
        lambda name: _BODY_SHA if name == "body_sha" else _own(EntryRow, name),
    ),
    "branches": _Table(
        "branches",
        "branches LEFT JOIN repositories ON repositories.id = branches.repository_id",
        lambda name: f"branches.{_quoted(name)}",
    ),
    "pulls": _Table(
        "place",
        "pull_entries AS place JOIN pulls ON pulls.repository_id = place.repository_id AND pulls.number = place.number "
        "LEFT JOIN repositories ON repositories.id = pulls.repository_id",
        lambda name: f"{'place' if name in _PLACE_COLUMNS else 'pulls'}.{_quoted(name)}",
    ),
    "revisions": _Table(
        "revisions",
        "revisions LEFT JOIN repositories ON repositories.id = revisions.repository_id",
        lambda name: _own(RevisionRow, name),
    ),
}

_OF_REVISIONS = {
    "id": "revisions.key || '@' || revisions.version",
    "pr_url": "coalesce(revisions.pr_url, {forge} || repositories.full_name || '/pulls/' || revisions.number)",
    "pr_branch": "nullif(revisions.pr_branch, '')",
}
"""What a view shows of revisions that is no column of theirs as it is."""


def _source(rule: ViewRule, column: ViewColumn, collection: Collection, forge: str) -> str:
    kind, _, name = column.source.partition(".")
    table = _FROM[rule.rows]
    if kind == "key" and name:
        sql = key_part_sql(collection, name, f"{table.alias}.key")
    elif kind == "field" and name:
        collection.field(name)
        sql = f"json_extract({table.alias}.fields, {json_path(name)})"
    elif column.source == "repository":
        sql = "repositories.full_name"
    elif rule.rows == "revisions" and column.source in _OF_REVISIONS:
        sql = _OF_REVISIONS[column.source].format(forge=_text(f"{forge.rstrip('/')}/"))
    elif column.source in ATTRIBUTES[rule.rows]:
        sql = table.own(column.source)
    else:
        raise ViewError(f"the view {rule.name!r} has no {column.source!r} to show as {column.name!r}")
    return f"json_quote({sql})" if column.json else sql


def _indexes(collection: Collection) -> Iterator[tuple[str, str]]:
    for fields in collection.indexes:
        # block and collection lead although the condition fixes them: without, SQLite prefers the primary key's index
        parts = ", ".join(["block", "collection", *_expressions(collection, fields), "key"])
        on = f"entries ({parts}) WHERE block = {_text(collection.block)} AND collection = {_text(collection.name)}"
        name = f"declared_{hashlib.sha256(on.encode()).hexdigest()[:12]}"
        yield name, f"CREATE INDEX {_quoted(name)} ON {on}"


def _expressions(collection: Collection, names: Sequence[str]) -> Iterator[str]:
    fields = {field.name: field for field in collection.fields}
    for name in names:
        if name in fields:
            yield field_sql(fields[name])
        elif name in tables[EntryRow].c:
            yield _quoted(name)
        else:
            raise ViewError(f"the collection {collection.name!r} has no field {name!r} to index")


def _quoted(name: str) -> str:
    if not SQL_NAME.fullmatch(name):
        raise ViewError(f"{name!r} cannot name anything in SQL; use letters, digits and '_'")
    return f'"{name}"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
