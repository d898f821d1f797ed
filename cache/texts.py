"""Texts of `cache.db`, each kept once, whoever says it: the bytes of a file, and the rows that say the same or its end.

A body is what stands below a file's front matter, so it is the end of the file's bytes, and its row says where it
begins. What is no end of a known file is a text of its own.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import bindparam, exists, insert, not_, select, tuple_
from sqlalchemy import delete as deleting
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.diff import RowChange
from cache.rows import BlobRow, EntryRow, Row, Rows
from cache.schema import tables, texts
from gitea_client.packed import Packed

BATCH = 500
"""Rows a statement: keeps a long write from holding memory twice."""
LETTERS = 8 * 1024 * 1024
"""Letters of the texts of one batch, but for the last text."""

Place = tuple[bytes, int]
"""A whole text, and where in it begins what is meant."""

_REFERENCES = [tables[kind].c[f"{name}_text"] for kind in tables for name in kind.texts]


def batches(kind: type[Row], rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Rows of one type, some at a time."""
    some: list[Row] = []
    letters = 0
    for row in rows:
        some.append(row)
        letters += sum(len(getattr(row, name) or "") for name in kind.texts)
        if len(some) == BATCH or letters >= LETTERS:
            yield some
            some, letters = [], 0
    if some:
        yield some


async def records(
    connection: AsyncConnection, kind: type[Row], rows: Sequence[Row], all_rows: Rows
) -> list[dict[str, Any]]:
    """What stands in the table for these rows, with the texts that they refer to put where they were not yet."""
    made = [asdict(row) for row in rows]
    if not kind.texts:
        return made
    places = await asyncio.to_thread(_places, kind, rows, all_rows)
    known = await _put(connection, {digest: place[0] for digest, place in places.values()})
    for number, record in enumerate(made):
        for name in kind.texts:
            digest, place = places.get((number, name), (b"", None))
            del record[name]
            record[f"{name}_text"] = known[digest] if place is not None else None
            record[f"{name}_start"] = place[1] if place is not None else None
        if kind is EntryRow:
            del record["body"]  # one of the two others
            record["words"] = " ".join(_words(record["fields"], record["title"]))
    return made


def _words(value: Any, title: str) -> Iterator[str]:
    """What fields say, for the search: tags, people, values of enumerations. The title has a place of its own."""
    if isinstance(value, str):
        if value != title:
            yield value
    elif isinstance(value, Mapping | list | tuple):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _words(each, title)


def _places(kind: type[Row], rows: Sequence[Row], all_rows: Rows) -> dict[tuple[int, str], tuple[bytes, Place]]:
    found = {}
    for number, row in enumerate(rows):
        for name in kind.texts:
            place = _place(row, name, all_rows)
            if place is not None:
                found[number, name] = hashlib.sha256(place[0]).digest(), place
    return found


def _place(row: Row, name: str, all_rows: Rows) -> Place | None:
    value: str | Packed | None = getattr(row, name)
    if value is None or isinstance(value, Packed):
        return None if value is None else (value.content, 0)
    said = value.encode("utf-8", "backslashreplace")
    blobs: Mapping[Any, Row] = all_rows.get(BlobRow, {})
    for names in row.texts[name]:
        blob = blobs.get(tuple(getattr(row, each) for each in names))
        if isinstance(blob, BlobRow) and blob.content is not None and blob.content.size >= len(said):
            whole = blob.content.content
            if whole.endswith(said):
                return whole, len(whole) - len(said)
    return said, 0


async def _put(connection: AsyncConnection, contents: Mapping[bytes, bytes]) -> dict[bytes, int]:
    """The ids of texts by their hashes; those that are not there yet are put there."""
    wanted = select(texts.c.hash, texts.c.id).where(texts.c.hash.in_(bindparam("hashes", expanding=True)))
    hashes = list(contents)
    known = {row.hash: row.id for row in await connection.execute(wanted, {"hashes": hashes})}
    lacking = [digest for digest in hashes if digest not in known]
    if lacking:
        await connection.execute(insert(texts), [{"hash": digest, "content": contents[digest]} for digest in lacking])
        known |= {row.hash: row.id for row in await connection.execute(wanted, {"hashes": lacking})}
    return known


async def referred(connection: AsyncConnection, changes: Iterable[RowChange]) -> set[int]:
    """The texts that rows refer to which are about to be changed or removed."""
    keys: dict[type[Row], list[Any]] = {}
    for change in changes:
        if change.before is not None and change.kind.texts:
            keys.setdefault(change.kind, []).append(change.key)
    found: set[int] = set()
    for kind, each in keys.items():
        table = tables[kind]
        columns = [table.c[f"{name}_text"] for name in kind.texts]
        key = tuple_(*(table.c[name] for name in kind.primary))
        for start in range(0, len(each), BATCH):
            rows = await connection.execute(select(*columns).where(key.in_(each[start : start + BATCH])))
            found.update(value for row in rows for value in row if value is not None)
    return found


async def forget(connection: AsyncConnection, ids: Iterable[int]) -> None:
    """Remove those of these texts that no row refers to any more."""
    each = sorted(ids)
    used = (exists(select(column).where(column == texts.c.id)) for column in _REFERENCES)
    statement = deleting(texts).where(texts.c.id.in_(bindparam("ids", expanding=True)), *(not_(one) for one in used))
    for start in range(0, len(each), BATCH):
        await connection.execute(statement, {"ids": each[start : start + BATCH]})
