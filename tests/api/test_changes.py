"""The change feed over HTTP: resume from a position and miss nothing, or be told to resync."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from api_rows import entry, note
from api_server import Cache, Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.api.problems import TYPE


async def test_a_change_says_what_changed(client: Client, cache: Cache) -> None:
    at = (await client.get("/changes", after="latest"))["next"]
    await cache.put(entry("beta", title="Better"))
    told = await client.get("/changes", after=at)
    change = told["items"][0]
    assert (change["kind"], change["operation"], change["key"]) == ("entry", "updated", "beta")
    assert set(change["columns"]) >= {"title", "valid"}
    assert change["repository"] == "acme/meta"
    assert told["next"] == change["position"] == f"e1:{change['sequence']}"


async def test_without_a_position_the_feed_begins_with_what_is_kept(client: Client) -> None:
    told = await client.get("/changes", limit=200)
    assert [item["sequence"] for item in told["items"]] == list(range(1, 16))
    assert (told["epoch"], told["sequence"]) == ("e1", 15)
    assert (await client.get("/changes", after=told["next"]))["items"] == []


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(limit=st.integers(1, 7), kind=st.sampled_from([None, "entry", "pull", "branch"]))
async def test_pages_of_the_feed_make_the_whole_feed(client: Client, limit: int, kind: str | None) -> None:
    query: dict[str, Any] = {"kind": kind} if kind else {}
    whole = (await client.get("/changes", limit=200, **query))["items"]
    walked: list[Any] = []
    after: dict[str, Any] = {}
    while page := await client.get("/changes", limit=limit, **query, **after):
        walked += page["items"]
        after = {"after": page["next"]}
        if not page["items"]:
            break
    assert walked == whole
    assert whole


async def test_a_filter_passes_over_what_does_not_fit(client: Client, cache: Cache) -> None:
    told = await client.get("/changes", kind="pull", key="alpha")
    assert {(item["kind"], item["key"]) for item in told["items"]} == {("pull", "alpha")}
    assert told["sequence"] == 15, "a reader need not read again what did not fit"
    await client.get("/changes", status=400, kind="pul")
    await client.get("/changes", status=400, colection="rfcs")


@pytest.mark.parametrize("position", ["e0:3", "e1:16", "e1:99999"])
async def test_a_position_the_feed_cannot_go_on_from_asks_for_a_resync(client: Client, position: str) -> None:
    problem = await client.get("/changes", status=410, after=position)
    assert problem["type"] == f"{TYPE}resync"
    assert (problem["epoch"], problem["position"]) == ("e1", "e1:15")
    assert (await client.get("/changes", after=problem["position"]))["items"] == []


async def test_a_position_older_than_what_is_kept_asks_for_a_resync(client: Client, cache: Cache) -> None:
    await cache.store.prune_feed(5)
    assert (await client.get("/changes", status=410, after="e1:9"))["type"] == f"{TYPE}resync"
    assert [item["sequence"] for item in (await client.get("/changes", after="e1:10"))["items"]] == [11, 12, 13, 14, 15]
    assert (await client.get("/changes"))["items"][0]["sequence"] == 11
    await cache.store.prune_feed(0)
    assert (await client.get("/changes", status=410, after="e1:14"))["type"] == f"{TYPE}resync"
    assert (await client.get("/changes", after="e1:15"))["items"] == []


async def test_a_new_epoch_makes_every_position_old(client: Client, cache: Cache) -> None:
    cache.epoch = "e2"
    assert (await client.get("/changes", status=410, after="e1:15"))["position"] == "e2:15"


@pytest.mark.parametrize("after", ["", "x", "e1:", "e1:-1", ":3", "e1:1:2", "e1:" + "9" * 40, "١"])
async def test_a_damaged_position_is_no_place_to_begin(client: Client, after: str) -> None:
    assert (await client.get("/changes", status=400, after=after))["type"] == f"{TYPE}bad-position"


async def test_a_bare_sequence_comes_with_its_epoch_beside_it(client: Client) -> None:
    assert len((await client.get("/changes", after="13", epoch="e1"))["items"]) == 2
    await client.get("/changes", status=410, after="13", epoch="e0")
    await client.get("/changes", status=410, after="e1:13", epoch="e0")


async def test_a_waiting_reader_gets_the_first_change_that_fits(client: Client, cache: Cache) -> None:
    waiting = asyncio.ensure_future(client.get("/changes", after="latest", wait="30", collection="notes"))
    await asyncio.sleep(0)
    while not waiting.done():
        await cache.put(entry("beta", title=f"T{cache.store.sequence}"))  # passed over
        await cache.put(note(f"2026/{cache.store.sequence}"))
        await asyncio.wait({waiting}, timeout=0.05)
    told = await waiting
    assert [item["collection"] for item in told["items"]] == ["notes"] * len(told["items"])
    assert told["items"]


async def test_waiting_ends_with_an_empty_answer_and_a_place_to_go_on(client: Client) -> None:
    told = await client.get("/changes", after="latest", wait="0.01")
    assert (told["items"], told["next"]) == ([], "e1:15")
    await client.get("/changes", status=400, wait="61")


async def test_the_newest_that_fit_come_in_their_order(client: Client, cache: Cache) -> None:
    """Whoever begins to look wants to see what happened last, without walking through all that is kept."""
    await cache.put(note("2026/a"), entry("beta", title="Better"), note("2026/b"))
    whole = await client.get("/changes", limit=200)
    last = await client.get("/changes", last=3)
    assert last["items"] == whole["items"][-3:]
    assert last["next"] == whole["next"]
    notes = await client.get("/changes", last=2, collection="notes")
    assert [item["key"] for item in notes["items"]] == ["2026/a", "2026/b"]
    assert notes["next"] == whole["next"], "what does not fit was read as well"
    assert (await client.get("/changes", last=200))["items"] == whole["items"]


@pytest.mark.parametrize("beside", ["limit=3", "wait=1", "epoch=e1", "timeout=10s"])
async def test_the_newest_are_asked_for_beside_what_clients_send_by_default(client: Client, beside: str) -> None:
    """Generated clients send `limit` with every call; it says nothing about the newest."""
    alone = await client.get("/changes?last=5")
    assert len(alone["items"]) == 5
    assert await client.get(f"/changes?last=5&{beside}") == alone
    for wrong in ("last=0", "last=201", "last=x", "last=", "last=5&last=2", "last=5&limit=0", "last=5&after=x"):
        assert (await client.get(f"/changes?{wrong}", status=400))["type"].startswith(f"{TYPE}bad-")


async def test_the_newest_after_a_position_are_of_those_after_it(client: Client) -> None:
    whole = (await client.get("/changes", limit=200))["items"]
    end = whole[-1]["sequence"]
    told = await client.get("/changes", last=5, after=f"e1:{end - 3}")
    assert told["items"] == whole[-3:]
    assert (await client.get("/changes", last=2, after=f"e1:{end - 3}"))["items"] == whole[-2:]
    assert (await client.get("/changes", last=2, after="latest"))["items"] == []
    assert (await client.get("/changes", last=2, after="e0:1", status=410))["type"] == f"{TYPE}resync"


async def test_a_page_with_more_behind_it_links_to_the_next(client: Client, cache: Cache) -> None:
    response, page = await client.answer("/changes", limit=4)
    assert response.headers["Link"] == f'<?limit=4&after={page["next"]}>; rel="next"'
    assert response.headers["Forgeglass-Position"] == page["next"]
    response, _ = await client.answer("/changes", after=f"e1:{cache.store.sequence}")
    assert "Link" not in response.headers
