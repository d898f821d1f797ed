"""The page of the HTTP API: its routes, parameters and answers, from its own OpenAPI description."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import marks
from marks import code, plain, table
from member_words import WORDS

from cache.profile.block import bind, load_profile
from cache.queries import branches, changes, findings, history, proposals, pulls, repositories, revisions
from cache.queries.columns import Column
from cache.queries.filters import MAX_VALUES, operators
from daemon.api.openapi import describe
from daemon.api.openapi_parameters import _SAYS, COMMON
from daemon.config.keys import KEYS_BY_NAME

Json = Mapping[str, Any]

INTRO = """\
Everything is read with GET, below `/api/v1`. `/api/v1/openapi.json` describes it for programs, typed by your
profiles, and `/api/v1/docs` shows the same to people. Within v1 members and parameters are only added.

Lists answer `{"items": […], "next": CURSOR or null, "sequence": …, "observed_at": …, "stale": …}`. `observed_at` is
the earliest time at which a repository that could contribute was read or found unchanged; `stale` says that this is
older than two sweeps, or that a repository cannot be read. The same travels in `Forgeglass-Sequence`,
`Forgeglass-Observed-At` and `Forgeglass-Stale`, also with status 304. `ETag` and `If-None-Match` save the body where
nothing changed.

A collection stands at `/api/v1/{block}/{collection}`, and at `/api/v1/{collection}` while one block alone has one of
that name. A key with a slash in it is written with `%2F`. Errors are [problems](problems.md).
"""

OTHERS = (
    ("GET", "/", "Leads browsers to the console, programs that ask for JSON to `/api/v1/openapi.json`."),
    ("GET", "/api/v1/docs", "The description, as a page for people."),
    ("GET", "/healthz", "Alive: 200 while the process answers, and how long ago the schedule came round."),
    ("GET", "/readyz", "Ready: 200 once every owner was read to its end, before that 503."),
    ("GET", "/metrics", "[Metrics](metrics.md)."),
    ("POST", "`webhooks.path`", "Deliveries of the forge, signed with the webhook secret."),
)

LISTS = (
    ("Repositories", repositories.columns(), repositories.SORT, "`/repositories`"),
    ("Pull requests", pulls.columns(), pulls.SORT, "`/pulls`, and `pulls` of an entry"),
    ("Proposals", proposals.columns(), proposals.SORT, "`/proposals`"),
    ("Findings", findings.columns(cleared=True), findings.SORT, "`/findings`; `cleared_at` only with `cleared=true`"),
    ("Changes", changes.columns(), "", "`/changes`, `/changes.atom` and `/events`"),
    ("Branches", branches.columns(), branches.SORT, "`branches` of an entry"),
    ("History", history.columns(), history.SORT, "`history` of an entry"),
    ("Revisions", revisions.columns(), revisions.SORT, "`revisions` of an entry"),
)


def routes(document: Json) -> list[tuple[str, str]]:
    """Every route with what it gives; those of a collection once, for any."""
    found = {}
    for path, item in document["paths"].items():
        general = re.sub(r"^(/api/v1)/rfc/rfcs\b", r"\1/{block}/{collection}", path)
        if general == path and re.match(r"/api/v1/(rfc|rfcs|actions)\b", path):
            continue
        own = item["get"]["summary"].partition("Requests for comments")[2].removeprefix(": ")
        collection = f"{own[:1].upper()}{own[1:]}" or "The entries of a collection."
        found[general] = item["get"]["summary"] if general == path else collection
    return sorted(found.items())


def filters(columns: Mapping[str, Column]) -> str:
    """A table of what a list can be filtered by."""
    rows = []
    for column in sorted(columns.values(), key=lambda column: column.name):
        kind = f"list of {column.item}" if column.type == "list" else column.type
        values = ", ".join(map(code, column.values))
        rows.append((code(column.name), kind + (f": {values}" if values else ""), _operators(column), _sorts(column)))
    return table(("name", "type", "`name__…`", "sorts"), rows)


def _operators(column: Column) -> str:
    return ", ".join(map(code, operators(column)))


def _sorts(column: Column) -> str:
    return "yes" if column.sortable else ""


def answers(schemas: Json, names: Iterable[str]) -> str:
    """The members of what lists hold."""
    parts = []
    for name in names:
        schema = schemas[name]
        rows = [
            (code(member), _type(said), _always(member, schema), _said(name, member, said))
            for member, said in schema["properties"].items()
        ]
        parts.append(f"### {name}\n\n{table(('member', 'type', '', 'what it is'), rows)}")
    return "\n".join(parts)


def _always(member: str, schema: Json) -> str:
    return "" if member in schema.get("required", ()) else "not always"


def _said(name: str, member: str, schema: Json) -> str:
    """What a member is. KeyError: nobody says so; add it to member_words.py."""
    told = schema.get("description")
    return plain(told) if told else WORDS.get(f"{name}.{member}") or WORDS[member]


def _type(schema: Json) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(one) for one in schema["anyOf"]))
    kind = schema.get("type", "anything")
    if len(schema.get("enum", ())) > 8:
        return "text"
    if isinstance(kind, list):
        return " or ".join(_named(one, schema) for one in kind)
    return _named(kind, schema)


def _named(kind: str, schema: Json) -> str:
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if kind == "string" and "enum" in schema:
        return ", ".join(code(value) for value in schema["enum"] if value is not None)
    return {"date-time": "time", "uri": "address"}.get(schema.get("format", ""), kind) if kind == "string" else kind


def page() -> str:
    """The page."""
    block = bind(load_profile("rfc"), parameters={"meta": "acme/meta"})
    document = describe([block], "")
    listed = table(
        ("", "address", "what it gives"),
        [
            *(("GET", code(path), summary) for path, summary in routes(document)),
            *((method, path if "`" in path else code(path), said) for method, path, said in OTHERS),
        ],
    )
    common = table(
        ("parameter", "what it does"), [(code(name), plain(said["description"])) for name, said in COMMON.items()]
    )
    meanings = table(("operator", "what it asks"), [(code(f"name__{o}") if o != "eq" else code("name"), s)
                                                   for o, s in _SAYS.items()])  # fmt: skip
    schemas = dict(document["components"]["schemas"])
    entry = schemas["rfc.rfcs"]
    parts = set(block.collections[0].key)
    own = {member: said for member, said in entry["properties"].items() if member not in parts}
    schemas["EntryItem"] = {**entry, "properties": {**own, "fields": {"type": "object"}}}
    items = sorted(name for name in schemas if "." not in name)
    filtering = (
        f"## Filters\n\nA repeated parameter is OR, different ones are AND; at most {MAX_VALUES} values. An entry's "
        f"fields are filtered by their names, as the profile types them.\n\n{meanings}"
    )
    lists = [
        f"### {title}\n\nOf {of}." + (f" Sorted by `{sort}` unless `sort` says otherwise." if sort else "")
        + f"\n\n{filters(columns)}"
        for title, columns, sort, of in LISTS
    ]  # fmt: skip
    path = KEYS_BY_NAME["webhooks.path"].default
    return marks.page(
        "HTTP", INTRO, f"## Addresses\n\n{listed}\n`webhooks.path` is `{path}` unless it is changed.\n",
        f"## Parameters\n\n{common}", filtering, *lists,
        f"## Answers\n\nWhat the lists hold, and what stands inside it.\n\n{answers(schemas, items)}",
    )  # fmt: skip
