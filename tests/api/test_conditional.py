"""What travels in headers: tags, freshness, compression."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from api_rows import NOW, entry, look
from api_server import Cache, Client

from cache.rows import OwnerRow

READS = [
    "/rfcs", "/rfcs/alpha", "/rfcs/alpha/branches", "/pulls", "/findings", "/repositories", "/repositories/acme/meta",
]  # fmt: skip
FRESHNESS = ("Forgeglass-Sequence", "Forgeglass-Observed-At", "Forgeglass-Stale")


@pytest.mark.parametrize("path", READS)
async def test_looking_again_without_finding_anything_leaves_the_tag(client: Client, cache: Cache, path: str) -> None:
    first, body = await client.answer(path)
    cache.now = NOW + timedelta(hours=1)
    later = NOW + timedelta(minutes=59)
    await cache.put(*(look(n, observed_at=later, verified_at=later) for n in (1, 2, 4)))
    await cache.put(OwnerRow("acme", 1, True, swept_at=later))
    await cache.put(entry("elsewhere", block="notes", collection="changes"))  # the feed goes on
    second, again = await client.answer(path)
    assert first.headers["ETag"] == second.headers["ETag"]
    assert first.headers["ETag"].startswith('W/"')
    assert body["sequence"] < again["sequence"]
    assert body["observed_at"] != again["observed_at"]
    assert body.get("items") == again.get("items")


@pytest.mark.parametrize("path", READS)
async def test_a_reader_who_has_it_is_told_only_how_fresh_it_is(client: Client, path: str) -> None:
    full, body = await client.answer(path)
    tag = full.headers["ETag"]
    for said in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        response, nothing = await client.answer(path, status=304, headers={"If-None-Match": said})
        assert nothing is None
        assert response.headers["ETag"] == tag
        assert [response.headers[name] for name in FRESHNESS] == [full.headers[name] for name in FRESHNESS]
    assert (await client.answer(path, headers={"If-None-Match": '"other"'}))[1] == body


async def test_a_star_does_not_hide_that_something_is_not_there(client: Client) -> None:
    await client.answer("/rfcs/nothing", status=404, headers={"If-None-Match": "*"})


async def test_a_change_a_page_and_another_profile_change_the_tag(client: Client, cache: Cache) -> None:
    tags = [(await client.answer("/rfcs", limit=limit))[0].headers["ETag"] for limit in (1, 2, 3)]
    await cache.put(entry("alpha", path="rfcs/moved.md"))
    tags.append((await client.answer("/rfcs", limit=3))[0].headers["ETag"])
    rfc, notes = cache.blocks
    cache.blocks = (msgspec.structs.replace(rfc, fingerprint="other"), notes)
    tags.append((await client.answer("/rfcs", limit=3))[0].headers["ETag"])
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize("path", [*READS, "/changes", "/status", "/openapi.json"])
async def test_head_is_get_without_the_body(client: Client, path: str) -> None:
    get, _ = await client.answer(path, headers={"Accept-Encoding": "identity"})
    head, nothing = await client.answer(path, method="HEAD", headers={"Accept-Encoding": "identity"})
    assert nothing is None

    def kept(headers: Any) -> dict[str, str]:
        return {name: value for name, value in headers.items() if name not in ("Date", "Forgeglass-Sequence")}

    assert kept(head.headers) == kept(get.headers)


async def test_staleness_stands_in_the_header_and_in_the_body(client: Client, cache: Cache) -> None:
    await cache.put(look(1, failures=2))
    response, body = await client.answer("/rfcs/beta")
    assert (response.headers["Forgeglass-Stale"], body["stale"]) == ("true", True)
    await cache.put(look(1, observed_at=None))
    response, body = await client.answer("/rfcs/beta")
    assert (response.headers["Forgeglass-Observed-At"], body["observed_at"], body["stale"]) == ("never", None, True)


@pytest.mark.parametrize(
    ("accepts", "coding"),
    [("gzip", "gzip"), ("br, gzip;q=0.5", "gzip"), ("*", "gzip"), ("gzip;q=0", None), ("identity", None), ("", None)],
)
async def test_large_answers_are_compressed_for_those_who_take_it(
    client: Client, accepts: str, coding: str | None
) -> None:
    response, _ = await client.answer("/rfcs", headers={"Accept-Encoding": accepts})
    assert response.headers.get("Content-Encoding") == coding
    assert response.headers["Vary"] == "Accept, Accept-Encoding, Authorization, Cookie"
    small, _ = await client.answer("/status", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in small.headers


@pytest.mark.parametrize("path", [*READS, "/changes", "/status", "/openapi.json"])
async def test_no_browser_guesses_what_an_answer_is(client: Client, path: str) -> None:
    response, _ = await client.answer(path)
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    problem, _ = await client.answer("/none", status=404)
    assert problem.headers["X-Content-Type-Options"] == "nosniff"
    assert problem.headers["Cache-Control"] == "no-store"
