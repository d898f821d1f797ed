"""Frozen contents and published version numbers of revisions.

An old head can be collected by the forge's gc and then is never given again, and a link that somebody holds names a
version. So what was published once is kept here, and neither a rebuild nor a lost object changes it. Each text stands
in the file once: what was merged is mostly what was raised.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import Delete, Select, Update, bindparam, delete, exists, func, not_, select, update
from sqlalchemy.dialects.sqlite import insert

from cache.model import KeptRevision as KeptRevision
from cache.state_schema import revisions as table
from cache.state_schema import texts
from cache.store.database import Database


class KeptRevisions:
    """The revisions of `state.db`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, revisions: Iterable[KeptRevision]) -> None:
        """Keep these, all or none.

        `version` stays what it was first; `content` and `frozen_at` go from None to a value once and stay; `data`
        is replaced. One that was published before its pull request's repository was known (an id below zero) is the
        one of its entry and version, and stands under that repository from now on. Raises
        `sqlalchemy.exc.IntegrityError` where two revisions of one entry claim one version.
        """
        said: dict[str, str] = {}
        rows = [_row(each, said) for each in revisions]
        if not rows:
            return
        statement = insert(table)
        new = statement.excluded
        statement = statement.on_conflict_do_update(
            index_elements=list(table.primary_key.columns),
            set_={
                "content_hash": func.coalesce(table.c.content_hash, new.content_hash),
                "frozen_at": func.coalesce(table.c.frozen_at, new.frozen_at),
                "data": new.data,
                "merged_hash": new.merged_hash,
            },
        )
        async with self._database.transaction() as connection:
            if said:
                each = [{"hash": digest, "content": content} for digest, content in said.items()]
                await connection.execute(insert(texts).on_conflict_do_nothing(), each)
            left = set(said)
            for row in rows:
                await connection.execute(_found(row))
                left.update((await connection.execute(_merged(row))).scalars())
            await connection.execute(statement, rows)
            if left:
                await connection.execute(_unsaid(), [{"left": digest} for digest in left])

    async def all(self, *, block: str | None = None) -> tuple[KeptRevision, ...]:
        """Every revision kept, in the order of entry and version."""
        order = (table.c.block, table.c.collection, table.c.key, table.c.version)
        statement = select(table).order_by(*order)
        if block is not None:
            statement = statement.where(table.c.block == block)
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).all()
            said = {row.hash: row.content for row in await connection.execute(select(texts))}
        return tuple(_kept(row, said) for row in rows)


def _row(kept: KeptRevision, said: dict[str, str]) -> dict[str, Any]:
    """A revision as it is written; its texts are put into `said` by their hashes."""
    row: dict[str, Any] = {**asdict(kept), "data": dict(kept.data)}
    merged = row["data"].get("merged_content")
    if isinstance(merged, str):
        del row["data"]["merged_content"]
    for name, content in (("content_hash", row.pop("content")), ("merged_hash", merged)):
        row[name] = None
        if isinstance(content, str):
            row[name] = hashlib.sha256(content.encode("utf-8", "backslashreplace")).hexdigest()
            said[row[name]] = content
    return row


def _kept(row: Any, said: Mapping[str, str]) -> KeptRevision:
    values = dict(row._mapping)
    content, merged = (values.pop(name) for name in ("content_hash", "merged_hash"))
    if merged is not None:
        values["data"]["merged_content"] = said[merged]
    return KeptRevision(**values, content=None if content is None else said[content])


def _merged(row: Mapping[str, Any]) -> Select[Any]:
    """What a revision said so far of what was merged: the only text of it that may change."""
    same = [column == row[column.name] for column in table.primary_key.columns]
    return select(table.c.merged_hash).where(*same, table.c.merged_hash.is_not(None))


def _unsaid() -> Delete:
    """Drop a text that no revision says any more, or that one said too late."""
    used = (exists().where(column == texts.c.hash) for column in (table.c.content_hash, table.c.merged_hash))
    return delete(texts).where(texts.c.hash == bindparam("left"), *(not_(one) for one in used))


def _found(row: Mapping[str, Any]) -> Update:
    """Put a revision under the repository that is known by now."""
    names = ("block", "collection", "key", "version")
    same = [table.c[name] == row[name] for name in names]
    elsewhere = table.c.repository_id != row["repository_id"]
    moved = {name: row[name] for name in ("repository_id", "number")}
    return update(table).where(*same, table.c.repository_id < 0, elsewhere).values(moved)
