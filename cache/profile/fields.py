"""Typed fields: from what a file says to one canonical, JSON-able value, or to problems that name the line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from msgspec import Struct

from cache.profile import scalars
from cache.profile.nodes import Items, Node, Scalar, Table, plain_value
from cache.profile.rules import Problem, problem, shown

FieldType = Literal[
    "string", "text", "integer", "number", "boolean", "date", "datetime", "enum", "list",
    "user", "repository", "url", "object", "ref",
]  # fmt: skip
OnDelete = Literal["restrict", "cascade", "set_null", "keep"]


class Relation(Struct, frozen=True):
    """What a `ref` leads to: the collections that may hold its target, and what becomes of it without one."""

    collections: tuple[str, ...]
    on_delete: OnDelete = "restrict"


class Field(Struct, frozen=True):
    """One field of a collection.

    `minimum` and `maximum` bound a number, the length of a text or the count of a list. `of` is what a list holds,
    `fields` what an object does. `from_` names another key of the file, or is `heading` for the first heading.
    """

    name: str
    type: FieldType
    required: bool = False
    default: Any = None
    values: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    of: Field | None = None
    fields: tuple[Field, ...] = ()
    from_: str | None = None
    relation: Relation | None = None

    @property
    def source(self) -> str:
        """The key under which files hold it."""
        return self.name if self.from_ in (None, "heading") else self.from_ or self.name


Coerced = tuple[Any, tuple[Problem, ...]]
"""A value, None where there is none, and what is wrong with it."""


def coerce(field: Field, node: Node, where: str = "") -> Coerced:
    """The canonical value of a field. With an error among the problems the value is None, or a list or an object
    without its bad parts.

    Dates are `2026-01-02`; times are UTC, `2026-01-02T03:04:05Z`; numbers are finite; integers have at most 64 bits.
    """
    where = where or field.source
    if isinstance(node, Scalar) and node.null:
        return None, ()
    if field.type == "list":
        return _list(field, node, where)
    if field.type == "object":
        return _object(field, node, where)
    if not isinstance(node, Scalar):
        kind = "a list" if isinstance(node, Items) else "a mapping"
        message = f"'{where}' must be {scalars.EXPECTED[field.type]}, not {kind}."
        return None, (problem("wrong-type", message, line=node.line, field=where),)
    return _scalar(field, node, where)


def _scalar(field: Field, node: Scalar, where: str) -> Coerced:
    if scalars.unfit(node.text):
        message = f"'{where}' holds a NUL or half a surrogate pair; remove it."
        return None, (problem("bad-text", message, line=node.line, field=where),)
    if field.type == "enum":
        if node.text in field.values:
            return node.text, ()
        message = f"'{where}' is {shown(node.text)}; allowed are {', '.join(field.values)}."
        return None, (problem("not-in-enum", message, line=node.line, field=where),)
    read = scalars.READERS[field.type](node)
    if isinstance(read, scalars.Unread):
        message = f"'{where}' must be {scalars.EXPECTED[field.type]}{read.detail}."
        return None, (problem(read.rule, message, line=node.line, field=where),)
    return _bounded(field, read, node.line, where)


def _bounded(field: Field, value: Any, line: int, where: str) -> Coerced:
    measured: float
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        measured, what = value, ""
    elif isinstance(value, (str, list)):
        measured, what = len(value), "the length of " if isinstance(value, str) else "the count of "
    else:
        return value, ()
    low, high = field.minimum, field.maximum
    if (low is None or measured >= low) and (high is None or measured <= high):
        return value, ()
    bounds = f"at least {low:g}" if high is None else f"at most {high:g}" if low is None else f"{low:g} to {high:g}"
    message = f"{what}'{where}' is {measured:g}; it must be {bounds}."
    return None, (problem("out-of-range", message[0].upper() + message[1:], line=line, field=where),)


def _list(field: Field, node: Node, where: str) -> Coerced:
    if not isinstance(node, Items):
        message = f"'{where}' must be a list; put the value in brackets: [value]."
        return None, (problem("not-a-list", message, line=node.line, field=where),)
    values: list[Any] = []
    problems: list[Problem] = []
    for position, item in enumerate(node.items):
        at = f"{where}[{position}]"
        if field.of is None:
            values.append(plain_value(item))
            continue
        value, found = coerce(field.of, item, at)
        if value is None and not found:
            found = (problem("wrong-type", f"'{at}' is empty; remove it.", line=item.line, field=at),)
        problems += found
        if value is not None:
            values.append(value)
    bounded, found = _bounded(field, values, node.line, where)
    return bounded, (*problems, *found)


def _object(field: Field, node: Node, where: str) -> Coerced:
    if not isinstance(node, Table):
        message = f"'{where}' must be a mapping of 'name: value' lines."
        return None, (problem("wrong-type", message, line=node.line, field=where),)
    if bad := _unfit(node):
        message = f"'{where}' holds a NUL or half a surrogate pair; remove it."
        return None, (problem("bad-text", message, line=bad, field=where),)
    if not field.fields:
        return plain_value(node), ()
    values, problems = coerce_all(field.fields, node, f"{where}.")
    known = {inner.source for inner in field.fields}
    for key, line in node.lines.items():
        if key not in known:
            message = f"'{where}' has no field {shown(key)}; it has {', '.join(sorted(known))}."
            problems.append(problem("unknown-field", message, line=line, field=f"{where}.{key}"))
    return values, tuple(problems)


def coerce_all(
    fields: tuple[Field, ...], table: Table, prefix: str = "", fallback: Callable[[Field], Any] = lambda _: None
) -> tuple[dict[str, Any], list[Problem]]:
    """The values of all fields, defaults filled in, and the problems; `fallback` gives a value before the default."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for field in fields:
        node = table.pairs.get(field.source)
        value, found = (None, ()) if node is None else coerce(field, node, prefix + field.source)
        problems += found
        if value is None and not found:
            value = fallback(field)
            value = field.default if value is None else value
        if field.required and not found and (value is None or (isinstance(value, str) and not value.strip())):
            line = table.lines.get(field.source, table.line)
            message = f"'{prefix}{field.source}' is required; add it."
            problems.append(problem("missing-field", message, line=line, field=prefix + field.source))
        values[field.name] = value
    return values, problems


def _unfit(node: Node) -> int | None:
    """The line of the first text that no database takes."""
    if isinstance(node, Scalar):
        return node.line if scalars.unfit(node.text) else None
    if isinstance(node, Items):
        return next((line for item in node.items if (line := _unfit(item))), None)
    pairs = node.pairs.items()
    return next((line for key, value in pairs if (line := node.line if scalars.unfit(key) else _unfit(value))), None)


def unfit_line(node: Node) -> int | None:
    """The line of the first NUL or half surrogate pair in a tree, None where there is none."""
    return _unfit(node)
