"""Typed fields: from what a file says to one canonical, JSON-able value, or to problems that name the line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from cache.profile import scalars
from cache.profile.dates import read_date
from cache.profile.nodes import Items, Node, Scalar, Table, plain_value
from cache.profile.rules import Problem, problem, shown
from cache.profile.sources import Source, extracts, matches, parts
from cache.profile.unread import Unread

FieldType = Literal[
    "string", "text", "integer", "number", "boolean", "date", "datetime", "enum", "list",
    "user", "repository", "url", "object", "ref",
]  # fmt: skip
OnDelete = Literal["restrict", "cascade", "set_null", "keep"]
_PLAIN = frozenset({"integer", "number", "boolean"})
Dangling = Literal["finding", "ignore"]
OnBad = Literal["refuse", "warn", "ignore"]
Within = Literal["folder", "repository", "block"]
BY_PATH = "path"
"""What a ref matches by where it is a link to the target's file: no field may be called so."""


class Relation(Struct, frozen=True):
    """What a `ref` leads to: the collections that may hold its target, and what becomes of it without one.

    The value is the target's key; with `match` it is the value of a field of the target, looked for among the entries
    of the same folder, repository or block, as `within` says, or (`path`) a link to the target's file in the same
    repository. Of several the first counts by which something is found.
    """

    collections: tuple[str, ...]
    on_delete: OnDelete = "restrict"
    match: tuple[str, ...] = ()
    within: Within = "block"


class Field(Struct, frozen=True):
    """One field of a collection.

    `minimum` and `maximum` bound a number, the length of a text or the count of a list. `of` is what a list holds,
    `fields` what an object does. `sources` are the places where it may stand, in the order in which they are tried.
    `extract` is an expression that narrows a text to the value, `split` one that takes a text apart into a list
    (without it, what `of` extracts from the text is the list); `lower` makes text small, `map` has other spellings
    and what they mean. `dangling` says whether it is a finding that a reference leads to nothing. `on_bad` says what a
    value costs that does not fit: the row (`refuse`), or itself, with a warning (`warn`) or without a word (`ignore`).
    A date in `any_form` is read however it is written, as long as it can mean one day only.
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
    sources: tuple[Source, ...] = ()
    relation: Relation | None = None
    extract: str | None = None
    split: str | None = None
    lower: bool = False
    map: tuple[tuple[str, str], ...] = ()
    dangling: Dangling = "finding"
    on_bad: OnBad = "refuse"
    any_form: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys under which files may hold it."""
        return tuple(source.name for source in self.sources if source.kind == "key") or (self.name,)

    @property
    def plain(self) -> bool:
        """Whether its text is a number or a truth, which in quotes would be none."""
        return (self.of if self.type == "list" and self.of is not None else self).type in _PLAIN

    @property
    def source(self) -> str:
        """The key under which files hold it, the first of several."""
        return self.keys[0]


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
    if field.extract is not None or field.lower or field.map:
        text = node.text if field.extract is None else next(extracts(field.extract, node.text), None)
        if text is None:
            return None, ()
        text = text.lower() if field.lower else text
        node = Scalar(dict(field.map).get(text, text), node.plain or field.plain, node.line)
    if field.type == "enum":
        if node.text in field.values:
            return node.text, ()
        message = f"'{where}' is {shown(node.text)}; allowed are {', '.join(field.values)}."
        return None, (problem("not-in-enum", message, line=node.line, field=where),)
    read = read_date(node.text) if field.any_form and field.type == "date" else scalars.READERS[field.type](node)
    if isinstance(read, Unread):
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
    if isinstance(node, Scalar) and (texts := texts_of(field, node.text)) is not None:
        node = Items(tuple(Scalar(text, field.plain, node.line) for text, _ in texts), node.line)
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
        if value is None and not found and field.of.extract is None:
            found = (problem("wrong-type", f"'{at}' is empty; remove it.", line=item.line, field=at),)
        problems += found
        if value is not None:
            values.append(value)
    bounded, found = _bounded(field, values, node.line, where)
    return bounded, (*problems, *found)


def texts_of(field: Field, text: str) -> list[tuple[str, str]] | None:
    """A single text as a list, each item with what it was found in; None where the field does not say how: where to
    split it, or what its items are.
    """
    if field.split is not None:
        return [(part, part) for part in parts(field.split, text)]
    if field.of is not None and field.of.extract is not None:
        return list(matches(field.of.extract, text))
    return None


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
    fields: tuple[Field, ...], table: Table, prefix: str = "", read: Callable[[Field], Coerced] | None = None
) -> tuple[dict[str, Any], list[Problem]]:
    """The values of all fields, defaults filled in, and the problems; `read` gives a field's value where it is not
    only a key of `table`.
    """
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for field in fields:
        value, found = _keyed(field, table, prefix) if read is None else read(field)
        found = _as_bad(field, found)
        problems += found
        if value is None and all(one.severity == "warning" for one in found):
            value = field.default
        if field.required and not found and blank(value):
            line = table.lines.get(field.source, table.line)
            message = f"'{prefix}{field.source}' is required; add it."
            problems.append(problem("missing-field", message, line=line, field=prefix + field.source))
        values[field.name] = value
    return values, problems


def _as_bad(field: Field, found: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Problems of a value, as bad as its field says."""
    if field.on_bad == "refuse":
        return found
    return tuple(replace(one, severity="warning") for one in found) if field.on_bad == "warn" else ()


def _keyed(field: Field, table: Table, prefix: str) -> Coerced:
    node = table.pairs.get(field.source)
    return (None, ()) if node is None else coerce(field, node, prefix + field.source)


def blank(value: Any) -> bool:
    """Whether a value is none, or a text of nothing."""
    return value is None or (isinstance(value, str) and not value.strip())


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
