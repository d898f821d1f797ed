"""The front door, and errors in the form that whoever asks can read: a page for browsers, a problem for programs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urljoin

import aiohttp
import jsonschema
import pytest
from aiohttp import web
from serving_place import Daemon, Place, rfc

from cache.store.database import Database
from daemon.api.openapi_schemas import shared

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
PROGRAMS = ("application/json", "application/problem+json", "application/json, text/html;q=0.5")
ERRORS = (
    ("GET", "/nowhere", 404), ("GET", "/api", 404), ("GET", "/api/v1/nothing", 404), ("GET", "/api/v1/rfcs/none", 404),
    ("GET", "/console/nowhere", 404), ("GET", "/console/c/rfc/rfcs/none", 404), ("GET", "/console/static/none", 404),
    ("GET", "/api/v1/rfcs?x=1", 400), ("GET", "/api/v1/rfcs?limit=0", 400), ("GET", "/console/c/rfc/rfcs?x=1", 400),
    ("POST", "/api/v1/rfcs", 405), ("PUT", "/", 405), ("DELETE", "/healthz", 405), ("POST", "/console/", 405),
    ("GET", "/webhooks/gitea", 405), ("GET", "/api/v1/changes?after=none:1", 410),
)  # fmt: skip


@pytest.fixture
async def daemon() -> AsyncIterator[Daemon]:
    async with Place() as place:
        await place.push(one=rfc("One"))
        async with place.daemon() as running:
            await running.sweep()
            yield running


async def asked(
    daemon: Daemon, method: str, path: str, accept: str, **headers: str
) -> tuple[aiohttp.ClientResponse, str]:
    """An answer and its text, no redirect followed."""
    headers = {"Accept": accept, **headers}
    async with daemon.session.request(method, f"{daemon.url}{path}", headers=headers, allow_redirects=False) as answer:
        return answer, await answer.text()


async def problem_of(answer: aiohttp.ClientResponse, status: int) -> dict[str, Any]:
    """A problem as the API's description has it."""
    assert (answer.status, answer.content_type) == (status, "application/problem+json"), answer.url
    told: dict[str, Any] = await answer.json()
    jsonschema.validate(told, shared()["Problem"])
    assert told["status"] == status
    return told


async def test_the_address_alone_is_the_console_for_a_browser(daemon: Daemon) -> None:
    """Guards the README's promise (O4): it led to the description of the API."""
    for accept in (BROWSER, "*/*"):
        answer, _ = await asked(daemon, "GET", "/", accept)
        assert (answer.status, answer.headers["Location"], answer.headers["Vary"]) == (302, "console/", "Accept")
    async with daemon.session.get(daemon.url, headers={"Accept": BROWSER}) as page:
        assert (page.status, page.url.path) == (200, "/console/")
        assert "<h1>Overview</h1>" in await page.text()
    answer, _ = await asked(daemon, "GET", "/", "application/json")
    assert answer.headers["Location"] == "api/v1/openapi.json"


async def test_console_and_description_lead_to_each_other_and_every_page_has_an_icon(daemon: Daemon) -> None:
    for path, other in (("/console/", "/api/v1/docs"), ("/api/v1/docs", "/console/")):
        _, text = await asked(daemon, "GET", path, BROWSER)
        links = {urljoin(path, part.partition('"')[0]) for part in text.split('href="')[1:]}
        assert other in links
        assert (await asked(daemon, "GET", other, BROWSER))[0].status == 200
        icons = [one.partition("?")[0] for one in links if "icon.svg" in one]
        assert icons == ["/console/static/icon.svg"]
    for icon in ("/console/static/icon.svg", "/favicon.ico"):  # the second is asked for beside JSON
        answer, text = await asked(daemon, "GET", icon, "image/avif,*/*")
        assert (answer.status, answer.content_type) == (200, "image/svg+xml")
        assert "<svg" in text
    answer, _ = await asked(daemon, "GET", "/api/v1/docs", BROWSER)
    assert "img-src 'self'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(("method", "path", "status"), ERRORS)
async def test_a_browser_gets_a_page_and_a_program_a_problem(
    daemon: Daemon, method: str, path: str, status: int
) -> None:
    """Guards people who land on a line of text or on JSON, and programs that get a page they cannot read."""
    answer, text = await asked(daemon, method, path, BROWSER)
    assert (answer.status, answer.content_type) == (status, "text/html")
    assert "<h1>" in text
    assert "style.css" in text or "console.css" in text
    assert 'role="alert"' in text
    assert "Accept" in answer.headers["Vary"]
    for accept in PROGRAMS:
        program, _ = await asked(daemon, method, path, accept)
        told = await problem_of(program, status)
        assert told["detail"]
        if status == 405:
            assert "GET" in answer.headers["Allow"] or "POST" in answer.headers["Allow"]
            assert program.headers["Allow"] == answer.headers["Allow"]


async def test_who_likes_all_forms_gets_that_of_the_place(daemon: Daemon) -> None:
    problem = "application/problem+json"
    for path, media in (("/console/nowhere", "text/html"), ("/nowhere", problem), ("/api/v1/nothing", problem)):
        await _likes_all(daemon, path, media)


async def _likes_all(daemon: Daemon, path: str, media: str) -> None:
    for accept in ("*/*", "", "text/html, application/json"):
        assert (await asked(daemon, "GET", path, accept))[0].content_type == media


async def test_a_strange_name_is_told_in_the_form_too_and_nothing_else_is(daemon: Daemon) -> None:
    for path in ("/", "/console/", "/api/v1/rfcs", "/nowhere"):
        answer, text = await asked(daemon, "GET", path, BROWSER, Host="evil.example")
        assert (answer.status, answer.content_type) == (421, "text/html")
        assert "public_url" in text
        assert "rfcs" not in text, "whoever rebinds a name reads nothing of ours"
        answer, _ = await asked(daemon, "GET", path, "application/json", Host="evil.example")
        assert (await problem_of(answer, 421))["type"].endswith("misdirected-request")


async def test_who_needs_a_token_is_told_in_the_form_too() -> None:
    async with Place() as place:
        place.configure(more='[api]\nanonymous = "none"\n')
        async with place.daemon() as daemon:
            for path in ("/api/v1/rfcs", "/console/"):
                page, text = await asked(daemon, "GET", path, BROWSER)
                assert (page.status, page.content_type) == (401, "text/html")
                assert "token" in text
                program, _ = await asked(daemon, "GET", path, "application/json")
                assert (await problem_of(program, 401))["type"].endswith("token-needed")
                assert program.headers["WWW-Authenticate"] == "Bearer"
                wrong, _ = await asked(daemon, "GET", path, BROWSER, Authorization="Bearer fg_wrong")
                assert (wrong.status, wrong.content_type) == (401, "text/html")


async def test_a_cache_that_cannot_be_read_is_told_in_the_form_too(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_self: Database) -> Any:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(Database, "read", broken)
    for path in ("/api/v1/findings", "/console/findings"):
        page, text = await asked(daemon, "GET", path, BROWSER)
        assert (page.status, page.content_type) == (500, "text/html")
        assert "a fault of ours" not in text
        await problem_of((await asked(daemon, "GET", path, "application/json"))[0], 500)


async def test_a_handler_that_fails_is_a_problem(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards `/metrics` and the like, which have nobody else to catch what they raise."""

    async def fail(*_: Any) -> web.Response:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("daemon.app.status.gauge", fail)
    await problem_of((await asked(daemon, "GET", "/metrics", "application/json"))[0], 500)
    page, _ = await asked(daemon, "GET", "/metrics", BROWSER)
    assert (page.status, page.content_type) == (500, "text/html")
