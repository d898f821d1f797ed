"""JSON Schemas (2020-12, as OpenAPI 3.1 has them) of what the API tells. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from cache.profile.collection import Collection
from cache.profile.fields import Field
from cache.queries.branches import BranchItem
from cache.queries.changes import KINDS, OPERATIONS, ChangeItem
from cache.queries.entries import EntryItem
from cache.queries.findings import FindingItem
from cache.queries.history import HistoryItem
from cache.queries.proposals import ProposalItem
from cache.queries.pulls import PullItem
from cache.queries.repositories import RepositoryItem
from cache.queries.revisions import Revision, RevisionItem
from cache.textdiff import Line
from daemon.api.problems import PROBLEMS
from daemon.api.shapes import ENTRY_HIDDEN, LOOK_HIDDEN
from daemon.api.telling import TYPE

Json = dict[str, Any]

_REF = "#/components/schemas/{name}"
_SCALARS: Mapping[str, Json] = {
    "string": {"type": "string"},
    "text": {"type": "string"},
    "integer": {"type": "integer", "format": "int64"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "enum": {"type": "string"},
    "user": {"type": "string", "description": "A login."},
    "repository": {"type": "string", "description": "A repository, as owner/name."},
    "url": {"type": "string", "format": "uri"},
    "ref": {"type": "string", "description": "The key of an entry."},
}
_TIME: Json = {"type": ["string", "null"], "format": "date-time"}
_FRESH: Json = {
    "observed_at": {
        **_TIME,
        "description": "The earliest time at which a repository that could contribute was read or found unchanged; "
        "null where one was never read.",
    },
    "stale": {"type": "boolean", "description": "Older than two sweeps, or a repository cannot be read."},
    "sequence": {"type": "integer", "description": "The feed's sequence that the answer holds at least."},
}
_REVISION_WORDS = {
    "pr_state": ["open", "merged", "closed"],
    "rule": ["pull_request", "field"],
    "part": ["entry", "document"],
    "content_state": ["text", "earliest-known", "removed", "not_text", "not_a_file", "too_large", "gone"],
}
_VERIFIED: Json = {"verified_at": {**_TIME, "description": "The last look at the refs themselves."}}


def ref(name: str) -> Json:
    """A reference to a schema of the components."""
    return {"$ref": _REF.format(name=name)}


def nullable(schema: Json) -> Json:
    """A schema that allows null as well."""
    if isinstance(schema.get("type"), str):
        allowed = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
        return {**schema, "type": [schema["type"], "null"], **allowed}
    return {"anyOf": [schema, {"type": "null"}]}


def scalar(kind: str) -> Json:
    """The schema of a single value of a profile's type."""
    return dict(_SCALARS[kind])


def field(of: Field) -> Json:
    """The schema of a field's value, null aside."""
    if of.type == "list":
        return {"type": "array", "items": field(of.of) if of.of is not None else {}}
    if of.type == "object":
        return {"type": "object", **({"properties": _properties(of.fields)} if of.fields else {})}
    schema = scalar(of.type)
    if of.values:
        schema["enum"] = list(of.values)
    numeric = of.type in ("integer", "number")
    for name, bound in (("minimum", of.minimum), ("maximum", of.maximum)):
        if bound is not None:
            schema[name if numeric else f"{name[:3]}Length"] = bound if of.type == "number" else int(bound)
    return schema


def _properties(fields: tuple[Field, ...]) -> Json:
    return {of.name: field(of) if of.required else nullable(field(of)) for of in fields}


def entry(collection: Collection, name: str) -> Json:
    """The schemas of a collection's entries: `name` the entry, `name.fields` what its file says."""
    fields: Json = {"type": "object", "properties": _properties(collection.fields)}
    required = [of.name for of in collection.fields]
    if required:
        fields["required"] = required
    general = msgspec.json.schema_components([EntryItem], ref_template=_REF)[1]["EntryItem"]
    own = {key: value for key, value in general["properties"].items() if key not in ENTRY_HIDDEN}
    own["fields"] = ref(f"{name}.fields")
    _say_times(own)
    parts = {part: {"type": "string", "description": "A part of the key."} for part in collection.key}
    properties = {**parts, **own, **_FRESH, **_VERIFIED}
    needed = [*parts, *(key for key in own if key not in ("body", *parts))]
    shown = {"type": "object", "title": collection.title, "properties": properties, "required": needed}
    return {name: shown, f"{name}.fields": fields}


