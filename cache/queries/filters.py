"""From a query string to conditions: which column, which operator, which values. No SQL, no I/O.

A repeated parameter is OR (for `__ne`: none of them), different parameters are AND.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from cache.profile.nodes import Scalar
from cache.profile.scalars import EXPECTED, READERS
from cache.profile.unread import Unread
from cache.profile.words import near
from cache.queries.columns import ORDERED, TEXTS, Column, Columns
from cache.queries.errors import QueryError

MAX_VALUES = 400
"""Values in all filters of one question: SQLite refuses expressions deeper than 1000."""
MAX_OF_ONE = 200
"""Values of one filter: two of them fit beside each other."""
MAX_SHOWN = 100

_RFC_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}):(\d{2})(\.\d{1,100}|)([Zz]|[-+]\d{2}:\d{2})", re.ASCII
)
_COMPARING = ("gte", "gt", "lte", "lt")
_OPERATORS: Mapping[str, tuple[str, ...]] = {
    "text": ("ne", "in", *_COMPARING, "contains", "startswith", "isnull"),
    "ordered": ("ne", "in", *_COMPARING, "isnull"),
    "boolean": ("ne", "in", "isnull"),
    "list": ("ne", "in", "contains", "isnull"),
    "object": ("isnull",),
}


class Condition(Struct, frozen=True):
    """One parameter: `operator` is `eq` where the parameter is the bare name; `values` are of the column's type."""

    column: str
    operator: str
    values: tuple[Any, ...]


def operators(column: Column) -> tuple[str, ...]:
    """The operators that a column knows beside plain equality."""
    if column.type == "list" and column.item == "object":
        return ("isnull",)
    kind = "text" if column.type in TEXTS else "ordered" if column.type in ORDERED else column.type
    return _OPERATORS[kind]


def parse(pairs: Iterable[tuple[str, str]], columns: Columns, others: Iterable[str] = ()) -> tuple[Condition, ...]:
    """The conditions of a query string, sorted, so that equal questions are equal.

    `others` are the parameters known beside the columns; they are passed over. QueryError: `unknown-parameter` names
    the nearest known one; `bad-value` names the parameter and its type; `too-many-values`.
    """
    ignored = frozenset(others)
    gathered: dict[tuple[str, str], list[Any]] = {}
    count = 0
    for parameter, text in pairs:
        if parameter in ignored:
            continue
        name, operator = _split(parameter, columns, ignored)
        values = _values(parameter, columns[name], operator, text)
        count += len(values)
        if count > MAX_VALUES:
            raise QueryError("too-many-values", f"more than {MAX_VALUES} values to filter by; ask in parts", parameter)
        held = gathered.setdefault((name, operator), [])
        held.extend(values)
        if len(held) > MAX_OF_ONE:
            message = f"{parameter} has more than {MAX_OF_ONE} values; ask in parts"
            raise QueryError("too-many-values", message, parameter)
    return tuple(
        Condition(name, operator, tuple(sorted(set(values), key=repr)))
        for (name, operator), values in sorted(gathered.items())
    )


def _split(parameter: str, columns: Columns, ignored: frozenset[str]) -> tuple[str, str]:
    if parameter in columns:
        if operators(columns[parameter]) == ("isnull",):
            raise QueryError(
                "unknown-parameter", f"{parameter!r} holds objects; only {parameter}__isnull can be asked", parameter
            )
        return parameter, "eq"
    name, _, operator = parameter.rpartition("__")
    if name in columns:
        known = operators(columns[name])
        if operator in known:
            return name, operator
        message = f"{name!r} has no operator {operator[:MAX_SHOWN]!r}; it has {', '.join(known)}"
        raise QueryError("unknown-parameter", message, parameter[:MAX_SHOWN])
    shown = parameter[:MAX_SHOWN]
    hint = near(shown, {*columns, *ignored}, "") or f"; known are {', '.join(sorted({*columns, *ignored}))}"
    raise QueryError("unknown-parameter", f"there is no parameter {shown!r}{hint}", shown)


def _values(parameter: str, column: Column, operator: str, text: str) -> Sequence[Any]:
    if "\x00" in text:
        raise QueryError("bad-value", f"{parameter} holds a NUL; remove it", parameter)
    if operator == "isnull":
        return [typed(parameter, "boolean", text)]
    kind = column.item if column.type == "list" else column.type
    if operator in ("contains", "startswith") and column.type != "list":
        return [_fold(column, text)]
    allowed = column.values if operator in ("eq", "ne", "in", "contains") else ()
    texts = text.split(",") if operator == "in" else [text]
    return [_fold(column, typed(parameter, kind, one, allowed, trimmed=column.trimmed)) for one in texts]


def _fold(column: Column, value: Any) -> Any:
    return value.lower() if column.folded and isinstance(value, str) else value


def typed(parameter: str, kind: str, text: str, allowed: Sequence[str] = (), *, trimmed: bool = False) -> Any:
    """A value as it is stored: booleans are 0 and 1, times text in UTC. QueryError `bad-value`."""
    if allowed and text not in allowed:
        message = f"{parameter} is {text[:MAX_SHOWN]!r}; allowed are {', '.join(allowed)}"
        raise QueryError("bad-value", message, parameter)
    if kind in TEXTS:
        return text
    read = READERS[kind](Scalar(_of_rfc(text.strip()) if kind == "datetime" else text.strip(), True, 1))
    if isinstance(read, Unread):
        message = f"{parameter} is {text[:MAX_SHOWN]!r}; it must be {EXPECTED[kind]}"
        raise QueryError("bad-value", message, parameter)
    if isinstance(read, bool):
        return int(read)
    return read.removesuffix("Z") if kind == "datetime" and trimmed else read


def _of_rfc(text: str) -> str:
    """A time as RFC 3339 lets it be written, as the calendar of ours has it: a leap second is the end of the second
    before, finer parts than microseconds are cut, and what lies outside the years 1 to 9999 is at their ends."""
    found = _RFC_TIME.fullmatch(text)
    if found is None:
        return text
    day, clock, second, part, offset = found.groups()
    second, part = ("59", ".999999") if second == "60" else (second, part[:7] if len(part) > 1 else "")
    written = f"{day}T{clock}:{second}{part}{offset}"
    try:
        if day.startswith("0000"):
            raise OverflowError
        datetime.fromisoformat(written.upper().replace("Z", "+00:00")).astimezone(UTC)
    except OverflowError:
        return "9999-12-31T23:59:59.999999Z" if day.startswith("9999") else "0001-01-01T00:00:00Z"
    except ValueError:
        return text
    return written
