"""Filters: each operator means what a plain reading of its name says, for every type and for missing values."""

from __future__ import annotations

from typing import Any

import pytest
from api_rows import EPOCH, note, sample_blocks
from api_server import Cache
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cache.queries import entries, filters
from cache.queries.errors import QueryError
from cache.queries.paging import ask
from cache.viewer import EVERYTHING

COLUMNS = entries.columns(sample_blocks()[1].collection("notes"))
words = st.sampled_from(["", "a", "b", "ab", "ba", "A", "a%", "_", "ä", "'", '"', "\U0001f600"])
OF: dict[str, Any] = {
    "title": words,
    "weight": st.integers(-3, 3) | st.sampled_from([2**63 - 1, -(2**63)]),
    "score": st.floats(-2, 2).map(lambda x: round(x, 1)),
    "done": st.booleans(),
    "due": st.dates().map(lambda day: day.isoformat()),
    "seen": st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.500000Z", "2026-01-02T00:00:00Z"]),
    "level": st.sampled_from(["low", "high"]),
    "tags": st.lists(words.filter(bool), max_size=3),
}
COMPARING = {
    "gte": lambda a, b: a >= b, "gt": lambda a, b: a > b, "lte": lambda a, b: a <= b, "lt": lambda a, b: a < b,
}  # fmt: skip


def fits(value: Any, operator: str, wanted: list[Any]) -> bool:
    """What a filter means, in Python."""
    if isinstance(value, list) or operator == "list":
        items = value or []
        held = any(one in items for one in wanted)
        return not held if operator == "ne" else held
    if operator in ("eq", "in"):
        return value in wanted
    if operator == "ne":
        return value not in wanted
    if value is None:
        return False
    if operator == "contains":
        return any(one in value for one in wanted)
    if operator == "startswith":
        return any(value.startswith(one) for one in wanted)

    def instant(x: Any) -> Any:
        return x.rstrip("Z") if isinstance(x, str) and x.endswith("Z") else x

    return any(COMPARING[operator](instant(value), instant(one)) for one in wanted)


@st.composite
def questions(draw: st.DrawFn) -> tuple[str, str, list[Any]]:
    """A field, an operator it has, and one or two values."""
    name = draw(st.sampled_from(sorted(OF)))
    operator = draw(st.sampled_from(["eq", *filters.operators(COLUMNS[name])]))
    if operator == "isnull":
        return name, operator, [draw(st.booleans())]
    one = words.filter(bool) if name == "tags" else OF[name]
    wanted = draw(st.lists(one, min_size=1, max_size=2))
    return name, operator, wanted


def said(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    made=st.lists(st.fixed_dictionaries({name: st.none() | of for name, of in OF.items()}), max_size=8),
    asked=st.lists(questions(), min_size=1, max_size=2, unique_by=lambda q: (q[0], q[1])),
)
async def test_filters_choose_what_a_plain_reading_chooses(
    empty_cache: Cache, made: list[dict[str, Any]], asked: list[tuple[str, str, list[Any]]]
) -> None:
    rows = [note(f"2026/{index}", EPOCH, **fields) for index, fields in enumerate(made)]
    pairs: list[tuple[str, str]] = []
    for name, operator, wanted in asked:
        parameter = name if operator == "eq" else f"{name}__{operator}"
        pairs += [(parameter, said(value)) for value in wanted]
    collection = empty_cache.blocks[1].collection("notes")
    await empty_cache.put(*rows)
    try:
        async with empty_cache.database.read() as connection:
            page = await entries.entry_list(connection, EVERYTHING, collection, ask(pairs, COLUMNS, sort="key"))
    finally:
        await empty_cache.remove(*rows)

    def chosen(row: Any) -> bool:
        for name, operator, wanted in asked:
            value = row.fields[name]
            if operator == "isnull":
                if (value is None) is not wanted[0]:
                    return False
            elif not fits(value, "list" if name == "tags" and value is None and operator != "ne" else operator, wanted):
                return False
        return True

    assert [item.key for item in page.items] == [row.key for row in rows if chosen(row)]


def kind_of(*pairs: tuple[str, str]) -> tuple[str, str]:
    with pytest.raises(QueryError) as caught:
        ask(pairs, COLUMNS, sort="key")
    return caught.value.kind, str(caught.value)


