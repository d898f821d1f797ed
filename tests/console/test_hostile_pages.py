"""Whatever a repository says stays text: in titles, names, paths, front matter, bodies, history, errors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from api_rows import EPOCH, branch, change, entry, finding, look, place, proposal, pull, repository, revision, sha
from console_loops import ONE_LOOP
from console_page import Page
from console_site import Site
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cache.rows import BlobRow
from daemon.api.telling import harmless as harmless_line
from daemon.console.addresses import Here, key_of
from daemon.console.words import shown
from gitea_client.packed import Packed

EVIL = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus=alert(1) x='",
    "{{ 7*7 }}{% raw %}",
    "</textarea></title></style><svg onload=alert(1)>",
    "javascript:alert(1)",
    "<!-- --><base href=//evil.example>",
    "&lt;b&gt;",
)
TURNED = "safe\u202egpj.exe\u2066\u200b\x07"
"""Writing turned around, letters nobody sees, a bell."""

ALLOWED_TAGS = {
    "html", "head", "meta", "title", "link", "script", "body", "a", "header", "svg", "circle", "path", "nav", "span",
    "main", "div", "h1", "h2", "h3", "h4", "h5", "h6", "p", "time", "strong", "footer", "form", "label", "input",
    "select", "option", "details", "summary", "button", "ul", "ol", "li", "table", "caption", "thead", "tbody", "tr",
    "th", "td", "code", "section", "aside", "article", "dl", "dt", "dd", "pre", "figure", "figcaption", "line", "rect",
    "em", "blockquote", "br", "hr", "s", "colgroup", "col", "mark",
}  # fmt: skip
PAGES = ("", "pulls?state=any", "findings", "repositories?depth=any", "changes", "c/rfc/rfcs")
OUR_SCRIPTS = 2


def harmless(page: Page) -> None:
    """Nothing but our own elements, no handler, no style, and links that lead to the web or beside the page."""
    for one in page.root.every():
        assert one.tag in ALLOWED_TAGS, one.tag
        for name, value in one.attributes.items():
            assert not name.startswith("on"), name
            assert name not in ("style", "srcdoc", "autofocus"), name
            if name in ("href", "src", "action", "hx-get"):
                assert value == "" or value.startswith(("./", "../", "#", "http://", "https://", "mailto:")), value
    assert len(page.root.every("script")) == OUR_SCRIPTS
    assert not page.root.every("img")
    for letter in "\u202e\u2066\u200b\x07":
        assert letter not in page.source


async def planted(site: Site, evil: str) -> str:
    """Rows that say it wherever a repository can say anything; gives the entry's key."""
    key = f"k{evil}"
    fields: dict[str, Any] = {
        "title": evil, "state": evil, "owners": [evil], "repo": evil, "proposed_by": evil, "tags": [evil, evil],
        evil or "odd": {evil: [evil]},
    }  # fmt: skip
    await site.cache.put(
        repository(1, "acme/meta", description=evil, topics=(evil,), default_branch=evil),
        look(1, failures=1, last_error=evil, remedy=evil),
        entry(key, path=f"rfcs/{evil}.md", title=evil, fields=fields, body=evil, valid=False, home_repository_id=1),
        branch(key, evil),
        pull(7, title=evil, description=evil, user=evil, head_branch=evil, labels=(evil,)),
        place(7, key, kind=evil, actor=evil),
        change(0, author_name=evil, author_email=evil, subject=evil, path=evil),
        finding("evil", key=key, message=evil, path=f"rfcs/{evil}.md", rule=evil, field=evil, severity="error"),
    )
    return key


@pytest.mark.parametrize("evil", [*EVIL, TURNED])
async def test_what_a_repository_says_stays_text_on_every_page(site: Site, evil: str) -> None:
    key = await planted(site, evil)
    said = " ".join(shown(evil).split())
    for path in PAGES:
        page = await site.page(path)
        harmless(page)
        told = harmless_line(evil) if path == "changes" else said  # in words the feed is told as terminals are
        assert " ".join(told.split()) in page.text, path
    page = await site.page(Here("../", "").entry("rfc", "rfcs", key).removeprefix("../console/"))
    harmless(page)
    assert page.root.one("h1").text == said, "and it can be read as it stands"


PIECES = st.sampled_from([
    "<", ">", '"', "'", "&", "/", "=", "`", "\n", "\t", " ", "script", "img", "a", "onload", "onerror", "href", "style",
    "javascript:", "alert(1)", "--", "!", "]]>", "{{", "}}", "{%", "%}", "&lt;", "&#x3c;", "\\u003c", "\u2028", "x",
    "\ufeff",
    "\uff1c", "<!--", "</title>", "</script>", "<svg/", "<template>", "\u202e", "\u017f", "[", "](", ")", "![",
])  # fmt: skip


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES, min_size=1, max_size=12).map("".join))
async def test_no_text_becomes_part_of_a_page(site: Site, evil: str) -> None:
    """The property behind all of these: whatever text, in every field that reaches a page, makes none of its own."""
    key = await planted(site, evil)
    quoted = "".join(f"%{byte:02X}" for byte in evil.encode())
    for path in (*PAGES, Here("../", "").entry("rfc", "rfcs", key).removeprefix("../console/"), "pulls/acme/meta/7"):
        harmless(await site.page(path))
    for path, status in ((f"c/rfc/rfcs?q={quoted}", 200), (f"c/rfc/rfcs/{quoted}", 404), (f"x{quoted}", 404)):
        harmless(await site.page(path, status=status))


