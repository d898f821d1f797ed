"""No list ends in silence: what is left is said, and a link leads to it until everything was shown (O12)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urljoin

import pytest
from api_rows import branch, change, finding, look, place, proposal, pull, repository, revision
from console_loops import ONE_LOOP
from console_page import Element, Page
from console_site import Site

from daemon.console import texts

MANY = 230
"""More than any page shows."""


async def pages_of(site: Site, address: str) -> AsyncIterator[Element]:
    """What the page at an address shows, and those that it leads on to."""
    while address:
        live = Page((await site.answer(address))[1]).root.one(id="live")
        yield live
        following = [one["href"] for one in live.every("a") if one.attributes.get("rel") == "next"]
        address = urljoin(address, following[0]) if following else ""


async def walked(site: Site, path: str, name: str) -> set[str]:
    """Every address that holds `name`, on a page of the console and on those that it leads on to."""
    found: set[str] = set()
    async for live in pages_of(site, f"/console/{path}"):
        found |= {urljoin("/console/x/", one["href"]) for one in live.every("a") if name in one["href"]}
    return found


async def rest(site: Site, path: str, words: str) -> str:
    """The page behind the link of a notice that more is there."""
    page = await site.page(path)
    notices = [one for one in page.root.every("p", kind="more") if words in one.text]
    assert len(notices) == 1, [one.text for one in page.root.every("p", kind="more")]
    href = notices[0].every("a")[0]["href"]
    return urljoin(f"/console/{path}", href).removeprefix("/console/")


async def test_all_branches_are_reached(site: Site) -> None:
    """Guards against a list of 200 that says nothing of the 201st."""
    await site.cache.put(*(branch("alpha", f"work-{number:03}") for number in range(MANY)))
    page = await rest(site, "c/rfc/rfcs/alpha", "The first 50 are shown.")
    assert len(await walked(site, page, "branch/work-")) == MANY


async def test_all_history_is_reached_and_who_added_is_told_however_much_followed(site: Site) -> None:
    await site.cache.put(*(change(number + 2) for number in range(MANY)))
    first = await site.page("c/rfc/rfcs/alpha")
    assert "by Ada" in first.root.one("aside").text or "Added" in first.text
    page = await rest(site, "c/rfc/rfcs/alpha", "The newest 50 are shown.")
    assert page == "c/rfc/rfcs/alpha/history"
    assert len(await walked(site, page, "/commit/")) == MANY + 3


@pytest.mark.parametrize("key", ["alpha", "delta"])
async def test_all_pull_requests_of_an_entry_are_reached(site: Site, key: str) -> None:
    """Of a key without an entry too."""
    states = ("open", "merged", "closed")
    await site.cache.put(
        *(pull(1000 + number, state=states[number % 3]) for number in range(MANY)),
        *(place(1000 + number, key) for number in range(MANY)),
    )
    page = await rest(site, f"c/rfc/rfcs/{key}", "The newest 50 are shown.")
    found = {one.rsplit("/", 1)[-1] for one in await walked(site, page, "console/pulls/acme/meta/1")}
    assert {f"{1000 + number}" for number in range(MANY)} <= found


@pytest.mark.parametrize("key", ["alpha", "delta"])
async def test_all_proposals_about_an_entry_are_reached(site: Site, key: str) -> None:
    await site.cache.put(
        *(pull(1000 + number) for number in range(MANY)),
        *(proposal(key, "changed", 1000 + number) for number in range(MANY)),
    )
    page = await rest(site, f"c/rfc/rfcs/{key}", "The newest 50 are shown.")
    found = {one.rsplit("/", 1)[-1] for one in await walked(site, page, "/proposals/acme/meta/")}
    assert {f"{1000 + number}" for number in range(MANY)} <= found


async def test_all_findings_about_an_entry_and_its_file_are_reached(site: Site) -> None:
    await site.cache.put(*(finding(f"own{number}", key="alpha", path="rfcs/alpha.md") for number in range(MANY)))
    await site.cache.put(*(finding(f"file{number}", path="rfcs/alpha.md") for number in range(MANY)))
    document = {"repository_id": 2, "path": "RFC.md"}
    await site.cache.put(*(finding(f"document{number}", **document) for number in range(MANY)))
    page = await site.page("c/rfc/rfcs/alpha")
    notice = page.root.one("section", kind="notice").one("p", kind="more")
    numbers = []
    for link in notice.every("a"):
        address = urljoin("/console/c/rfc/rfcs/alpha", link["href"])
        numbers.append(sum([len(live.every("li", kind="finding")) async for live in pages_of(site, address)]))
    assert numbers == [MANY, 2 * MANY, MANY]


async def test_everything_that_a_pull_request_touches_is_reached(site: Site) -> None:
    keys = [f"e{number:03}" for number in range(MANY)]
    await site.cache.put(*(proposal(key, number=1) for key in keys), *(revision(1, key, number=1) for key in keys))
    page = await rest(site, "pulls/acme/meta/1", "would change")
    assert page == "pulls/acme/meta/1/proposals"
    assert len({one.split("/proposals/")[0] for one in await walked(site, page, "/c/rfc/rfcs/e")}) == MANY
    page = await rest(site, "pulls/acme/meta/1", "The first 50 are shown.")
    assert page == "pulls/acme/meta/1/revisions"
    assert len(await walked(site, page, "/c/rfc/rfcs/e")) == MANY


async def test_the_api_pages_through_the_revisions_of_a_pull_request(site: Site) -> None:
    """It told the first thousand, and that there are more, and no address of the rest."""
    await site.cache.put(*(revision(1, f"e{number:03}", number=2) for number in range(MANY)))
    base = "/api/v1/pulls/acme/meta"
    keys: list[str] = []
    address = f"{base}/2/revisions?limit=90"
    while address:
        response, _ = await site.answer(address)
        keys += [one["key"] for one in (await response.json())["items"]]
        address = urljoin(address, str(response.links["next"]["url"].raw_path_qs)) if "next" in response.links else ""
    assert [key for key in keys if key.startswith("e")] == [f"e{number:03}" for number in range(MANY)]
    response, _ = await site.answer(f"{base}/2/revisions?key=e007")
    assert [one["key"] for one in (await response.json())["items"]] == ["e007"]
    for number in ("999", "x"):
        await site.answer(f"{base}/{number}/revisions", status=404)


async def test_all_repositories_that_fail_are_reached_from_the_overview(site: Site) -> None:
    new = range(100, 120)
    await site.cache.put(*(repository(one, f"acme/r{one}") for one in new), *(look(one, failures=2) for one in new))
    page = await site.page("")
    told = page.root.one("ul", kind="attention")
    more = [one for one in told.every("a") if one.text == "More repositories fail"]
    assert len(more) == 1
    listed = Page((await site.answer(urljoin("/console/", more[0]["href"])))[1])
    assert len(listed.root.one("tbody").every("tr")) == 20


async def test_what_is_cut_of_a_difference_is_said_with_all_of_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "ROWS", 2)
    long = "\n".join(f"line {number}" for number in range(40))
    await site.cache.put(revision(5, content=long), revision(6, content=long.replace("line", "other")))
    for path in ("c/rfc/rfcs/alpha/revisions/5/diff/6", "c/rfc/rfcs/beta/proposals/acme/meta/1?as=unified"):
        if "proposals" in path:
            await site.cache.put(proposal("beta", "changed", 1, body=long))
        page = await site.page(path)
        notice = page.root.one("p", kind="more")
        assert "The first 2 rows are shown." in notice.text
        response, _ = await site.answer(urljoin(f"/console/{path}", notice.one("a")["href"]))
        told = await response.json()
        assert (told["lines"][-1]["to_text"] == "other 39") if "lines" in told else (told["items"][0]["body"] == long)


@ONE_LOOP
async def test_there_is_nothing_more_to_say_where_all_is_shown(same_site: Site) -> None:
    """A notice that always stands there is one that nobody reads."""
    for path in ("c/rfc/rfcs/alpha", "c/rfc/rfcs/delta", "pulls/acme/meta/1", "c/rfc/rfcs/beta"):
        assert not (await same_site.page(path)).root.every("p", kind="more"), path


@ONE_LOOP
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("c/rfc/rfcs/nothing/history", 404), ("c/rfc/rfcs/nothing/branches", 404), ("c/rfc/rfcs/alpha/odd", 404),
        ("pulls/acme/meta/999/revisions", 404), ("pulls/acme/meta/x/revisions", 404), ("pulls/acme/meta/1/odd", 404),
        ("c/rfc/rfcs/alpha/history?cursor=x", 400), ("pulls/acme/meta/1/proposals?cursor=x", 400),
    ],
)  # fmt: skip
async def test_what_is_not_there_is_said_so(same_site: Site, path: str, status: int) -> None:
    await same_site.page(path, status=status)