@pytest.mark.parametrize(
    ("pair", "kind", "says"),
    [
        (("titel", "x"), "unknown-parameter", "did you mean 'title'"),
        (("weight__contains", "1"), "unknown-parameter", "has no operator 'contains'"),
        (("weight", "heavy"), "bad-value", "weight is 'heavy'; it must be a whole number"),
        (("weight", str(2**64)), "bad-value", "whole number"),
        (("score", "nan"), "bad-value", "a number"),
        (("score", "1e999"), "bad-value", "a number"),
        (("done", "maybe"), "bad-value", "true or false"),
        (("due", "2026-02-30"), "bad-value", "a date that exists"),
        (("seen__gte", "yesterday"), "bad-value", "2026-01-02T03:04:05Z"),
        (("level", "middle"), "bad-value", "allowed are low, high"),
        (("title__isnull", "2"), "bad-value", "true or false"),
        (("title", "a\x00b"), "bad-value", "NUL"),
        (("meta", "x"), "unknown-parameter", "meta__isnull"),
        (("tags__gte", "x"), "unknown-parameter", "has no operator"),
        (("sort", "tags"), "bad-sort", "cannot be sorted by 'tags'"),
        (("sort", "body"), "bad-sort", "cannot be sorted"),
        (("limit", "0"), "bad-value", "from 1 to 200"),
        (("limit", "201"), "bad-value", "from 1 to 200"),
        (("limit", "١"), "bad-value", "from 1 to 200"),
        (("x" * 5000, "1"), "unknown-parameter", "there is no parameter"),
        (("qqq", "1"), "unknown-parameter", "; known are "),
        (("sort", "qqq"), "bad-sort", "; it can be by "),
    ],
)
def test_a_question_that_cannot_be_answered_says_what_to_change(pair: tuple[str, str], kind: str, says: str) -> None:
    found, message = kind_of(pair)
    assert found == kind
    assert says in message
    assert len(message) < 1000


def test_a_question_with_too_many_values_is_refused_before_the_database_sees_it() -> None:
    assert kind_of(*(("title__contains", str(n)) for n in range(201)))[0] == "too-many-values"


def test_a_parameter_that_is_about_the_page_stands_there_once() -> None:
    assert kind_of(("limit", "1"), ("limit", "2"))[0] == "bad-value"


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=4))
def test_any_query_string_is_a_question_or_an_error_of_ours(pairs: list[tuple[str, str]]) -> None:
    try:
        ask(pairs, COLUMNS, sort="key")
    except QueryError as error:
        assert error.kind  # noqa: PT017 - both ways are fine, anything else is not


async def searched(cache: Cache, q: str) -> list[str]:
    collection = cache.blocks[1].collection("notes")
    async with cache.database.read() as connection:
        page = await entries.entry_list(connection, EVERYTHING, collection, ask([], COLUMNS, sort="key"), q=q)
    return [item.key for item in page.items]


async def test_every_word_must_be_there_and_the_last_may_be_a_beginning(empty_cache: Cache) -> None:
    await empty_cache.put(
        note("2026/a", body="The quick brown fox", title="One"), note("2026/b", body="A quick hedgehog", title="Two"),
        note("2026/c", body="Grüße aus Zürich", title="Three"),
    )  # fmt: skip
    assert await searched(empty_cache, "quick") == ["2026/a", "2026/b"]
    assert await searched(empty_cache, "quick fox") == ["2026/a"]
    assert await searched(empty_cache, "fox qui") == ["2026/a"]
    assert await searched(empty_cache, "qui fox") == []
    assert await searched(empty_cache, "ZURICH") == ["2026/c"]


@pytest.mark.parametrize(
    "q", ['"', "a OR b", "NEAR(a b)", "title:x", "*", "-a", "(", "a AND", "''", "^a", "{a}:b", "\x00"]
)
async def test_nothing_that_a_reader_types_is_an_operator(empty_cache: Cache, q: str) -> None:
    await empty_cache.put(note("2026/a", body="a b"))
    assert await searched(empty_cache, q) in ([], ["2026/a"])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text())
async def test_any_text_can_be_searched_for(empty_cache: Cache, q: str) -> None:
    assert await searched(empty_cache, q) == []
