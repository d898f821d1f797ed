"""What each page shows, held against the sample cache by its structure."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from api_rows import NOW, finding, look, note, repository
from api_server import Cache
from console_loops import ONE_LOOP
from console_page import Page
from console_site import PAGES, Site, serve

from cache.profile.rules import RULES
from daemon.api.access import Access


def rows(page: Page, caption: str) -> list[list[str]]:
    """The cells of the table with this caption, as text."""
    for table in page.root.every("table"):
        if table.every("caption") and table.one("caption").text == caption:
            return [[cell.text for cell in row.every("td")] for row in table.every("tr") if row.every("td")]
    raise AssertionError(f"no table {caption!r}")


@ONE_LOOP
@pytest.mark.parametrize("path", PAGES)
async def test_every_page_says_when_it_was_last_confirmed(same_site: Site, path: str) -> None:
    """A person who cannot tell how old a page is must distrust all of them."""
    page = await same_site.page(path)
    confirmed = page.root.one(id="confirmed")
    assert confirmed["data-stale"] == "no"
    # a repository that no profile reaches is confirmed by the sweep of its owner
    earlier = path.startswith("repositories")
    assert f"Confirmed {50 if earlier else 30} s ago" in confirmed.text
    assert confirmed.one("time")["title"] == f"2026-03-01 11:59:{10 if earlier else 30} UTC"


@ONE_LOOP
@pytest.mark.parametrize("path", PAGES)
async def test_every_page_is_built_the_same(same_site: Site, path: str) -> None:
    page = await same_site.page(path)
    assert page.root.one("html")["lang"] == "en"
    assert len(page.root.every("h1")) == 1
    assert page.root.one("head").one("title").text.endswith("Forgeglass")
    assert page.root.one("a", kind="skip")["href"] == "#main"
    ids = [one["id"] for one in page.root.every() if "id" in one.attributes]
    assert len(ids) == len(set(ids))
    inputs = [one for one in page.root.every() if one.tag in ("input", "select")]
    controls = [one for one in inputs if one.attributes.get("type") != "hidden"]
    labelled = [one for label in page.root.every("label") for one in label.every() if one.tag in ("input", "select")]
    assert len(controls) == len(labelled), "a control without a label has no name for who cannot see it"


@ONE_LOOP
@pytest.mark.parametrize("path", ["", "pulls", "findings", "repositories", "changes", "c/rfc/rfcs"])
async def test_an_empty_cache_is_told_as_not_read(same_empty_site: Site, path: str) -> None:
    """Nothing read yet is not the same as nothing there."""
    page = await same_empty_site.page(path)
    confirmed = page.root.one(id="confirmed")
    assert confirmed["data-stale"] == "yes"
    assert "Not read yet" in confirmed.text


async def test_what_is_old_is_called_stale(site: Site) -> None:
    site.cache.now = NOW + timedelta(hours=2)
    confirmed = (await site.page("c/rfc/rfcs")).root.one(id="confirmed")
    assert confirmed["data-stale"] == "yes"
    assert "Stale. Confirmed 2 h ago" in confirmed.text


async def test_the_overview_counts_and_names_what_needs_attention(site: Site) -> None:
    await site.cache.put(look(2, failures=3, last_error="the forge answered 502", remedy="Wait."))
    site.status["paused"] = True
    page = await site.page()
    numbers = [one.text for one in page.root.every(kind="number")]
    assert numbers[:3] == ["3", "2", "2"], "entries, pull requests waiting, findings"
    told = page.root.one("ul", kind="attention").text
    assert "The forge cannot be reached" in told
    assert "acme/alpha failed 3 times: the forge answered 502 Wait." in told
    assert "1 finding missing-field" in told
    assert RULES["dangling"].remedy in told
    assert "250 ms in the middle, 1.5 s at most" in page.text


async def test_what_sweeps_found_is_counted_for_those_who_see_all_of_it(cache: Cache, site: Site) -> None:
    """Guards against `0 of 0` and `0` before strangers: nothing is a number too, and a wrong one."""
    page = await site.page()
    assert "Sweeps" in page.text
    assert not {"Read", "Changes"} & {one.text for one in page.root.every("th")}
    async with serve(cache, access=Access(None, lambda: NOW, "all")) as open_site:
        page = await open_site.page()
        sweep = next(row for row in page.root.every("tr") if row.text.startswith("quiet"))
        assert [cell.text for cell in sweep.every("td")] == ["quiet", "58 s ago", "2.0 s", "4", "1 of 4", "5"]


async def test_the_overview_is_calm_where_all_is_well(site: Site) -> None:
    """A warning that always stands there is one that nobody reads."""
    for name in ("f1", "f2"):
        await site.cache.remove(next(row for row in site.cache.places[type(finding(name))].values() if row.id == name))
    page = await site.page()
    assert not page.root.every("ul", kind="attention")
    assert page.root.one("p", kind="calm").text.startswith("Nothing.")


async def test_changes_per_hour_are_bars(site: Site) -> None:
    """All sample rows were written in the last hour: one bar as high as the picture."""
    page = await site.page()
    bars = page.root.one("svg", role="img").every("rect")
    assert len(bars) == 1
    applied = site.cache.store.sequence
    assert bars[0].one("title").text == f"01 Mar 12:00: {applied}"
    assert page.root.one("svg", role="img")["aria-label"].startswith(f"{applied} changes in 48 hours")


@ONE_LOOP
async def test_a_collection_is_a_table_with_its_state_as_pills(same_site: Site) -> None:
    page = await same_site.page("c/rfc/rfcs")
    assert [(row[0], row[1]) for row in rows(page, "Requests for comments")] == [
        ("Alpha alpha", "active"), ("Gamma rays gamma", "withdrawn"), ("Beta does not read well beta", "idea"),
    ]  # fmt: skip
    pills = page.root.one("ul", kind="pills")
    assert [one.text for one in pills.every("a")] == ["all", "idea 1", "active 1", "withdrawn 1"]
    assert pills.every("a")[2]["href"] == "./rfcs?state=active"
    assert page.root.every("span", kind="pill")[0].classes > {"pill"}


@ONE_LOOP
async def test_an_entry_shows_all_that_belongs_to_it(same_site: Site) -> None:
    page = await same_site.page("c/rfc/rfcs/alpha")
    assert page.root.one("h1").text == "Alpha"
    fields = {row.one("th").text: row.one("td").text for row in page.root.one("table", kind="fields").every("tr")}
    assert fields["state"] == "active"
    assert fields["owners"] == "ada"
    assert fields["odd (not in the profile)"] == "[1]"
    assert page.root.one("article").text == "The whole of alpha."
    assert [row[0] for row in rows(page, "Pull requests")] == [
        "Pull 2 acme/meta#2 edit/2", "Write alpha acme/alpha#1 edit/1",
    ]  # fmt: skip
    write = next(row for row in page.root.every("tr") if "Write alpha" in row.text)
    assert [cell.text for cell in write.every("td")][1:4] == ["open draft", "rfc branch", "bob opened it"]
    branches = [row.text for row in page.root.every("tr") if row.every("td", data_label="Branch")]
    assert [line.split()[0] for line in branches] == ["draft", "main", "old"]
    history = page.root.one("ol", kind="history").every("li")
    assert len(history) == 3
    assert "Ada" in history[0].text


async def test_how_an_actor_was_found_is_told(site: Site) -> None:
    """A person who reads a name must be able to tell a guess from a fact."""
    found = site.cache.places
    places = [row for table in found.values() for row in table.values() if type(row).__name__ == "PullEntryRow"]
    (mine,) = [row for row in places if (row.repository_id, row.number) == (2, 1)]
    for source, words in {
        "audit": "by the audit entry 17", "trailer": "by the trailer 17", "bot": "the bot; nobody else is named",
    }.items():  # fmt: skip
        await site.cache.put(msgspec.structs.replace(mine, actor_source=source, actor_evidence="17"))
        page = await site.page("c/rfc/rfcs/alpha")
        row = next(row for row in page.root.every("tr") if "Write alpha" in row.text)
        assert row.one("td", data_label="By").text == f"bob {words}"


@ONE_LOOP
async def test_an_entry_that_does_not_read_well_says_what_is_wrong(same_site: Site) -> None:
    """The last good version is shown; that it is not the newest must be the first thing seen."""
    page = await same_site.page("c/rfc/rfcs/beta")
    notice = page.root.one("section", kind="notice")
    assert "does not read well; this is the last good one" in notice.text
    assert "'title' is required; add it." in notice.text
    assert RULES["missing-field"].remedy in notice.text
    assert "acme/meta/rfcs/beta.md:1" in notice.text


@ONE_LOOP
async def test_a_finding_leads_to_its_line_at_its_commit(same_site: Site) -> None:
    page = await same_site.page("findings")
    found = page.root.one("ul", kind="findings").every("li")
    assert len(found) == 2
    first = next(one for one in found if "is required" in one.text)
    commit = f"{8:040x}"
    assert first.every("a")[0]["href"] == (
        f"https://forge.example/acme/meta/src/commit/{commit}/rfcs/beta.md?display=source#L1"
    )
    assert first.every("a")[1]["href"] == f"https://forge.example/acme/meta/commit/{commit}"
    assert RULES["missing-field"].remedy in first.text
    assert "since 59 d ago" in first.text


@ONE_LOOP
async def test_pull_requests_that_wait_come_oldest_first(same_site: Site) -> None:
    page = await same_site.page("pulls")
    assert [row[0].split(" acme")[0] for row in rows(page, "Pull requests")] == ["Propose beta", "Write alpha"]
    kinds = {row.every("td")[0].text: row.text for row in page.root.one("table", kind="ages").every("tr")[1:]}
    assert kinds == {"idea": "idea 0 0 0 1", "rfc branch": "rfc branch 0 0 0 1"}
    everything = await same_site.page("pulls?state=any")
    assert len(rows(everything, "Pull requests")) == 3


async def test_repositories_tell_how_looking_at_each_goes(site: Site) -> None:
    later = NOW + timedelta(minutes=4)
    await site.cache.put(
        look(2, failures=3, last_error="502", last_error_at=NOW, remedy="Wait for it.", next_look_at=later,
             delivered_at=NOW - timedelta(minutes=2)),
        repository(9, "acme/new"),
    )  # fmt: skip
    page = await site.page("repositories")
    found = {row[0]: row[1:] for row in rows(page, "Repositories")}
    assert list(found) == ["acme/alpha", "acme/meta", "acme/new", "acme/notes"]
    assert found["acme/alpha"][0] == "failed 3 times 502 · just now Wait for it."
    assert found["acme/alpha"][3:] == ["2 min ago", "in 4 min"]
    assert found["acme/new"][0] == "not read yet"
    assert found["acme/meta"][4] == "with the next sweep"
    assert "acme/idle" in [row[0] for row in rows(await site.page("repositories?depth=any"), "Repositories")]


async def test_changes_are_told_newest_first_in_pages_without_gap(site: Site) -> None:
    """Going back through the feed must show each change once, whatever is applied meanwhile."""
    await site.cache.put(*(note(f"2026/n{number}") for number in range(60)))
    end = site.cache.store.sequence
    seen: list[int] = []
    path: str | None = "changes"
    while path is not None:
        page = await site.page(path)
        seen += [int(one["id"].removeprefix("change-")) for one in page.root.one("ol", kind="feed").every("li")]
        following = page.root.every("a", rel="next")
        path = following[0]["href"].removeprefix("./") if following else None
        await site.cache.put(note(f"2026/more{len(seen)}"))
    assert seen == list(range(end, 0, -1))


@ONE_LOOP
@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("c/rfc/nope", 404, "No profile has a collection of this name."),
        ("c/rfc/rfcs/nobody", 404, "has no entry 'nobody'"),
        ("c/rfc", 404, "No profile has a collection"),
        ("nowhere", 404, "no page at this address"),
        ("c/rfc/rfcs?state=actve", 400, "allowed are idea, active, withdrawn"),
        ("c/rfc/rfcs?nope=1", 400, "there is no parameter 'nope'"),
        ("c/rfc/rfcs?cursor=x", 400, "begin again without one"),
        ("pulls?sort=nope", 400, "cannot be sorted by 'nope'"),
        ("changes?before=x", 400, "before is 'x'"),
        ("static/secrets", 404, "no such file"),
    ],
)
async def test_a_wrong_address_says_what_is_wrong(same_site: Site, path: str, status: int, words: str) -> None:
    page = await same_site.page(path, status=status)
    assert words in page.text


@ONE_LOOP
async def test_only_reading_is_served(same_site: Site) -> None:
    await same_site.answer("/console/pulls", status=405, method="POST")


async def test_a_cache_that_cannot_be_read_is_told_and_comes_back(site: Site) -> None:
    """A page that breaks while the file is being replaced must not be a stack trace."""
    told: list[str] = []
    async with serve(site.cache, damaged=told.append) as broken:
        async with site.cache.database.transaction() as connection:
            await connection.exec_driver_sql("ALTER TABLE entries RENAME TO away")
        page = await broken.page("c/rfc/rfcs", status=503)
        assert "cannot be read" in page.text
        async with site.cache.database.transaction() as connection:
            await connection.exec_driver_sql("ALTER TABLE away RENAME TO entries")
        await broken.page("c/rfc/rfcs")
