"""The `markdown` profile: any folder of Markdown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.profile.block import bind, load_profile
from cache.profile.entry import Record, parse_file

DOCUMENTS = bind(load_profile("markdown"), parameters={"repository": "acme/docs"}).collection("documents")


def read(content: str | bytes, path: str = "docs/some page.md") -> Record:
    captures = DOCUMENTS.captures(path)
    assert captures is not None
    (record,) = parse_file(DOCUMENTS, path, content.encode() if isinstance(content, str) else content, captures)
    return record


@pytest.mark.parametrize(
    ("content", "title"),
    [
        ("---\ntitle: Said\n---\n# Heading\n", "Heading"),
        ("---\ntitle: Said\n---\nIntro.\n\n## Install\n", "Said"),
        ("Intro.\n\n## Install\n", "some page"),
        ("<!-- # Not this -->\n\n<h1 align='center'>A &amp; <i>B</i></h1>\n\n# Later\n", "A & B"),
        ("---\ntitle: ''\n---\n# Heading\n", "Heading"),
        ("---\ntitle: [no, text]\n---\n# Heading\n", "Heading"),
        ("---\nother: x\n---\n\nUnderlined\ntwice\n==========\n", "Underlined twice"),
        ("---\nother: x\n---\n\nUnderlined\n----------\n", "some page"),
        ("```\n# code\n```\n", "some page"),
        ("", "some page"),
    ],
)
def test_a_title_is_the_heading_of_level_one_or_else_said_or_else_the_name(content: str, title: str) -> None:
    """R5: a lesser heading is a section's name, not the text's."""
    record = read(content)
    assert (record.fields["title"], record.problems, record.valid) == (title, (), True)


def test_a_number_that_the_name_bears_is_no_part_of_the_title() -> None:
    assert read("# 23 Logging\n", "docs/023-logging.md").fields["title"] == "Logging"


@pytest.mark.parametrize("path", ["a.md", "a/b/c/d.md", "A.MD", "x/README.markdown", ".github/PULL.md", "ünï.md"])
def test_every_markdown_file_is_a_document_under_its_path(path: str) -> None:
    assert read("x", path).key == (path,)


@pytest.mark.parametrize("path", ["a.txt", "md", ".md", "a.mdx", "a/b.md/c"])
def test_other_files_are_none(path: str) -> None:
    assert DOCUMENTS.captures(path) is None


def test_every_key_of_the_front_matter_is_kept_also_one_that_names_the_path() -> None:
    """Guards: `path` or `file`, keys of many a site generator, taken for a contradiction of the file's place."""
    record = read("---\npath: /elsewhere\nfile: other\nslug: s\ndraft: true\nweight: 3\n---\n")
    assert record.extra == {"path": "/elsewhere", "file": "other", "slug": "s", "draft": True, "weight": 3}
    assert record.problems == ()


@pytest.mark.parametrize(
    "content", ["---\n", "---\nwords\n", "---\n\nwords\n\n---\n\nmore\n", "---\n- a\n- b\n---\n", "----\n"]
)
def test_rules_that_are_no_fences_are_part_of_the_body(content: str) -> None:
    record = read(content)
    assert (record.problems, record.body) == ((), content)


@pytest.mark.parametrize(
    ("content", "rule"), [(b"caf\xe9\n", "not-utf8"), (b"a\0b", "bad-text"), (b"x" * (1024 * 1024 + 1), "too-large")]
)
def test_what_is_no_text_is_a_finding_even_here(content: bytes, rule: str) -> None:
    record = read(content)
    assert ([found.rule for found in record.problems], record.valid) == ([rule], False)


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: f"---\n{text}".encode(errors="replace")))
def test_any_bytes_give_one_record_with_a_key(content: bytes) -> None:
    assert read(content).key == ("docs/some page.md",)
