"""Files that were not written for a profile: no text of theirs is lost, and one odd value costs that value alone."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.frontmatter import MAX_FRONT_MATTER, split
from cache.profile.block import bind, load_profile
from cache.profile.entry import Record, parse_file
from cache.profile.nodes import MAX_EVENTS, plain_value

DOCUMENTS = bind(load_profile("markdown"), parameters={"repository": "acme/docs"}).collection("documents")


def read(content: str | bytes) -> Record:
    captures = DOCUMENTS.captures("page.md")
    assert captures is not None
    (record,) = parse_file(DOCUMENTS, "page.md", content.encode() if isinstance(content, str) else content, captures)
    return record


def rules(record: Record) -> list[tuple[str, int | None]]:
    """Each rule that was broken, with its line. All of them are warnings: the row stays."""
    assert record.valid
    assert {found.severity for found in record.problems} <= {"warning"}
    return [(found.rule, found.line) for found in record.problems]


@pytest.mark.parametrize(
    "inside",
    ["**Warning: old page.**", "*Note: this is old*", "> Note: moved", "[docs]: https://example.org", "- one: 1\n- two",
     "# Old page", "# Old\n\n## Older: still", "words", "`a`: b", "{{< note >}}", "{% include note: x %}",
     "| a: b |", "@ada: look", "![a](b.png): c", "_\n**a: b**\ntitle: x", "", "\n\n"],
)  # fmt: skip
def test_what_is_no_mapping_belongs_to_the_body(inside: str) -> None:
    """W6: text between two rules (CommonMark's thematic breaks) was taken for broken front matter, and lost."""
    content = f"---\n\n{inside}\n\n---\n\n# Title\n"
    record = read(content)
    assert rules(record) == []
    if inside.strip():
        assert record.body == content
    else:
        assert record.body == "\n# Title\n"


@pytest.mark.parametrize(
    ("inside", "fields"),
    [("title: A", {}), ("# status: draft\n# date: soon", {}), ("{}", {}), ('{"a": 1}', {"a": 1}),
     ("# a\nb: 1", {"b": 1})],
)  # fmt: skip
def test_what_is_a_mapping_is_no_text(inside: str, fields: dict[str, object]) -> None:
    """Also where every name in it is commented out, as in a copied template of MADR."""
    record = read(f"---\n{inside}\n---\nText\n")
    assert (record.body, record.extra, record.problems) == ("Text\n", fields, ())


@pytest.mark.parametrize(
    ("odd", "rule", "line", "kept"),
    [
        ("~: 1", "yaml-key", 3, {}),
        (": 1", "yaml-syntax", 3, {}),
        ("? [a]\n: 1", "yaml-key", 3, {}),
        ("a: &x 1", "yaml-alias", 3, {"a": 1}),
        ("a: *x", "yaml-alias", 3, {}),
        ("a: [1, *x, 2]", "yaml-alias", 3, {"a": [1, 2]}),
        ("a:\n  <<: *x\n  b: 1", "yaml-merge-key", 4, {"a": {"b": 1}}),
        ("title: B", "duplicate-key", 3, {}),
        ("a:\n  b: 1\n  b: 2", "duplicate-key", 5, {"a": {"b": 1}}),
        ("a: !!binary aGk=", "yaml-tag", 3, {}),
        ("a: {b: !x [1, [2]], c: 3}", "yaml-tag", 3, {"a": {"c": 3}}),
        ("a: b: c", "yaml-syntax", 3, {}),
        ("a: [1, 2", "yaml-syntax", 4, {}),
        ("a: @ada", "yaml-syntax", 3, {}),
        ("\ta: 1", "yaml-syntax", 3, {}),
        ("just words", "yaml-syntax", 3, {}),
        ("**a: b**", "yaml-syntax", 3, {}),
        ("a: x\x01y", "yaml-syntax", 3, {}),
        ("a: " + "[" * 60_000, "yaml-too-deep", 3, {}),
        ("a: [" + "1," * 6_000 + "]", "yaml-too-many-events", 3, {}),
        ("a: " + "x" * MAX_FRONT_MATTER, "front-matter-too-large", 3, {}),
    ],
)  # fmt: skip
def test_one_odd_value_costs_that_value(odd: str, rule: str, line: int, kept: dict[str, object]) -> None:
    """R7: it cost the whole front matter. The names before and behind it are read, and the odd one has a finding."""
    record = read(f"---\ntitle: A\n{odd}\nlast: [x]\n---\nText\n")
    # a tab or a broken bracket may take a line of what is around it along, never the title
    assert (record.fields["title"], record.body) == ("A", "Text\n")
    assert {"last": ["x"], **kept} == {**record.extra, "last": record.extra.get("last", ["x"])}
    assert (rule, line) in rules(record)


@pytest.mark.parametrize("odd", ["~: 1", "a: &x 1", "title: B", "a: b: c", "a: !t 1", "? [a]\n: 1"])
def test_what_stands_behind_an_odd_value_is_read(odd: str) -> None:
    assert read(f"---\ntitle: A\n{odd}\nlast: [x]\n---\n").extra["last"] == ["x"]


def test_the_name_that_stands_first_is_kept_and_the_second_told() -> None:
    record = read("---\ntitle: First\nother: 1\ntitle: Second\n---\n")
    assert (record.fields["title"], rules(record)) == ("First", [("duplicate-key", 4)])


def test_a_large_value_costs_itself_wherever_it_stands() -> None:
    """R7: a list of two thousand redirects, as documentation sets have it, is no reason to have no title."""
    redirects = "redirects:\n" + "".join(f"- /old/place/number/{n}/of/many\n" for n in range(3_000))
    for inside in (f"{redirects}title: A\ntags: [x]\n", f"title: A\ntags: [x]\n{redirects}"):
        record = read(f"---\n{inside}---\nText\n")
        assert (record.fields["title"], record.extra, record.body) == ("A", {"tags": ["x"]}, "Text\n")
        assert [rule for rule, _ in rules(record)] == ["front-matter-too-large"]


def test_a_bomb_stays_small_and_ends() -> None:
    """What is kept has at most as many parts and bytes as what reads at once; no alias is followed."""
    levels = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 9))
    record = read(f"---\nl0: &l0 [x]\n{levels}\ntitle: A\n---\n")
    assert record.extra == {"l0": ["x"], **{f"l{n}": [] for n in range(1, 9)}}
    assert record.fields["title"] == "A"
    assert len(record.problems) <= 50
    many = read("---\n~: x\n" + "".join(f"k{n}: {n}\n" for n in range(6_000)) + "---\n")
    assert 0 < len(many.extra) <= MAX_EVENTS
    assert "yaml-too-many-events" in [rule for rule, _ in rules(many)]
    broken = read("---\na: 1\n" + "b: c: d\n" * 8_000 + "---\n")
    assert broken.extra == {"a": 1}
    assert len(broken.problems) <= 50


