"""The parameters in the API's description. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cache.profile.nodes import INT64
from cache.queries.columns import TEXTS, Column, Columns
from cache.queries.cursors import MAX_CURSOR
from cache.queries.cursors import PATTERN as CURSOR
from cache.queries.entries import LONGEST_PHRASE, LONGEST_SEARCH, MOST_TOKENS
from cache.queries.filters import MAX_OF_ONE, operators
from cache.queries.paging import DEFAULT_LIMIT, MAX_LIMIT
from daemon.api.openapi_schemas import scalar
from daemon.api.parameters import AWAITED, DEFAULT_TIMEOUT, MAX_TIMEOUT, POSITION, SECONDS

Json = dict[str, Any]

WORDS = rf"^\s*\S+(?:\s+\S+){{0,{MOST_TOKENS - 1}}}\s*$"
NO_NUL, NO_COMMA = r"^[^\u0000]*$", r"^[^\u0000,]*$"
"""How values look (ECMA 262); what looks so is understood."""
_LARGEST = 1.7976931348623157e308
_BOUNDS: Mapping[str, Json] = {
    "integer": {"minimum": INT64.start, "maximum": INT64.stop - 1},
    "number": {"minimum": -_LARGEST, "maximum": _LARGEST},
}
_SAYS = {
    "eq": "Is one of these.",
    "ne": "Is none of these; no value counts as well.",
    "in": "Is one of these, separated by commas.",
    "gte": "At least this.",
    "gt": "More than this.",
    "lte": "At most this.",
    "lt": "Less than this.",
    "contains": "Holds this text, case counts; of a list: holds this item.",
    "startswith": "Begins with this text, case counts.",
    "isnull": "Has no value, or has one.",
}


def query(name: str, schema: Json, description: str) -> Json:
    """A parameter of the query string."""
    return {"name": name, "in": "query", "schema": schema, "description": description}


COMMON: Json = {
    "wait_for": query(
        "wait_for", {"type": "string", "pattern": AWAITED},
        "owner/repository@commit: answer only once the cache holds this commit.",
    ),
    "timeout": query(
        "timeout", {"type": "string", "pattern": SECONDS, "default": f"{DEFAULT_TIMEOUT:g}s"},
        f"How long wait_for waits: seconds, at most {MAX_TIMEOUT:g}.",
    ),
    "limit": query(
        "limit", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}, "Items of a page."
    ),
    "cursor": query(
        "cursor", {"type": "string", "pattern": CURSOR, "maxLength": MAX_CURSOR},
        "Where the page begins: `next` of the page before.",
    ),
    "q": query(
        "q", {"type": "string", "pattern": WORDS, "maxLength": LONGEST_SEARCH},
        f"Words that key, title, text or fields must hold; the last may begin one. At most {MOST_TOKENS}, those joined "
        f"by signs counted one by one, {LONGEST_PHRASE} of them in one.",
    ),
    "include": query("include", {"type": "string", "enum": ["body"]}, "Brings the bodies as well."),
    "cleared": query("cleared", {"type": "boolean", "default": False}, "Those cleared, in place of those that stand."),
    "after": query(
        "after", {"type": "string", "pattern": f"^latest$|{POSITION}"},
        "A position, EPOCH:SEQUENCE, or `latest`; else all that is kept.",
    ),
    "epoch": query("epoch", {"type": "string"}, "The epoch of a position that is written as a bare sequence."),
    "format": query(
        "format", {"type": "string", "enum": ["json", "csv"]}, "The form of the answer; else `Accept` chooses."
    ),
    "last": query(
        "last", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT},
        "The newest changes that fit, so many of them, whatever limit says; with after, of those after it.",
    ),
    "before": query(
        "before", {"type": "string", "pattern": POSITION}, "A position, EPOCH:SEQUENCE: changes before it."
    ),
    "wait": query(
        "wait", {"type": "string", "pattern": SECONDS}, "Seconds to wait for the first change that fits, at most 60."
    ),
    "Last-Event-ID": {
        "name": "Last-Event-ID", "in": "header", "schema": {"type": "string", "pattern": POSITION},
        "description": "The position of the last event that was read.",
    },
}  # fmt: skip
"""Parameters by the name of their component."""


def common(*names: str) -> list[Json]:
    """References to some of them."""
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def path(name: str, description: str) -> Json:
    """A part of the address."""
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}, "description": description}


def filters(columns: Columns, prefix: str, *, sort: str | None) -> Json:
    """Every filter of a list, and its `sort`, by the name of their component."""
    found: Json = {}
    for column in sorted(columns.values(), key=lambda column: column.name):
        plain = () if operators(column) == ("isnull",) else ("eq",)
        for operator in (*plain, *operators(column)):
            name = column.name if operator == "eq" else f"{column.name}__{operator}"
            found[f"{prefix}.{name}"] = _filter(name, column, operator)
    if sort is not None:
        orders = sorted(column.name for column in columns.values() if column.sortable)
        allowed = {"type": "string", "enum": [*orders, *(f"-{name}" for name in orders)], "default": sort}
        found[f"{prefix}.sort"] = query("sort", allowed, "The order; `-` reverses it.")
    return found


def _filter(name: str, column: Column, operator: str) -> Json:
    kind = column.item if column.type == "list" else column.type
    one: Json = {"type": "string"} if operator in ("contains", "startswith") or kind == "object" else scalar(kind)
    if kind in TEXTS or operator in ("contains", "startswith"):
        one = {**one, "pattern": NO_COMMA if operator == "in" else NO_NUL}
        one.pop("format", None)  # a value of any form is compared with
    one |= _BOUNDS.get(one["type"], {})
    if operator == "isnull":
        return query(name, {"type": "boolean"}, _SAYS[operator])
    if column.values and operator in ("eq", "ne", "in"):
        one = {"type": "string", "enum": list(column.values)}
    if operator == "in":
        return {**query(name, _some(one), _SAYS[operator]), "style": "form", "explode": False}
    if operator in ("eq", "ne", "contains", "startswith"):
        return {**query(name, _some(one), _SAYS[operator]), "style": "form", "explode": True}
    return query(name, one, _SAYS[operator])


def _some(one: Json) -> Json:
    return {"type": "array", "items": one, "minItems": 1, "maxItems": MAX_OF_ONE}
