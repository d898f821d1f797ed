"""What entries said when pull requests were raised, as people see it: the folder, one revision, what differs."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from api_rows import DAY, EPOCH, entry, finding, place, proposal, pull, repository, revision, sha
from console_loops import ONE_LOOP
from console_page import Page
from console_site import Site
from hypothesis import given
from hypothesis import strategies as st

from cache.profile.rules import RULES
from cache.textdiff import compare
from daemon.console.templating import render
from daemon.console.texts import difference, numbered, plain

ALPHA = "c/rfc/rfcs/alpha"
FOLDER = {"HX-Request": "true", "HX-Target": "revisions-inside"}
TEXT = "---\ntitle: Alpha\nstate: idea\nowners: [ada]\nodd: 1\n---\n# Why\n\nBecause <b>so</b>.\n"


async def fragment(site: Site, path: str, part: str = "revisions-inside") -> Page:
    """The rows that the folder asks for."""
    return Page((await site.answer(f"/console/{path}", headers={**FOLDER, "HX-Target": part}))[1])


def lines(page: Page) -> list[str]:
    """A text's lines, as they stand in its numbered form."""
    return ["".join(str(one) for one in line.inside).rstrip("\n") for line in page.root.every("span", kind="line")]


# ------------------------------------------------------------------------------------------------------ the folder


@ONE_LOOP
async def test_the_folder_is_left_out_where_there_are_none(same_site: Site) -> None:
    page = await same_site.page("c/rfc/rfcs/gamma")
    assert not page.root.every(id="revisions")
    assert "No pull request has touched it" in (await same_site.page("c/rfc/rfcs/gamma/revisions")).text


def test_the_folder_is_asked_for_once_and_only_when_opened() -> None:
    """An entry with forty revisions must not cost more to open than one without."""

    class Shown:
        revisions = 40

    folder = Page(render("revisions.html", shown=Shown, revisions="./alpha/revisions").decode()).root.one("details")
    assert folder.attributes.get("open") is None
    assert (folder["hx-get"], folder["hx-trigger"]) == ("./alpha/revisions", "toggle once")
    assert folder.one("summary").text == "revisions 40"
    assert folder.one("a")["href"] == "./alpha/revisions", "without a script it is a link"


async def test_forty_revisions_cost_the_entrys_page_nothing_more(site: Site) -> None:
    with site.statements() as without:
        await site.page("c/rfc/rfcs/gamma")
    await site.cache.put(*(revision(number, "gamma") for number in range(1, 41)))
    with site.statements() as asked:
        page = await site.page("c/rfc/rfcs/gamma")
    assert page.root.one("details", id="revisions").one("summary").text == "revisions 40"
    assert len(asked) <= len(without) + 1
    assert not any("FROM revisions LEFT" in one for one in asked), "their rows are not read"
    with site.statements() as opened:
        rows = await fragment(site, "c/rfc/rfcs/gamma/revisions")
    assert len(rows.root.one("tbody").every("tr")) == 40
    assert len(opened) == 4


@ONE_LOOP
async def test_the_folder_holds_rows_with_the_newest_first(same_site: Site) -> None:
    page = await fragment(same_site, f"{ALPHA}/revisions")
    assert not page.root.every("html"), "rows alone, to be put into the folder"
    rows = [[cell.text for cell in row.every("td")] for row in page.root.one("tbody").every("tr")]
    assert rows == [
        ["v2.md", "open", "acme/meta#12", "57 d ago", "1 time", "–"],
        ["v1.md", "merged", "acme/meta#2 Pull 2", "58 d ago", "–", "ada opened it"],
    ]
    first = page.root.one("tbody").every("tr")[1]
    assert first.every("a")[0]["href"] == "../../../../console/c/rfc/rfcs/alpha/revisions/1", "as the entry's page asks"
    assert first.every("a")[1]["href"] == "https://forge.example/acme/meta/pulls/2"


