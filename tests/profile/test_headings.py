"""Headings, and what stands below them: CommonMark's own rules, its examples' kinds in words of ours (W7, R5)."""

from __future__ import annotations

import pytest

from cache.profile.headings import MAX_LINES, Outline, first_heading, headings
from cache.profile.numbered import without_number


def told(text: str) -> list[tuple[int, str]]:
    return [(one.level, one.text) for one in headings(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# A\n## B ##\n###### C\n####### no\n", [(1, "A"), (2, "B"), (6, "C")]),
        ("#no\n\\# no\n   # A\n", [(1, "A")]),
        ("    # code\n", []),
        ("text\n    # still text\n", []),
        ("# A #b\n# C # \n# D \\#\n", [(1, "A #b"), (1, "C"), (1, "D \\#")]),
        ("#\n## \n### ###\n", [(1, ""), (2, ""), (3, "")]),
        ("A\n=\n\nB\n---\n", [(1, "A"), (2, "B")]),
        ("A title of\n  two lines\n===\n", [(1, "A title of two lines")]),
        ("A\n= =\n\nB\n-- -\n", []),
        ("A\n\n===\n", []),
        ("- A\n---\n> B\n---\n    C\n---\n", []),
        ("[a]: /b\n===\n", []),
        ("***\n---\n___\n", []),
        ("A\n-\n\n- B\n-\n", [(2, "A")]),
        ("```\n# no\n```\n~~~ x\n# no\n```\n~~~\n# A\n", [(1, "A")]),
        ("````\n```\n# no\n```\n````\n```\n# never closed", []),
        ("- item\n  # of the item\n\n  ```\n  # no\n  ```\n\n# A\n", [(1, "A")]),
        ("1. item\n\n   # of the item\n\n> # quoted\n> text\nlazy\n# A\n", [(1, "A")]),
        ("<!-- # no\n\n# no\n\nstill\n--> # no\n# A\n", [(1, "A")]),
        ("text\n<!--\n# no\n-->\n# A\n", [(1, "A")]),
        ("<pre>\n# no\n\n# no\n</pre>\n# A\n", [(1, "A")]),
        ("<script>\n\n# no\n</script>\n<style>\n# no\n</style>\n<textarea>\n\n# no\n</textarea>\n# A", [(1, "A")]),
        ("<?x\n# no\n?>\n<![CDATA[\n# no\n]]>\n<!X\n# no\n>\n# A\n", [(1, "A")]),
        ("<div>\n# no\n</div>\n\n# A\n", [(1, "A")]),
        ("<!-- never closed\n\n# no\n", []),
        ("# A <!-- omit in toc -->\n", [(1, "A")]),
        ("# A\r\n\r\nB\r\nC\r\n---\r\n", [(1, "A"), (2, "B C")]),
        ("# A\r## B\r", [(1, "A"), (2, "B")]),
    ],
)
def test_headings_are_those_of_the_document(text: str, expected: list[tuple[int, str]]) -> None:
    assert told(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('<h1 align="center">A &amp; <b>B</b></h1>\n', [(1, "A & B")]),
        ("<H1>A</H1>\n<h2>B</h2>\n", [(1, "A"), (2, "B")]),
        ("<h1>\n  <img src='l.png' alt='Logo'>\n  A\n  <br/>long one\n</h1>\n", [(1, "Logo A long one")]),
        ('<div align="center">\n  <h1>A</h1>\n  text\n</div>\n\n## B\n', [(1, "A"), (2, "B")]),
        ('<p align="center">\n\n<h1 align="center">\n\nA\n\n</h1>\n\n# B\n', [(1, "A"), (1, "B")]),
        ('<a id="top"></a>\n<h1>A</h1>\n', [(1, "A")]),
        ('<a id="top"></a><h1 title="x > y">A</h1>\n', [(1, "A")]),
        ("<h1>&lt;script&gt;&#39;&nbsp;x</h1>", [(1, "<script>' x")]),
        ("<!-- <h1>no</h1> -->\n<pre><h1>no</h1></pre>\n\n```\n<h1>no</h1>\n```\n", []),
        ("<div>\n<!-- <h1>no</h1> -->\n<pre><h1>no</h1></pre>\n<h1>A</h1>\n</div>", [(1, "A")]),
        ("<h1>never closed\n\n# A\n", [(1, "A")]),
        ("<h1x>no</h1x>\n", []),
        ("- <h1>of the item</h1>\n\n> <h1>quoted</h1>\n", []),
    ],
)
def test_headings_may_be_html(text: str, expected: list[tuple[int, str]]) -> None:
    assert told(text) == expected


