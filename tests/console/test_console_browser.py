"""The console in a real Chromium: every page, live, by keyboard alone, in the dark and on a phone."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import pytest
from console_browser import USUAL, Visit, path_of, raised
from console_loops import ONE_LOOP
from playwright.async_api import Page, ViewportSize, expect
from serving_place import META, rfc

pytestmark = ONE_LOOP

PAGES = {
    "overview": "", "pulls": "pulls", "findings": "findings", "repositories": "repositories", "changes": "changes",
    "collection": "c/rfc/rfcs", "entry": "c/rfc/rfcs/open-hub", "hostile": "c/rfc/rfcs/trick",
    "broken": "c/rfc/rfcs/broken", "absent": "c/rfc/rfcs/x", "proposed": "c/rfc/rfcs/new-idea",
    "revisions": "c/rfc/rfcs/slow-reads/revisions", "revision": "c/rfc/rfcs/slow-reads/revisions/2",
    "revision-rendered": "c/rfc/rfcs/slow-reads/revisions/1?as=rendered&text=merged",
    "diff": "c/rfc/rfcs/slow-reads/revisions/latest-merged/diff/2",
    "diff-beside": "c/rfc/rfcs/slow-reads/revisions/latest-merged/diff/2?as=beside",
    "pull": "pulls/acme/meta/3", "proposal": "c/rfc/rfcs/slow-reads/proposals/acme/meta/3",
}  # fmt: skip
WAYS: dict[str, tuple[Literal["light", "dark"], ViewportSize, bool]] = {
    "light": ("light", USUAL, False), "dark": ("dark", USUAL, False),
    "narrow": ("light", {"width": 360, "height": 740}, True),
}  # fmt: skip
"""The colours, the screen, and whether it is touched."""

SQUEEZED = """[...document.querySelectorAll('.diff td:has(.said)')]
    .filter(one => one.clientWidth > 0 && one.clientWidth < 150).length"""


@pytest.mark.parametrize("name", PAGES)
async def test_every_page_is_whole_for_everybody(visit: Visit, name: str) -> None:
    """No serious axe finding, nothing refused by the policy, nothing from elsewhere, nothing wider than the screen."""
    page = await visit.open(PAGES[name])
    wrong: list[str] = []
    for way in WAYS:
        async with shown(page, way):
            wrong += await visit.serious(page)
            wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, f"{wide} pixels wider than the screen, {way}"
            assert await page.evaluate(SQUEEZED) == 0, f"lines of one letter below the other, {way}"
            await visit.shot(page, f"{name}-{way}")
    assert not wrong, "\n".join(wrong)
    assert [one for one in visit.complaints if "404" not in one] == []
    assert visit.nothing_from_elsewhere()


@asynccontextmanager
async def shown(page: Page, way: str) -> AsyncIterator[None]:
    """A page as it is seen this way. Colours change at once, or axe would meet them half-way."""
    scheme, viewport, touch = WAYS[way]
    session = await page.context.new_cdp_session(page)
    await session.send("Emulation.setTouchEmulationEnabled", {"enabled": touch})
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await page.set_viewport_size(viewport)
    await page.wait_for_function(
        "([scheme, width, touch]) => matchMedia(`(prefers-color-scheme: ${scheme})`).matches"
        " && innerWidth === width && matchMedia('(any-pointer: coarse)').matches === touch",
        arg=[scheme, viewport["width"], touch],
    )
    yield
    await session.detach()


async def test_what_a_repository_says_never_runs(visit: Visit) -> None:
    """Scripts, odd schemes, images from elsewhere and writing turned around, in a browser that would act on them."""
    page = await visit.open("c/rfc/rfcs/open-hub")
    await expect(page).to_have_title("One hub · Forgeglass")
    prose = page.locator("article")
    await expect(prose).to_contain_text("<script>document.title")
    assert await prose.locator("script, img, iframe").count() == 0
    await expect(prose.locator(".unlinked")).to_have_text("click")
    assert await prose.get_by_text("click").evaluate("one => one.closest('a')") is None
    await expect(prose.get_by_role("link", name="image: a plan")).to_have_attribute(
        "href", "https://elsewhere.example/plan.png"
    )
    other = await visit.open("c/rfc/rfcs/trick")
    await expect(other.get_by_role("heading", level=1)).to_have_text("<script>document.title=1</script>⟦U+202E⟧gpj")
    assert visit.nothing_from_elsewhere()
    assert visit.complaints == []


async def keys_of(page: Page) -> list[str]:
    """The keys in the table, as they stand."""
    return sorted(await page.locator("#live tbody td.main code").all_text_contents())


async def test_filters_follow_the_hand_and_the_address_holds_them(visit: Visit) -> None:
    page = await visit.open("c/rfc/rfcs")
    assert await keys_of(page) == ["broken", "open-hub", "slow-reads", "trick"]
    await page.get_by_role("combobox", name="State").select_option("withdrawn")
    await expect(page.locator("#live tbody tr")).to_have_count(1)
    await expect(page).to_have_url(re.compile(r"/c/rfc/rfcs\?state=withdrawn$"))
    await page.get_by_role("combobox", name="State").select_option("")
    await expect(page.locator("#live tbody tr")).to_have_count(4)
    await page.get_by_label("Search").press_sequentially("place")
    await expect(page.locator("#live tbody tr")).to_have_count(1)
    await expect(page).to_have_url(re.compile(r"\?q=place$"))
    assert await page.evaluate("document.activeElement.name") == "q", "typing goes on"
    await page.reload()
    assert await keys_of(page) == ["open-hub"]
    await expect(page.get_by_label("Search")).to_have_value("place")
    await page.get_by_label("Search").fill("")
    await expect(page.locator("#live tbody tr")).to_have_count(4)
    await page.get_by_role("link", name="idea", exact=False).first.click()
    await expect(page).to_have_url(re.compile(r"state=idea"))
    await page.get_by_role("link", name="Title", exact=True).click()
    await expect(page).to_have_url(re.compile(r"sort=title"))
    await page.go_back()
    await expect(page).not_to_have_url(re.compile(r"sort="))
    await page.get_by_text("More filters").click()
    await page.get_by_label("Proposed at from").fill("2026-01-01")
    await expect(page.locator("#live tbody tr")).to_have_count(1)
    assert visit.complaints == []


async def test_a_filter_that_cannot_be_answered_says_so_in_its_place(visit: Visit) -> None:
    """An old table under a new filter would be believed."""
    page = await visit.open("repositories")
    await page.get_by_label("Name").fill("meta")
    await page.get_by_label("Name").press("Enter")
    await expect(page.locator("#live tbody tr")).to_have_count(1)
    other = await visit.open("c/rfc/rfcs?state=idea")
    await other.evaluate("document.querySelector('select[name=state]').options[1].value = 'actve'")
    await other.get_by_role("combobox", name="State").select_option("actve")
    await expect(other.get_by_role("alert")).to_contain_text("allowed are idea, active, withdrawn")


async def test_a_push_shows_on_every_open_page_by_itself(own_visit: Visit) -> None:
    """The person who pushed looks at the page next; it must not need a reload."""
    table, entry, feed, overview = [
        await own_visit.open(path) for path in ("c/rfc/rfcs", "c/rfc/rfcs/slow-reads", "changes", "")
    ]
    for page in (table, entry, feed, overview):
        await page.evaluate("window.same = true")  # a reload would forget it
    await own_visit.place.push(**{"slow-reads": rfc("Reads are quick", "idea"), "brand-new": rfc("Brand new")})
    await expect(table.locator("#live tbody tr")).to_have_count(5)
    await expect(table.get_by_role("link", name="Reads are quick")).to_be_visible()
    await expect(entry.locator("table.fields")).to_contain_text("Reads are quick")
    await expect(feed.locator("ol.feed li").filter(has_text="brand-new").first).to_be_visible()
    await expect(overview.locator(".tiles .number").first).to_have_text("5")
    for page in (table, entry, feed, overview):
        assert await page.evaluate("window.same") is True
    await own_visit.shot(feed, "changes-after-a-push")
    assert own_visit.complaints == []


async def test_a_page_shown_anew_keeps_the_focus(own_visit: Visit) -> None:
    """Whoever goes through a table by keyboard must not be thrown to its beginning by somebody's push."""
    page = await own_visit.open("c/rfc/rfcs")
    await page.get_by_role("link", name="Why are reads slow?").focus()
    await own_visit.place.push(brand=rfc("Brand new"))
    await expect(page.locator("#live tbody tr")).to_have_count(5)
    await expect(page.get_by_role("link", name="Why are reads slow?")).to_be_focused()