@ONE_LOOP
async def test_opened_by_itself_the_folder_is_a_page(same_site: Site) -> None:
    response, text = await same_site.answer(f"/console/{ALPHA}/revisions")
    assert "HX-Target" in response.headers["Vary"], "rows that were kept must not be shown as a page"
    page = Page(text)
    assert page.root.one("h1").text == "Revisions"
    links = [one["href"] for one in page.root.one("tbody").every("a")]
    assert links[0] == "../../../../../console/c/rfc/rfcs/alpha/revisions/2", "a page below has one more step up"


async def test_more_than_a_page_of_revisions_goes_on_without_gap(site: Site) -> None:
    await site.cache.put(*(revision(number, "gamma") for number in range(1, 121)))
    seen: list[str] = []
    path, part = "c/rfc/rfcs/gamma/revisions", "revisions-inside"
    while path:
        page = await fragment(site, path, part)
        seen += [row.every("td")[0].text for row in page.root.one("tbody").every("tr")]
        assert len(page.root.every(id="revisions-rows")) == (part == "revisions-inside"), "ids stay apart"
        more = [one for one in page.root.every("a") if one.attributes.get("rel") == "next"]
        path = "c/rfc/rfcs/" + more[0]["hx-get"].rpartition("/rfcs/")[2] if more else ""
        part = "revisions-more"
        assert not more or (more[0]["hx-target"], more[0]["href"]) == ("#revisions-more", more[0]["hx-get"])
    assert seen == [f"v{number}.md" for number in range(120, 0, -1)]


# ------------------------------------------------------------------------------------------------------ a revision


@ONE_LOOP
async def test_a_revision_is_shown_verbatim_with_what_is_known_of_it(same_site: Site) -> None:
    page = await same_site.page(f"{ALPHA}/revisions/2")
    assert page.root.one("h1").text == "v2.md"
    assert lines(page) == ["One.", "Two."]
    facts = page.root.one("dl", kind="facts").text
    assert "The first head of the pull request that touches the entry's file." in facts
    assert "acme/meta#12" in facts
    assert "Frozen 57 d ago" in facts
    amended = page.root.one("ol", kind="amendments")
    assert amended.text == f"56 d ago {sha(60)[:10]} took it away"
    assert page.root.one("a", rel="prev").text == "← v1"
    assert not page.root.every("a", rel="next")
    links = page.root.one("ul", kind="plainly").every("a")
    against = {one.text: one["href"].rpartition("revisions/")[2] for one in links}
    assert against == {
        "the version before, v1": "1/diff/2", "the latest merged, v1": "latest-merged/diff/2",
        "the entry as it is now": "2/diff/head",
    }  # fmt: skip
    assert not page.root.every("form"), "nothing here can be edited"


@ONE_LOOP
async def test_the_pull_request_is_one_click_away(same_site: Site) -> None:
    page = await same_site.page(f"{ALPHA}/revisions/1")
    links = {one.text: one["href"] for one in page.root.one("dl", kind="facts").every("a")}
    assert links["Pull 2"].endswith("/console/pulls/acme/meta/2")
    assert links["acme/meta#2"] == "https://forge.example/acme/meta/pulls/2"
    facts = page.root.one("dl", kind="facts").text
    assert "meta claim" in facts
    assert "ada opened it" in facts
    assert "Merged 50 d ago" in facts


async def test_a_revision_is_rendered_as_an_entry_is(site: Site) -> None:
    await site.cache.put(revision(3, content=TEXT))
    page = await site.page(f"{ALPHA}/revisions/3?as=rendered")
    fields = {row.one("th").text: row.one("td").text for row in page.root.one("table", kind="fields").every("tr")}
    assert (fields["state"], fields["owners"], fields["odd (not in the profile)"]) == ("idea", "ada", "1")
    assert page.root.one("article").one("h3").text == "Why"
    assert "Because <b>so</b>." in page.root.one("article").text
    assert (await site.page(f"{ALPHA}/revisions/3")).root.every("article") == [], "verbatim unless asked"


@ONE_LOOP
async def test_what_was_merged_of_it_is_kept_beside_it(same_site: Site) -> None:
    page = await same_site.page(f"{ALPHA}/revisions/1?text=merged")
    assert lines(page) == ["One, as merged."]
    assert lines(await same_site.page(f"{ALPHA}/revisions/1")) == ["One."]


