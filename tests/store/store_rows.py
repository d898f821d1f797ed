"""Rows to put into `cache.db`, and a store turned a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from cache.diff import changes
from cache.rows import EntryRow, FindingRow, Row, Rows, tabulate
from cache.store.writer import Applied, Store

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def entry(key: str, title: str = "A title", body: str | None = "Words", **other: Any) -> EntryRow:
    """An entry of `rfc/rfcs`."""
    values: dict[str, Any] = {
        "block": "rfc", "collection": "rfcs", "key": key, "repository_id": 1, "path": f"rfcs/{key}.md", "line": 0,
        "title": title, "valid": True, "fields": {"title": title}, "body": body, "entry_body": body,
        "entry_sha": "b" * 40, "commit": "c" * 40, "last_entry_commit_at": NOW, "landed": "c" * 40,
        "landed_at": NOW, "created_at": NOW, "updated_at": NOW,
    }  # fmt: skip
    return EntryRow(**{**values, **other})


def finding(id_: str, message: str = "It is wrong") -> FindingRow:
    """A finding at an entry."""
    return FindingRow(
        id_, "dangling", "error", message, "rfc", "rfcs", "one", 1, "rfcs/one.md", 3, "repo", "c" * 40, NOW
    )


def page(*rows: Row, kinds: Sequence[type[Row]] = (EntryRow, FindingRow)) -> Rows:
    """These rows and no others, of these types."""
    return tabulate(rows, kinds)


class Reservoir:
    """Sequence numbers, as `state.db` reserves them: counted on through every restart."""

    def __init__(self) -> None:
        self.high_water = 0
        self.calls = 0

    async def __call__(self, count: int) -> range:
        self.calls += 1
        self.high_water += count
        return range(self.high_water - count + 1, self.high_water + 1)


class Desk:
    """A store with what it holds, turned a page at a time."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.rows: Rows = page()

    async def turn(
        self, *rows: Row, at: datetime = NOW, values: dict[str, str] | None = None,
        kinds: Sequence[type[Row]] = (EntryRow, FindingRow),
    ) -> Applied:  # fmt: skip
        """Write what leads from the rows at hand to these."""
        after = page(*rows, kinds=kinds)
        applied = await self.store.apply(changes(self.rows, after), at=at, rows=after, values=values)
        self.rows = after
        return applied

    async def query(self, sql: str) -> list[tuple[Any, ...]]:
        """What a reader of the file sees."""
        async with self.store.database.read() as connection:
            return [tuple(row) for row in await connection.exec_driver_sql(sql)]
