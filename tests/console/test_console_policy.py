"""What every answer of the console is bound to, and that it works below any path."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import urljoin

import msgspec
import pytest
from api_rows import NOW
from console_loops import ONE_LOOP
from console_site import PAGES, Site, serve

import daemon.console
from daemon.console.assets import NAMES
from daemon.console.words import age, duration, tone, when

STATIC = Path(daemon.console.__file__).with_name("static")


@ONE_LOOP
@pytest.mark.parametrize("path", [*PAGES, "nowhere", "static/console.js"])
async def test_every_answer_is_bound_to_our_own_files(same_site: Site, path: str) -> None:
    """Even a fault in the escaping must not become a script that runs, or a form that sends elsewhere."""
    response, _ = await same_site.answer(f"/console/{path}", status=404 if path == "nowhere" else 200)
    policy = dict(part.split(" ", 1) for part in response.headers["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "connect-src": "'self'",
        "img-src": "'self'", "base-uri": "'none'", "form-action": "'self'", "frame-ancestors": "'none'",
    }  # fmt: skip
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "same-origin"


@pytest.fixture(scope="module")
def answered() -> set[str]:
    """Addresses that were asked for and had an answer: most pages lead to the same."""
    return set()


@ONE_LOOP
@pytest.mark.parametrize("path", PAGES)
async def test_every_address_of_ours_leads_somewhere_below_any_path(
    same_site: Site, answered: set[str], path: str
) -> None:
    """A proxy may take a path away; an address with a slash at its beginning would lead beside us."""
    page = await same_site.page(path)
    base = f"{same_site.root}/console/{path}"
    for link in set(page.links()):
        if link.startswith(("http://", "https://", "#", "mailto:")):
            assert not link.startswith(same_site.root)
            continue
        assert not link.startswith("/")
        leads = urljoin(base, link)
        assert leads.startswith((f"{same_site.root}/console/", f"{same_site.root}/api/v1/")), link
        asked = leads.removeprefix(same_site.root).partition("#")[0]
        if "/api/v1/events" not in asked and asked not in answered:
            await same_site.answer(asked)
            answered.add(asked)


@ONE_LOOP
async def test_the_root_leads_to_the_console(same_site: Site) -> None:
    for path in ("/", "/console"):
        response, _ = await same_site.answer(path, status=302)
        assert urljoin(f"{same_site.root}{path}", response.headers["Location"]) == f"{same_site.root}/console/"


@ONE_LOOP
async def test_files_are_kept_for_ever_under_the_address_that_pages_give(same_site: Site) -> None:
    page = await same_site.page()
    for link in page.links():
        if "/static/" in link:
            response, _ = await same_site.answer(urljoin("/console/", link))
            assert "immutable" in response.headers["Cache-Control"]
    response, _ = await same_site.answer("/console/static/console.css?v=old")
    assert response.headers["Cache-Control"] == "no-cache"
    held = {"If-None-Match": response.headers["ETag"]}
    await same_site.answer("/console/static/console.css", status=304, headers=held)


def test_nothing_is_loaded_from_elsewhere() -> None:
    style = (STATIC / "console.css").read_text()
    assert "url(" not in style
    assert "@import" not in style
    assert "prefers-color-scheme: dark" in style
    assert "http" not in (STATIC / "console.js").read_text()
    assert {path.name for path in STATIC.iterdir()} == {*NAMES, "VENDORED"}


def test_what_is_vendored_is_what_was_published() -> None:
    """A file of others that was changed here is nobody's."""
    told = (STATIC / "VENDORED").read_text()
    found = re.search(r"file +(\S+)\n.*\nversion +(\S+)\nlicence +(\S+).*\nsha256 +([0-9a-f]{64})", told)
    assert found is not None
    content = (STATIC / found[1]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == found[4]
    assert found[2].encode() in content


def test_axe_is_what_was_published() -> None:
    axe = Path(__file__).with_name("vendored") / "axe.min.js"
    told = axe.with_name("VENDORED").read_text()
    assert f"sha256    {hashlib.sha256(axe.read_bytes()).hexdigest()}" in told


@ONE_LOOP
async def test_empty_controls_ask_nothing(same_site: Site) -> None:
    """A browser without scripts sends every control of a form, the empty ones too."""
    page = await same_site.page("c/rfc/rfcs?q=&state=active&owners=&proposed_at__gte=&sort=")
    assert len(page.root.one("tbody").every("tr")) == 1


@ONE_LOOP
@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("state=idea", ["beta"]), ("state=idea&state=active", ["alpha", "beta"]), ("q=whole", ["alpha"]),
        ("owners=ada", ["alpha", "gamma"]), ("title__contains=rays", ["gamma"]), ("valid=false", ["beta"]),
        ("sort=title", ["alpha", "beta", "gamma"]), ("sort=-key", ["gamma", "beta", "alpha"]),
        ("proposed_at__gte=2026-01-05", ["alpha", "gamma"]), ("q=whole&state=idea", []),
    ],
)  # fmt: skip
async def test_the_address_holds_the_view(same_site: Site, query: str, keys: list[str]) -> None:
    """What is sent to somebody else shows them the same; and it asks the API the same."""
    page = await same_site.page(f"c/rfc/rfcs?{query}")
    bodies = page.root.every("tbody")
    found = [row["id"].removeprefix("row-") for row in bodies[0].every("tr")] if bodies else []
    assert (found if "sort" in query else sorted(found)) == keys
    json = next(link for link in page.links() if "api/v1/rfc/rfcs" in link and "format" not in link)
    _, text = await same_site.answer(urljoin("/console/c/rfc/rfcs", json))
    assert sorted(re.findall(r'"key":"([a-z]+)"', text)) == sorted(keys)
    for name, value in (pair.split("=") for pair in query.split("&")):
        if name not in ("sort",) and query.count(f"{name}=") == 1:
            shown = [
                one.attributes.get("value") if one.tag == "input" else
                next((o["value"] for o in one.every("option") if "selected" in o.attributes), "")
                for one in page.root.one("form").every()
                if one.attributes.get("name") == name
            ]  # fmt: skip
            assert shown == [value], "and the controls show it"


