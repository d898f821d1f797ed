"""What changed between two sets of rows: the only thing that is ever written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from cache.rows import EntryRow, Row, Rows


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
        after = asdict(self.after)
        return tuple(name for name, value in asdict(self.before).items() if not same(value, after[name]))


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
        if differ(old, row):
            yield RowChange(kind, key, old, row)
    for key, old in before.items():
        if key not in after:
            yield RowChange(kind, key, old, None)


def differ(old: Row | None, row: Row | None) -> bool:
    """Whether a row is another than it was, in JSON as well."""
    return old is not row and (old != row or _retyped(old, row))


def same(one: object, other: object) -> bool:
    """Whether two columns hold one value. To Python 1, 1.0 and True are equal; in JSON they are three values."""
    return one == other and (not isinstance(one, dict) or _json(one) == _json(other))


def _retyped(old: Row | None, row: Row | None) -> bool:
    """Whether equal rows differ in JSON, as when a profile makes a number of what was an integer."""
    return isinstance(old, EntryRow) and isinstance(row, EntryRow) and not same(old.fields, row.fields)


def _json(value: object) -> bytes:
    return msgspec.json.encode(value, order="deterministic")