async def test_a_revision_by_the_rule_field_is_a_body(site: Site) -> None:
    """Two rules in a body are no front matter; and its pull request may live anywhere."""
    odd: dict[str, Any] = {"repository_id": -5, "pr_url": "https://other.example/x/y/pulls/3", "number": 3}
    await site.cache.put(revision(3, rule="field", content="---\nno: field\n---\n", **odd))
    page = await site.page(f"{ALPHA}/revisions/3?as=rendered")
    assert not page.root.every("table", kind="fields")
    facts = page.root.one("dl", kind="facts")
    assert "A commit on the default branch wrote the pull request's address" in facts.text
    assert [one["href"] for one in facts.every("a")] == ["https://other.example/x/y/pulls/3"]


@pytest.mark.parametrize("state", ["removed", "not_text", "not_a_file", "too_large", "gone"])
async def test_a_revision_without_a_text_says_why(site: Site, state: str) -> None:
    """A visible gap, never a guess, and never an empty text that could have been one."""
    frozen: dict[str, Any] = {"frozen_at": None, "head_sha": None} if state == "gone" else {}
    await site.cache.put(revision(3, content=None, content_state=state, blob=None, **frozen))
    for how in ("", "?as=rendered"):
        page = await site.page(f"{ALPHA}/revisions/3{how}")
        assert not page.root.every("pre")
        told = page.root.one("section", kind="notice").text
        assert told.startswith(("What stood there", "The pull request takes", "Nobody can tell"))
        assert (RULES["revision-content-gone"].remedy in told) == (state == "gone")
    rows = await fragment(site, f"{ALPHA}/revisions")
    assert state.replace("_", " ") in rows.root.one("tbody").every("tr")[0].text


async def test_a_pull_request_that_is_gone_is_no_link(site: Site) -> None:
    await site.cache.put(pull(2, state="closed", gone=True))
    facts = (await site.page(f"{ALPHA}/revisions/1")).root.one("dl", kind="facts")
    assert "https://forge.example/acme/meta/pulls/2" not in [one["href"] for one in facts.every("a")]
    assert "gone" in facts.text


# ------------------------------------------------------------------------------------------------- what differs


@ONE_LOOP
async def test_what_differs_is_told_by_more_than_colour(same_site: Site) -> None:
    page = await same_site.page(f"{ALPHA}/revisions/latest-merged/diff/2")
    assert page.root.one("h1").text == "v1 → v2"
    rows = [(row["class"], [cell.text for cell in row.every("td")]) for row in page.root.one("table").every("tr")[1:]]
    assert rows == [
        ("delete", ["1", "", "− removed: One, as merged."]),
        ("insert", ["", "1", "+ added: One."]),
        ("insert", ["", "2", "+ added: Two."]),
    ]
    assert "+2 lines added, −1 removed" in page.text
    assert "v1 as merged → v2 as raised" in page.text


@ONE_LOOP
async def test_what_differs_stands_side_by_side(same_site: Site) -> None:
    page = await same_site.page(f"{ALPHA}/revisions/latest-merged/diff/2?as=beside")
    rows = [(row["class"], [cell.text for cell in row.every("td")]) for row in page.root.one("table").every("tr")[1:]]
    assert rows == [
        ("replace", ["1", "− removed: One, as merged.", "1", "+ added: One."]),
        ("insert", ["", "", "2", "+ added: Two."]),
    ]


@ONE_LOOP
async def test_the_entry_as_it_is_now_can_be_held_against_a_revision(same_site: Site) -> None:
    page = await same_site.page(f"{ALPHA}/revisions/2/diff/head")
    assert page.root.one("h1").text == "v2 → now"
    assert "−1 removed" in page.text
    turned = page.root.one("nav", aria_label="Direction").one("a")["href"]
    assert turned.endswith("/alpha/revisions/head/diff/2")
    assert "+1 line added" in (await same_site.page("c/rfc/rfcs/" + turned.rpartition("/rfcs/")[2])).text


