"""The page of the profile format, from the types that its JSON Schema is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marks
from marks import code, plain, table
from profile_words import TYPES, WORDS

from cache.profile.format import profile_schema

Json = Mapping[str, Any]

INTRO = """\
A profile says what an organisation keeps in Git: which files are entries, what their fields are, what belongs to
them. It is a YAML file; `forgeglass schema` prints its JSON Schema (2020-12) for editors, `forgeglass profile check
FILE` names every mistake with its line. [Your first profile](../how-to/first-profile.md) shows how to begin.

`{param.NAME}` stands for a parameter, `{field.NAME}` for a field of the entry, `{NAME}` in a path for a capture: a
part of the path that becomes known by that name. In paths `*` is any name, `**` any folders.

Within format 1 keys are only added. A key that is not known is a mistake.
"""

TITLES = {
    "ProfileSpec": "The file",
    "ParameterSpec": "parameters",
    "CollectionSpec": "collections",
    "FilesSpec": "files",
    "SelectorSpec": "files.repository",
    "FieldSpec": "fields",
    "SourceSpec": "from",
    "DocumentSpec": "document",
    "BranchesSpec": "branches",
    "PullSpec": "pulls",
    "ActorSpec": "actor",
    "RevisionsSpec": "revisions",
    "ViewSpec": "views",
    "ColumnSpec": "A column of a view",
}


def kinds(schema: Json) -> str:
    """What a key takes, in a few words."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return f"[{TITLES[name]}](#{anchor(TITLES[name])})"
    if "anyOf" in schema:
        taken = [kinds(one) for one in schema["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(taken))
    if "enum" in schema:
        values = [value for value in schema["enum"] if value is not None]
        return "a [type](#types)" if len(values) > 8 else ", ".join(map(code, values))
    kind = schema.get("type")
    if kind == "array":
        return f"list of {kinds(schema.get('items', {}))}"
    if kind == "object":
        inner = schema.get("additionalProperties")
        return f"names, each with {kinds(inner)}" if isinstance(inner, dict) else "mapping"
    names = {"string": "text", "integer": "whole number", "boolean": "`true`, `false`"}
    return names.get(kind, str(kind)) if kind is not None else "anything"


def anchor(title: str) -> str:
    """The address of a heading within its page, as Python-Markdown makes it."""
    return "".join(c for c in title.lower() if c.isalnum() or c in " -_").replace(" ", "-")


def said(name: str, key: str, schema: Json) -> str:
    """What a key does: the schema's own words, then ours. KeyError: neither; add it to profile_words.py."""
    written = (schema, *schema.get("anyOf", ()))
    told = [one["description"] for one in written if "description" in one and "$ref" not in one]
    ours = WORDS.get(f"{name}.{key}", "")
    if not told and not ours:
        raise KeyError(f"{name}.{key}")
    return plain(ours or ". ".join(told).rstrip(".") + ".")


def section(name: str, schema: Json) -> str:
    """One mapping of the format."""
    required = schema.get("required", ())
    rows = [
        (code(key), kinds(inner), "**required**" if key in required else "", said(name, key, inner))
        for key, inner in schema.get("properties", {}).items()
    ]
    about = plain(schema.get("description", ""))
    return f"## {TITLES[name]}\n\n{about}\n\n{table(('key', 'takes', '', 'what it does'), rows)}"


def page() -> str:
    """The page."""
    schema = profile_schema()
    definitions = schema["$defs"]
    types = definitions["FieldSpec"]["properties"]["type"]["enum"]
    written = table(("type", "what a file says, and what is kept"), [(code(kind), TYPES[kind]) for kind in types])
    sections = [section(name, definitions[name]) for name in definitions]
    return marks.page("Profile format", INTRO, *sections, f"## Types\n\n{written}")
