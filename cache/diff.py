"""What changed between two sets of rows: the only thing that is ever written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import fields

from cache.rows import Row, Rows


class RowChange(Struct, frozen=True):
    """One row put (`after`) or removed (`after` is None); `before` is None where it is new."""

    kind: type[Row]
    key: Any
    before: Row | None
    after: Row | None

    @property
    def operation(self) -> str:
        """`created`, `updated` or `deleted`."""
        if self.before is None:
            return "created"
        return "deleted" if self.after is None else "updated"

    def columns(self) -> tuple[str, ...]:
        """The names of the columns that differ, for an update; empty otherwise."""
        if self.before is None or self.after is None:
            return ()
        return tuple(
            field.name
            for field in fields(self.kind)
            if getattr(self.before, field.name) != getattr(self.after, field.name)
        )


def changes(before: Rows, after: Rows) -> tuple[RowChange, ...]:
    """Every row that must be written or removed to turn `before` into `after`.

    Both hold complete tables: a table missing from `after` is left alone, a row missing from it is removed. Rows
    that are the same object are passed over without comparing them, so unchanged parts cost next to nothing.
    """
    return tuple(
        change for kind, rows in after.items() for change in _table_changes(kind, before.get(kind, {}), rows)
    )


def _table_changes(kind: type[Row], before: Mapping[Any, Row], after: Mapping[Any, Row]) -> Iterator[RowChange]:
    for key, row in after.items():
        old = before.get(key)
        if old is not row and old != row:
            yield RowChange(kind, key, old, row)
    for key, old in before.items():
        if key not in after:
            yield RowChange(kind, key, old, None)