@ONE_LOOP
async def test_pages_of_a_table_go_on_without_gap(same_site: Site) -> None:
    seen: list[str] = []
    path = "c/rfc/rfcs?limit=2&sort=key"
    while path:
        page = await same_site.page(path)
        seen += [row["id"] for row in page.root.one("tbody").every("tr")]
        following = page.root.every("a", rel="next")
        path = f"c/rfc/{following[0]['href'].removeprefix('./')}" if following else ""
    assert seen == ["row-alpha", "row-beta", "row-gamma"]


async def test_many_collections_are_listed_on_the_overview(site: Site) -> None:
    """Eighty teams would fill the bar and hide the page."""
    rfc, notes = site.cache.blocks
    many = (msgspec.structs.replace(notes, name=f"n{number}") for number in range(9))
    site.cache.blocks = (rfc, *many)
    page = await site.page()
    assert page.root.one("nav", aria_label="Collections").text == "Collections"
    assert len(page.root.every("td", data_label="Collection")) == 2 + 2 * 9


async def test_behind_a_proxy_nothing_tells_our_own_address(site: Site) -> None:
    async with serve(site.cache, public_url="https://tools.example/fg") as other:
        _, text = await other.answer("/console/")
        assert other.root not in text
        assert 'data-events="../api/v1/events"' in text


def test_numbers_and_times_read_well() -> None:
    assert [age(seconds) for seconds in (0, 59, 60, 3599, 3600, 172_799, 172_800)] == [
        "0 s", "59 s", "1 min", "59 min", "1 h", "47 h", "2 d",
    ]  # fmt: skip
    assert when(NOW + timedelta(minutes=2), NOW) == "in 2 min"
    assert when(NOW - timedelta(days=200), NOW) == "2025-08-13"
    assert [duration(seconds) for seconds in (0.0125, 2.25, 90)] == ["12 ms", "2.2 s", "1 min"]
    assert tone("Merged") == "done"
    assert tone("purple", ("red", "purple")) == "good"
    assert tone("nobody knows") == "plain"
