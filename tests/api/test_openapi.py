"""The description of the API: valid, complete, and true of what is answered."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from api_rows import notes_block, revision_rows, sample_blocks
from api_server import Cache, Client
from openapi_spec_validator import validate

from daemon.api.credentials import COOKIE
from daemon.api.openapi import describe

IDS = {
    "list.repositories", "get.repositories", "list.pulls", "list.findings", "list.changes", "stream.events",
    "get.status", "get.openapi", "atom.changes", "get.pulls", "list.proposals", "revisions.pulls",
    "revisions.rfc.rfcs", "revision.rfc.rfcs", "diff.rfc.rfcs", "revisions.rfcs", "revision.rfcs", "diff.rfcs",
    "list.rfc.rfcs", "get.rfc.rfcs", "branches.rfc.rfcs", "pulls.rfc.rfcs", "history.rfc.rfcs",
    "list.rfcs", "get.rfcs", "branches.rfcs", "pulls.rfcs", "history.rfcs",
    "list.rfc.actions", "get.rfc.actions", "list.actions", "get.actions",
    "list.notes.notes", "get.notes.notes", "history.notes.notes", "list.notes", "get.notes", "history.notes",
    "list.notes.changes", "get.notes.changes", "history.notes.changes",
}  # fmt: skip
"""Client libraries name their functions after these: within v1 they are only added to."""


def operations(document: dict[str, Any]) -> dict[str, str]:
    return {path["get"]["operationId"]: address for address, path in document["paths"].items()}


async def test_the_document_is_valid_openapi(client: Client) -> None:
    response, document = await client.answer("/openapi.json")
    validate(document)
    assert document["openapi"] == "3.1.0"
    await client.get("/openapi.json", status=304, headers={"If-None-Match": response.headers["ETag"]})


async def test_it_says_how_to_send_a_token_and_that_a_wrong_one_is_refused(client: Client) -> None:
    """Guards against generated clients that cannot send one, and do not know the answer 401."""
    document = await client.get("/openapi.json")
    schemes = document["components"]["securitySchemes"]
    assert (schemes["token"]["type"], schemes["token"]["scheme"]) == ("http", "bearer")
    assert (schemes["session"]["in"], schemes["session"]["name"]) == ("cookie", COOKIE)
    assert document["security"] == [{}, {"token": []}, {"session": []}]
    assert "bad-token" in document["components"]["responses"]["problem401"]["description"]
    assert all("401" in path["get"]["responses"] for path in document["paths"].values())


def test_operations_keep_their_names() -> None:
    assert set(operations(describe(sample_blocks(), "1"))) == IDS


def test_another_block_takes_away_only_the_short_addresses() -> None:
    more = set(operations(describe((*sample_blocks(), notes_block("more", "more_")), "1")))
    assert IDS - more == {"list.notes", "get.notes", "history.notes"}
    assert "list.more.notes" in more


async def test_a_changed_profile_is_described_anew(client: Client, cache: Cache) -> None:
    before = await client.get("/openapi.json")
    cache.blocks = cache.blocks[:1]
    assert "/api/v1/notes" in before["paths"]
    assert "/api/v1/notes" not in (await client.get("/openapi.json"))["paths"]


def test_every_field_has_its_type_and_every_filter_its_parameter() -> None:
    document = describe(sample_blocks(), "1")
    fields = document["components"]["schemas"]["notes.notes.fields"]["properties"]
    assert fields["weight"] == {"type": ["integer", "null"], "format": "int64"}
    assert fields["level"] == {"type": ["string", "null"], "enum": ["low", "high", None]}
    assert fields["tags"] == {"type": ["array", "null"], "items": {"type": "string"}}
    assert document["components"]["schemas"]["rfc.rfcs.fields"]["properties"]["state"]["enum"][0] == "idea"
    parameters = document["components"]["parameters"]
    assert parameters["notes.notes.level__in"]["schema"]["items"]["enum"] == ["low", "high"]
    assert parameters["notes.notes.weight__gte"]["schema"]["type"] == "integer"


CALLS = [
    ("list.rfcs", "/rfcs"), ("list.rfcs", "/rfcs?include=body&limit=1"), ("get.rfcs", "/rfcs/alpha"),
    ("get.rfcs", "/rfcs/beta"), ("branches.rfcs", "/rfcs/alpha/branches"), ("pulls.rfcs", "/rfcs/alpha/pulls"),
    ("history.rfcs", "/rfcs/alpha/history"), ("list.pulls", "/pulls"), ("list.findings", "/findings"),
    ("list.findings", "/findings?cleared=true"), ("list.repositories", "/repositories"),
    ("revisions.rfcs", "/rfcs/alpha/revisions"), ("revision.rfcs", "/rfcs/alpha/revisions/1"),
    ("revision.rfcs", "/rfcs/alpha/revisions/latest-merged"), ("diff.rfcs", "/rfcs/alpha/revisions/1/diff/2"),
    ("get.pulls", "/pulls/acme/meta/2"), ("get.pulls", "/pulls/acme/meta/1"), ("list.proposals", "/proposals"),
    ("list.proposals", "/proposals?include=body"),
    ("get.repositories", "/repositories/acme/meta"), ("list.changes", "/changes"), ("get.status", "/status"),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "path"), CALLS)
async def test_answers_are_what_the_document_says(
    client: Client, cache: Cache, operation: str, path: str
) -> None:
    await cache.put(*revision_rows())
    document = await client.get("/openapi.json")
    described = document["paths"][operations(document)[operation]]["get"]["responses"]["200"]
    schema = described["content"]["application/json"]["schema"]
    checker = jsonschema.Draft202012Validator({**schema, "components": document["components"]})
    checker.validate(await client.get(path))


async def test_problems_are_what_the_document_says(client: Client) -> None:
    document = await client.get("/openapi.json")
    schema = document["components"]["schemas"]["Problem"]
    for path, status in (("/rfcs?x=1", 400), ("/none", 404), ("/changes?after=e0:1", 410)):
        jsonschema.validate(await client.get(path, status=status), schema)


async def test_every_parameter_described_is_understood(client: Client) -> None:
    document = await client.get("/openapi.json")
    examples = {"integer": "1", "number": "1", "boolean": "true", "date": "2026-01-01", "date-time": "2026-01-01"}
    for reference in document["paths"]["/api/v1/notes"]["get"]["parameters"]:
        parameter = document["components"]["parameters"][reference["$ref"].rsplit("/", 1)[1]]
        schema = parameter["schema"].get("items", parameter["schema"])
        value = schema["enum"][0] if "enum" in schema else examples.get(schema.get("format", ""), "")
        value = value or examples.get(schema["type"], "word")
        if parameter["name"] in ("cursor", "wait_for", "timeout"):
            continue
        await client.get(f"/notes?{parameter['name']}={value}")