def test_alike_lines_far_from_what_differs_are_counted() -> None:
    before = "".join(f"{number}\n" for number in range(100))
    found = difference(before, before.replace("50\n", "fifty\n"), beside=False, whole=False)
    assert [row.kind for row in found.rows] == ["skip", *["equal"] * 3, "delete", "insert", *["equal"] * 3, "skip"]
    assert [row.number for row in found.rows if row.kind == "skip"] == [47, 46]
    assert len(difference(before, before.replace("50\n", "fifty\n"), beside=True, whole=True).rows) == 100


def test_the_words_that_differ_are_marked() -> None:
    """In a long line one changed word is hard to find."""
    found = difference("One of them is slow.\n", "One of us two is slow.\n", beside=True, whole=False)
    (row,) = found.rows
    assert [(part.text, part.differs) for part in row.old_parts] == [
        ("One of ", False), ("them", True), (" is slow.", False),
    ]  # fmt: skip
    assert [part.text for part in row.new_parts if part.differs] == ["us two"]
    (other,) = difference("nothing\n", "in common here\n", beside=True, whole=False).rows
    assert not any(part.differs for part in (*other.old_parts, *other.new_parts)), "all of it would say nothing"


LINES = st.lists(st.sampled_from(["", "a b", "a c", "\t", "\r", "\u202e", "x" * 1_200]), max_size=8).map("\n".join)


@given(LINES, LINES, st.booleans(), st.booleans())
def test_every_line_that_differs_is_shown_once(before: str, after: str, beside: bool, whole: bool) -> None:
    """Guards a comparison that hides a change: none of a line lost, marked or not, and none twice."""
    found = difference(before, after, beside=beside, whole=whole)
    told = compare(before, after, ("", "")).lines
    for own, theirs in (("old", "from"), ("new", "to")):
        rows = [row for row in found.rows if row.kind not in ("equal", "skip") and getattr(row, own) is not None]
        texts = {getattr(row, own): "".join(part.text for part in getattr(row, f"{own}_parts")) for row in rows}
        assert len(texts) == len(rows)
        assert texts == {
            getattr(line, f"{theirs}_line"): plain(getattr(line, f"{theirs}_text"))
            for line in told if line.change != "equal" and getattr(line, f"{theirs}_line") is not None
        }  # fmt: skip
    alike = sum(row.number or row.kind == "equal" for row in found.rows)
    assert alike == sum(line.change == "equal" for line in told)
    assert not whole or all(row.kind != "skip" for row in found.rows)


def test_texts_that_differ_in_line_ends_alone_are_said_to() -> None:
    assert difference("a\nb", "a\nb\n", beside=False, whole=False).ends_alone
    assert difference("a\r\n", "a\n", beside=True, whole=False).ends_alone
    same = difference("a\n", "a\n", beside=False, whole=False)
    assert same.nothing and not same.ends_alone and [row.kind for row in same.rows] == ["skip"]


def test_what_is_too_long_for_a_browser_is_cut_and_said_to_be() -> None:
    long = difference("", "x\n" * 50_000, beside=False, whole=False)
    assert long.cut and long.added == 50_000 and len(long.rows) == 4_000
    assert numbered("x\n" * 50_000) is None
    assert numbered("a\rb\n\n") == ["a⟦U+000D⟧b", ""], "a line stays one line"


# ------------------------------------------------------------------------------------------ keys without an entry


async def test_a_key_that_was_taken_away_keeps_its_page(site: Site) -> None:
    """Its revisions are kept for ever: whoever has its address must find them."""
    await site.cache.put(revision(1, "epsilon"), repository(5, "acme/five"))
    page = await site.page("c/rfc/rfcs/epsilon")
    assert "There is no entry of this key: it was taken away" in page.text
    assert page.root.one("details", id="revisions").one("summary").text == "revisions 1"
    assert (await site.page("c/rfc/rfcs/epsilon/revisions")).root.one("tbody").every("a")[0].text == "v1.md"
    one = await site.page("c/rfc/rfcs/epsilon/revisions/1")
    assert "the entry as it is now" not in one.text


