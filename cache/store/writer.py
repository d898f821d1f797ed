"""The one writer of `cache.db`: rows and feed together in one transaction, or neither."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

import structlog
from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import Delete, Select, bindparam, delete, func, select, text, update
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.exc import DatabaseError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from cache import feed, texts
from cache.diff import RowChange
from cache.rows import (
    EVIDENCE,
    OPERATIONAL,
    PROJECTED,
    BlobRow,
    EntryRow,
    FindingRow,
    RepositoryRow,
    Row,
    Rows,
    identity,
)
from cache.schema import cleared, meta, tables, text_of
from cache.schema import feed as feed_table
from cache.schema import sight as sight_table
from cache.sight import Sight, farewells, sights
from cache.store.database import Database
from cache.store.migrating import upgrade
from cache.texts import BATCH
from gitea_client.packed import Packed

log = structlog.get_logger(__name__)


class Applied(Struct, frozen=True):
    """What one transaction did: how many feed entries, and the sequence after it."""

    changes: int
    sequence: int


RESERVE = 256
"""Sequence numbers reserved at once: reserving costs a write of `state.db` that reaches the disk."""


CLEARED_KEPT = 10_000
"""Findings that were cleared and are still told of; what comes and goes with each push would fill the disk."""


class Store:
    """Loads rows at start and applies changes to them. Nothing else writes `cache.db`.

    `reserve` gives sequence numbers that were never used before and never will be again.
    """

    def __init__(self, database: Database, reserve: Callable[[int], Awaitable[range]]) -> None:
        self.database = database
        self.sequence = 0
        self.applied = 0
        """How many feed entries were written since the start; sequences have gaps."""
        self.on_new_file: Callable[[AsyncConnection], Awaitable[None]] = _nothing_more
        """Completes a file that was made anew: views, epoch."""
        self._reserve = reserve
        self._reserved = range(0)

    async def load(
        self, kinds: Iterable[type[Row]] = (*EVIDENCE, *PROJECTED, *OPERATIONAL)
    ) -> dict[type[Row], dict[Any, Row]]:
        """Every row of the given tables, and with it the feed's last sequence."""
        loaded: dict[type[Row], dict[Any, Row]] = {}
        async with self.database.read() as connection:
            for kind in kinds:
                table = loaded[kind] = {}
                async for records in _records(connection, kind):
                    rows = (_row(kind, record) for record in records)
                    table |= {identity(row): row for row in rows}
            last = (await connection.execute(select(func.max(feed_table.c.sequence)))).scalar()
        self.sequence = max(self.sequence, last or 0)
        return loaded

    async def apply(
        self, changes: Sequence[RowChange], *, at: datetime, rows: Rows, values: Mapping[str, str] | None = None
    ) -> Applied:
        """Write changes with the feed entries that follow from them.

        `rows` are all rows as they are after the changes (the feed needs the places of pull requests); `values`
        are put into the `meta` table. Raises what the database raises, with nothing written.
        """
        told = feed.entries(changes, rows)
        entries = [*zip(told, sights(told, changes, rows), strict=True), *farewells(changes)]
        numbers = await self._numbers(len(entries))
        try:
            await self._commit(changes, entries, numbers, at, values or {}, rows)
        except DatabaseError as error:
            if not is_damage(error):
                raise
            log.error("cache.damaged", error=str(error.orig), remedy="it is made anew from what is in memory")
            await self.recreate(rows)
            # what `rows` do not hold: notes, values
            await self._commit(changes, entries, numbers, at, values or {}, rows)
        self.sequence = numbers[-1] if numbers else self.sequence
        self.applied += len(entries)
        return Applied(len(entries), self.sequence)

    async def _commit(
        self,
        changes: Sequence[RowChange],
        entries: Sequence[tuple[feed.FeedEntry, Sight]],
        numbers: range,
        at: datetime,
        values: Mapping[str, str],
        rows: Rows,
    ) -> None:
        async with self.database.transaction() as connection:
            await self._write(connection, changes, rows, at)
            for start in range(0, len(entries), BATCH):
                numbered = list(zip(numbers[start:], entries[start : start + BATCH], strict=False))
                told = [{**asdict(entry), "sequence": number, "at": at} for number, (entry, _) in numbered]
                await connection.execute(feed_table.insert(), told)
                seen = [{**asdict(kept), "sequence": number} for number, (_, kept) in numbered]
                await connection.execute(sight_table.insert(), seen)
            await self._hide(connection, changes)
            for name, value in values.items():
                await put_meta(connection, name, value)

    async def _hide(self, connection: AsyncConnection, changes: Sequence[RowChange]) -> None:
        """What was told of repositories while they were public is hidden for good where they were private at last."""
        gone = [change.before for change in changes if change.after is None]
        for row in gone:
            if not isinstance(row, RepositoryRow) or not row.private:
                continue
            of_it = select(feed_table.c.sequence).where(feed_table.c.repository_id == row.id)
            hidden = update(sight_table).where(sight_table.c.sequence.in_(of_it), sight_table.c.farewell.is_(False))
            await connection.execute(hidden.values(private=True))

    async def recreate(self, rows: Rows) -> None:
        """Put a damaged file aside and write all rows into a new one. The feed starts a new epoch."""
        everything = [RowChange(kind, key, None, row) for kind, table in rows.items() for key, row in table.items()]
        async with self.database.without_readers():
            await self.database.close()
            put_aside(self.database.path)
            await self.database.open()
            await upgrade(self.database, "cache")
            async with self.database.transaction() as connection:
                await self._write(connection, everything, rows, datetime.now(UTC))
                await self.on_new_file(connection)

    async def _numbers(self, count: int) -> range:
        if len(self._reserved) < count:
            self._reserved = await self._reserve(max(count, RESERVE))
        numbers, self._reserved = self._reserved[:count], self._reserved[count:]
        return numbers

    async def _write(
        self, connection: AsyncConnection, changes: Sequence[RowChange], rows: Rows, at: datetime
    ) -> None:
        """Put and remove rows, a batch at a time; `rows` are all as they are afterwards."""
        put: dict[type[Row], list[Row]] = defaultdict(list)
        removed: dict[type[Row], list[Any]] = defaultdict(list)
        for change in changes:
            if change.after is not None:
                put[change.kind].append(change.after)
            else:
                removed[change.kind].append(change.key)
                if isinstance(change.before, FindingRow):
                    await connection.execute(cleared.insert().values(**asdict(change.before), cleared_at=at))
        left = await texts.referred(connection, changes)
        for kind, keys in removed.items():
            statement = _removal(kind)
            names = [f"key_{name}" for name in kind.primary]
            for start in range(0, len(keys), BATCH):
                whole = (key if len(names) > 1 else (key,) for key in keys[start : start + BATCH])
                await connection.execute(statement, [dict(zip(names, key, strict=True)) for key in whole])
        for kind, after in put.items():
            upsert = _upsert(kind)
            for some in texts.batches(kind, after):
                await connection.execute(upsert, await texts.records(connection, kind, some, rows))
        await texts.forget(connection, left)

    async def note(self, name: str, value: str) -> None:
        """Set one value of the `meta` table."""
        async with self.database.transaction() as connection:
            await put_meta(connection, name, value)

    async def prune_feed(self, keep: int) -> None:
        """Forget feed entries older than the newest `keep`; positions before them answer that they are gone.

        Of cleared findings the newest `CLEARED_KEPT` stay.
        """
        newest = select(func.max(cleared.c.sequence)).scalar_subquery()
        async with self.database.transaction() as connection:
            for table in (feed_table, sight_table):
                await connection.execute(delete(table).where(table.c.sequence <= self.sequence - keep))
            await connection.execute(delete(cleared).where(cleared.c.sequence <= newest - CLEARED_KEPT))


