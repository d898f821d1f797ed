"""Which pages may read the API in a browser: those that the configuration names, and nobody without it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from api_server import Cache, Client, serve

from daemon.api import cors
from daemon.config import kinds
from daemon.config.errors import BadValueError
from daemon.config.keys import default

OURS, OTHERS = "https://dashboard.example", "https://evil.example"
PREFLIGHT = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "if-none-match"}
PATHS = ["/rfcs", "/rfcs/alpha", "/rfcs?format=csv", "/changes", "/changes.atom", "/status", "/openapi.json", "/docs"]


@asynccontextmanager
async def allowing(cache: Cache, *origins: str) -> AsyncIterator[Client]:
    async for running in serve(replace(cache.context(), cors_origins=frozenset(origins))):
        async with aiohttp.ClientSession() as session:
            yield Client(session, running.root)


async def headers(client: Client, path: str, *, method: str = "GET", status: int = 200, **sent: str) -> Any:
    address = f"{client.root}/api/v1{path}"
    named = {name.replace("_", "-"): value for name, value in sent.items()}
    async with client.session.request(method, address, headers=named) as response:
        assert response.status == status, await response.text()
        return response.headers


def said(found: Any) -> set[str]:
    return {name for name in found if name.lower().startswith("access-control-")}


@pytest.mark.parametrize("path", PATHS)
async def test_without_a_configuration_no_page_reads_anything(client: Client, path: str) -> None:
    found = await headers(client, path, Origin=OURS)
    assert said(found) == set()
    assert "Origin" not in found.get("Vary", "")
    assert said(await headers(client, path, method="OPTIONS", status=405, Origin=OURS, **PREFLIGHT)) == set()


@pytest.mark.parametrize("path", PATHS)
async def test_a_page_of_a_named_origin_reads_answers_and_their_headers(cache: Cache, path: str) -> None:
    async with allowing(cache, OURS, "http://localhost:5173") as client:
        found = await headers(client, path, Origin=OURS)
        assert found["Access-Control-Allow-Origin"] == OURS
        assert {"ETag", "Link", "Forgeglass-Sequence", "Forgeglass-Position"} <= {
            name.strip() for name in found["Access-Control-Expose-Headers"].split(",")
        }
        assert "Access-Control-Allow-Credentials" not in found


@pytest.mark.parametrize("origin", [OTHERS, "null", "", f"{OURS}.evil.example", f"{OURS}:443", OURS.upper(), "*"])
async def test_any_other_origin_gets_nothing_and_no_cache_mixes_them(cache: Cache, origin: str) -> None:
    """Guards against origins that only look alike, and against an answer kept for one origin shown to another."""
    async with allowing(cache, OURS) as client:
        found = await headers(client, "/rfcs", Origin=origin)
        assert said(found) == set()
        assert found["Vary"] == "Accept, Accept-Encoding, Origin, Authorization, Cookie"
        refused = await headers(client, "/rfcs", method="OPTIONS", status=405, Origin=origin, **PREFLIGHT)
        assert said(refused) == set()
        assert "Origin" in (await headers(client, "/status"))["Vary"], "also where nobody names an origin"


async def test_a_preflight_says_what_may_be_asked(cache: Cache) -> None:
    async with allowing(cache, OURS) as client:
        found = await headers(client, "/rfcs", method="OPTIONS", status=204, Origin=OURS, **PREFLIGHT)
        assert found["Access-Control-Allow-Origin"] == OURS
        assert found["Access-Control-Allow-Methods"] == "GET, HEAD"
        assert {"If-None-Match", "Last-Event-ID"} <= set(found["Access-Control-Allow-Headers"].split(", "))
        assert int(found["Access-Control-Max-Age"]) > 0
        await headers(client, "/rfcs", method="OPTIONS", status=405, Origin=OURS)  # no preflight: just OPTIONS
        assert (await headers(client, "/rfcs", method="POST", status=405, Origin=OURS))["Allow"] == "GET, HEAD"


async def test_a_page_may_read_why_it_was_refused(cache: Cache) -> None:
    """A problem that a browser hides is a riddle."""
    async with allowing(cache, OURS) as client:
        for path, status in (("/none", 404), ("/rfcs?x=1", 400), ("/changes?after=e0:1", 410)):
            assert (await headers(client, path, status=status, Origin=OURS))["Access-Control-Allow-Origin"] == OURS
        tag = (await headers(client, "/rfcs"))["ETag"]
        kept = await headers(client, "/rfcs", status=304, Origin=OURS, If_None_Match=tag)
        assert kept["Access-Control-Allow-Origin"] == OURS


async def test_a_stream_is_read_by_the_same_pages(cache: Cache) -> None:
    async with allowing(cache, OURS) as client:
        for origin, allowed in ((OURS, OURS), (OTHERS, None)):
            sent = {"Origin": origin}
            async with client.session.get(f"{client.root}/api/v1/events", headers=sent) as response:
                assert response.status == 200
                assert response.headers.get("Access-Control-Allow-Origin") == allowed
                assert "Origin" in response.headers["Vary"]


async def test_a_star_is_every_origin_and_never_credentials(cache: Cache) -> None:
    async with allowing(cache, "*") as client:
        for origin in (OURS, "null"):
            found = await headers(client, "/rfcs", Origin=origin)
            assert found["Access-Control-Allow-Origin"] == "*"
            assert "Access-Control-Allow-Credentials" not in found
            assert "Origin" not in found["Vary"], "the answer is one for all"
        await headers(client, "/rfcs", method="OPTIONS", status=204, Origin=OTHERS, **PREFLIGHT)


def test_what_is_said_of_vary_is_said_once() -> None:
    assert cors.merged({"Vary": "Accept"}, {"Vary": "Origin", "A": "b"}) == {"Vary": "Accept, Origin", "A": "b"}
    assert cors.merged({"A": "b"}, {}) == {"A": "b"}


# The configuration


@pytest.mark.parametrize(
    "origins",
    [[], ["*"], [OURS], ["http://localhost:5173", "https://a.example:8443"], ["http://[::1]:80" + "80"]],
)
def test_origins_are_taken_as_browsers_send_them(origins: list[str]) -> None:
    assert kinds.ORIGINS.parse(origins) == tuple(origins)
    assert kinds.ORIGINS.parse(kinds.ORIGINS.from_text(", ".join(origins))) == tuple(origins)


@pytest.mark.parametrize(
    "origins",
    [
        OURS, [OURS + "/"], [OURS.upper()], ["dashboard.example"], [f"{OURS}:443"], ["http://a.example:80"], ["null"],
        ["*", OURS], ["https://*.example"], ["https://user@a.example"], ["https://a.example/path"], [1], [""],
        ["ftp://a.example"], ["https://a.example?x"], [f"{OURS} "], None,
    ],
)  # fmt: skip
def test_an_origin_that_no_browser_sends_is_refused_with_the_remedy(origins: object) -> None:
    """It would match nothing, silently, and somebody would reach for the star."""
    with pytest.raises(BadValueError) as caught:
        kinds.ORIGINS.parse(origins)
    assert "https://" in caught.value.remedy or "*" in caught.value.remedy


def test_none_is_allowed_where_nothing_is_said() -> None:
    assert default("api.cors_origins") == ()