@pytest.mark.parametrize("evil", [*EVIL, TURNED])
async def test_what_pull_requests_say_stays_text_on_every_page(site: Site, evil: str) -> None:
    """In revisions, what differs between them, proposals and descriptions: what nobody has agreed to yet."""
    key = await planted(site, evil)
    body = f"# {evil}\n\n![{evil}](https://evil.example/x.png) [x](javascript:alert(1)) {evil}\n{evil * 400}"
    wrong = {"rule": evil, "severity": "error", "message": evil, "line": 1, "field": evil}
    told: dict[str, Any] = {"number": 7, "pr_branch": evil, "path": f"rfcs/{evil}.md", "pr_url": evil}
    await site.cache.put(
        pull(8, title=evil, description=body, user=evil, head_branch=evil, labels=(evil,)),
        revision(1, key, **told, content=f"---\ntitle: {json.dumps(evil)}\n{json.dumps(evil)}: 1\n---\n{body}",
                 merged_content=body, merged_at=EPOCH, amendments=({"sha": sha(1), "at": "2026-01-01T00:00:00Z",
                                                                    "blob": None},)),
        revision(2, key, number=8, repository_id=-1, pr_url=f"javascript:{evil}", content=evil, rule="field"),
        revision(3, key, number=9, content=f"{body}\r{evil}\n"),
        proposal(key, "changed", 7, title=evil, body=body, fields={"title": f"{evil}!", evil: [evil]},
                 path=f"rfcs/{evil}.md", findings=(wrong,)),
        BlobRow(1, sha(7), Packed(body.encode())),
    )  # fmt: skip
    said = " ".join(shown(evil).split())
    entry_page = Here("../", "").entry("rfc", "rfcs", key).removeprefix("../console/")
    for part in (
        "", "/revisions", "/revisions/1", "/revisions/1?as=rendered", "/revisions/1?as=rendered&text=merged",
        "/revisions/2", "/revisions/2?as=rendered", "/revisions/3", "/revisions/1/diff/3",
        "/revisions/1/diff/3?as=beside", "/revisions/3/diff/head?all=yes",
        "/proposals/acme/meta/7", "/proposals/acme/meta/7?as=beside",
        "/proposals/acme/meta/7?as=rendered", "/proposals/acme/meta/7?as=text",
    ):  # fmt: skip
        page = await site.page(entry_page + part)
        harmless(page)
        assert said in page.text, part
    harmless(await site.page("pulls/acme/meta/8"))
    assert said in (await site.page("pulls/acme/meta/7")).text


@pytest.mark.parametrize("text", ["", "\n", "\r", "a\x00b", "x" * 300_000, "\u2028\u2029", "---\n", "---\n: [\n---\n"])
async def test_any_text_makes_a_page(site: Site, text: str) -> None:
    """Whatever a file holds, its revision opens: as it stands, made up, and beside another."""
    await site.cache.put(revision(3, content=text))
    for part in ("3", "3?as=rendered", "2/diff/3", "3/diff/2?as=beside", "3/diff/head"):
        harmless(await site.page(f"c/rfc/rfcs/alpha/revisions/{part}"))


@ONE_LOOP
@pytest.mark.parametrize("evil", EVIL)
async def test_what_an_address_says_stays_text(same_site: Site, evil: str) -> None:
    """A link that somebody was sent is as hostile as a file."""
    quoted = "".join(f"%{byte:02X}" for byte in evil.encode())
    for path, status in ((f"c/rfc/rfcs?q={quoted}", 200), (f"c/rfc/rfcs?owners={quoted}", 200),
                         (f"c/rfc/rfcs?{quoted}=1", 400), (f"c/rfc/rfcs/{quoted}", 404), (quoted, 404),
                         (f"pulls?kind={quoted}", 200), (f"changes?key={quoted}", 200),
                         (f"c/rfc/rfcs/{quoted}/revisions", 404), (f"c/rfc/rfcs/alpha/revisions/{quoted}", 404),
                         (f"c/rfc/rfcs/alpha/revisions/1/diff/{quoted}", 404), (f"pulls/acme/{quoted}/1", 404),
                         (f"c/rfc/rfcs/alpha/revisions/1?as={quoted}", 400),
                         (f"c/rfc/rfcs/alpha/revisions?cursor={quoted}", 400),
                         (f"c/rfc/rfcs/alpha/proposals/{quoted}/x/1", 404)):  # fmt: skip
        harmless(await same_site.page(path, status=status))


@given(st.text())
def test_no_letter_that_acts_or_hides_is_left(text: str) -> None:
    told = shown(text)
    assert not [one for one in told if ord(one) < 0x20 and one not in "\t\n\r"]
    assert not set(told) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u200b\ufeff")
    told.encode()
    assert shown(told) == told


def test_other_writing_is_left_alone() -> None:
    """A rule against tricks must not deface what people write in their own language."""
    for text in ("שלום", "مرحبا", "naïve — “quoted”", "👩‍🚒", "Ω≈ç", "名前"):
        assert shown(text) == text


@example("~")
@example("~.")
@given(st.text(min_size=1).filter(lambda key: not any(0xD800 <= ord(one) < 0xE000 for one in key)))
def test_every_key_has_an_address_that_leads_back_to_it(key: str) -> None:
    """A browser takes `.` and `..` away, and a proxy may join slashes: neither may change which entry is shown."""
    address = Here("../", "").entry("rfc", "rfcs", key)
    segments = address.split("/")
    assert segments[:5] == ["..", "console", "c", "rfc", "rfcs"]
    assert len(segments) == 6
    assert segments[5].replace("%2E", ".").replace("%2e", ".") not in ("", ".", "..")
    assert key_of(segments[5]) == key