async def test_the_keyboard_alone_is_enough(visit: Visit) -> None:
    page = await visit.open()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"
    await tab_to(page, "Requests for comments")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(r"/c/rfc/rfcs$"))
    await tab_to(page, "q")
    await page.keyboard.type("reads")
    await expect(page.locator("#live tbody tr")).to_have_count(1)
    await tab_to(page, "Why are reads slow?")
    outlined = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outlined != "none", "where one is must be seen"
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Why are reads slow?")


async def test_the_revisions_of_an_entry_from_the_folder_to_what_differs_and_back(visit: Visit) -> None:
    """The way that people take: each step by a click, the folder with one request, and back again."""
    page = await visit.open("c/rfc/rfcs/slow-reads")
    folder = page.locator("details#revisions")
    await expect(folder.locator("summary")).to_have_text("revisions 2")
    visit.asked.clear()
    await folder.locator("summary").click()
    rows = folder.locator("tbody tr")
    await expect(rows).to_have_count(2)
    assert [url.rpartition("/rfcs/")[2] for url in visit.asked] == ["slow-reads/revisions"]
    assert await rows.locator("td.main").all_text_contents() == ["v2.md", "v1.md"]
    await expect(rows.nth(1)).to_contain_text("merged")
    await visit.shot(page, "flow-1-folder")
    await folder.locator("summary").click()
    await folder.locator("summary").click()
    await expect(rows).to_have_count(2)
    assert len(visit.asked) == 1, "opened again it is as it was"
    await folder.get_by_role("link", name="v1.md").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("v1.md")
    await expect(page.locator("pre.lines .line").first).to_have_text("---")
    await visit.shot(page, "flow-2-verbatim")
    await page.get_by_role("link", name="Rendered").click()
    await expect(page.locator("article h3")).to_have_text("Causes")
    await expect(page).to_have_url(re.compile(r"/revisions/1\?as=rendered$"))
    link = page.get_by_role("link", name="acme/meta#2")
    await expect(link).to_have_attribute("href", f"{visit.place.forge.url}/acme/meta/pulls/2")
    await page.get_by_role("link", name="Say more of causes").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Say more of causes")
    await visit.shot(page, "flow-3-pull")
    await page.get_by_role("link", name="slow-reads v1").click()
    await page.get_by_role("link", name="v2 →").click()
    await page.get_by_role("link", name="the latest merged, v1").click()
    await expect(page.locator("tr.delete", has_text="Two of them:")).to_have_count(1)
    await visit.shot(page, "flow-4-diff")
    await page.get_by_role("link", name="Side by side").click()
    await expect(page.locator("tr.replace", has_text="Two of them:")).to_have_count(1)
    for _ in range(3):
        await page.go_back()
    await expect(page.get_by_role("heading", level=1)).to_have_text("v1.md")
    assert visit.complaints == []
    assert visit.nothing_from_elsewhere()