async def test_a_key_whose_file_never_read_well_says_what_is_wrong(site: Site) -> None:
    """Its finding leads here: whoever follows it must not stand before nothing."""
    await site.cache.put(finding("f9", key="unread", path="rfcs/unread.md", message="The state is missing; add it."))
    page = await site.page("c/rfc/rfcs/unread")
    assert "no version of its file reads well" in page.text
    assert "The state is missing; add it." in page.root.one("section", kind="notice").text


@ONE_LOOP
async def test_a_key_that_is_only_proposed_says_so(same_site: Site) -> None:
    page = await same_site.page("c/rfc/rfcs/delta")
    assert "it is only proposed so far" in page.text
    assert "would be added Propose beta by ada" in page.root.one("ul", kind="would").text


@ONE_LOOP
@pytest.mark.parametrize(
    "path",
    [
        f"{ALPHA}/revisions/9", f"{ALPHA}/revisions/0", f"{ALPHA}/revisions/head", f"{ALPHA}/revisions/x",
        f"{ALPHA}/revisions/1/diff/9", f"{ALPHA}/revisions/1/diff", f"{ALPHA}/revisions/1/2/3/4",
        "c/rfc/rfcs/nobody/revisions", "c/rfc/rfcs/nobody/revisions/1", "c/rfc/rfcs/delta/revisions",
        "c/rfc/rfcs/epsilon", "c/notes/notes/2026%2Fa/revisions", "pulls/acme/meta/99", "pulls/acme/meta/x",
        "pulls/acme/none/1", "c/rfc/rfcs/beta/proposals/acme/meta/99", "c/rfc/rfcs/alpha/proposals/acme/meta/1",
        "c/rfc/rfcs/beta/proposals/acme/meta/x",
    ],
)  # fmt: skip
async def test_what_is_not_there_is_not_found(same_site: Site, path: str) -> None:
    page = await same_site.page(path, status=404)
    assert page.root.one("h1").text == "There is nothing here"


@ONE_LOOP
async def test_an_address_that_asks_for_another_form_is_told_which_there_are(same_site: Site) -> None:
    for query in ("as=html", "text=both"):
        assert "it can be" in (await same_site.page(f"{ALPHA}/revisions/1?{query}", status=400)).text
    assert "it can be" in (await same_site.page(f"{ALPHA}/revisions/1/diff/2?as=html", status=400)).text


# ------------------------------------------------------------------------------------------------------ proposals


async def changed(site: Site, **values: Any) -> None:
    """`beta` as pull request 1 would make it."""
    now = entry("beta", valid=False, at=EPOCH + DAY)
    fields = {**now.fields, "state": "active", "owners": ["ada", "bob"], "extra": "new"}
    values = {"fields": fields, "body": "Another text.\n", "findings": (), **values}
    await site.cache.put(now, proposal("beta", "changed", **values))


async def test_pull_requests_that_wait_say_what_each_would_change(site: Site) -> None:
    await changed(site)
    page = await site.page("pulls")
    row = next(one for one in page.root.every("tr") if "Propose beta" in one.text)
    told = [one.text for one in row.one("ul", kind="would").every("li")]
    assert told == [
        "would be changed Beta beta state: idea → becomes active owners: – → becomes ada bob "
        "extra: – → becomes new its text",
        "would be added Delta delta 1 finding",
    ]
    links = [one["href"].partition("console/")[2] for one in row.one("ul", kind="would").every("a")]
    assert [link for link in links if link] == [
        "c/rfc/rfcs/beta/proposals/acme/meta/1", "c/rfc/rfcs/delta/proposals/acme/meta/1",
    ]


async def test_a_pull_request_that_changes_much_does_not_fill_the_list(site: Site) -> None:
    await site.cache.put(*(proposal(f"p{number:03}", number=1) for number in range(300)))
    page = await site.page("pulls")
    row = next(one for one in page.root.every("tr") if "Propose beta" in one.text)
    assert len(row.one("ul", kind="would").every("li")) == 5
    assert "297 more entries" in row.text
    own = await site.page("pulls/acme/meta/1")
    assert len(own.root.one("ul", kind="would").every("li")) == 200
    assert "102 more entries would change" in own.text