def test_lines_are_counted_from_the_file_s_first() -> None:
    text = "intro\n\n<h1>\nA\n</h1>\n\ntwo\nlines\n---\n\n<!--\nx\n-->\n\nfound\n"
    assert [(one.first, one.line) for one in headings(text)] == [(2, 4), (6, 8)]
    outline = Outline(text, 10)
    title, section = outline.title(), outline.section("two lines")
    assert title is not None
    assert section is not None
    assert (title.line, section.text, section.line) == (12, "found", 24)


@pytest.mark.parametrize(
    "text",
    [
        "<!--\nStatus: no\n-->\n",
        "<!-- a template:\n\n## Status\n\nno\n-->\n",
        "```\nStatus: no\n```\n",
        "- item\n\n      Status: no\n",
        "<pre>\nStatus: no\n</pre>\n",
        "    Status: no\n",
        "some <!-- text\nStatus: no\n--> text\n",
    ],
)
@pytest.mark.parametrize("place", ["# T\n\n{}\nStatus: yes\n", "# T\n\n{}\n## Status\n\nyes\n"])
def test_a_template_in_a_comment_says_nothing(text: str, place: str) -> None:
    """W7: a decision took its status from the commented template above it."""
    outline = Outline(place.format(text))
    found = outline.section("Status") or outline.labelled("Status")
    assert found is not None
    assert found.text == "yes"


def test_a_title_is_of_level_one_wherever_it_stands() -> None:
    """R5: of 654 files of one repository 627 were called "Install"."""
    assert first_heading("Intro.\n\n## Install\n") is None
    assert first_heading("Intro.\n\n## Install\n\n# Name\n") == "Name"
    far = "a line of text\n\n" * 500
    assert first_heading(f"{far}# Name\n") == "Name"
    assert first_heading(f"```\n# no\n```\n{far}Name\n====\n") == "Name"


@pytest.mark.parametrize("cut", range(2030, 2070))
def test_the_look_at_the_top_alone_finds_what_the_look_at_all_finds(cut: int) -> None:
    """Guards: a heading that is cut in two where the first look ends."""
    text = "x" * (cut - 20) + "\n\nLong title\nof two lines\n===\n\n# Another\n" + "text\n" * 200
    assert first_heading(text) == "Long title of two lines"


def test_so_far_down_nothing_is_looked_for() -> None:
    assert told("\n" * MAX_LINES + "# A\n") == []
    assert told("x" * 70_000 + "\n\n# A\n") == []


@pytest.mark.parametrize(
    ("title", "path", "expected"),
    [
        ("23 Logging", "adr/023-logging.md", "Logging"),
        ("0023 Logging", "0023_logging.md", "Logging"),
        ("#7: Caching", "ADR-0007-caching.md", "Caching"),
        ("112 Queues", "docs/0112.md", "Queues"),
        ("123 Queues", "123-queues.md", "Queues"),
        ("12. Deploy", "12-deploy.md", "Deploy"),
        ("3 – Deploy", "adr3.md", "Deploy"),
        ("24 Logging", "023-logging.md", "24 Logging"),
        ("12 Factor App", "12-factor.md", "12 Factor App"),
        ("2020 roadmap", "2020-roadmap.md", "2020 roadmap"),
        ("2020 in short", "2020-01-02-short.md", "2020 in short"),
        ("23", "023-logging.md", "23"),
        ("Logging", "023-logging.md", "Logging"),
        ("1.5 is out", "001-news.md", "1.5 is out"),
        ("23 Logging", "logging.md", "23 Logging"),
    ],
)
def test_the_number_of_the_name_is_no_part_of_the_title(title: str, path: str, expected: str) -> None:
    assert without_number(title, path) == expected
