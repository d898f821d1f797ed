"""JSON Schemas as people read them, in HTML. No I/O.

Everything that comes from the document is escaped: titles and values of enums are written by those who write profiles.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from typing import Any

Json = Mapping[str, Any]

_CODE = re.compile(r"`([^`]*)`")
_REF = "#/components/schemas/"


def code(text: object) -> str:
    """A word as it is written in an address or in JSON."""
    return f"<code>{escape(str(text))}</code>"


def words(text: object) -> str:
    """A sentence; what stands between backticks is code."""
    return _CODE.sub(r"<code>\1</code>", escape(str(text)))


def anchor(name: str) -> str:
    """The id of a schema's table."""
    return f"schema-{escape(name)}"


def kind(schema: Json) -> str:
    """A schema in a few words: `list of string`, `integer or null`, one of `a`, `b`, or a link to where it stands."""
    if "$ref" in schema:
        name = str(schema["$ref"]).removeprefix(_REF)
        return f'<a href="#{anchor(name)}">{escape(name)}</a>'
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return " or ".join(kind(one) for one in schema[word])
    if "enum" in schema:
        return "one of " + ", ".join(code("null" if value is None else value) for value in schema["enum"])
    types = schema.get("type", "anything")
    return " or ".join(_plain(one, schema) for one in ([types] if isinstance(types, str) else types))


def _plain(name: str, schema: Json) -> str:
    if name == "array":
        return f"list of {kind(schema.get('items', {}))}"
    if name == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"object of {kind(schema['additionalProperties'])}"
    if name == "null" or "format" not in schema:
        return escape(name)
    return f"{escape(name)} ({escape(str(schema['format']))})"


def limits(schema: Json) -> str:
    """What else a value must be, and what it is where it is left out."""
    told = {"default": "by default", "minimum": "at least", "maximum": "at most", "minLength": "letters, at least",
            "maxLength": "letters, at most", "pattern": "matches"}  # fmt: skip
    said = ", ".join(f"{word} {code(_shown(schema[name]))}" for name, word in told.items() if name in schema)
    return f"{said[0].upper()}{said[1:]}." if said else ""


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def properties(schema: Json) -> str:
    """A table of an object's members; what the schema is, where it is no object."""
    members = schema.get("properties")
    if not members:
        return f"<p>{kind(schema)}</p>"
    required = set(schema.get("required", ()))
    rows = "".join(_member(name, one, name in required) for name, one in members.items())
    return f"<table><thead><tr><th>Member<th>Type<th></tr></thead><tbody>{rows}</tbody></table>"


def _member(name: str, schema: Json, required: bool) -> str:
    about = [words(schema.get("description", "")), limits(schema), "" if required else "May be left out."]
    inner = properties(schema) if schema.get("properties") else ""
    return f"<tr><td>{code(name)}<td>{kind(schema)}<td>{' '.join(filter(None, about))}{inner}"
