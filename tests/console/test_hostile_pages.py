"""Whatever a repository says stays text: in titles, names, paths, front matter, bodies, history, errors."""

from __future__ import annotations

from typing import Any

import pytest
from api_rows import branch, change, entry, finding, look, place, pull, repository
from console_page import Page
from console_site import Site
from hypothesis import given
from hypothesis import strategies as st

from daemon.api.telling import harmless as harmless_line
from daemon.console.addresses import Here, key_of
from daemon.console.words import shown

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
    "em", "blockquote", "br", "hr", "s",
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


@pytest.mark.parametrize("evil", EVIL)
async def test_what_an_address_says_stays_text(site: Site, evil: str) -> None:
    """A link that somebody was sent is as hostile as a file."""
    quoted = "".join(f"%{byte:02X}" for byte in evil.encode())
    for path, status in ((f"c/rfc/rfcs?q={quoted}", 200), (f"c/rfc/rfcs?owners={quoted}", 200),
                         (f"c/rfc/rfcs?{quoted}=1", 400), (f"c/rfc/rfcs/{quoted}", 404), (quoted, 404),
                         (f"pulls?kind={quoted}", 200), (f"changes?key={quoted}", 200)):  # fmt: skip
        harmless(await site.page(path, status=status))


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


@given(st.text(min_size=1).filter(lambda key: not any(0xD800 <= ord(one) < 0xE000 for one in key)))
def test_every_key_has_an_address_that_leads_back_to_it(key: str) -> None:
    """A browser takes `.` and `..` away, and a proxy may join slashes: neither may change which entry is shown."""
    address = Here("../", "").entry("rfc", "rfcs", key)
    segments = address.split("/")
    assert segments[:5] == ["..", "console", "c", "rfc", "rfcs"]
    assert len(segments) == 6
    assert segments[5].replace("%2E", ".").replace("%2e", ".") not in ("", ".", "..")
    assert key_of(segments[5]) == key