def test_nesting_that_kills_pyyaml_leaves_the_process_alive() -> None:
    """In a process of its own, so that a failure is one."""
    program = (
        "from cache.frontmatter import split\n"
        "for text in ('[' * 60000, '- ' * 30000, '{a: ' * 15000, '? ' * 30000):\n"
        "    print(split('---\\ntitle: A\\nx: ' + text + '\\n---\\n', lenient=True).data.pairs['title'].text)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, ["A"] * 4)


@given(st.text(alphabet="ab:-[]{}&*!|>'\"#?,%~<. \n\t", max_size=120))
def test_anything_like_yaml_is_split_without_raising_and_no_line_is_invented(text: str) -> None:
    content = f"---\n{text}\n---\nbody"
    parts = split(content, lenient=True)
    assert parts.data is not None or parts.body == content
    assert all(found.line is not None and 1 <= found.line <= content.count("\n") + 1 for found in parts.problems)


@given(st.dictionaries(st.sampled_from("abcdefg"), st.integers() | st.booleans() | st.lists(st.integers()), max_size=5))
def test_what_reads_at_once_reads_the_same_key_by_key(said: dict[str, object]) -> None:
    """Guards: salvaging that gives other values than reading."""
    lines = "".join(f"{key}: {str(value).lower()}\n" for key, value in said.items())
    whole = split(f"---\nz: 0\n{lines}---\n", lenient=True)
    apart = split(f"---\nz: 0\n{lines}~: odd\n---\n", lenient=True)
    assert whole.data is not None
    assert apart.data is not None
    assert plain_value(whole.data) == plain_value(apart.data)
    assert whole.data.lines == apart.data.lines