def listing(items: Json) -> Json:
    """The schema of a list of something."""
    properties = {
        "items": {"type": "array", "items": items},
        "next": {"type": ["string", "null"], "description": "The cursor of the next page."},
        **_FRESH,
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


def shared() -> Json:
    """The schemas that do not depend on profiles."""
    kinds = [
        EntryItem, PullItem, BranchItem, HistoryItem, RepositoryItem, FindingItem, ChangeItem, RevisionItem, Revision,
        Line, ProposalItem,
    ]  # fmt: skip
    schemas = msgspec.json.schema_components(kinds, ref_template=_REF)[1]
    del schemas["EntryItem"]
    pull = schemas["PullItem"]
    pull["properties"]["html_url"] = {"type": ["string", "null"], "format": "uri"}
    pull["required"].append("html_url")
    for name in LOOK_HIDDEN:
        del schemas["Look"]["properties"][name]
        schemas["Look"]["required"].remove(name)
    repository = schemas["RepositoryItem"]["properties"]
    repository.update({**_FRESH, **_VERIFIED})
    change = schemas["ChangeItem"]
    change["properties"]["kind"]["enum"] = list(KINDS)
    change["properties"]["operation"]["enum"] = list(OPERATIONS)
    change["properties"]["position"] = {"type": "string", "description": "Resume after this change with it."}
    _say_revisions(schemas)
    schemas["Changes"] = {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": ref("ChangeItem")},
            "next": {"type": "string", "description": "The position to go on from, `after` of the next question."},
            "epoch": {"type": "string"},
            "sequence": {"type": "integer"},
        },
        "required": ["items", "next", "epoch", "sequence"],
    }
    schemas["Problem"] = _problem()
    for schema in schemas.values():
        _say_times(schema["properties"])
    return schemas


def _say_revisions(schemas: Json) -> None:
    """What stands beside a revision, a pull request by itself, and what differs between two texts."""
    for name in ("RevisionItem", "Revision"):
        for member, values in _REVISION_WORDS.items():
            schemas[name]["properties"][member]["enum"] = values
    schemas["Revision"]["properties"].update({**_FRESH, **_VERIFIED})
    pull = schemas["PullItem"]
    revised = {"type": "array", "items": ref("RevisionItem"), "description": "Of the entries that it touches."}
    proposed = {"type": "array", "items": ref("ProposalItem"), "description": "What it would make of entries."}
    whole = {
        "type": "boolean",
        "description": "Whether these are all; where not, `/proposals?repository=…&number=…` and the pull request's "
        "`/revisions` page through them.",
    }
    schemas["Pull"] = {
        **pull,
        "title": "Pull",
        "properties": {**pull["properties"], "revisions": revised, "proposals": proposed, "complete": whole,
                       **_FRESH, **_VERIFIED},
        "required": [*pull["required"], "revisions", "proposals", "complete"],
    }
    proposal = schemas["ProposalItem"]
    proposal["properties"]["html_url"] = {"type": ["string", "null"], "format": "uri"}
    proposal["properties"]["change"]["enum"] = ["added", "changed", "removed"]
    proposal["properties"]["part"]["enum"] = ["entry", "document"]
    proposal["required"] = [name for name in (*proposal["required"], "html_url") if name != "body"]
    schemas["Line"]["properties"]["change"]["enum"] = ["equal", "insert", "delete", "replace"]
    side = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "version": {"type": ["integer", "null"]},
            "told": {"type": "string", "enum": ["raised", "merged", "now"], "description": "Which of its texts."},
        },
        "required": ["name", "version", "told"],
    }
    schemas["Diff"] = {
        "type": "object",
        "properties": {
            "from": side,
            "to": side,
            "unified": {"type": "string", "description": "A unified diff; empty where nothing differs."},
            "lines": {"type": "array", "items": ref("Line"), "description": "Both texts, line by line."},
            **_FRESH,
            **_VERIFIED,
        },
        "required": ["from", "to", "unified", "lines"],
    }


def _say_times(properties: Json) -> None:
    """Every instant goes by a name that ends so."""
    for name, schema in properties.items():
        if name.endswith("_at") or name in ("at", "since"):
            allowed = schema.get("anyOf", [schema])
            properties[name] = {**_TIME} if len(allowed) > 1 else {"type": "string", "format": "date-time", **schema}


def _problem() -> Json:
    return {
        "type": "object",
        "title": "A problem (RFC 9457)",
        "properties": {
            "type": {"type": "string", "format": "uri", "enum": [TYPE + kind for kind in sorted(PROBLEMS)]},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "instance": {"type": "string"},
        },
        "required": ["type", "title", "status", "detail", "instance"],
    }
