"""What a bad value costs, as its field says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cache.profile.block import Collection
from cache.profile.entry import Record
from cache.profile.problems import ProfileError

Build = Callable[..., Collection]
Parse = Callable[..., Record]


@pytest.mark.parametrize(
    ("on_bad", "valid", "told"),
    [("", False, [("not-in-enum", "error", 2)]), (", on_bad: refuse", False, [("not-in-enum", "error", 2)]),
     (", on_bad: warn", True, [("not-in-enum", "warning", 2)]), (", on_bad: ignore", True, [])],
)  # fmt: skip
def test_a_field_says_how_bad_a_bad_value_is(
    collection: Build, parse: Parse, on_bad: str, valid: bool, told: list[Any]
) -> None:
    """R7: one wrong field cost the row."""
    docs = collection(f"state: {{type: enum, values: [a, b]{on_bad}}}\nother: {{type: integer}}\n")
    record = parse(docs, "---\nstate: c\nother: 1\n---\n")
    assert (record.valid, record.fields) == (valid, {"state": None, "other": 1})
    assert [(one.rule, one.severity, one.line) for one in record.problems] == told


@pytest.mark.parametrize("on_bad", ["warn", "ignore"])
def test_the_default_stands_in_the_place_of_a_bad_value(collection: Build, parse: Parse, on_bad: str) -> None:
    docs = collection(f"n: {{type: integer, default: 7, on_bad: {on_bad}}}")
    assert parse(docs, "---\nn: seven\n---\n").fields == {"n": 7}


def test_of_a_list_and_an_object_only_the_bad_parts_are_left_out(collection: Build, parse: Parse) -> None:
    docs = collection(
        "owners: {type: list, of: user, on_bad: warn}\n"
        "deep: {type: object, fields: {n: {type: integer, on_bad: warn, default: 1}, m: {type: integer}}}\n"
    )
    record = parse(docs, "---\nowners: [ada, 'Bob B']\ndeep: {n: x, m: 2}\n---\n")
    assert (record.valid, record.fields) == (True, {"owners": ["ada"], "deep": {"n": 1, "m": 2}})
    assert [(one.field, one.severity) for one in record.problems] == [("owners[1]", "warning"), ("deep.n", "warning")]


@pytest.mark.parametrize(("on_bad", "rule"), [("warn", "wrong-type"), ("ignore", "missing-field")])
def test_a_required_value_that_is_bad_is_there_all_the_same_unless_it_is_ignored(
    collection: Build, parse: Parse, on_bad: str, rule: str
) -> None:
    docs = collection(f"n: {{type: integer, required: true, on_bad: {on_bad}}}")
    record = parse(docs, "---\nn: x\n---\n")
    assert (record.valid, [one.rule for one in record.problems]) == (on_bad == "warn", [rule])
    assert not parse(docs, "---\na: x\n---\n").valid


@pytest.mark.parametrize(("on_bad", "told"), [("", []), (", on_bad: warn", ["wrong-type"])])
def test_in_a_lenient_collection_nothing_is_said_unless_the_field_says_so(
    collection: Build, parse: Parse, on_bad: str, told: list[str]
) -> None:
    docs = collection(f"n: {{type: integer, from: [n, {{line: N}}]{on_bad}}}", more="lenient: true")
    record = parse(docs, "---\nn: x\n---\n")
    assert (record.valid, [one.rule for one in record.problems]) == (True, told)
    good = parse(docs, "---\nn: x\n---\n\nN: 3\n")  # another source speaks
    assert (good.fields, good.problems) == ({"n": 3}, ())


@pytest.mark.parametrize(
    ("fields", "more", "message"),
    [
        ("n: {type: integer, on_bad: refuse}", "lenient: true", "no value costs the row"),
        ("n: {type: list, of: {type: integer, on_bad: warn}}", "", "put 'on_bad' at the list"),
        ("n: {type: integer, on_bad: never}", "", "must be"),
        ("n: {type: integer, forms: any}", "", "belongs to a date"),
    ],
)
def test_what_makes_no_sense_is_a_mistake_of_the_profile(
    collection: Build, fields: str, more: str, message: str
) -> None:
    with pytest.raises(ProfileError, match=message):
        collection(fields, more=more)
