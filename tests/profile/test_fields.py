"""From what people write to one canonical value of the declared type."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.profile.build import node_of
from cache.profile.fields import Field, Relation, coerce
from cache.profile.nodes import Scalar, read_yaml


def value_of(field: Field, text: str) -> Any:
    """The value of `text` as YAML, or the rule that it breaks."""
    node = read_yaml(text)
    assert node is not None
    value, problems = coerce(field, node)
    return problems[0].rule if problems else value


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("string", "no", "no"),
        ("string", "012", "012"),
        ("string", "12:30:45", "12:30:45"),
        ("string", "2024-02-30", "2024-02-30"),
        ("string", "1e3", "1e3"),
        ("string", "true", "true"),
        ("string", "'null'", "null"),
        ("string", "null", None),
        ("string", "~", None),
        ("string", "''", ""),
        ("text", "|\n  a\n  b\n", "a\nb\n"),
        ("integer", "012", 12),
        ("integer", "-7", -7),
        ("integer", "9223372036854775807", 2**63 - 1),
        ("number", "1", 1.0),
        ("number", "-0.0", 0.0),
        ("number", "1e3", 1000.0),
        ("number", ".5", 0.5),
        ("boolean", "yes", True),
        ("boolean", "False", False),
        ("boolean", "off", False),
        ("date", "2026-01-02", "2026-01-02"),
        ("date", "'2026-01-02'", "2026-01-02"),
        ("datetime", "2026-01-02", "2026-01-02T00:00:00Z"),
        ("datetime", "2026-01-02 03:04", "2026-01-02T03:04:00Z"),
        ("datetime", "2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05Z"),
        ("datetime", "2026-01-02T03:04:05.25Z", "2026-01-02T03:04:05.250000Z"),
        ("user", "ada", "ada"),
        ("repository", "acme/meta", "acme/meta"),
        ("url", "https://example.org/a?b=c#d", "https://example.org/a?b=c#d"),
    ],
)
def test_a_value_is_read_by_the_type_of_its_field(kind: Any, text: str, value: object) -> None:
    """YAML 1.1 would make false, 10, 45045 and an exception of the first four."""
    read = value_of(Field("f", kind), text)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "text", "rule"),
    [
        ("string", "[a]", "wrong-type"),
        ("string", "{a: b}", "wrong-type"),
        ("string", '"a\\0b"', "bad-text"),
        ("integer", "1.5", "wrong-type"),
        ("integer", "'1'", "wrong-type"),
        ("integer", "1_000", "wrong-type"),
        ("integer", "٣", "wrong-type"),
        ("integer", "9223372036854775808", "out-of-range"),
        ("integer", "9" * 5000, "out-of-range"),
        ("number", ".nan", "out-of-range"),
        ("number", "-.inf", "out-of-range"),
        ("number", "1e999", "out-of-range"),
        ("number", "9" * 5000, "out-of-range"),
        ("number", "nan", "wrong-type"),
        ("number", "'1'", "wrong-type"),
        ("boolean", "'true'", "wrong-type"),
        ("boolean", "1", "wrong-type"),
        ("date", "2024-02-30", "wrong-type"),
        ("date", "2026-1-2", "wrong-type"),
        ("date", "20260102", "wrong-type"),
        ("date", "2026-01-02T00:00:00Z", "wrong-type"),
        ("datetime", "0001-01-01T00:00:00+23:00", "wrong-type"),
        ("datetime", "2026-01-02T24:61:00Z", "wrong-type"),
        ("datetime", "2026-W01-1", "wrong-type"),
        ("datetime", "yesterday", "wrong-type"),
        ("user", "Ada Lovelace", "wrong-type"),
        ("user", "'@ada'", "wrong-type"),
        ("repository", "meta", "wrong-type"),
        ("repository", "a/b/c", "wrong-type"),
        ("repository", "../meta", "wrong-type"),
        ("repository", "acme/..", "wrong-type"),
        ("url", "javascript:alert(1)", "wrong-type"),
        ("url", "//example.org", "wrong-type"),
        ("url", "https://", "wrong-type"),
        ("url", "http://[", "wrong-type"),
        ("url", '"https://example.org/\\n"', "wrong-type"),
        ("list", "ada", "not-a-list"),
        ("list", "{a: b}", "not-a-list"),
        ("object", "[a]", "wrong-type"),
    ],
)
def test_a_value_of_another_type_is_a_problem(kind: Any, text: str, rule: str) -> None:
    assert value_of(Field("f", kind), text) == rule


def test_an_address_with_a_password_is_refused_without_repeating_it() -> None:
    """Findings are read by more people than the file."""
    node = read_yaml("https://ada:hunter2@example.org/")
    assert node is not None
    value, (problem,) = coerce(Field("link", "url"), node)
    assert (value, problem.rule, "hunter2" in problem.message) == (None, "wrong-type", False)


def test_an_enum_takes_its_values_only_and_says_which() -> None:
    state = Field("state", "enum", values=("yes", "no"))
    node = read_yaml("perhaps")
    assert node is not None
    _, (problem,) = coerce(state, node)
    assert value_of(state, "no") == "no"
    assert (problem.rule, problem.message) == ("not-in-enum", "'state' is 'perhaps'; allowed are yes, no.")


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        (Field("score", "integer", minimum=1, maximum=5), "5", "6"),
        (Field("score", "number", minimum=0), "0", "-0.1"),
        (Field("name", "string", maximum=3), "abc", "abcd"),
        (Field("owners", "list", of=Field("", "user"), minimum=1), "[ada]", "[]"),
    ],
)
def test_numbers_lengths_and_counts_have_bounds(field: Field, good: str, bad: str) -> None:
    assert value_of(field, good) not in (None, "out-of-range")
    assert value_of(field, bad) == "out-of-range"


def test_a_list_keeps_its_good_items_and_names_the_bad_one() -> None:
    node = read_yaml("[ada,\n 'Bob B', ~, eve]")
    assert node is not None
    value, problems = coerce(Field("owners", "list", of=Field("", "user")), node)
    assert value == ["ada", "eve"]
    assert [(p.rule, p.field, p.line) for p in problems] == [
        ("wrong-type", "owners[1]", 2),
        ("wrong-type", "owners[2]", 2),
    ]


def test_an_object_has_typed_fields_of_its_own() -> None:
    inner = (Field("system", "string", default="gitea"), Field("score", "number", required=True, maximum=1))
    rated = Field("rated", "list", of=Field("", "object", fields=inner))
    node = read_yaml("- {score: 0.5}\n- {score: 2}\n- {scroe: 1}\n")
    assert node is not None
    value, problems = coerce(rated, node)
    assert value[0] == {"system": "gitea", "score": 0.5}
    assert [(p.rule, p.field, p.line) for p in problems] == [
        ("out-of-range", "rated[1].score", 2),
        ("missing-field", "rated[2].score", 3),
        ("unknown-field", "rated[2].scroe", 3),
    ]


def test_a_reference_is_the_key_as_text() -> None:
    """`007` names the file 007.md, not 7.md."""
    field = Field("parent", "ref", relation=Relation(("docs",)))
    assert value_of(field, "007") == "007"
    assert value_of(field, '"a\\nb"') == "wrong-type"


KINDS = ("string", "text", "integer", "number", "boolean", "date", "datetime", "user", "repository", "url", "ref")


@given(st.sampled_from(KINDS), st.one_of(st.text(max_size=40), st.from_regex(r"[-+0-9.:TZe_ ]{1,30}", fullmatch=True)))
def test_every_value_is_json_and_reads_the_same_again(kind: Any, text: str) -> None:
    """Canonical means: writing a value out and reading it once more changes nothing."""
    field = Field("f", kind)
    value, problems = coerce(field, Scalar(text, True, 1))
    if value is not None:
        assert not problems
        json.dumps(value, allow_nan=False).encode()
        assert coerce(field, node_of(value)) == (value, ())
