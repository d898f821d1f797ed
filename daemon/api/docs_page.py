"""The API's description as a page: an OpenAPI document in, HTML out. No I/O, no script.

Operations that differ only in their address are told once. A filter is told once with its operators.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from msgspec import Struct

from daemon.api.docs_types import Json, anchor, code, kind, limits, properties, words

_PARAMETER = "#/components/parameters/"
_RESPONSE = "#/components/responses/"
_PLACE = re.compile(r"\{([a-z]+)\}")
CONSOLE = "../../console"
"""Where the console is, from here: relative, so that it is right below any path."""
STREAM, CSV = "text/event-stream", "text/csv"


class Operation(Struct, frozen=True):
    """One question, with every address that it can be asked at, the shortest first."""

    addresses: tuple[str, ...]
    said: Mapping[str, Any]

    @property
    def anchor(self) -> str:
        """The id of its part of the page."""
        return f"op-{escape(str(self.said['operationId']))}"


def page(document: Json, base: str) -> str:
    """The whole page; `base` is what stands before the addresses in examples: `https://cache.example.org`."""
    groups = _groups(document)
    info, title = document["info"], escape(document["info"]["title"])
    contents = "".join(_contents(tag, operations) for tag, operations in groups.items())
    sections = "".join(_section(document, base, tag, operations) for tag, operations in groups.items())
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{title}: HTTP API</title>'
        '<link rel="alternate" type="application/atom+xml" title="Changes" href="changes.atom">'
        f'<link rel="icon" type="image/svg+xml" href="{CONSOLE}/static/icon.svg">'
        '<link rel="stylesheet" href="docs.css"></head><body><a class="skip" href="#operations">Skip the contents</a>'
        f"<header><h1>{title} <small>{escape(info['version'])}</small></h1><p>{words(info['description'])}</p>"
        f'<p>Addresses begin with {code(base)}. For programs: <a href="openapi.json">openapi.json</a>. '
        f'For people: <a href="{CONSOLE}/">the console</a>.</p></header>'
        f'<nav aria-label="Contents"><ul>{contents}<li><a href="#filters">Filters</a>'
        f'<li><a href="#schemas">Schemas</a></ul></nav><main id="operations">{sections}'
        f"{_filters(document)}{_schemas(document)}</main></body></html>\n"
    )


def _groups(document: Json) -> dict[str, list[Operation]]:
    alike: dict[tuple[str, str], list[tuple[str, Json]]] = {}
    for address, path in document["paths"].items():
        same = repr({name: value for name, value in path["get"].items() if name != "operationId"})
        alike.setdefault((path["get"]["tags"][0], same), []).append((address, path["get"]))
    groups: dict[str, list[Operation]] = {}
    for (tag, _), found in alike.items():
        found.sort(key=lambda one: len(one[0]))
        groups.setdefault(tag, []).append(Operation(tuple(address for address, _ in found), found[0][1]))
    own = sorted(groups, key=lambda tag: "/" not in tag)  # what profiles made comes first: people come for it
    return {tag: groups[tag] for tag in own}


def _contents(tag: str, operations: Sequence[Operation]) -> str:
    links = "".join(f'<li><a href="#{one.anchor}">{code(_shortened(one.addresses[0]))}</a>' for one in operations)
    return f"<li>{escape(tag)}<ul>{links}</ul>"


def _shortened(address: str) -> str:
    return address.removeprefix("/api/v1")


def _section(document: Json, base: str, tag: str, operations: Sequence[Operation]) -> str:
    told = "".join(_operation(document, base, one) for one in operations)
    return f"<section><h2>{escape(tag)}</h2>{told}</section>"


def _operation(document: Json, base: str, operation: Operation) -> str:
    first, *others = operation.addresses
    also = f"<p>Also at {', '.join(code(one) for one in others)}.</p>" if others else ""
    examples = "\n".join(f"<code>{escape(one)}</code>" for one in _examples(base, first, operation.said))
    wanted = [_resolved(document, one) for one in operation.said.get("parameters", ())]
    return (
        f'<article id="{operation.anchor}"><h3><span class="method">GET</span> {code(first)}</h3>'
        f"<p>{words(operation.said['summary'])}</p>{also}"
        f'<pre tabindex="0" aria-label="Example">{examples}</pre>'
        f"<details><summary>Parameters</summary>{_parameters(wanted)}</details>"
        f"<details><summary>Answers</summary>{_answers(document, operation.said['responses'])}</details></article>"
    )


def _examples(base: str, address: str, said: Json) -> Iterator[str]:
    """Commands to copy; what is to be filled in stands there in capitals."""
    whole = base + _PLACE.sub(lambda found: found[1].upper(), address)
    media = said["responses"]["200"].get("content", {})
    paged = any(one.get("$ref") == f"{_PARAMETER}limit" for one in said.get("parameters", ()))
    yield f"curl {'-N' if STREAM in media else '-s'} {shlex.quote(whole + ('?limit=5' if paged else ''))}"
    if CSV in media:
        yield f"curl -s {shlex.quote(f'{whole}?format=csv')}"


def _resolved(document: Json, parameter: Json) -> Json:
    name = str(parameter.get("$ref", "")).removeprefix(_PARAMETER)
    found: Json = document["components"]["parameters"][name] if name else parameter
    return found


def _parameters(wanted: Sequence[Json]) -> str:
    filters: dict[str, list[Json]] = {}
    for parameter in wanted:
        filters.setdefault(parameter["name"].partition("__")[0], []).append(parameter)
    rows = "".join(_parameter(name, found) for name, found in filters.items())
    return f"<table><thead><tr><th>Parameter<th>Value<th></tr></thead><tbody>{rows}</tbody></table>"


def _parameter(name: str, found: Sequence[Json]) -> str:
    first = found[0]
    operators = [one["name"].removeprefix(name) for one in found if one["name"] != name]
    if operators:
        about = f'<a href="#filters">Filter</a>, also {" ".join(code(one) for one in operators)}'
    else:
        said = (words(first.get("description", "")), limits(first["schema"]), "A header." * (first["in"] == "header"))
        about = " ".join(filter(None, said))
    return f"<tr><td>{code(first['name'])}<td>{kind(_single(first['schema']))}<td>{about}"


def _single(schema: Json) -> Json:
    """A parameter that may be repeated is told by one of its values."""
    items: Json = schema.get("items", schema)
    return items


def _answers(document: Json, responses: Json) -> str:
    rows = []
    for status, answer in responses.items():
        name = str(answer.get("$ref", "")).removeprefix(_RESPONSE)
        found = document["components"]["responses"][name] if name else answer
        told = "; ".join(f"{code(media)}: {kind(one['schema'])}" for media, one in found.get("content", {}).items())
        rows.append(f"<tr><td>{code(status)}<td>{words(found['description'])}<td>{told}")
    return f"<table><thead><tr><th>Status<th>Means<th>Holds</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _filters(document: Json) -> str:
    """What each operator means, once for all filters."""
    told: dict[str, str] = {}
    for parameter in document["components"]["parameters"].values():
        _, there, operator = parameter["name"].partition("__")
        if there:
            told.setdefault(operator, parameter["description"])
    rows = "".join(f"<tr><td>{code(f'field__{name}')}<td>{words(means)}" for name, means in sorted(told.items()))
    return (
        '<section id="filters"><h2>Filters</h2><p>A field by its name asks for what is equal to the value. Repeated, '
        "it is OR; different filters are AND. Behind two underlines stands another question:</p>"
        f"<table><thead><tr><th>Filter<th>Means</tr></thead><tbody>{rows}</tbody></table></section>"
    )


def _schemas(document: Json) -> str:
    # the id stands inside: a browser that goes there opens what is closed around it
    told = "".join(
        f'<details><summary>{escape(name)}</summary><div id="{anchor(name)}">{properties(schema)}</div></details>'
        for name, schema in document["components"]["schemas"].items()
    )
    return f'<section id="schemas"><h2>Schemas</h2>{told}</section>'