async def _records(connection: AsyncConnection, kind: type[Row]) -> AsyncIterator[Sequence[Any]]:
    """What a table holds; texts as they are read are not all held at once."""
    if not (kind.texts or kind is BlobRow):
        yield (await connection.execute(_selection(kind))).all()
        return
    result = await connection.stream(_selection(kind))
    async for records in result.partitions(BATCH):
        yield records


@cache
def _selection(kind: type[Row]) -> Select[Any]:
    """Every row of a table, with the texts that it refers to."""
    own = (column for column in tables[kind].columns if column.name in kind.__struct_fields__)
    return select(*own, *(text_of(kind, name).label(name) for name in kind.texts))


def _row(kind: type[Row], record: Any) -> Row:
    values = dict(record._mapping)
    if kind is EntryRow:  # one object, however often it is said
        has_document = values["document_repository_id"] is not None
        values["body"] = values["document_body" if has_document else "entry_body"]
    if kind is BlobRow and values["content"] is not None:
        values["content"] = Packed(values["content"])
    return kind(**values)


@cache
def _removal(kind: type[Row]) -> Delete:
    table = tables[kind]
    return delete(table).where(*(table.c[name] == bindparam(f"key_{name}") for name in kind.primary))


@cache
def _upsert(kind: type[Row]) -> Insert:
    table = tables[kind]
    statement = insert(table)
    kept = {"id", *kind.primary} if kind is EntryRow else kind.primary
    other = {c.name: statement.excluded[c.name] for c in table.columns if c.name not in kept}
    keys = [table.c[name] for name in kind.primary]
    if not other:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(index_elements=keys, set_=other)


async def _nothing_more(_connection: AsyncConnection) -> None:
    return None


def is_damage(error: DBAPIError) -> bool:
    """Whether SQLite says that the file itself is broken (SQLITE_CORRUPT, SQLITE_NOTADB)."""
    text = str(error.orig)
    return "malformed" in text or "not a database" in text


def put_aside(path: Path, why: str = "damaged") -> Path:
    """Move a database out of the way, with the files that SQLite keeps beside it; where it is now.

    What was put aside for the same reason before is overwritten.
    """
    aside = path.with_name(f"{path.name}.{why}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.replace(aside.with_name(aside.name + suffix))
    return aside


async def put_meta(connection: AsyncConnection, name: str, value: str) -> None:
    """Set one value of the `meta` table."""
    statement = insert(meta).values(name=name, value=value)
    await connection.execute(
        statement.on_conflict_do_update(index_elements=[meta.c.name], set_={"value": statement.excluded.value})
    )


async def get_meta(connection: AsyncConnection, name: str) -> str | None:
    """One value of the `meta` table."""
    return cast("str | None", (await connection.execute(select(meta.c.value).where(meta.c.name == name))).scalar())


async def check(database: Database) -> str | None:
    """What SQLite's own quick check says is wrong with the file; None where nothing is."""
    async with database.read() as connection:
        result = (await connection.execute(text("PRAGMA quick_check(1)"))).scalar()
    return None if result == "ok" else str(result)
