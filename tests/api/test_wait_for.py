"""`wait_for`: a reader who has pushed never gets an answer that is older than the push."""

from __future__ import annotations

from typing import Any

import pytest
from api_rows import sha
from api_server import Cache, Client, Waited

from daemon.api.problems import TYPE

WANTED = f"acme/meta@{sha(8)}"


@pytest.mark.parametrize(
    "path", ["/rfcs", "/rfcs/alpha", "/rfcs/alpha/pulls", "/pulls", "/findings", "/changes", "/status"]
)
async def test_every_read_waits_for_a_commit(client: Client, cache: Cache, path: str) -> None:
    await client.get(path, wait_for=WANTED)
    assert cache.asked == [("acme/meta", sha(8), 10.0)]


@pytest.mark.parametrize(("text", "seconds"), [("5s", 5.0), ("5", 5.0), ("0", 0.0), ("0.25s", 0.25), ("60s", 60.0)])
async def test_the_time_to_wait_is_in_seconds(client: Client, cache: Cache, text: str, seconds: float) -> None:
    await client.get("/rfcs", wait_for=WANTED.upper().replace("ACME/META", "acme/meta"), timeout=text)
    assert cache.asked == [("acme/meta", sha(8), seconds)]


async def test_what_was_not_seen_is_a_problem_with_the_head_and_never_old_rows(client: Client, cache: Cache) -> None:
    cache.waited = Waited(seen=False, head=sha(3), error="the forge answered 502")
    for headers in ({}, {"If-None-Match": "*"}):
        problem = await client.get("/rfcs/alpha", status=504, headers=headers, wait_for=WANTED, timeout="1")
        assert problem["type"] == f"{TYPE}commit-not-seen"
        assert (problem["head"], problem["error"]) == (sha(3), "the forge answered 502")
        assert "fields" not in problem


async def test_a_repository_that_no_profile_reaches_cannot_be_waited_for(client: Client, cache: Cache) -> None:
    cache.waited = Waited(seen=False, known=False)
    assert (await client.get("/rfcs", status=404, wait_for=WANTED))["type"] == f"{TYPE}unknown-repository"


@pytest.mark.parametrize(
    "query",
    [
        {"wait_for": "acme/meta"}, {"wait_for": f"meta@{sha(8)}"}, {"wait_for": "acme/meta@main"},
        {"wait_for": "acme/meta@abc"}, {"wait_for": f"../x@{sha(8)}"}, {"wait_for": WANTED, "timeout": "61"},
        {"wait_for": WANTED, "timeout": "1m"}, {"wait_for": WANTED, "timeout": "-1"},
        {"wait_for": WANTED, "timeout": "nan"}, {"timeout": "61"}, {"timeout": "soon"},
    ],
)  # fmt: skip
async def test_what_cannot_be_waited_for_is_refused_before_the_forge_is_asked(
    client: Client, cache: Cache, query: dict[str, Any]
) -> None:
    assert (await client.get("/rfcs", status=400, **query))["type"] == f"{TYPE}bad-value"
    assert cache.asked == []


@pytest.mark.parametrize("text", ["10s", "0", "60", "0.5"])
async def test_a_time_alone_waits_for_nothing_and_is_no_mistake(client: Client, cache: Cache, text: str) -> None:
    """Guards generated clients (O5): they send what has a default with every call, and every call was refused."""
    await client.get("/rfcs", timeout=text)
    assert cache.asked == []
