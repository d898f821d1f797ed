"""Lines end in LF or CRLF and in nothing else; files whose beginning or lines are otherwise are findings (W8, W10)."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from cache.frontmatter import split
from cache.profile.block import Block, Collection, bind, load_profile
from cache.profile.entry import Record, parse_file

Build = Callable[..., Collection]
Parse = Callable[..., Record]

SEPARATORS = ["\x85", "\u2028", "\u2029"]
CONTROLS = ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e"]
FIELDS = "a: {type: string}\nb: {type: text}\nc: {type: integer}\nl: {type: list, of: string}"


def told(record: Record) -> list[tuple[str, str, int | None]]:
    return [(one.rule, one.severity, one.line) for one in record.problems]


@pytest.mark.parametrize("char", SEPARATORS)
def test_separators_stay_in_values_and_count_as_no_line(collection: Build, parse: Parse, char: str) -> None:
    """They ended a value, or became a space, and every finding below was lines too far down."""
    text = (
        f"---\na: one{char}two\nb: |\n  x{char}y\n  z\nl: ['p{char}q', \"r{char}s\", t{char}]\n# {char}{char}\n"
        f"free: [v{char}c: 1]\nc: none\n---\n"
    )
    record = parse(collection(FIELDS), text)
    assert (record.fields["a"], record.fields["b"]) == (f"one{char}two", f"x{char}y\nz\n")
    assert record.fields["l"] == [f"p{char}q", f"r{char}s", f"t{char}"]
    assert record.extra["free"] == [{f"v{char}c": 1}]
    assert told(record) == [("wrong-type", "error", 9)]


@pytest.mark.parametrize("char", SEPARATORS)
def test_a_separator_begins_no_other_key(collection: Build, parse: Parse, char: str) -> None:
    """What somebody writes into one value must not become another."""
    record = parse(collection(FIELDS), f"---\na: one{char}c: 7\n---\n")
    assert (record.fields, told(record)) == ({}, [("yaml-syntax", "error", 2)])


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize("char", CONTROLS)
def test_control_characters_in_values_are_findings_in_their_line(
    collection: Build, parse: Parse, char: str, lenient: bool
) -> None:
    more = "lenient: true" if lenient else ""
    record = parse(collection(FIELDS, more=more), f"---\nc: 1\na: one{char}two\nb: three\n---\nText{char}\n")
    assert told(record) == [("yaml-syntax", "warning" if lenient else "error", 3)]
    assert (record.fields["c"], record.fields["b"]) == (1, "three") if lenient else record.fields == {}


@pytest.mark.parametrize("char", [*SEPARATORS, *CONTROLS])
def test_the_body_is_kept_to_the_letter_and_its_lines_counted_by_lf(
    collection: Build, parse: Parse, char: str
) -> None:
    fields = "a: {type: string, from: {heading: h1}}\nc: {type: integer, from: {line: Count}}"
    body = f"x{char}y\n\n# One{char}two\n\nCount: none\n"
    record = parse(collection(fields, more="body: body"), f"---\nq: {json.dumps(char)}\n---\n{body}")
    assert (record.body, record.fields["a"]) == (body, f"One{char}two")
    assert told(record) == [("wrong-type", "error", 8)]


@pytest.mark.parametrize("char", SEPARATORS)
def test_separators_in_json_count_as_no_line(rfc: Block, char: str) -> None:
    good = f'{{"id": "a{char.encode("unicode_escape").hex()}", "action_kind": "x{char}y", "repo": "acme/meta"}}'
    records = parse_file(rfc.collection("actions"), "audit/2026-01.jsonl", f"{good}\n\nno\n".encode(), {"month": "1"})
    assert [(record.line, record.valid) for record in records] == [(1, True), (3, False)]
    assert records[0].fields["action_kind"] == f"x{char}y"


# -------------------------------------------------------------------------------------------------- CR, marks, LFS

POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)


@pytest.mark.parametrize(
    "content",
    [
        POINTER,
        POINTER.replace(b"\n", b"\r\n"),
        POINTER.replace(b"oid", b"ext-0-foo sha256:00\noid"),
        POINTER.replace(b"git-lfs.github.com", b"hawser.github.com"),
        POINTER.rstrip(),
    ],
)
@pytest.mark.parametrize(("path", "name"), [("a.md", "documents"), ("docs/adr/1.md", "decisions")])
def test_a_pointer_of_lfs_is_a_finding_and_no_body(content: bytes, path: str, name: str) -> None:
    collection = bind(load_profile("adr" if name == "decisions" else "markdown"), parameters={"owner": "acme"})
    captures = collection.collection(name).captures(path)
    assert captures is not None
    (record,) = parse_file(collection.collection(name), path, content, captures)
    assert (told(record), record.body, record.valid) == ([("lfs-pointer", "error", 1)], None, False)


def test_a_pointer_is_one_in_files_of_lines_and_strict_ones_too(rfc: Block, rfcs: Collection) -> None:
    for collection, captures in ((rfcs, {"slug": "a"}), (rfc.collection("actions"), {"month": "1"})):
        (record,) = parse_file(collection, "a", POINTER, captures)
        assert [found.rule for found in record.problems] == ["lfs-pointer"]


@pytest.mark.parametrize("content", [b"# About\n\n" + POINTER, POINTER + b"and more text\n", POINTER * 20])
def test_a_text_about_pointers_is_none(content: bytes) -> None:
    assert split(content).body == content.decode()


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"---\rtitle: A\rstate: idea\r---\rText\r", 1),
        (b"Text\rmore text\r", 1),
        (b"Text\rmore\nand more\n", 1),
        (b"---\ntitle: A\rstate: idea\n---\nText\n", 2),
        (b"\xef\xbb\xbf---\rtitle: A\r---\r", 1),
    ],
)
def test_lines_that_end_in_cr_alone_are_a_finding(rfcs: Collection, parse: Parse, content: bytes, line: int) -> None:
    assert told(parse(rfcs, content, slug="a")) == [("line-ends", "error", line)]


def test_lenient_reads_lines_that_end_in_cr_alone_and_says_so(collection: Build, parse: Parse) -> None:
    fields = "a: {type: string}\nb: {type: string, from: {heading: h1}}\nc: {type: integer, from: {line: Count}}"
    lenient = collection(fields, more="lenient: true\nbody: body")
    record = parse(lenient, b"---\ra: one\r---\r\r# Two\r\rCount: 3\r")
    assert (record.fields, record.body) == ({"a": "one", "b": "Two", "c": 3}, "\r# Two\r\rCount: 3\r")
    assert told(record) == [("line-ends", "warning", 1)]


def test_cr_within_a_body_is_kept_and_nobody_s_business(rfcs: Collection, parse: Parse) -> None:
    record = parse(rfcs, b"---\r\ntitle: A\r\nstate: idea\r\n---\r\none\rtwo\r\n")
    assert (record.problems, record.body) == ((), "one\rtwo\r\n")


@pytest.mark.parametrize("marks", [2, 3])
def test_more_than_one_byte_order_mark_is_a_finding(
    rfcs: Collection, collection: Build, parse: Parse, marks: int
) -> None:
    """It said that there is no front matter, and the file begins with it."""
    content = b"\xef\xbb\xbf" * marks + b"---\ntitle: A\nstate: idea\n---\nText\n"
    assert told(parse(rfcs, content, slug="a")) == [("byte-order-mark", "error", 1)]
    record = parse(collection("title: {type: string}", more="lenient: true\nbody: body"), content)
    assert (record.fields["title"], record.body) == ("A", "Text\n")
    assert told(record) == [("byte-order-mark", "warning", 1)]


@pytest.mark.parametrize(("name", "text"), [("x.yaml", b"a: 1\rb: 2\r"), ("x.json", b'{"a": 1,\r"b": 2}\r')])
def test_files_of_data_are_told_of_too(collection: Build, name: str, text: bytes) -> None:
    data = collection("a: {type: integer}", path=f"{{slug}}.{name[2:]}")
    for content, rule in ((text, "line-ends"), (b"\xef\xbb\xbf" * 2 + b'{"a": 1}\n', "byte-order-mark")):
        (record,) = parse_file(data, name, content, {"slug": "x"})
        assert [found.rule for found in record.problems] == [rule]


def test_files_of_lines_are_told_of_too(rfc: Block) -> None:
    for content, rule in ((b'{"id": "a"}\r{"id": "b"}\r', "line-ends"), (b"\xef\xbb\xbf" * 2, "byte-order-mark")):
        (record,) = parse_file(rfc.collection("actions"), "audit/1.jsonl", content, {"month": "1"})
        assert [found.rule for found in record.problems] == [rule]


# ------------------------------------------------------------------------------------------------ values as written


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0911", "0911"), ("22.10", "22.10"), ("1e10", "1e10"), ("+5", "+5"), ("-0", "-0"), ("1.", "1."), (".5", ".5"),
        ("1_000", "1_000"), ("0x1F", "0x1F"), ("0o17", "0o17"), ("1E5", "1E5"), ("00", "00"), ("1.0", 1.0),
        ("0.5", 0.5), ("-3", -3), ("0", 0), ("911", 911), ("12:30", "12:30"), ("1e400", "1e400"),
        ("9007199254740993.0", "9007199254740993.0"),
    ],
)  # fmt: skip
def test_what_is_not_declared_is_kept_as_it_is_written(
    collection: Build, parse: Parse, text: str, value: object
) -> None:
    """`0911` is a code, `22.10` a version, `1e10` the beginning of a hash: as numbers each would be another."""
    fields = "l: {type: list}\no: {type: object}"
    record = parse(collection(fields), f"---\nx: {text}\nl: [{text}]\no: {{k: {text}}}\n---\n")
    values = (record.extra["x"], record.fields["l"], record.fields["o"])
    assert values == (value, [value], {"k": value})
    assert type(record.extra["x"]) is type(value)


def test_numbers_of_json_are_numbers_however_they_are_spelled(collection: Build) -> None:
    data = collection("l: {type: list}", path="{slug}.json")
    (record,) = parse_file(data, "x.json", b'{"x": 22.10, "l": [1e3, "1e3", 7]}', {"slug": "x"})
    assert (record.extra, record.fields) == ({"x": 22.1}, {"l": [1000.0, "1e3", 7]})
