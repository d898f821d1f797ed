"""JSON as the same tree that YAML gives, with the line of each top-level key."""

from __future__ import annotations

import json
import re
from typing import Any

from cache.profile.nodes import MAX_DEPTH, Items, Node, NodeError, Scalar, Table
from cache.profile.rules import problem, shown

MAX_COMMAS = 100_000
"""Commas of a text, which is to say values: as many take 0.2 s."""

_SPACE = re.compile(r"[ \t\r\n]*")


class _Number(str):
    """A number as written: it is converted when its type is known, and never one of 5,000 digits."""

    __slots__ = ()


class _Object(list[tuple[str, Any]]):
    """The pairs of an object, duplicates and all."""


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_Object, parse_int=_Number, parse_float=_Number, parse_constant=_constant)


def read_json(text: str, first_line: int = 1) -> Node:
    """The tree of a JSON text. A number stays as it was written.

    NodeError: not JSON, NaN or Infinity, a key that stands twice in an object, nesting over 32 levels, too many values.
    """
    if text.count(",") > MAX_COMMAS:
        raise NodeError(problem("bad-json", "The JSON holds more than 100,000 values; split it.", line=first_line))
    try:
        start = _space(text, 0)
        value, end = _DECODER.raw_decode(text, start)
        if _space(text, end) != len(text):
            raise json.JSONDecodeError("Extra data", text, end)
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        raise NodeError(problem("bad-json", f"The JSON cannot be read here: {error.msg}.", line=line)) from None
    except (ValueError, RecursionError) as error:
        reason = "it nests too deeply" if isinstance(error, RecursionError) else str(error)[:100]
        raise NodeError(problem("bad-json", f"The JSON cannot be read: {reason}.", line=first_line)) from None
    line = first_line + text.count("\n", 0, start)
    if not isinstance(value, _Object):
        return _tree(value, line, 1)
    return _table(value, line, 1, _key_lines(text, start, first_line) if "\n" in text else None)


def _table(pairs: _Object, line: int, depth: int, lines: list[int] | None = None) -> Table:
    lines = lines or [line] * len(pairs)
    result: dict[str, Node] = {}
    for (key, value), at in zip(pairs, lines, strict=True):
        if key in result:
            message = f"The key {shown(key)} stands here for the second time."
            raise NodeError(problem("duplicate-key", message, line=at))
        result[key] = _tree(value, at, depth + 1)
    return Table(result, {key: at for (key, _), at in zip(pairs, lines, strict=True)}, line)


def _tree(value: Any, line: int, depth: int) -> Node:
    if depth > MAX_DEPTH + 1:
        raise NodeError(problem("bad-json", f"The JSON nests deeper than {MAX_DEPTH} levels.", line=line))
    if isinstance(value, _Object):
        return _table(value, line, depth)
    if isinstance(value, list):
        return Items(tuple(_tree(item, line, depth + 1) for item in value), line)
    if value is None:
        return Scalar("null", True, line)
    if isinstance(value, bool):
        return Scalar("true" if value else "false", True, line)
    number = isinstance(value, _Number)
    return Scalar(str(value), number, line, number)


def _key_lines(text: str, start: int, first_line: int) -> list[int]:
    """The line of each key of the object at `start`, which is known to be well-formed."""
    lines = []
    line, counted, at = first_line, 0, _space(text, start + 1)
    while text[at] == '"':
        line, counted = line + text.count("\n", counted, at), at
        lines.append(line)
        _, at = _DECODER.raw_decode(text, at)
        _, at = _DECODER.raw_decode(text, _space(text, _space(text, at) + 1))
        at = _space(text, at)
        if text[at] == "}":
            break
        at = _space(text, at + 1)
    return lines


def _space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
