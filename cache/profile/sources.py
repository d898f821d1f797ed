"""Where a field's value stands in a file, and what of the text there is the value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from msgspec import Struct

from cache.profile.expressions import Expression
from cache.profile.headings import Found, Outline
from cache.profile.nodes import Items, Node, Scalar, Table

SourceKind = Literal["key", "heading", "section", "line", "capture"]
MAX_SOURCE = 2000
"""Of a text that is narrowed by an expression only so much is looked at."""


class Source(Struct, frozen=True):
    """One place where a field may stand: a key of the file, the first heading (`h1`: of level one), the section or the
    line of a name, a capture of the path. `extract` is an expression whose groups (or, without groups, whose match)
    are the value.
    """

    kind: SourceKind
    name: str = ""
    extract: str | None = None


def matches(expression: str, text: str) -> Iterator[tuple[str, str]]:
    """What an expression finds in a text, in order: of each match its first group that took part, or the whole; and
    the whole. SlowError.
    """
    for found in Expression(expression).find(text[:MAX_SOURCE]):
        value = next((group for group in found.groups() if group is not None), None)
        value = (found[0] if value is None and not found.re.groups else value or "").strip()
        if value:
            yield value, found[0]


def extracts(expression: str, text: str) -> Iterator[str]:
    """What an expression finds in a text, in order."""
    return (value for value, _ in matches(expression, text))


def standing(
    source: Source, table: Table, outline: Outline, captures: Mapping[str, str], *, many: bool, plain: bool
) -> Node | None:
    """What stands at a source, None where there is nothing. `many` takes all that is extracted, a line each; text that
    is no value of a key is as if in quotes, unless it is `plain`.
    """
    if source.kind == "key":
        node = table.pairs.get(source.name)
        if node is None or source.extract is None:
            return node
        line = table.lines[source.name]
        text = "\n".join(_texts(node))
    else:
        found = _found(source, outline, captures)
        if found is None:
            return None
        text, line = found.text, found.line
    if source.extract is None:
        return Scalar(text, plain, line)
    values = list(extracts(source.extract, text))
    return Scalar("\n".join(values if many else values[:1]), plain, line) if values else None


def _found(source: Source, outline: Outline, captures: Mapping[str, str]) -> Found | None:
    if source.kind == "capture":
        return Found(captures[source.name], 1) if source.name in captures else None
    if source.kind == "heading":
        return outline.title() if source.name == "h1" else outline.heading()
    return outline.section(source.name) if source.kind == "section" else outline.labelled(source.name)


def _texts(node: Node) -> Iterator[str]:
    """The single values in a node, as text: a mapping has none."""
    if isinstance(node, Scalar):
        if not node.null:
            yield node.text
    elif isinstance(node, Items):
        for item in node.items:
            yield from _texts(item)


_MARKER = re.compile(r"\A[-*+][ \t]+")


def parts(expression: str, text: str) -> Iterator[str]:
    """A text taken apart where the expression matches; items' markers and empty parts are left out."""
    for part in Expression(expression).split(text[:MAX_SOURCE]):
        if shown := _MARKER.sub("", (part or "").strip()).strip():
            yield shown
