"""Where the values of a reference stand in a file, and the addresses of those that are written as links."""

from __future__ import annotations

import re

from msgspec import Struct

from cache.profile.fields import Field, coerce, texts_of
from cache.profile.nodes import Items, Node, Scalar

_LINK = re.compile(r"\[[^\[\]\n]{0,500}\]\([ \t]{0,9}(?:<([^<>\n]{1,1000})>|([^\s()<>]{1,1000}))")
_PATH = re.compile(r"[^\s()\[\]<>]*(?:/|\.(?:md|markdown)(?:#|\Z))[^\s()\[\]<>]*", re.IGNORECASE)
_REFERRING = frozenset({"ref", "repository", "user"})


class Spot(Struct, frozen=True):
    """The line of one value, from 1, and its address where it is written as a Markdown link or as a path."""

    line: int
    link: str | None = None


def spots(field: Field, node: Node) -> tuple[Spot, ...]:
    """A spot for each value that a field reads from a node, in the order of the values; none where it does not refer to
    anything.
    """
    one = field.of if field.type == "list" and field.of is not None else field
    if one.type not in _REFERRING:
        return ()
    written: list[tuple[Node, str]]
    if field.type == "list" and isinstance(node, Items):
        written = [(item, _text(item)) for item in node.items]
    elif field.type == "list" and isinstance(node, Scalar):
        written = [(Scalar(text, True, node.line), whole) for text, whole in texts_of(field, node.text) or ()]
    else:
        written = [(node, _text(node))]
    return tuple(Spot(item.line, link_in(text)) for item, text in written if coerce(one, item)[0] is not None)


def link_in(text: str) -> str | None:
    """The address of the first Markdown link in a text, or the text where it is a path itself."""
    found = _LINK.search(text)
    if found is not None:
        return found[1] or found[2]
    plain = text.strip()
    return plain if _PATH.fullmatch(plain) else None


def _text(node: Node) -> str:
    return node.text if isinstance(node, Scalar) else ""
