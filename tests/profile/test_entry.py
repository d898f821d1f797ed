"""From the bytes of a file to records: keys, required fields, unknown ones, and what a bad file must not do."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.profile.block import Block, Collection
from cache.profile.entry import MAX_BAD_LINES, MAX_FILE, Record, parse_file

Parse = Callable[..., Record]
Build = Callable[..., Collection]


def told(record: Record) -> list[tuple[str, int | None, str | None]]:
    return [(problem.rule, problem.line, problem.field) for problem in record.problems]


def test_an_entry_is_read_whole(rfcs: Collection, parse: Parse) -> None:
    """The file as a live forge gave it."""
    record = parse(
        rfcs,
        "---\nslug: open-hub\ntitle: Open hub\nstate: active\nid: null\nrepo: null\nproposed_by: ada\n"
        "proposed_at: 2026-01-02\nowners: [ada]\narbiters: [root1]\ntags: [governance]\n---\n# Open hub\n\nBody.\n",
        slug="open-hub",
    )
    assert (record.key, record.valid, record.problems, record.extra) == (("open-hub",), True, (), {})
    assert record.body == "# Open hub\n\nBody.\n"
    assert record.fields == {
        "title": "Open hub",
        "state": "active",
        "id": None,
        "repo": None,
        "proposed_by": "ada",
        "proposed_at": "2026-01-02",
        "graduated_at": None,
        "graduated_by": None,
        "owners": ["ada"],
        "arbiters": ["root1"],
        "tags": ["governance"],
    }


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_endings_and_a_byte_order_mark_change_nothing(
    rfcs: Collection, parse: Parse, ending: str, mark: str
) -> None:
    text = ending.join(["---", "title: A", "state: idea", "---", "Text", ""])
    record = parse(rfcs, mark + text)
    assert (record.fields["title"], record.fields["state"], record.valid) == ("A", "idea", True)
    assert record.body == f"Text{ending}"


def test_a_file_must_not_claim_another_key_than_its_path(rfcs: Collection, parse: Parse) -> None:
    """Else `rfcs/a.md` with `slug: b` would be two entries; the path decides and the file is a finding."""
    record = parse(rfcs, "---\ntitle: A\nstate: idea\nslug: b\n---\n", slug="a")
    assert (record.key, record.valid, told(record)) == (("a",), False, [("key-mismatch", 4, "slug")])


@pytest.mark.parametrize("written", ["slug: 2024", "slug: '2024'", "slug: null", ""])
def test_the_key_may_be_repeated_as_it_is_written(rfcs: Collection, parse: Parse, written: str) -> None:
    """2024 in a file called 2024.md is the same key, whatever YAML thinks of its type."""
    assert parse(rfcs, f"---\ntitle: A\nstate: idea\n{written}\n---\n", slug="2024").problems == ()


def test_all_problems_of_a_file_are_told_with_their_lines(rfcs: Collection, parse: Parse) -> None:
    record = parse(rfcs, "---\ntitle: ''\nstate: banana\nproposed_at: 2024-02-30\nowners: ada\n---\nText\n")
    assert told(record) == [
        ("missing-field", 2, "title"),
        ("not-in-enum", 3, "state"),
        ("wrong-type", 4, "proposed_at"),
        ("not-a-list", 5, "owners"),
    ]
    assert (record.valid, record.key, record.body) == (False, ("one",), "Text\n")


def test_a_range_is_reported_with_its_line(collection: Build, parse: Parse) -> None:
    record = parse(collection("score: {type: integer, minimum: 1, maximum: 5}"), "---\na: b\nscore: 6\n---\n")
    assert (told(record), record.fields["score"]) == ([("out-of-range", 3, "score")], None)


def test_no_front_matter_is_one_problem_not_one_a_field(rfcs: Collection, parse: Parse) -> None:
    record = parse(rfcs, "# Just a text\n")
    assert (told(record), record.key, record.valid) == ([("missing-front-matter", 1, None)], ("one",), False)
    assert "title, state" in record.problems[0].message


def test_no_front_matter_is_fine_where_nothing_is_required(collection: Build, parse: Parse) -> None:
    record = parse(collection("title: {type: string, from: heading}", more="body: body"), "# Just a text\n\nMore.\n")
    assert (record.valid, record.fields, record.body) == (True, {"title": "Just a text"}, "# Just a text\n\nMore.\n")


@pytest.mark.parametrize(
    ("content", "title"),
    [
        ("---\ntitle: Front\n---\n# Body\n", "Front"),
        ("```\n# code\n```\n## Real ##\n", "Real"),
        ("~~~~\n# code\n~~~\n# code\n~~~~\nTitle\n=====\n", "Title"),
        ("# C#\n", "C#"),
        ("# no\n", "no"),
        ("#tag\ntext\n", None),
        ("#\n", None),
    ],
)
def test_a_title_may_come_from_the_first_heading(
    collection: Build, parse: Parse, content: str, title: str | None
) -> None:
    assert parse(collection("title: {type: string, from: heading}"), content).fields == {"title": title}


def test_a_field_may_be_read_from_another_key(collection: Build, parse: Parse) -> None:
    """Old files keep their names: a key that Forgeglass could not use in addresses is given another."""
    record = parse(collection("ordering: {type: integer, from: sort}"), "---\nsort: 3\n---\n")
    assert (record.fields, record.extra) == ({"ordering": 3}, {})


@pytest.mark.parametrize(
    ("policy", "valid", "rules", "extra"),
    [
        ("keep", True, [], {"x": 1}),
        ("warn", True, ["unknown-field"], {"x": 1}),
        ("refuse", False, ["unknown-field"], {}),
    ],
)
def test_unknown_fields(
    collection: Build, parse: Parse, policy: str, valid: bool, rules: list[str], extra: dict[str, int]
) -> None:
    record = parse(collection(more=f"unknown_fields: {policy}"), "---\nx: 1\n---\n")
    assert (record.valid, [rule for rule, _, _ in told(record)], record.extra) == (valid, rules, extra)


def test_unknown_values_follow_yaml_1_2_and_stay_json(collection: Build, parse: Parse) -> None:
    text = f"---\na: no\nb: 012\nc: .nan\nd: {'9' * 30}\ne: [~, true, 1.5]\nf: 2026-01-02\n---\n"
    extra = parse(collection(), text).extra
    assert extra == {"a": "no", "b": "012", "c": ".nan", "d": "9" * 30, "e": [None, True, 1.5], "f": "2026-01-02"}
    json.dumps(extra, allow_nan=False)


def test_a_refused_field_leaves_no_trace_of_its_value(collection: Build, parse: Parse) -> None:
    """A secret that somebody commits must not go on into the cache, its answers or its findings."""
    record = parse(collection(more="refused_fields: [credentials]"), "---\ncredentials: hunter2\n---\n")
    assert (record.valid, told(record)) == (False, [("refused-field", 2, "credentials")])
    assert "hunter2" not in repr(record)


def test_a_default_stands_in_for_what_is_missing_or_null(collection: Build, parse: Parse) -> None:
    docs = collection("{scope: {type: string, default: internal}, tags: {type: list, of: string, default: []}}")
    assert parse(docs, "---\nscope: ~\n---\n").fields == {"scope": "internal", "tags": []}


def test_a_capture_may_be_a_field(collection: Build) -> None:
    docs = collection("year: {type: integer}", path="docs/{year:\\\\d+}/{slug}.md")
    (record,) = parse_file(docs, "docs/2026/a.md", b"", {"year": "2026", "slug": "a"})
    assert (record.key, record.fields) == (("a",), {"year": 2026})


@pytest.mark.parametrize(
    ("content", "rule"), [(None, "unreadable-object"), (b"x" * (MAX_FILE + 1), "too-large")], ids=["absent", "large"]
)
def test_what_cannot_be_had_still_has_its_key(rfcs: Collection, content: bytes | None, rule: str) -> None:
    """The last good row of the entry must be found to be kept."""
    (record,) = parse_file(rfcs, "rfcs/a.md", content, {"slug": "a"})
    assert (record.key, record.valid, record.problems[0].rule) == (("a",), False, rule)


def test_a_file_full_of_mistakes_does_not_flood_the_findings(collection: Build, parse: Parse) -> None:
    docs = collection("owners: {type: list, of: user}")
    record = parse(docs, "---\nowners: [" + "'a b'," * 1000 + "]\n---\n")
    assert (len(record.problems), record.problems[-1].rule) == (51, "too-many-problems")


# ---------------------------------------------------------------------------------------------- other formats


def test_yaml_files_are_entries_too(collection: Build, parse: Parse) -> None:
    docs = collection("n: {type: integer}", path="docs/{slug}.yaml")
    assert parse(docs, "n: 3\n").fields == {"n": 3}
    assert told(parse(docs, "a: 1\nn: x\n")) == [("wrong-type", 2, "n")]
    assert told(parse(docs, "- a\n")) == [("front-matter-not-mapping", 1, None)]
    assert parse(docs, "").valid


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{\n "a": {"n": 1},\n "n": "x"\n}', ("wrong-type", 3, "n")),
        ('{\n "n": 1,\n "n": 2\n}', ("duplicate-key", 3, None)),
        ('{"a": {"b": 1, "b": 2}}', ("duplicate-key", 1, None)),
        ('{\n "n": NaN}', ("bad-json", 1, None)),
        ('{\n "n": 1,\n}', ("bad-json", 3, None)),
        ('{"n": 1} x', ("bad-json", 1, None)),
        ("[" * 100_000, ("bad-json", 1, None)),
        ('{"a":' * 40 + "1" + "}" * 40, ("bad-json", 1, None)),
        ('{"n": ' + "9" * 5000 + "}", ("out-of-range", 1, "n")),
        ('{"s": "\\ud800"}', ("bad-text", 1, None)),
        ('{"a": ["\\u0000"]}', ("bad-text", 1, None)),
        ('{"\\ud800": 1}', ("bad-text", 1, None)),
        ("[]", ("front-matter-not-mapping", 1, None)),
        ("", ("bad-json", 1, None)),
    ],
)
def test_json_problems_have_lines(
    collection: Build, parse: Parse, content: str, problem: tuple[str, int, str | None]
) -> None:
    docs = collection("{n: {type: integer}, s: {type: string}}", path="docs/{slug}.json")
    assert told(parse(docs, content)) == [problem]


def test_json_values_are_read_as_yaml_ones(collection: Build, parse: Parse) -> None:
    docs = collection("{n: {type: integer}, b: {type: boolean}, l: {type: list}}", path="docs/{slug}.json")
    record = parse(docs, '\ufeff{"n": 12, "b": true, "l": [1.0, "x", null, {}], "more": {"x": "ü"}}')
    assert record.fields == {"n": 12, "b": True, "l": [1.0, "x", None, {}]}
    assert (record.problems, record.extra) == ((), {"more": {"x": "ü"}})


# ---------------------------------------------------------------------------------------------- a line, an entry

GOOD = '{"id": "%s", "action_kind": "open_claim_pr", "repo": "acme/meta", "pr_number": 3, "on_behalf_of": "ada"}'


def lines(rfc: Block, *content: str | bytes) -> tuple[Record, ...]:
    data = b"\n".join(line if isinstance(line, bytes) else line.encode() for line in content)
    return parse_file(rfc.collection("actions"), "audit/2026-01.jsonl", data, {"month": "2026-01"})


def test_a_line_is_an_entry(rfc: Block) -> None:
    first, second = lines(rfc, GOOD % "a1", "", GOOD % "a2", "")
    assert (first.key, first.line, second.key, second.line) == (("a1",), 1, ("a2",), 3)
    assert (first.fields["pr_number"], first.fields["on_behalf_of"], first.valid) == (3, "ada", True)


@pytest.mark.parametrize(
    ("bad", "rule"),
    [
        ("not json", "bad-line"),
        ("[1]", "bad-line"),
        ('{"id": "x"', "bad-line"),
        ('{"action_kind": "x", "repo": "acme/meta"}', "bad-line"),
        ('{"id": "", "action_kind": "x", "repo": "acme/meta"}', "bad-key"),
        ('{"id": "a/b", "action_kind": "x", "repo": "acme/meta"}', "bad-key"),
        ('{"id": ["a"], "action_kind": "x", "repo": "acme/meta"}', "bad-key"),
        ('{"id": "a", "id": "b"}', "duplicate-key"),
        (b'{"id": "caf\xe9"}', "not-utf8"),
        ('{"id": "x", "action_kind": "x", "repo": "acme/meta", "pr_number": 0}', "out-of-range"),
        ('{"id": "x", "action_kind": "x", "repo": "acme/meta", "month": "2025-12"}', "key-mismatch"),
        ("[" * 100_000, "bad-line"),
    ],
)
def test_a_bad_line_harms_no_other(rfc: Block, bad: str | bytes, rule: str) -> None:
    before, broken, after = lines(rfc, GOOD % "a1", bad, GOOD % "a2")
    assert (before.valid, after.valid, after.key) == (True, True, ("a2",))
    assert (broken.valid, broken.line, broken.problems[0].rule, broken.problems[0].line) == (False, 2, rule, 2)


def test_a_file_of_rubbish_is_told_in_a_hundred_and_one_problems(rfc: Block) -> None:
    records = lines(rfc, *["x"] * 5000, GOOD % "a1")
    assert [record.key for record in records if record.valid] == [("a1",)]
    assert len(records) == MAX_BAD_LINES + 2
    assert records[-1].problems[0].message.startswith("4900 more lines")


# ---------------------------------------------------------------------------------------------- anything at all

PIECES = st.sampled_from(
    [b"---\n", b"title: A\n", b"state: idea\n", b"slug: one\n", b"owners: [ada]\n", b"\xff", b"\0", b"{", b"[",
     b'"a": 1', b"}", b"]", b"- ", b"? ", b"*a", b"&a ", b"!x ", b"<<: ",
     b"\r\n", b"\xef\xbb\xbf", b"x: |\n", b": ", b"'", b"#"]
)  # fmt: skip


@given(st.one_of(st.binary(max_size=300), st.lists(PIECES, max_size=30).map(b"".join)))
def test_any_bytes_give_records_and_never_an_exception(rfc: Block, content: bytes) -> None:
    """One committer must not be able to stop the daemon for all."""
    for name, captures in (("rfcs", {"slug": "one"}), ("actions", {"month": "2026-01"})):
        for record in parse_file(rfc.collection(name), "some/path", content, captures):
            json.dumps([record.fields, record.extra, record.body], allow_nan=False).encode("utf-8")
            assert record.valid == all(problem.severity != "error" for problem in record.problems)
            assert record.valid or record.problems
            assert record.key is not None or not record.valid
