"""What the description allows, the server understands; and it answers as described (O5).

Clients are generated from the description: they send every default, and whatever else its schemas let them. What only a
server can know has answers of its own: 404 for what is not there, 409 for a cursor of another list, 410 for a position
of another feed.
"""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from api_rows import notes_block, revision_rows, sample_blocks
from api_server import Cache, Client
from described import Operation, check, drawn, extremes, operations, spelled
from examples import examples
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from yarl import URL

from cache.queries.entries import MOST_TOKENS, match
from cache.queries.errors import QueryError
from daemon.api.openapi import describe

ANSWERED = (200, 404, 409, 410)
DOCUMENT = describe((*sample_blocks(), notes_block("more", "more_")), "0.1.0")
OPERATIONS = tuple(operations(describe(sample_blocks(), "0.1.0")))


@pytest.fixture
async def filled(client: Client, cache: Cache) -> Client:
    """A client of the sample cache with something for every address."""
    await cache.put(*revision_rows())
    return client


async def asked(client: Client, document: Any, operation: Operation, query: list[tuple[str, str]]) -> int:
    """The status of an answer, which must be as described."""
    url = URL(client.root + operation.url(query, document["components"]), encoded=True)
    async with client.session.get(url) as answer:
        raw, media = await answer.read(), answer.content_type
        body = json.loads(raw) if "json" in media else raw
        assert answer.status in ANSWERED, (str(url), body)
        check(document, operation, answer.status, media, body)
        return answer.status


async def test_a_client_that_sends_every_default_is_answered(filled: Client) -> None:
    """Guards generated clients: `timeout` has a default, and was refused alone with every call."""
    document = await filled.get("/openapi.json")
    for operation in operations(document):
        defaults = [pair for one in operation.parameters if "default" in one["schema"]
                    for pair in spelled(one, one["schema"]["default"])]  # fmt: skip
        assert "timeout" in dict(defaults)
        # of the sample's collections one has an entry of this key
        wanted = 404 if "{key}" in operation.address and "rfcs/" not in operation.address else 200
        for query in (defaults, [], *([pair] for pair in defaults)):
            status = await asked(filled, document, operation, query)
            assert status == wanted, (operation.address, query)


def undescribed(schema: Any) -> Any:
    """A schema by what it allows, without what it says to people."""
    if not isinstance(schema, dict):
        return schema
    return {name: undescribed(value) for name, value in schema.items() if name != "description"}


SOME = 3
"""So many values of its kind a further field is asked with."""


async def test_each_parameter_alone_is_understood_at_its_extremes(filled: Client) -> None:
    """Each kind of parameter with each value once; every field with some, others than the field before it.

    A kind is a schema and an operator. What is no field has a meaning of its own, and all values. Of what was met,
    every parameter of the shorter addresses is asked with one value.
    """
    document = await filled.get("/openapi.json")
    met: set[str] = set()
    turns: Counter[str] = Counter()
    for operation in operations(document):
        fields = {one["name"].partition("__")[0] for one in operation.parameters if "__" in one["name"]}
        for parameter in operation.parameters:
            field, _, operator = parameter["name"].partition("__")
            values = [value for value in extremes(parameter["schema"]) if field != "wait"]
            kind = json.dumps([undescribed(parameter["schema"]), operator or (field in fields) or field])
            itself = json.dumps([parameter["schema"], operator or field])
            if itself in met and (operation.address.count("/") > 4 or operator):
                continue
            turn = turns[kind]
            if itself in met:
                values = values[:1]
            elif turn:
                values = [values[(turn * SOME + step) % len(values)] for step in range(min(SOME, len(values)))]
            for value in values:
                await asked(filled, document, operation, spelled(parameter, value))
            turns[kind] += itself not in met
            met.add(itself)


async def test_largest_lists_fit_beside_each_other(filled: Client) -> None:
    document = await filled.get("/openapi.json")
    operation = next(one for one in operations(document) if one.address == "/api/v1/rfcs")
    lists = [one for one in operation.parameters if one["schema"]["type"] == "array"][:4]
    for first, second in pairwise(lists):
        query = [pair for one in (first, second) for pair in spelled(one, list(extremes(one["schema"]))[-1])]
        assert await asked(filled, document, operation, query) == 200


@settings(max_examples=examples(30, 1_000), suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data(), operation=st.sampled_from(OPERATIONS))
async def test_parameters_together_are_understood(filled: Client, data: st.DataObject, operation: Operation) -> None:
    """Any few of what an address takes, each with a value that its schema allows."""
    known = [one for one in operation.parameters if one["name"] not in ("wait", "wait_for")]
    few = min(2, len(known))
    some = data.draw(st.lists(st.sampled_from(known), min_size=few, max_size=4, unique_by=lambda one: str(one["name"])))
    query = [pair for one in some for pair in spelled(one, data.draw(drawn(one["schema"]), label=one["name"]))]
    for name, value in query:
        if name == "q":  # words joined by signs are counted one by one, which no pattern can say
            try:
                match(value)
            except QueryError:
                assume(False)
    await asked(filled, describe(sample_blocks(), "0.1.0"), operation, query)


async def test_a_cleared_time_can_be_asked_of_findings_that_stand(filled: Client) -> None:
    """The description told of it for both; the server knew it of cleared ones alone."""
    every = await filled.get("/findings", sort="-cleared_at")
    assert every["items"]
    assert (await filled.get("/findings", cleared_at__isnull="true"))["items"]
    assert not (await filled.get("/findings", cleared_at__gte="2020-01-01T00:00:00Z"))["items"]
    assert not (await filled.get("/findings", cleared_at__isnull="false"))["items"]


async def test_more_than_a_schema_allows_is_refused(filled: Client) -> None:
    """The other side: what is described is not narrower than what is understood."""
    too_many = "&".join(f"title={number}" for number in range(201))
    for query in (
        too_many, "timeout=61", "timeout=060", "timeout=1m", "timeout=", "q=%20", "q=" + "x" * 1001,
        "q=" + "+".join(["a"] * (MOST_TOKENS + 1)), "limit=201", "limit=0", "limit=1.5", "title=%00", "cursor=x",
        "cursor=", "wait_for=./x@" + "a" * 40, "wait_for=a/..@" + "a" * 40, "state=none",
        "proposed_at__gte=yesterday", "include=bodies", "format=xml", "sort=body",
    ):
        await filled.get(f"/rfcs?{query}", status=400)


async def test_a_description_of_any_profiles_is_of_the_same_make() -> None:
    """Each schema of a parameter says all that a client must know to send it."""
    for parameter in DOCUMENT["components"]["parameters"].values():
        schema = parameter["schema"]
        each = schema.get("items", schema)
        assert "maxItems" in schema or schema["type"] != "array", parameter["name"]
        assert "minimum" in each or each["type"] not in ("integer", "number"), parameter["name"]
        plain = each["type"] == "string" and "enum" not in each and "format" not in each
        assert not plain or "pattern" in each or parameter["name"] == "epoch", parameter["name"]
