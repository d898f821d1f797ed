"""The front door in a real Chromium: the address alone, wrong addresses, the way to the description and back."""

from __future__ import annotations

import pytest
from console_browser import Visit
from console_loops import ONE_LOOP
from playwright.async_api import Page, expect

pytestmark = ONE_LOOP


async def at(visit: Visit, path: str) -> Page:
    """Whatever stands at an address of the server."""
    page = await visit.tab()
    await page.goto(f"{visit.daemon.url}{path}")
    return page


async def test_the_address_alone_is_the_console_and_the_way_to_the_description_leads_back(visit: Visit) -> None:
    page = await at(visit, "/")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    await page.get_by_role("link", name="HTTP API").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Forgeglass")
    await page.get_by_role("link", name="the console").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    assert visit.complaints == [], "no icon is missing, and the policy refuses none of ours"
    assert visit.nothing_from_elsewhere()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/nowhere", "There is nothing here"), ("/api/v1/nothing", "There is no such collection"),
        ("/api/v1/rfcs?x=1", "There is no such parameter"), ("/webhooks/gitea", "Everything here can only be read"),
        ("/console/nowhere", "There is nothing here"), ("/a/deep/er/one", "There is nothing here"),
    ],
)  # fmt: skip
async def test_a_wrong_address_is_a_page_for_people(visit: Visit, path: str, said: str) -> None:
    """With its style, below whatever path, and with a way out."""
    page = await at(visit, path)
    await expect(page.get_by_role("heading", level=1)).to_have_text(said)
    await expect(page.get_by_role("alert")).not_to_be_empty()
    assert await page.evaluate("document.styleSheets.length") == 1, "it has our style"
    assert not await visit.serious(page)
    await page.locator("header").get_by_role("link", name="Forgeglass").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    assert [one for one in visit.complaints if "status of 4" not in one] == []


async def test_numbers_beside_choices_follow_what_is_chosen(visit: Visit) -> None:
    """Facets, live: narrowing by one filter changes the numbers beside the others."""
    page = await visit.open("c/rfc/rfcs")
    pills = page.get_by_role("list", name="By state")
    before = await pills.inner_text()
    await page.get_by_role("searchbox", name="Search").fill("one hub")
    await expect(page.locator("#live tbody tr")).to_have_count(1)
    assert await pills.inner_text() != before
    await expect(pills.get_by_role("link")).to_have_count(2)
    assert visit.complaints == []


@pytest.mark.parametrize("part", ["history", "branches", "proposals"])
async def test_all_of_an_entrys_branches_and_history_are_pages_for_everybody(visit: Visit, part: str) -> None:
    page = await visit.open(f"c/rfc/rfcs/slow-reads/{part}")
    assert not await visit.serious(page)
    await page.locator("nav.crumbs").get_by_role("link").last.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Why are reads slow?")
    assert visit.complaints == []
