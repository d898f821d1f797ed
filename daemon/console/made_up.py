"""A text that is no entry's any more, read as an entry's is: its front matter and its body. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from cache.frontmatter import split
from cache.profile.collection import Collection
from cache.profile.entry import parse_file
from cache.profile.nodes import plain_value
from cache.queries.revisions import RevisionItem


class MadeUp(Struct, frozen=True):
    """What a text says. `fields` is None where it has none to tell; `problems` say what does not read well."""

    fields: Mapping[str, Any] | None
    body: str
    problems: tuple[str, ...] = ()


def made_up(collection: Collection, item: RevisionItem, text: str) -> MadeUp | None:
    """What a revision's text says; None where it is nothing that can be made up: several entries in one file."""
    if item.rule == "field":
        return MadeUp(None, text)
    if item.part == "document":
        parts = split(text, lenient=True)
        fields = {name: plain_value(node) for name, node in parts.data.pairs.items()} if parts.data else None
        return MadeUp(fields, parts.body, tuple(one.message for one in parts.problems))
    if collection.format == "jsonl":
        return None
    record = parse_file(collection, item.path, text.encode(), collection.captures(item.path) or {})[0]
    body = split(text, lenient=collection.lenient).body if collection.format == "md" else ""
    return MadeUp({**record.fields, **record.extra}, body, tuple(one.message for one in record.problems))