async def test_what_would_be_taken_away_is_said_to_be(site: Site) -> None:
    await site.cache.put(proposal("beta", "removed", findings=()))
    assert "would be removed Beta" in (await site.page("pulls/acme/meta/1")).text
    page = await site.page("c/rfc/rfcs/beta/proposals/acme/meta/1?as=unified")
    assert [row["class"] for row in page.root.one("table", kind="diff").one("tbody").every("tr")] == ["delete"]


async def test_a_proposal_shows_fields_and_text_as_they_would_be(site: Site) -> None:
    await changed(site)
    page = await site.page("c/rfc/rfcs/beta/proposals/acme/meta/1")
    table = next(one for one in page.root.every("table") if "Would be" in one.text)
    assert [row.text for row in table.one("tbody").every("tr")] == [
        "state idea active", "owners – ada bob", "extra – new",
    ]
    fields = {row.one("th").text: row.one("td").text for row in page.root.one("table", kind="fields").every("tr")}
    assert fields["state"] == "active"
    assert "+1 line added, −1 removed" in page.text, "where the text would be another, that is shown first"
    rendered = await site.page("c/rfc/rfcs/beta/proposals/acme/meta/1?as=rendered")
    assert rendered.root.one("article").text == "Another text."
    assert lines(await site.page("c/rfc/rfcs/beta/proposals/acme/meta/1?as=text")) == ["Another text."]


@ONE_LOOP
async def test_a_proposal_says_what_would_be_wrong(same_site: Site) -> None:
    page = await same_site.page("c/rfc/rfcs/delta/proposals/acme/meta/1")
    assert page.root.one("section", kind="notice").text.startswith("What would be wrong error Add it.")
    assert page.root.one("h1").text == "Delta"


async def test_a_change_of_the_document_is_held_against_the_document(site: Site) -> None:
    """The entry's own text is another one: all of it would seem to change."""
    await site.cache.put(
        pull(1, 2, title="Write alpha"),
        proposal("alpha", "changed", part="document", path="RFC.md", repository_id=2,
                 body="The whole of alpha, and more.", findings=(), fields={}),
    )  # fmt: skip
    page = await site.page("c/rfc/rfcs/alpha/proposals/acme/alpha/1")
    assert "The whole of alpha, and more." in page.root.one("table", kind="diff").text
    assert "− removed: The whole of alpha." in page.root.one("table", kind="diff").text
    assert "Fields that would change" not in page.text
    told = (await site.page(ALPHA)).root.one("ul", kind="would").text
    assert told.startswith("would be changed Write alpha by bob")
    assert told.endswith("its document its text")


@ONE_LOOP
async def test_an_entrys_pull_requests_lead_to_what_they_would_change(same_site: Site) -> None:
    page = await same_site.page("c/rfc/rfcs/beta")
    assert page.root.one("ul", kind="would").text.startswith("would be changed Propose beta by ada")
    links = [link.partition("console/")[2] for link in page.links()]
    assert "c/rfc/rfcs/beta/proposals/acme/meta/1" in links
    assert "pulls/acme/meta/1" in links


@ONE_LOOP
async def test_a_pull_request_is_told_with_the_entries_that_it_touches(same_site: Site) -> None:
    page = await same_site.page("pulls/Acme/meta/2")
    assert page.root.one("h1").text == "Pull 2"
    assert "alpha v1" in page.root.one("ul", kind="plainly").text
    assert "What it would change" not in page.text, "one that is merged proposes nothing"
    facts = page.root.one("dl", kind="facts").text
    assert "Merged 50 d ago" in facts
    assert "Meta claim rfcs alpha" in facts


async def test_one_that_is_gone_is_told_without_a_link_to_its_page(site: Site) -> None:
    one = pull(2, state="closed", gone=True)
    await site.cache.put(one, msgspec.structs.replace(place(2, "alpha"), kind="idea"))
    page = await site.page("pulls/acme/meta/2")
    assert "is gone" in page.text
    assert "https://forge.example/acme/meta/pulls/2" not in page.links()
