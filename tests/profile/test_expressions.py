"""Expressions of profiles over texts of strangers: whoever wrote them is trusted, and no text may hang us (S6)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cache.profile import expressions
from cache.profile.block import Collection, bind
from cache.profile.entry import Record, parse_file
from cache.profile.expressions import Expression, SlowError, one_file
from cache.profile.loader import read_profile
from cache.profile.patterns import PathPattern

Build = Callable[..., Collection]
Parse = Callable[..., Record]

SLOW = [("(?:x+x+)+y", "x" * 1900), ("(?:a+b?a+)+c", "a" * 1900)]


@pytest.mark.parametrize(("expression", "text"), SLOW)
@pytest.mark.parametrize(
    "field",
    [
        "{{type: string, from: {{heading: h1}}, extract: '{}'}}",
        "{{type: string, from: {{key: k, extract: '{}'}}}}",
        "{{type: list, of: string, from: k, split: '{}'}}",
        "{{type: list, of: {{type: string, extract: '{}'}}, from: k}}",
    ],
)
def test_a_file_over_which_an_expression_takes_too_long_is_a_finding(
    collection: Build, parse: Parse, field: str, expression: str, text: str
) -> None:
    """Without a limit each takes longer than anybody lives, and so does the test."""
    for more in ("", "lenient: true"):
        slow = collection(f"f: {field.format(expression)}", more=more)
        record = parse(slow, f'---\nk: "{text}"\n---\n# {text}\n')
        assert [found.rule for found in record.problems] == ["too-slow"]
        assert (record.valid, record.key) == (False, ("one",))
        assert parse(slow, "---\nk: a\n---\n# a\n").problems == ()


def test_all_expressions_over_one_file_have_a_time_together(
    collection: Build, parse: Parse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five hundred values that take a little less than is allowed each would take a minute."""
    monkeypatch.setattr(expressions, "SECONDS", 1000.0)
    monkeypatch.setattr(expressions, "SECONDS_OF_FILE", 0.05)
    many = collection("f: {type: list, of: {type: string, extract: '(a+)+$'}, from: k}", more="lenient: true")
    values = ", ".join(["a" * 16 + "!"] * 2000)
    assert [found.rule for found in parse(many, f"---\nk: [{values}]\n---\n").problems] == ["too-slow"]
    assert parse(many, "---\nk: [aaa]\n---\n").fields == {"f": ["aaa"]}, "the next file has its own"


def test_a_line_over_which_one_takes_too_long_costs_its_file_at_once() -> None:
    """All such lines would take all their times."""
    text = "format: 1\nprofile: s\ncollections:\n  a:\n    files: {repository: x/y, path: '{f}.jsonl'}\n    key: [id]\n"
    text += "    fields: {id: {type: string}, k: {type: string, extract: '(a+)+$'}}\n"
    collection = bind(read_profile(text)).collection("a")
    content = "".join(f'{{"id": "{n}", "k": "{"a" * 1900}!"}}\n' for n in range(500))
    (record,) = parse_file(collection, "x.jsonl", content.encode(), {"f": "x"})
    assert [found.rule for found in record.problems] == ["too-slow"]


def test_a_path_over_which_an_expression_takes_too_long_matches_nothing() -> None:
    pattern = PathPattern.parse("docs/{slug:(?:[a-z]+)+}.md")
    assert pattern.match(f"docs/{'a' * 200}!") is None
    assert pattern.match(f"docs/{'x' * 200}1.md") is None
    assert pattern.match("docs/abc.md") == {"slug": "abc"}


def test_patterns_are_equal_when_written_alike() -> None:
    """Collections are compared: a difference would read every file anew."""
    one, other = (PathPattern.parse("docs/{slug:[a-z]+}.md") for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one != PathPattern.parse("docs/{slug:[a-z]*}.md")


def test_the_limit_ends_with_the_file() -> None:
    with pytest.raises(SlowError), one_file():
        Expression("(a+)+$").find("a" * 1900 + "!")
    assert Expression("a").find("a")


def test_without_the_library_profiles_work_all_the_same() -> None:
    """In an environment made before it was needed."""
    code = (
        "import sys; sys.modules['regex'] = None\n"
        "from cache.profile.expressions import Expression, checked\n"
        "assert Expression('(a)b').find('xAB')[0][1] == 'A' and checked('(a)(b)') == 2\n"
        "from cache.profile.block import load_profile; load_profile('adr')"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root, timeout=60)
