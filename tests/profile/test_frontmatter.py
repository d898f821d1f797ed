"""Splitting a file into front matter and body: what people write, and what would break a careless reader."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.frontmatter import MAX_FRONT_MATTER, split
from cache.profile.nodes import plain_value


def rule_and_line(content: bytes | str) -> tuple[str, int | None]:
    """The one problem of a file."""
    (problem,) = split(content).problems
    return problem.rule, problem.line


@pytest.mark.parametrize(
    ("content", "data", "body", "body_line"),
    [
        (b"---\ntitle: A\n---\nText\n", {"title": "A"}, "Text\n", 4),
        (b"\xef\xbb\xbf---\ntitle: A\n---\nText\n", {"title": "A"}, "Text\n", 4),
        (b"---\r\ntitle: A\r\n---\r\nText\r\nmore\r\n", {"title": "A"}, "Text\r\nmore\r\n", 4),
        (b"\n\n---\ntitle: A\n---\n", {"title": "A"}, "", 6),
        (b"---\n---\nText", {}, "Text", 3),
        (b"---\ntitle: A\n---", {"title": "A"}, "", 3),
        (b"---\ncontent: 1\nhandler: 2\n1: 3\n---\n", {"content": 1, "handler": 2, "1": 3}, "", 6),
        (b"---\na: 1\n...\n--- b\n---\n", {"a": 1}, "--- b\n---\n", 4),
        (b"---\r\na: 1\r\n... \r\nText\r\n", {"a": 1}, "Text\r\n", 4),
        (b"---\na: |\n  ...\n...\nText...\n", {"a": "...\n"}, "Text...\n", 5),
        (b"---  \ntitle: A\n---\t\n    code\n\n\n", {"title": "A"}, "    code\n\n\n", 4),
    ],
    ids=["plain", "bom", "crlf", "blank-lines", "empty", "no-newline", "names-of-the-library", "dots", "dots-crlf",
         "dots-within", "body-kept"],
)  # fmt: skip
def test_front_matter_and_body(content: bytes, data: dict[str, object], body: str, body_line: int) -> None:
    """The body is kept to the byte: python-frontmatter would strip the indentation of code and the final lines."""
    parts = split(content)
    assert parts.problems == ()
    assert parts.data is not None
    assert (plain_value(parts.data), parts.body, parts.body_line) == (data, body, body_line)


@pytest.mark.parametrize(
    "content",
    [b"# Only a body\n", b"", b"text\n---\nnot: front matter\n---\n", b"----\na: b\n----\n", b"--- a\n---\n", b"-\n"],
)
def test_a_file_without_front_matter_is_all_body(content: bytes) -> None:
    """Two rules in a plain body are not front matter: taken for it, the text before them would be lost."""
    parts = split(content)
    assert (parts.data, parts.body, parts.problems) == (None, content.decode(), ())


@pytest.mark.parametrize(
    ("content", "rule", "line"),
    [
        (b"---\ntitle: A\n", "unclosed-front-matter", 1),
        (b"\n---\ntitle: A\n", "unclosed-front-matter", 2),
        (b"---\n- a\n- b\n---\n", "front-matter-not-mapping", 2),
        (b"---\njust text\n---\n", "front-matter-not-mapping", 2),
        (b"---\ntitle: caf\xe9\n---\n", "not-utf8", 2),
        (b"---\ntitle: A\n---\n\ncaf\xe9\n", "not-utf8", 5),
        ("---\ntitle: Ä\n---\n".encode("utf-16"), "not-utf8", 1),
        (b"---\ntitle: A\n---\nx\x00y\n", "bad-text", 4),
        ("---\ntitle: A\n---\n\ud800\n", "bad-text", 4),
        (b"---\ntitle: A\nowners: [ada\n---\n", "yaml-syntax", 4),
        (b"---\na: 1\nb: @ada\n---\n", "yaml-syntax", 3),
        (b"---\na: 1\nb: x\x01y\n---\n", "yaml-syntax", 3),
        (b"---\na: 1\n\tb: 2\n---\n", "yaml-syntax", 3),
        (b"---\ntitle: A\ntitle: B\n---\n", "duplicate-key", 3),
        (b"---\nx: {a: 1, a: 2}\n---\n", "duplicate-key", 2),
        (b"---\na: 1\nx:\n  <<: {b: 2}\n---\n", "yaml-merge-key", 4),
        (b"---\na: &x 1\n---\n", "yaml-alias", 2),
        (b"---\na: 1\nb: *x\n---\n", "yaml-alias", 3),
        (b"---\na: !!python/object/apply:os.system [id]\n---\n", "yaml-tag", 2),
        (b"---\na: !!binary aGk=\n---\n", "yaml-tag", 2),
        (b"---\n? [a]\n: 1\n---\n", "yaml-key", 2),
        (b"---\n~: 1\n---\n", "yaml-key", 2),
        (b"---\na: " + b"[" * 60_000 + b"\n---\n", "yaml-too-deep", 2),
        (b"---\n" + b"- " * 30_000 + b"\n---\n", "yaml-too-deep", 2),
        (b"---\na: [" + b"1," * 6_000 + b"]\n---\n", "yaml-too-many-events", 2),
        (b"---\na: " + b"x" * MAX_FRONT_MATTER + b"\n---\n", "front-matter-too-large", 1),
    ],
)
def test_what_cannot_be_read_is_a_problem_with_its_line(content: bytes | str, rule: str, line: int) -> None:
    assert rule_and_line(content) == (rule, line)


def test_an_alias_bomb_is_refused_before_it_grows() -> None:
    """405 bytes that PyYAML loads at once and that JSON would write as megabytes."""
    levels = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 9))
    assert rule_and_line(f"---\nl0: &l0 [x]\n{levels}\n---\n") == ("yaml-alias", 2)


def test_nesting_that_kills_pyyaml_leaves_the_process_alive() -> None:
    """60,000 brackets overflow the C stack in PyYAML's composer; in a process of its own, so that a failure is one."""
    program = (
        "from cache.frontmatter import split\n"
        "for text in ('[' * 60000, '- ' * 30000, '{a: ' * 15000, '? ' * 30000):\n"
        "    print(split('---\\n' + text + '\\n---\\n').problems[0].rule)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, ["yaml-too-deep"] * 4)


def test_a_body_survives_a_broken_front_matter() -> None:
    """People must be able to see the text while they correct the top."""
    parts = split(b"---\na: [\n---\nText\n")
    assert (parts.data, parts.body, parts.body_line) == (None, "Text\n", 4)


@given(st.binary(max_size=400))
def test_any_bytes_are_split_without_raising(content: bytes) -> None:
    parts = split(b"---\n" + content)
    assert parts.problems or parts.data is not None


@given(st.text(alphabet="abc:-[]{}&*!|>'\"#?,% \n\t", max_size=120))
def test_anything_like_yaml_is_split_without_raising(text: str) -> None:
    parts = split(f"---\n{text}\n---\nbody")
    assert parts.problems or parts.data is not None
    assert all(problem.line is not None and problem.line >= 1 for problem in parts.problems)


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=200))
def test_every_body_comes_back_unchanged(body: str) -> None:
    """Whatever stands below the closing fence is the entry's own text."""
    parts = split(f"---\na: b\n---\n{body}".encode())
    assert (parts.body, parts.problems) == (body, ())
