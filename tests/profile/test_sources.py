"""Where fields are read from beside front matter: headings, sections, lines, captures; and what of it is the value."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cache.profile.block import Collection
from cache.profile.entry import Record

Build = Callable[..., Collection]
Parse = Callable[..., Record]

TEXT = """\
---
state: a word, and more
many: [one 1, two 2]
---
# The title

Owner: ann
* **Since:** 2020-01-02
| Place | here |

## State

first

second

### Below

third

Underlined
----------

- a, b
- c
"""


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("{type: string, from: {heading: first}}", "The title"),
        ("{type: string, from: {section: state}}", "first\n\nsecond"),
        ("{type: string, from: {section: Underlined}}", "- a, b\n- c"),
        ("{type: string, from: {line: owner}}", "ann"),
        ("{type: date, from: {line: Since}}", "2020-01-02"),
        ("{type: string, from: {line: Place}}", "here"),
        ("{type: string, from: {capture: slug}}", "one"),
        ("{type: string, from: [absent, {line: absent}, {section: absent}, {capture: slug}, state]}", "one"),
        ("{type: string, from: state, extract: 'and (.*)'}", "more"),
        ("{type: string, from: {key: state, extract: '[a-z]+$'}}", "more"),
        ("{type: string, from: [{key: state, extract: nothing}, {line: Owner}]}", "ann"),
        ("{type: string, from: {line: Owner}, extract: '^b|^(.)', case: lower}", "a"),
        ("{type: string, from: {heading: first}, case: lower}", "the title"),
        ("{type: enum, values: [a, b], from: {line: Owner}, map: {ann: a}}", "a"),
        ("{type: string, from: {heading: first}, case: lower, map: {the title: it}}", "it"),
        ("{type: integer, from: {key: many, extract: '\\d'}}", 1),
        ("{type: list, of: string, from: {section: Underlined}, split: '[,\\n]'}", ["a", "b", "c"]),
        ("{type: list, of: string, from: state, split: ','}", ["a word", "and more"]),
        ("{type: list, of: {type: integer, extract: '\\d+'}, from: many}", [1, 2]),
        ("{type: list, of: {type: integer, extract: '\\d+'}, from: {line: Since}}", [2020, 1, 2]),
        ("{type: list, of: string, from: {key: state, extract: '\\w+'}, split: '\\n'}", ["a", "word", "and", "more"]),
        ("{type: list, of: string, from: {line: Owner}, split: x}", ["ann"]),
        ("{type: string, from: {section: Nowhere}, default: d}", "d"),
    ],
)
def test_a_value_may_stand_in_many_places(collection: Build, parse: Parse, field: str, value: object) -> None:
    record = parse(collection(f"f: {field}"), TEXT)
    assert (record.fields["f"], record.problems) == (value, ())


def test_the_fields_own_key_comes_first_unless_from_names_one(collection: Build, parse: Parse) -> None:
    fields = "state: {type: string, from: {section: State}}\nother: {type: string, from: [{section: State}, state]}"
    record = parse(collection(fields), TEXT)
    assert (record.fields["state"], record.fields["other"]) == ("a word, and more", "first\n\nsecond")


def test_a_mistake_below_the_front_matter_is_told_with_its_line(collection: Build, parse: Parse) -> None:
    """Lines count from the top of the file, front matter and all."""
    record = parse(collection("f: {type: date, from: {line: Owner}}\ng: {type: date, from: {section: State}}"), TEXT)
    assert [(found.rule, found.line, found.field) for found in record.problems] == [
        ("wrong-type", 7, "Owner"),
        ("wrong-type", 13, "State"),
    ]


def test_code_and_comments_say_nothing(collection: Build, parse: Parse) -> None:
    fields = "f: {type: string, from: {section: State}}\ng: {type: string, from: {line: Owner}}"
    text = "```\n# State\nno\n```\n# State\n<!--\nno\n-->\n# End\nOwner: below the second heading\n"
    record = parse(collection(fields), text)
    assert record.fields == {"f": None, "g": None}


def test_lenient_what_does_not_fit_counts_as_absent(collection: Build, parse: Parse) -> None:
    fields = "d: {type: date, from: [when, {line: Since}]}\nl: {type: list, of: integer}\ne: {type: enum, values: [x]}"
    text = "---\nwhen: soon\nl: [1, two, 3]\ne: y\nslug: another\n---\nSince: 2020-01-02\n"
    strict, lenient = collection(fields), collection(fields, more="lenient: true")
    assert {found.rule for found in parse(strict, text).problems} == {"wrong-type", "not-in-enum", "key-mismatch"}
    record = parse(lenient, text)
    assert (record.problems, record.fields) == ((), {"d": "2020-01-02", "l": [1, 3], "e": None})
    assert record.key == ("one",)


@pytest.mark.parametrize("text", ["Owner:" * 200, "|" * 5000, "*" * 5000, "# " * 2000, "-" * 5000, "<!--" * 1000])
def test_a_line_made_to_be_slow_is_not(collection: Build, parse: Parse, text: str) -> None:
    """Guards: an expression that tries every way of cutting a hostile line; such a test would not end."""
    fields = "f: {type: string, from: [{line: Owner}, {section: State}]}\ng: {type: list, of: string, split: '[,;\\n]'}"
    assert parse(collection(fields, more="lenient: true"), "\n".join([text] * 50)).problems == ()
