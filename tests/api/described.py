"""Requests drawn from the API's own description, as generated clients and testers of APIs make them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import jsonschema
from hypothesis import strategies as st
from msgspec import Struct

Json = dict[str, Any]

PLACES = {
    "owner": "acme", "name": "meta", "number": "1", "key": "alpha", "version": "1", "from": "1", "to": "2",
}  # fmt: skip
"""Parts of addresses that the sample cache knows."""
ENDLESS = "/api/v1/events"

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
times = st.from_regex(
    r"\A[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]{1,12})?"
    r"([Zz]|[-+]([01][0-9]|2[0-3]):[0-5][0-9])\Z"
)
"""Times as RFC 3339 has them."""
EXTREMES = {
    "date": ("0001-01-01", "9999-12-31", "2024-02-29"),
    "date-time": (
        "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:60-23:59", "2026-01-01t00:00:00.5z",
        "2016-12-31T23:59:60Z", "2026-01-01T00:00:00.123456789123-00:00",
    ),
}  # fmt: skip


ODD = (
    "", " ", "ä☃\U0001f600", "%", "'\"<>&", "line\nbreak", "a,b", "10s", "0", "60", "latest", "e1:3", "3",
    f"{'f' * 16}.e30", f"acme/meta@{'a' * 40}", f"no/where@{'B' * 64}",
)  # fmt: skip


class Operation(Struct, frozen=True):
    """One question of the description: its address, and its parameters that are not parts of it."""

    address: str
    parameters: tuple[Json, ...]
    responses: Json

    def url(self, query: list[tuple[str, str]], components: Json) -> str:
        """The address with its places filled in, and a query."""
        path = re.sub(r"\{([a-z]+)\}", lambda found: quote(PLACES[found[1]], safe=""), self.address)
        return f"{path}?{urlencode(query)}" if query else path


def operations(document: Json) -> Iterator[Operation]:
    """Every question that ends by itself."""
    known = document["components"]["parameters"]
    for address, path in document["paths"].items():
        if address == ENDLESS:
            continue
        told = [known[one["$ref"].rsplit("/", 1)[1]] if "$ref" in one else one for one in path["get"]["parameters"]]
        query = tuple(one for one in told if one["in"] == "query")
        yield Operation(address, query, path["get"]["responses"])


def spelled(parameter: Json, value: Any) -> list[tuple[str, str]]:
    """A value as it stands in a query (OpenAPI 3.1, styles of parameters)."""
    if not isinstance(value, list):
        return [(parameter["name"], _text(value))]
    if parameter["explode"]:
        return [(parameter["name"], _text(one)) for one in value]
    return [(parameter["name"], ",".join(_text(one) for one in value))]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def drawn(schema: Json) -> st.SearchStrategy[Any]:
    """Values that a schema allows."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("format"), schema["type"]:
        case "date", _:
            return st.dates().map(str)
        case "date-time", _:
            return times
        case _, "array":
            return st.lists(drawn(schema["items"]), min_size=schema["minItems"], max_size=5)
        case _, "boolean":
            return st.booleans()
        case _, "integer":
            return st.integers(schema["minimum"], schema["maximum"])
        case _, "number":
            return st.floats(schema["minimum"], schema["maximum"])
    pattern, most = schema.get("pattern"), schema.get("maxLength", 2_000)
    if pattern is None:
        return texts
    # a string may end in a line break and still match `$` in Python, not so in ECMA 262
    plain = pattern.startswith(r"^[^\u0000")
    written = st.from_regex(pattern).filter(lambda one: not one.endswith("\n") and one.isprintable())
    fitting = texts if plain else written
    return fitting.filter(lambda one: len(one) <= most and _matches(pattern, one))


def extremes(schema: Json) -> Iterator[Any]:
    """The least, the largest and the oddest values that a schema allows; its default."""
    if "default" in schema:
        yield schema["default"]
    if schema["type"] == "array":
        each = list(extremes(schema["items"]))
        yield from ([one] for one in each)
        yield each[:1] * schema["minItems"]
        short = [one for one in each if len(str(one)) < 30]  # an address has an end
        yield (short * schema["maxItems"])[: schema["maxItems"]]
    elif "enum" in schema:
        yield from schema["enum"]
    elif schema["type"] == "boolean":
        yield from (True, False)
    elif schema["type"] in ("integer", "number"):
        yield from (schema["minimum"], schema["maximum"])
        if schema["minimum"] <= 0:
            yield 0
    elif schema.get("format") in EXTREMES:
        yield from EXTREMES[schema["format"]]
    else:
        most = schema.get("maxLength", 2_000)
        odd = (*ODD, "x" * schema.get("maxLength", 500))
        yield from (one for one in odd if len(one) <= most and _matches(schema.get("pattern"), one))


def _matches(pattern: str | None, text: str) -> bool:
    return pattern is None or re.search(pattern.replace("$", r"\Z"), text) is not None


def check(document: Json, operation: Operation, status: int, media: str, body: Any) -> None:
    """Hold an answer against the description: its status, its form, its members. AssertionError, ValidationError."""
    told = operation.responses.get(str(status))
    assert told is not None, f"{operation.address} does not tell of {status}"
    if "$ref" in told:
        told = document["components"]["responses"][told["$ref"].rsplit("/", 1)[1]]
    assert media in told["content"], f"{operation.address} does not tell of {media}"
    if isinstance(body, bytes):
        return
    schema = {**told["content"][media]["schema"], "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(body)
