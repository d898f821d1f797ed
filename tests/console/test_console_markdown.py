"""Markdown becomes HTML that does no harm, and stays of use."""

from __future__ import annotations

import re
import time

import pytest
from console_page import Page
from hypothesis import given
from hypothesis import strategies as st

from daemon.console.markdown import LARGEST, leading, rendered

BESIDE = "https://forge.example/acme/meta/src/commit/abc/rfcs/"


def read(text: str) -> Page:
    return Page(str(rendered(text, BESIDE)))


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>", "a <img src=x onerror=alert(1)> b", "<div onclick=x>\n\n**b**\n\n</div>",
        "<!-- x -->", "<style>*{}</style>", "<http://x.example/><b>", "&lt;script&gt;",
    ],
)  # fmt: skip
def test_html_stays_text(text: str) -> None:
    tags = {one.tag for one in read(text).root.every()}
    assert tags <= {"p", "a", "strong", "pre", "code"}


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "&#106;avascript:alert(1)",
        "data:text/html,<script>alert(1)</script>", "vbscript:x", "file:///etc/passwd", "\x01javascript:alert(1)",
        "//evil.example/x", "\\\\evil.example\\x", "/\\evil.example", "ftp://x.example/", "blob:x",
        "javascript&colon;x",
        "/\t/evil.example/",
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["[words]({})", "[words](<{}>)", "[words][1]\n\n[1]: <{}>", "![words](<{}>)", "<{}>"])
def test_a_link_leads_nowhere_but_to_the_web(form: str, target: str) -> None:
    for link in read(form.format(target)).root.every("a"):
        assert link["href"].startswith(BESIDE.partition("src")[0]), "at most to a file of that odd name"


@given(st.text(st.sampled_from("jJavscriptdt:/\\.%#?&;x\t\n\r\x00 @") | st.characters(exclude_categories=["Cs"])))
def test_every_target_is_the_web_the_forge_or_nothing(target: str) -> None:
    found = leading(target, BESIDE)
    assert found is None or re.match(r"https?:|mailto:|#doc-", found, re.IGNORECASE)
    assert found is None or not re.search(r"[\s\"'<>`\\]", found.replace("'", ""))
    if not re.match(r"[a-z][a-z0-9+.-]*:|#", target.strip().lower()) and found is not None:
        assert found.startswith(("https://forge.example/", "http", "mailto:", "#doc-"))


def test_relative_links_lead_to_the_file_beside_it() -> None:
    page = read("[a](other.md) [b](../docs/x.md#part) [c](#the-end) [d](https://x.example/?q=1&r=2) [e](mailto:a@b.c)")
    assert [link["href"] for link in page.root.every("a")] == [
        f"{BESIDE}other.md", "https://forge.example/acme/meta/src/commit/abc/docs/x.md#part", "#doc-the-end",
        "https://x.example/?q=1&r=2", "mailto:a@b.c",
    ]  # fmt: skip
    assert {link.attributes.get("rel") for link in page.root.every("a")} == {"nofollow noopener noreferrer"}


def test_images_are_links_and_never_loaded() -> None:
    """An image from elsewhere would tell its server who reads, and when."""
    page = read("![a *plan*](https://x.example/p.png) [![inner](p.png)](https://y.example)")
    assert not page.root.every("img")
    assert page.root.every("a")[0].text == "image: a plan"
    assert page.root.every("a")[0]["href"] == "https://x.example/p.png"
    assert [link["href"] for link in page.root.every("a")[1:]] == ["https://y.example"], "no link within a link"


def test_headings_go_below_those_of_the_page_and_ids_are_ours() -> None:
    page = read("# One\n\n## Main\n\n###### Deep\n\n# One\n\n# live")
    assert [one.tag for one in page.root.every()] == ["h3", "h4", "h6", "h3", "h3"]
    assert [one.attributes.get("id") for one in page.root.every()] == [
        "doc-one", "doc-main", "doc-deep", None, "doc-live",
    ]  # fmt: skip


def test_what_people_write_is_made_up() -> None:
    page = read("**b** *e* `c` ~~s~~\n\n- [ ] x\n\n> q\n\n```python\nprint('<b>')\n```\n\n| a |\n|:-:|\n| b |\n")
    for tag in ("strong", "em", "code", "s", "li", "blockquote", "pre", "table"):
        assert page.root.every(tag), tag
    assert page.root.one("pre").text == "print('<b>')"
    assert not [one for one in page.root.every() if "style" in one.attributes], "the page's policy refuses it"
    assert not [one for one in page.root.every() if any(name.startswith("language") for name in one.classes)]


def test_letters_that_turn_the_writing_are_told() -> None:
    assert "⟦U+202E⟧" in read("safe\u202egpj.exe").root.text
    assert "⟦U+202E⟧" in read("`safe\u202egpj.exe`").root.text


@given(st.text(st.sampled_from("[]()<>!*_`~#|-:\n\\&;\"' ax") | st.characters(), max_size=200))
def test_any_text_gives_whole_and_harmless_html(text: str) -> None:
    page = read(text)
    for one in page.root.every():
        assert one.tag in {
            "p", "a", "strong", "em", "code", "pre", "s", "ul", "ol", "li", "blockquote", "hr", "br", "h3", "h4", "h5",
            "h6", "div", "table", "thead", "tbody", "tr", "th", "td", "span",
        }  # fmt: skip
        assert set(one.attributes) <= {"href", "rel", "class", "id", "tabindex", "role", "aria-label", "start"}


@pytest.mark.parametrize(
    "bit", ["[", "![](", "*a ", "`", "> ", "- ", "a**b", "<a ", "|", "[a](", "&#", "\\", "~~", "1. "]
)
def test_no_text_takes_for_ever(bit: str) -> None:
    """Half as large a text as is made up, of what is hardest to read: others wait for answers meanwhile.

    What takes a time that grows with the square of the length would take 20 s for all of it.
    """
    began = time.process_time()
    rendered(bit * (LARGEST // 2 // len(bit)), BESIDE)
    assert time.process_time() - began < 20 / 2**2


def test_a_text_beyond_that_is_shown_as_it_is() -> None:
    page = read("<b>" + "x" * LARGEST)
    assert page.root.one("pre").text.startswith("<b>x")