async def test_a_new_revision_shows_by_itself_in_an_open_folder(own_visit: Visit) -> None:
    """Also in one that is closed, by its number, and where there was none before."""
    keys = ("slow-reads", "slow-reads", "open-hub")
    opened, closed, none = [await own_visit.open(f"c/rfc/rfcs/{key}") for key in keys]
    await opened.locator("#revisions summary").click()
    rows = opened.locator("#revisions tbody tr")
    await expect(rows).to_have_count(2)
    for page in (opened, closed, none):
        await page.evaluate("window.same = true")  # a reload would forget it
    await raised(own_visit.place, "more", "# More\n")
    await expect(rows).to_have_count(3)
    await expect(opened.locator("#revisions-count")).to_have_text("3")
    await expect(closed.locator("#revisions-count")).to_have_text("3")
    assert await closed.locator("#revisions").get_attribute("open") is None
    assert await none.locator("#revisions").count() == 0
    file = {"rfcs/open-hub.md": rfc("One hub", body="Changed.")}
    await own_visit.place.forge.commit(META, file, branch="edit/open-hub/x", author="ada")
    await own_visit.place.forge.open_pull(META, head="edit/open-hub/x", title="Change the hub")
    await expect(none.locator("#revisions summary")).to_have_text("revisions 1")
    await none.locator("#revisions summary").click()
    await expect(none.locator("#revisions tbody tr")).to_have_count(1)
    for page in (opened, closed, none):
        assert await page.evaluate("window.same") is True
    assert own_visit.complaints == []


