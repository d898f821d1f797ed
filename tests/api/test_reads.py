"""Reading over HTTP: what an answer holds, its pages, its errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from api_rows import EPOCH, entry, finding, note, notes_block, place, pull, repository, sha
from api_server import Cache, Client, Server
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from yarl import URL

from daemon.api.problems import PROBLEMS, TYPE


async def test_an_entry_is_told_with_its_freshness_and_its_commit(client: Client) -> None:
    told = await client.get("/rfcs/alpha")
    assert told == {
        "slug": "alpha", "block": "rfc", "collection": "rfcs", "key": "alpha", "repository": "acme/meta",
        "path": "rfcs/alpha.md", "line": 0, "title": "Alpha", "valid": True,
        "fields": {
            "owners": ["ada"], "tags": ["core"], "arbiters": [], "proposed_at": "2026-01-05", "title": "Alpha",
            "state": "active", "repo": "acme/alpha", "odd": [1], "id": None, "proposed_by": None,
            "graduated_at": None, "graduated_by": None,
        },
        "body": "The whole of alpha.", "body_sha": sha(11), "entry_sha": sha(7), "document_sha": sha(11),
        "document_repository": "acme/alpha", "document_path": "RFC.md", "document_commit": sha(12),
        "commit": sha(8), "landed": sha(9), "last_entry_commit_at": "2026-01-04T00:00:00Z",
        "landed_at": "2026-01-04T00:00:00Z", "created_at": "2026-01-04T00:00:00Z",
        "updated_at": "2026-01-05T00:00:00Z", "last_main_commit_at": "2026-01-05T00:00:00Z",
        "home_repository": "acme/alpha", "revision_count": 0,
        "counts": {"branches_open": 2, "pulls_open": 1, "findings": 0},
        "verified_at": "2026-03-01T11:59:20Z", "observed_at": "2026-03-01T11:59:30Z", "stale": False,
        "sequence": 15,
    }  # fmt: skip


async def test_a_list_leaves_bodies_out_unless_they_are_asked_for(client: Client) -> None:
    told = await client.get("/rfcs")
    assert set(told) == {"items", "next", "sequence", "observed_at", "stale"}
    assert [item["key"] for item in told["items"]] == ["alpha", "beta", "gamma"]
    assert all("body" not in item for item in told["items"])
    assert (await client.get("/rfcs", include="body"))["items"][1]["body"] == "About beta."


async def test_findings_count_for_the_entry_whose_file_they_are_about(client: Client) -> None:
    items = (await client.get("/rfcs"))["items"]
    assert [item["counts"]["findings"] for item in items] == [0, 1, 1]
    assert [item["valid"] for item in items] == [True, False, True]


async def test_a_finding_about_a_line_counts_for_the_entry_of_that_line_only(client: Client, cache: Cache) -> None:
    path = "audit/2026-01.jsonl"
    lines = [entry(f"a{n}", collection="actions", path=path, line=n, fields={}) for n in (1, 2)]
    await cache.put(*lines, finding("f3", collection="actions", path=path, line=2))
    items = (await client.get("/actions"))["items"]
    assert [item["counts"]["findings"] for item in items] == [0, 1]


async def test_pages_are_linked_and_end(client: Client) -> None:
    response, first = await client.answer("/rfcs", limit=2, sort="-title")
    assert [item["key"] for item in first["items"]] == ["gamma", "beta"]
    link = response.links["next"]["url"]
    async with client.session.get(link) as answer:
        second = await answer.json()
    assert [item["key"] for item in second["items"]] == ["alpha"]
    assert second["next"] is None
    assert "Link" not in answer.headers


async def test_a_cursor_of_another_filter_order_or_list_is_refused(client: Client) -> None:
    cursor = (await client.get("/rfcs", limit=1))["next"]
    others: list[tuple[str, dict[str, Any]]] = [
        ("/rfcs", {"state": "idea"}), ("/rfcs", {"sort": "-key"}), ("/rfcs", {"q": "x"}), ("/actions", {}),
        ("/repositories", {}),
    ]  # fmt: skip
    for path, query in others:
        problem = await client.get(path, status=409, cursor=cursor, **query)
        assert problem["type"] == f"{TYPE}cursor-mismatch"
    assert (await client.get("/rfcs", limit=3, cursor=cursor))["items"][0]["key"] == "beta"


async def test_filters_of_one_name_are_or_and_of_two_are_and(client: Client) -> None:
    async def keys(*query: tuple[str, str]) -> list[str]:
        text = "&".join(f"{name}={quote(value)}" for name, value in query)
        return [item["key"] for item in (await client.get(f"/rfcs?{text}"))["items"]]

    assert await keys(("state", "active"), ("state", "idea")) == ["alpha", "beta"]
    assert await keys(("state", "active"), ("tags", "core")) == ["alpha"]
    assert await keys(("valid", "false")) == ["beta"]
    assert await keys(("slug__in", "alpha,gamma"), ("state__ne", "active")) == ["gamma"]
    assert await keys(("repository", "ACME/meta")) == ["alpha", "beta", "gamma"]
    assert await keys(("home_repository__isnull", "false")) == ["alpha"]


async def test_an_unknown_parameter_is_named_with_the_nearest_known_one(client: Client) -> None:
    response, problem = await client.answer("/rfcs", status=400, stat="idea")
    assert response.content_type == "application/problem+json"
    assert problem == {
        "type": "urn:forgeglass:problem:unknown-parameter", "title": "There is no such parameter", "status": 400,
        "detail": "there is no parameter 'stat'; did you mean 'state'?", "instance": "/api/v1/rfcs",
        "parameter": "stat",
    }  # fmt: skip


async def test_what_belongs_to_an_entry_has_lists_of_its_own(client: Client) -> None:
    branches = await client.get("/rfcs/alpha/branches", state="open")
    assert [item["name"] for item in branches["items"]] == ["draft", "main"]
    pulls = await client.get("/rfcs/alpha/pulls")
    assert [(item["repository"], item["number"]) for item in pulls["items"]] == [("acme/meta", 2), ("acme/alpha", 1)]
    history = await client.get("/rfcs/alpha/history")
    assert [(item["part"], item["position"]) for item in history["items"]] == [
        ("document", 0), ("entry", 1), ("entry", 0),
    ]  # fmt: skip


async def test_a_list_of_an_entry_that_is_not_there_is_not_an_empty_list(client: Client) -> None:
    for part in ("branches", "pulls", "history"):
        assert (await client.get(f"/rfcs/nothing/{part}", status=404))["type"] == f"{TYPE}not-found"
    assert (await client.get("/rfcs/nothing", status=404))["detail"].endswith("has no entry 'nothing'.")


async def test_pulls_are_filtered_by_one_and_the_same_place(client: Client, cache: Cache) -> None:
    await cache.put(pull(5), place(5, "alpha", "idea", actor="eve"))

    async def numbers(**query: Any) -> list[int]:
        return [item["number"] for item in (await client.get("/pulls", repository="acme/meta", **query))["items"]]

    assert await numbers(kind="idea") == [5, 1]
    assert await numbers(kind="idea", key="alpha") == [5]
    assert await numbers(kind="meta_claim", actor="eve") == []
    assert await numbers(state="merged", collection="rfcs", block="rfc") == [2]
    assert await numbers(draft="true") == []
    assert (await client.get("/pulls", draft="true"))["items"][0]["repository"] == "acme/alpha"


async def test_a_pull_request_is_told_with_its_places_and_its_page(client: Client) -> None:
    item = (await client.get("/pulls", kind="meta_claim"))["items"][0]
    assert item["html_url"] == "https://forge.example/acme/meta/pulls/2"
    assert item["places"] == [
        {
            "block": "rfc", "collection": "rfcs", "key": "alpha", "kind": "meta_claim", "actor": "ada",
            "actor_source": "opener", "actor_evidence": "ada",
        }
    ]  # fmt: skip


async def test_repositories_are_told_with_our_looking_at_them(client: Client, cache: Cache) -> None:
    items = (await client.get("/repositories"))["items"]
    assert [(item["full_name"], item["mirrored"]) for item in items] == [
        ("acme/alpha", True), ("acme/idle", False), ("acme/meta", True), ("acme/notes", True),
    ]  # fmt: skip
    one = await client.get("/repositories/ACME/meta")
    assert (one["id"], one["look"]["failures"], one["verified_at"]) == (1, 0, "2026-03-01T11:59:20Z")
    assert (await client.get("/repositories/acme/none", status=404))["type"] == f"{TYPE}not-found"


async def test_findings_that_were_cleared_are_asked_for(client: Client, cache: Cache) -> None:
    assert [item["id"] for item in (await client.get("/findings", rule="dangling"))["items"]] == ["f2"]
    await cache.remove(finding("f1"))
    assert [item["id"] for item in (await client.get("/findings"))["items"]] == ["f2"]
    cleared = (await client.get("/findings", cleared="true", severity="error", path__startswith="rfcs/"))["items"]
    assert [(item["id"], item["cleared_at"]) for item in cleared] == [("f1", "2026-03-01T12:00:00Z")]


async def test_status_is_the_daemons_own(client: Client) -> None:
    assert await client.get("/status") == {"version": "0.1.0", "repositories": 3}


# Addresses


async def test_a_collection_named_like_a_route_is_served_below_its_block_only(client: Client, cache: Cache) -> None:
    await cache.put(entry("x", block="notes", collection="changes"))
    assert [item["key"] for item in (await client.get("/notes/changes"))["items"]] == ["x"]
    assert (await client.get("/notes/changes/x"))["name"] == "x"
    assert "epoch" in await client.get("/changes")


async def test_a_collection_of_several_blocks_must_be_chosen(client: Client, cache: Cache) -> None:
    cache.blocks = (*cache.blocks, notes_block("more", "more_"))
    problem = await client.get("/notes/2026/a", status=409)
    assert problem["candidates"] == ["/api/v1/notes/notes", "/api/v1/more/notes"]
    assert (await client.get("/more/notes"))["items"] == []


async def test_an_unknown_collection_is_answered_with_those_there_are(client: Client) -> None:
    problem = await client.get("/rfc5", status=404)
    assert problem["type"] == f"{TYPE}unknown-collection"
    assert problem["collections"] == ["actions", "notes", "notes/changes", "rfcs"]
    assert (await client.get("/rfc", status=404))["collections"] == ["rfc/rfcs", "rfc/actions"]
    for reserved in ("/reports/x", "/proposals/x", "/tokens", "/status/x"):
        assert (await client.get(reserved, status=404))["status"] == 404


async def test_a_key_may_hold_slashes_any_letters_and_the_names_of_lists(client: Client, cache: Cache) -> None:
    keys = ["2026/a", "2026/ü ß", "2026/a?b=c&d", "2026/100%", "2026/x/branches", "2026/%2F", "2026/\U0001f600#"]
    await cache.put(*(note(key, EPOCH) for key in keys))
    for key in keys:
        assert (await client.get(f"/notes/{quote(key, safe='')}"))["key"] == key
        assert (await client.get(f"/notes/notes/{quote(key, safe='')}"))["key"] == key
    assert (await client.get("/notes/2026/a"))["name"] == "a"
    assert (await client.get("/notes/2026/a/branches"))["items"] == []
    assert (await client.get("/notes/2026/x/branches", status=404))["type"] == f"{TYPE}not-found"


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=30))
async def test_any_address_is_answered_with_json(cache: Cache, client: Client, text: str) -> None:
    url = f"{client.root}/api/v1/rfcs/{quote(text, safe='/')}"
    async with client.session.get(URL(url, encoded=True)) as response:
        assert response.status in (200, 404), await response.text()
        assert response.content_type in ("application/json", "application/problem+json")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_everything_can_only_be_read(client: Client, method: str) -> None:
    for path in ("/rfcs", "/rfcs/alpha", "/changes", "/events", "/nothing"):
        response, problem = await client.answer(path, status=405, method=method)
        assert response.headers["Allow"] == "GET, HEAD"
        assert problem["type"] == f"{TYPE}method-not-allowed"


def test_every_problem_has_a_status_and_a_title() -> None:
    for kind, (status, title) in PROBLEMS.items():
        assert 400 <= status < 600, kind
        assert title


async def test_a_cache_that_cannot_be_read_is_said_so_and_nothing_more(client: Client, cache: Cache) -> None:
    async with cache.database.transaction() as connection:
        await connection.exec_driver_sql("DROP TABLE findings")
    response, problem = await client.answer("/findings", status=503)
    assert response.headers["Retry-After"] == "1"
    assert "findings" not in problem["detail"]
    assert problem["type"] == f"{TYPE}cache-unavailable"


# What an answer costs


@pytest.fixture
def statements(cache: Cache, server: Server) -> Iterator[list[str]]:
    """Every statement that a reading connection was given."""
    noted: list[str] = []

    def note_it(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            noted.append(statement)

    engine = cache.database._read_engine.sync_engine  # type: ignore[union-attr]  # open, in a test
    event.listen(engine, "before_cursor_execute", note_it)
    yield noted
    event.remove(engine, "before_cursor_execute", note_it)


@pytest.mark.parametrize(
    ("path", "most"),
    [("/rfcs", 3), ("/rfcs?q=alpha&include=body", 5), ("/rfcs/alpha", 4), ("/pulls", 3), ("/repositories", 2),
     ("/findings", 2), ("/rfcs/alpha/pulls", 4), ("/rfcs/alpha/branches", 3), ("/rfcs/alpha/history", 3),
     ("/changes", 3)],
)  # fmt: skip
async def test_an_answer_takes_few_statements_however_long_it_is(
    client: Client, cache: Cache, statements: list[str], path: str, most: int
) -> None:
    await cache.put(*(entry(f"more-{n}") for n in range(40)), *(repository(100 + n, f"acme/r{n}") for n in range(40)))
    statements.clear()
    await client.get(path)
    assert 0 < len(statements) <= most, statements

