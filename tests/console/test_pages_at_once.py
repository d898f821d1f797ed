"""Many pages at the same moment: whoever asks for something else is answered between two of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from datetime import datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from api_server import Cache
from console_site import Site
from jinja2 import Environment

from cache.viewer import Viewer
from daemon.console import page, templating
from daemon.console.context import ConsoleContext
from daemon.console.page import Pages
from webhooks.inbox import Lags

AT_ONCE = 20


@pytest.fixture
def console(cache: Cache) -> ConsoleContext:
    async def status(_viewer: Viewer) -> dict[str, Any]:
        raise NotImplementedError

    async def lags(_since: datetime) -> Lags:
        raise NotImplementedError

    return ConsoleContext(cache.context(status=status), lags)


def sign_in(console: ConsoleContext) -> Coroutine[None, None, web.Response]:
    request = make_mocked_request("GET", "/console/sign-in")
    return Pages(console, request).answer("sign_in.html", title="Sign in", fresh=None, to="", wrong=None, hours=1)


async def test_between_two_pages_the_event_loop_goes_on(
    console: ConsoleContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forty pages with long texts held /healthz up for half a second: all that were ready were rendered in a row."""
    iteration = 0
    rendered: list[int] = []

    def counted(name: str, **values: Any) -> bytes:
        rendered.append(iteration)
        return templating.render(name, **values)

    async def count() -> None:
        nonlocal iteration
        while len(rendered) < AT_ONCE:
            iteration += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(page, "render", counted)
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(count())
        answers = [group.create_task(sign_in(console)) for _ in range(AT_ONCE)]
    assert len(set(rendered)) == AT_ONCE, "two pages were rendered in one iteration"
    assert all(one.result().status == 200 for one in answers)


async def test_however_many_ask_for_the_first_page_the_templates_are_compiled_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: Counter[str | None] = Counter()
    compile_one = Environment.compile

    def counted(self: Environment, source: Any, name: str | None = None, *more: Any, **options: Any) -> Any:
        compiled[name] += 1
        return compile_one(self, source, name, *more, **options)

    monkeypatch.setattr(Environment, "compile", counted)
    templating._environment.cache_clear()
    templating._load_all.cache_clear()
    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(site.answer("/console/sign-in"))
    assert compiled["sign_in.html"] == 1
    assert set(compiled.values()) == {1}