async def test_the_keyboard_opens_the_folder_and_a_revision(visit: Visit) -> None:
    page = await visit.open("c/rfc/rfcs/slow-reads")
    await tab_to(page, "revisions 2")
    await page.keyboard.press("Enter")
    await expect(page.locator("#revisions tbody tr")).to_have_count(2)
    await tab_to(page, "v2.md")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("v2.md")
    await tab_to(page, "the latest merged, v1")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("v1 → v2")


async def test_without_scripts_the_folder_is_a_link(plain_visit: Visit) -> None:
    page = await plain_visit.context.new_page()
    await page.goto(f"{plain_visit.daemon.url}/console/c/rfc/rfcs/slow-reads")
    await page.locator("#revisions summary").click()
    await page.get_by_role("link", name="Show them").click()
    await page.get_by_role("link", name="v1.md").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("v1.md")


async def test_what_waits_leads_to_what_it_would_change(visit: Visit) -> None:
    page = await visit.open("pulls")
    row = page.locator("tr", has_text="Say more of remedy")
    await expect(row.locator(".would")).to_contain_text("state: withdrawn")
    await row.locator(".would").get_by_role("link", name="Why are reads slow?").click()
    await expect(page.locator("tr.insert").first).to_contain_text("One of them, after all.")
    await page.get_by_role("link", name="Rendered").click()
    await expect(page.locator("article p")).to_have_text("One of them, after all.")
    assert visit.complaints == []


async def tab_to(page: Page, name: str) -> None:
    """Go on by the tab key until what has this text or name has the focus."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        one = "document.activeElement"
        if name in await page.evaluate(f"[{one}.textContent.trim(), {one}.name]"):
            return
    raise AssertionError(f"the tab key does not lead to {name!r}")


async def test_without_scripts_everything_is_there(plain_visit: Visit) -> None:
    page = await plain_visit.context.new_page()
    await page.goto(f"{plain_visit.daemon.url}/console/c/rfc/rfcs")
    await page.get_by_role("combobox", name="State").select_option("withdrawn")
    await page.get_by_role("button", name="Show").click()
    assert path_of(page).startswith("c/rfc/rfcs?")
    await expect(page.locator("#live tbody tr")).to_have_count(1)
    await page.get_by_role("link", name="Why are reads slow?").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Why are reads slow?")


async def test_a_tab_that_nobody_looks_at_gives_its_connection_back(visit: Visit) -> None:
    """A browser keeps six connections to a server: the seventh tab would wait for ever."""
    pages = [await visit.open("changes")]
    await hide(pages[0], True)
    await expect(pages[0].locator("#stream")).to_have_attribute("data-state", "off")
    await hide(pages[0], False)
    await expect(pages[0].locator("#stream")).to_have_attribute("data-state", "live")
    assert visit.complaints == []


async def hide(page: Page, hidden: bool) -> None:
    """As the browser tells a page that it is in the background (headless pages never are)."""
    await page.evaluate(
        "hidden => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});"
        " document.dispatchEvent(new Event('visibilitychange')); }",
        hidden,
    )
