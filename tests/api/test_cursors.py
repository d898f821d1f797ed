"""Cursors and pages: a walk over a list meets each row that stands still exactly once."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from api_rows import EPOCH, note
from api_server import Cache
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cache.queries import cursors, entries
from cache.queries.errors import QueryError
from cache.queries.paging import ask
from cache.viewer import EVERYTHING

plain = st.none() | st.text() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)


@given(plain, st.lists(st.text() | st.integers(0, 2**63 - 1), min_size=1, max_size=3))
def test_a_cursor_gives_back_the_place_it_was_made_of(value: Any, ties: list[Any]) -> None:
    position = cursors.Position(value, tuple(ties))
    assert cursors.decode(cursors.encode(position, "q"), "q", len(ties)) == position


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_a_cursor_from_anywhere_is_refused_and_never_crashes(text: str) -> None:
    with pytest.raises(QueryError) as caught:
        cursors.decode(text, "q", 1)
    assert caught.value.kind in ("bad-cursor", "cursor-mismatch")


@pytest.mark.parametrize(
    "said",
    [["q", 2**70, "k"], ["q", [1], "k"], ["q", {}, "k"], ["q", None, None], ["q", True, "k"], ["q", "\ud800", "k"], 7,
     [], ["q"], "[" * 1500, ["q", float("inf"), "k"]],
)  # fmt: skip
def test_a_forged_cursor_cannot_bring_what_the_database_would_choke_on(said: Any) -> None:
    raw = said if isinstance(said, str) else json.dumps(said)
    text = base64.urlsafe_b64encode(raw.encode()).decode()
    with pytest.raises(QueryError):
        cursors.decode(text, "q", 1)


def test_a_cursor_of_another_question_is_told_apart() -> None:
    cursor = cursors.encode(cursors.Position("a", ("k",)), cursors.question("a"))
    with pytest.raises(QueryError, match="another filter") as caught:
        cursors.decode(cursor, cursors.question("b"), 1)
    assert caught.value.kind == "cursor-mismatch"


async def walk(cache: Cache, sort: str, limit: int, between: Any = None) -> list[str]:
    """Every key of `notes`, page by page; `between` is awaited after each page."""
    collection = cache.blocks[1].collection("notes")
    columns = entries.columns(collection)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        pairs = [("sort", sort), ("limit", str(limit)), *([("cursor", cursor)] if cursor else [])]
        async with cache.database.read() as connection:
            page = await entries.entry_list(connection, EVERYTHING, collection, ask(pairs, columns, sort="key"))
        assert len(page.items) <= limit
        seen += [item.key for item in page.items]
        cursor = page.next
        if cursor is None:
            return seen
        if between is not None:
            await between()


values = st.none() | st.integers(-3, 3)
notes_of = st.lists(
    st.tuples(values, st.none() | st.sampled_from(["", "a", "b", "ä", "\U0001f600"]), st.none() | st.floats(-2, 2)),
    max_size=12,
)
sorts = st.sampled_from(
    ["key", "-key", "weight", "-weight", "title", "-title", "score", "-score", "updated_at", "name"]
)


def expected(rows: list[Any], sort: str) -> list[str]:
    """The order as Python sees it: no value first, ties by key."""
    name, reverse = sort.lstrip("-"), sort.startswith("-")
    if name in ("key", "name"):
        return sorted((row.key for row in rows), reverse=reverse)

    def rank(row: Any) -> Any:
        value = row.updated_at if name == "updated_at" else row.fields[name]
        return (value is not None, value if value is not None else 0)

    by_key = sorted(rows, key=lambda row: row.key)
    return [row.key for row in sorted(by_key, key=rank, reverse=reverse)]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(made=notes_of, sort=sorts, limit=st.integers(1, 5))
async def test_pages_of_any_length_make_the_one_big_list(
    empty_cache: Cache, made: list[Any], sort: str, limit: int
) -> None:
    rows = [
        note(f"2026/{index:02}", EPOCH, weight=weight, title=title, score=score)
        for index, (weight, title, score) in enumerate(made)
    ]
    await empty_cache.put(*rows)
    try:
        assert await walk(empty_cache, sort, limit) == expected(rows, sort)
    finally:
        await empty_cache.remove(*rows)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(made=notes_of, added=notes_of, sort=sorts, limit=st.integers(1, 4))
async def test_rows_that_come_in_between_make_none_appear_twice_or_not_at_all(
    empty_cache: Cache, made: list[Any], added: list[Any], sort: str, limit: int
) -> None:
    def rows(values: list[Any], prefix: str) -> list[Any]:
        return [
            note(f"{prefix}/{index:02}", EPOCH, weight=weight, title=title, score=score)
            for index, (weight, title, score) in enumerate(values)
        ]

    still, coming = rows(made, "2026"), rows(added, "2025") + rows(added, "2027")
    waiting = list(coming)

    async def between() -> None:
        if waiting:
            await empty_cache.put(waiting.pop())

    await empty_cache.put(*still)
    try:
        seen = await walk(empty_cache, sort, limit, between)
        assert len(seen) == len(set(seen))
        assert [key for key in seen if key.startswith("2026")] == expected(still, sort)
    finally:
        await empty_cache.remove(*still, *(row for row in coming if row not in waiting))
