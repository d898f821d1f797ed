"""Texts are made up within a budget of time each, and no number of slow ones stands in the way of a usual one (S6)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from console_page import Page

from daemon.console import rendering
from daemon.console.markdown import LARGEST
from daemon.console.rendering import BUSY, SLOW, SMALL, WAITING, Renderer

BESIDE = "https://forge.example/acme/meta/src/commit/abc/rfcs/"
USUAL = "# Usual\n\n" + "Some *words* of a text.\n" * 200
SLOWEST = "[" * LARGEST
"""Takes markdown-it-py 2 s of CPU and more."""


@pytest.fixture
async def renderer() -> AsyncIterator[Renderer]:
    made = Renderer(60.0)
    yield made
    await made.stop()


@pytest.fixture
async def hasty() -> AsyncIterator[Renderer]:
    """One whose budget no text of any length is within."""
    made = Renderer(0.05)
    yield made
    await made.stop()


def titles(text: str) -> list[str]:
    return [one.text for one in Page(text).root.every("h3")]


async def test_long_texts_are_made_up_as_short_ones_are(renderer: Renderer) -> None:
    assert len(USUAL) > SMALL
    assert titles(await renderer.rendered(USUAL, BESIDE)) == ["Usual"]
    assert titles(await renderer.rendered("# Short", BESIDE)) == ["Short"]


async def test_a_text_past_its_budget_is_shown_as_it_is_written(hasty: Renderer) -> None:
    page = Page(str(await hasty.rendered(f"# <b>{SLOWEST[9:]}", BESIDE)))
    assert page.root.one("p").text == SLOW
    assert page.root.one("pre").text.startswith("# <b>[[[")


async def test_after_a_text_that_took_too_long_the_next_is_made_up(hasty: Renderer) -> None:
    """The process was killed, and is started again."""
    assert SLOW in await hasty.rendered(SLOWEST, BESIDE)
    hasty._seconds = 60.0
    assert titles(await hasty.rendered(USUAL, BESIDE)) == ["Usual"]


async def test_it_is_kept_that_a_text_takes_too_long(hasty: Renderer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else whoever looks at such a page again and again holds up all others."""
    shown = await hasty.rendered(SLOWEST, BESIDE)
    monkeypatch.setattr(hasty._process, "ask", None)
    assert await hasty.rendered(SLOWEST, BESIDE) == shown


async def test_a_text_that_grows_without_bound_ends_its_process_alone(hasty: Renderer) -> None:
    """One long address, and as many links to it as there is room for: 2 GB of HTML."""
    bomb = f"[a]: <{'x' * 90_000}>\n\n" + "[a] " * 25_000
    hasty._seconds = 1.0
    assert SLOW in await hasty.rendered(bomb, BESIDE)
    hasty._seconds = 60.0
    assert titles(await hasty.rendered(USUAL, BESIDE)) == ["Usual"]


async def test_what_was_made_up_is_kept_within_bounds(renderer: Renderer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "KEPT", 20_000)
    for number in range(9):
        await renderer.rendered(f"{USUAL}{number}", BESIDE)
    assert 1 <= len(renderer._kept._texts) < 9
    assert renderer._kept._size == sum(map(len, renderer._kept._texts.values())) <= 20_000


async def test_the_same_text_elsewhere_has_links_of_its_own(renderer: Renderer) -> None:
    text = f"[a](b.md)\n\n{USUAL}"
    one, other = [await renderer.rendered(text, f"https://forge.example/{name}/") for name in ("a/b", "c/d")]
    assert "https://forge.example/a/b/b.md" in one
    assert "https://forge.example/c/d/b.md" in other


async def test_a_usual_text_goes_before_slow_ones_that_wait(renderer: Renderer) -> None:
    """Forty pages that take too long at once, and somebody else's: the heaviest are not even waited for."""
    assert await renderer._gate.enter(0)
    heavy = [asyncio.create_task(renderer.rendered(f"{number}{SLOWEST[9:]}", BESIDE)) for number in range(40)]
    usual = asyncio.create_task(renderer.rendered(USUAL, BESIDE))
    while len([one for one in heavy if one.done()]) < 40 - WAITING + 1:
        await asyncio.sleep(0)
    refused = [one.result() for one in heavy if one.done()]
    renderer._gate.leave()
    assert titles(await usual) == ["Usual"]
    assert len(refused) == 40 - WAITING + 1
    assert all(BUSY in one for one in refused)
    for one in heavy:
        one.cancel()
    await asyncio.gather(*heavy, return_exceptions=True)
    await renderer.stop()


async def test_one_that_waits_too_long_is_shown_as_it_is_written(
    renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "PATIENCE", 0.0)
    assert await renderer._gate.enter(0)
    assert BUSY in await renderer.rendered(USUAL, BESIDE)
    renderer._gate.leave()
    assert titles(await renderer.rendered(USUAL, BESIDE)) == ["Usual"]


async def test_one_who_goes_away_keeps_nobody_out(renderer: Renderer) -> None:
    assert await renderer._gate.enter(0)
    gone = asyncio.create_task(renderer.rendered(USUAL, BESIDE))
    await asyncio.sleep(0)
    renderer._gate.leave()
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    assert titles(await renderer.rendered(f"{USUAL}2", BESIDE)) == ["Usual"]


async def test_without_a_process_texts_are_shown_all_the_same(
    renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    assert BUSY in await renderer.rendered(USUAL, BESIDE)
    monkeypatch.undo()
    assert titles(await renderer.rendered(USUAL, BESIDE)) == ["Usual"]
