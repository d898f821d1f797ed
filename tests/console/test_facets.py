"""Numbers beside choices say what a click brings: each counts with every other filter, and without its own (O11)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import urljoin

import pytest
import pytest_asyncio
from api_rows import NOW, entry, finding, place, pull
from api_server import Cache
from console_cache import filled, only_read
from console_loops import ONE_LOOP
from console_page import Page
from console_site import Site, serve

from cache.rows import Row

pytestmark = ONE_LOOP

STATES = ("idea", "active", "withdrawn")


async def more_of_everything(cache: Cache) -> None:
    """So that filters cut across each other."""
    rows: list[Row] = []
    for number in range(12):
        fields = {"title": f"Öl {number}", "state": STATES[number % 3], "tags": ["api"] if number % 2 else ["core"],
                  "owners": ["ada"] if number % 4 else ["bob", "ada"]}  # fmt: skip
        text = "security" if number % 2 else "nothing"
        rule, severity = (("dangling", "warning"), ("missing-field", "error"), ("wrong-type", "error"))[number % 3]
        kind = ("idea", "edit", "meta_claim")[number % 3]
        rows += [
            entry(f"e{number}", fields=fields, valid=bool(number % 5), body=text, entry_body=text),
            finding(f"x{number}", rule=rule, severity=severity, repository_id=1 + number % 2),
            pull(60 + number, 1 + number % 2, title="Ünïcode" if number % 2 else "plain", opened_at=NOW - timedelta(
                days=number * 4)),
            place(60 + number, f"e{number}", kind, 1 + number % 2, "ada" if number % 2 else "bob"),
        ]  # fmt: skip
    await cache.put(*rows)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def many(nothing_left: None) -> AsyncIterator[Site]:
    """More of everything than the sample cache, for tests that only read."""
    async with filled() as cache, serve(cache) as running:
        await more_of_everything(cache)
        only_read(cache)
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def some_cleared(nothing_left: None) -> AsyncIterator[Site]:
    """The like, where some findings are no more."""
    async with filled() as cache, serve(cache) as running:
        await more_of_everything(cache)
        findings = cache.places[type(finding("any"))].values()
        await cache.remove(*[row for row in findings if row.id in ("x0", "x1", "x2", "x4")])  # type: ignore[attr-defined]
        only_read(cache)
        yield running


async def rows_behind(site: Site, path: str, href: str) -> int:
    """How many rows the page behind a link shows, all its pages together."""
    address = urljoin(f"/console/{path}", href)
    number = 0
    while address:
        page = Page((await site.answer(address))[1])
        live = page.root.one(id="live")
        tables = [one for one in live.every("table", kind="rows") if one.every("caption")]
        number += sum(len(one.one("tbody").every("tr")) for one in tables) + len(live.every("li", kind="finding"))
        following = [one for one in live.every("a") if one.attributes.get("rel") == "next"]
        address = urljoin(address, following[0]["href"]) if following else ""
    return number


@pytest.mark.parametrize(
    "path",
    [
        "c/rfc/rfcs", "c/rfc/rfcs?q=security", "c/rfc/rfcs?tags=api", "c/rfc/rfcs?tags=api&state=idea",
        "c/rfc/rfcs?owners=bob&valid=true", "c/rfc/rfcs?title__contains=%C3%96l&state=active&sort=title",
        "c/rfc/rfcs?q=%C3%B6l&owners=ada&tags=core", "c/rfc/rfcs?repository=acme/meta&state=withdrawn",
        "c/rfc/rfcs?tags=none&state=idea", "findings", "findings?severity=error", "findings?repository=acme/meta",
        "findings?repository=acme/alpha&rule=dangling", "findings?severity=warning&rule=missing-field",
        "findings?path=rfcs/beta.md&severity=error",
    ],
)  # fmt: skip
async def test_a_number_beside_a_choice_is_what_a_click_brings(many: Site, path: str) -> None:
    await numbers_are_what_clicks_bring(many, path)


@pytest.mark.parametrize("path", ["findings?cleared=true", "findings?cleared=true&severity=error"])
async def test_a_number_beside_a_choice_of_what_is_cleared_is_too(some_cleared: Site, path: str) -> None:
    await numbers_are_what_clicks_bring(some_cleared, path)


async def numbers_are_what_clicks_bring(site: Site, path: str) -> None:
    """Guards readers who narrow down: the pills told numbers of the whole collection, whatever else was asked."""
    page = await site.page(path)
    told = 0
    for link in page.root.one("ul", kind="pills").every("a")[1:]:
        number = int(link.text.rsplit(maxsplit=1)[-1])
        assert await rows_behind(site, path, link["href"]) == number, (link.text, link["href"])
        told += number
    assert await rows_behind(site, path, page.root.one("ul", kind="pills").every("a")[0]["href"]) == told


@pytest.mark.parametrize(
    "path",
    [
        "pulls", "pulls?repository=acme/alpha", "pulls?actor=bob", "pulls?kind=edit", "pulls?kind=edit&actor=ada",
        "pulls?title__contains=%C3%9C&repository=acme/alpha", "pulls?key=e4", "pulls?draft=false&actor__ne=bob",
    ],
)  # fmt: skip
async def test_what_waits_is_counted_by_kind_with_the_other_filters(many: Site, path: str) -> None:
    page = await many.page(path)
    table = next(one for one in page.root.every("table") if not one.every("caption"))
    assert table.one("tbody").every("tr")
    for row in table.one("tbody").every("tr"):
        links = row.every("a")
        if links:
            counts = [int(cell.text) for cell in row.every("td") if re.fullmatch(r"\d+", cell.text)]
            assert await rows_behind(many, path, links[0]["href"]) == sum(counts), row.text


async def test_what_is_chosen_stays_where_nothing_has_it(many: Site) -> None:
    """Guards the way back: a chosen value that vanished from the pills could not be seen, nor taken away."""
    page = await many.page("c/rfc/rfcs?q=nothinglikethis&state=idea")
    pills = page.root.one("ul", kind="pills").every("a")
    assert [one.text for one in pills] == ["all", "idea 0"]
