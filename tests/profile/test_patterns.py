"""Templates of paths and branch names against names that people, and attackers, choose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.profile.overlap import overlaps
from cache.profile.patterns import HeadPattern, PathPattern, PatternError

RFC = PathPattern.parse("rfcs/{slug}.md")


@pytest.mark.parametrize(
    ("template", "path", "captures"),
    [
        ("rfcs/{slug}.md", "rfcs/open-hub.md", {"slug": "open-hub"}),
        ("rfcs/{slug}.md", "rfcs/ünïcode name.md", {"slug": "ünïcode name"}),
        ("rfcs/{slug}.md", "rfcs/a.md.md", {"slug": "a.md"}),
        ("{a}/{b}.yaml", "x/y.yaml", {"a": "x", "b": "y"}),
        ("logs/{agent}/{day}-{n:\\d+}.jsonl", "logs/owl/2026-7.jsonl", {"agent": "owl", "day": "2026", "n": "7"}),
        ("docs/**/{slug}.md", "docs/a/b/c.md", {"slug": "c"}),
        ("docs/**/{slug}.md", "docs/c.md", {"slug": "c"}),
        ("**/{slug}.md", "c.md", {"slug": "c"}),
        ("**/adr/**/{slug}.md", "adr/c.md", {"slug": "c"}),
        ("**/{in}/adr/**/{slug}.md", "a/b/adr/x/adr/c.md", {"in": "b", "slug": "c"}),
        ("docs/**/**/{slug}.md", "docs/c.md", {"slug": "c"}),
        ("docs/**", "docs/a/b", {}),
        ("docs/*/{slug}.md", "docs/a/c.md", {"slug": "c"}),
        ("notes/*.md", "notes/x.md", {}),
        ("adr/{number:\\d{4}}-{slug}.md", "adr/0007-use-git.md", {"number": "0007", "slug": "use-git"}),
        ("exact.md", "exact.md", {}),
    ],
)
def test_a_path_gives_its_captures(template: str, path: str, captures: dict[str, str]) -> None:
    assert PathPattern.parse(template).match(path) == captures


@pytest.mark.parametrize(
    "path",
    ["rfcs/.md", "rfcs/...md", "rfcs/sub/deep.md", "rfcs/README.txt", "other/a.md", "rfcs//a.md", "/rfcs/a.md", "rfcs",
     "rfcs/a\n.md", "rfcs/a\x00.md", "rfcs/\udcff.md", "rfcs/a.md/", "rfcs/" + "x" * 300 + ".md", "RFCS/a.md", ""],
)  # fmt: skip
def test_what_is_no_entry_gives_nothing(path: str) -> None:
    """Empty and dotted captures, folders below, control characters and text that is not Unicode must not be keys."""
    assert RFC.match(path) is None


@pytest.mark.parametrize(
    ("template", "branch", "captures"),
    [
        ("propose/{slug}", "propose/cold-start", {"slug": "cold-start"}),
        ("edit/{slug}/**", "edit/open-hub/squash", {"slug": "open-hub"}),
        ("edit/{slug}/**", "edit/open-hub/a/b", {"slug": "open-hub"}),
        ("cw/{slug:.+}", "cw/ünï", {"slug": "ünï"}),
    ],
)
def test_a_branch_gives_its_key(template: str, branch: str, captures: dict[str, str]) -> None:
    assert HeadPattern.parse(template).match(branch) == captures


@pytest.mark.parametrize(
    ("template", "branch"),
    [
        ("propose/{slug}", "propose/"),
        ("propose/{slug}", "propose"),
        ("propose/{slug}", ""),
        ("claim/{slug}", "claim/../x"),
        ("claim/{slug}", "claim/.."),
        ("claim/{slug}", "claim/.hidden"),
        ("claim/{slug}", "claim/-option"),
        ("claim/{slug}", "claim/ünï"),
        ("claim/{slug}", "claim/a/b"),
        ("edit/{slug}/**", "edit/open-hub"),
        ("edit/{slug}/**", "edit/open-hub/"),
        ("edit/{slug}/**", "edit/open-hub/../x"),
    ],
)
def test_a_branch_with_an_unsafe_or_missing_key_is_none(template: str, branch: str) -> None:
    """Anybody may name a branch; only a plain word may become the key of an entry."""
    assert HeadPattern.parse(template).match(branch) is None


@pytest.mark.parametrize(
    "template",
    ["", "/a", "a/", "a//b", "a/../b", "./a", "{", "}", "a/{x", "{x}/{x}", "{}", "{1}", "{x:(}", "{x:(a)}",
     "**/a/**/b/**", "{a}{b}{c}{d}", "{a.b}", "a\nb"],
)  # fmt: skip
def test_a_template_that_cannot_work_is_refused(template: str) -> None:
    with pytest.raises(PatternError):
        PathPattern.parse(template)


def test_prefix_is_the_folder_that_need_be_listed() -> None:
    prefixes = {text: PathPattern.parse(text).prefix for text in ("rfcs/{s}.md", "{s}.md", "a/b/x-{s}.md", "a/*/b.md")}
    assert prefixes == {"rfcs/{s}.md": "rfcs/", "{s}.md": "", "a/b/x-{s}.md": "a/b/", "a/*/b.md": "a/"}


def test_fill_gives_the_name_back() -> None:
    assert RFC.fill(slug="open-hub") == "rfcs/open-hub.md"


@pytest.mark.parametrize("slug", ["", "..", "a/b", "a\n"])
def test_fill_refuses_what_would_lead_elsewhere(slug: str) -> None:
    """A key must never become a path outside its folder."""
    with pytest.raises(PatternError):
        RFC.fill(slug=slug)


def test_fill_says_what_is_missing() -> None:
    with pytest.raises(PatternError, match="slug"):
        RFC.fill()
    with pytest.raises(PatternError, match=r"'\*'"):
        PathPattern.parse("a/*/{slug}.md").fill(slug="x")


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [
        ("rfcs/{slug}.md", "rfcs/{slug}.md", True),
        ("rfcs/{slug}.md", "rfcs/README.md", True),
        ("rfcs/{slug}.md", "rfcs/x-{slug}.md", True),
        ("rfcs/{slug}.md", "**", True),
        ("docs/**/{slug}.md", "docs/a/b/c/{x}.md", True),
        ("{a}-{b}", "x{c}y", True),
        ("rfcs/{slug}.md", "rfcs/{slug}.yaml", False),
        ("rfcs/{slug}.md", "audit/{month}.jsonl", False),
        ("rfcs/{slug}.md", "rfcs/{slug}/{part}.md", False),
        ("docs/**/{slug}.md", "docs/{slug}.md", True),
        ("docs/**", "docs", False),
        ("**/adr/**/{x}.md", "a/{b}/adr/c.md", True),
        ("**/adr/{x}.md", "a/docs/**", True),
        ("**/adr/{x}.md", "a/{y}.md", False),
        ("a-{x}", "b-{x}", False),
        ("adr/{n:\\d+}.md", "adr/index.md", False),
        ("adr/{n:\\d+}.md", "adr/7.md", True),
    ],
)
def test_overlap_is_seen_beforehand(one: str, other: str, answer: bool) -> None:
    """A file that two collections claim would be two entries."""
    a, b = PathPattern.parse(one), PathPattern.parse(other)
    assert (overlaps(a, b), overlaps(b, a)) == (answer, answer)


TEMPLATES = st.lists(
    st.sampled_from(["a", "b", "{x}", "a-{x}", "*", "**", "{x}.md", "b.md", "{x}-b"]), min_size=1, max_size=4
).map("/".join)
NAMES = st.lists(st.sampled_from(["a", "b", "a-b", "a.md", "b.md", "c", "a-c-b"]), min_size=1, max_size=5).map("/".join)


def parsed(template: str) -> PathPattern | None:
    try:
        return PathPattern.parse(template)
    except PatternError:
        return None


@given(TEMPLATES.map(parsed), TEMPLATES.map(parsed), NAMES)
def test_two_that_match_one_name_always_overlap(a: PathPattern | None, b: PathPattern | None, name: str) -> None:
    """The static test may err towards yes, never towards no."""
    if a and b and a.match(name) is not None and b.match(name) is not None:
        assert overlaps(a, b)


@given(st.text(max_size=80))
def test_no_name_gives_a_capture_that_leads_elsewhere(name: str) -> None:
    for template in ("{a}/{b}", "{a}", "x/{a}/**", "**/{a}.md"):
        for value in (PathPattern.parse(template).match(name) or {}).values():
            assert value not in ("", ".", "..")
            assert "/" not in value
            assert not any(ord(char) < 32 for char in value)


@given(st.text(min_size=1, max_size=30))
def test_fill_and_match_are_inverse(slug: str) -> None:
    try:
        path = RFC.fill(slug=slug)
    except PatternError:
        assert RFC.match(f"rfcs/{slug}.md") != {"slug": slug}
    else:
        assert RFC.match(path) == {"slug": slug}


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("a/{s}.{e:(?:yaml|yml)}", "a/{s}.json", False), ("a/{s}.{e:(?:yaml|yml)}", "a/{s}.yml", True),
        ("a/{s}.{e:(?:md|markdown)}", "a/{s}.{e:(?:yaml|yml)}", False), ("a/{s}.{e:(?i:md)}", "a/{s}.json", True),
        ("a/{s}.{e:(?:md|mdx)}", "a/README.md", True), ("{k:(?:a|b)}/x.md", "{k:(?:b|c)}/x.md", True),
        ("{k:(?:a|b)}/x.md", "{k:(?:c|d)}/x.md", False),
    ],
)  # fmt: skip
def test_an_expression_that_lists_texts_meets_those_alone(one: str, other: str, meet: bool) -> None:
    """Two formats in one folder are two collections: `.yaml` or `.yml` is never `.json`."""
    assert overlaps(PathPattern.parse(one), PathPattern.parse(other)) is meet
    assert overlaps(PathPattern.parse(other), PathPattern.parse(one)) is meet
