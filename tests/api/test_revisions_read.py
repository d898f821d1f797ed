"""Reading revisions: their list, their texts, what differs between two, and a pull request with its entries."""

from __future__ import annotations

import csv
import io
from difflib import unified_diff
from typing import Any

import pytest
from api_rows import DAY, EPOCH, entry, revision, revision_rows, sha
from api_server import Cache, Client
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, text

from cache.queries.paging import Question
from cache.queries.revisions import revision_list
from cache.rows import BlobRow
from cache.textdiff import compare
from cache.viewer import EVERYTHING, PUBLIC, Viewer
from daemon.api.telling import sentence
from gitea_client.packed import Packed


@pytest.fixture
async def revised(cache: Cache) -> Cache:
    await cache.put(*revision_rows())
    return cache


async def test_a_list_has_the_newest_first_and_no_texts(client: Client, revised: Cache) -> None:
    told = await client.get("/rfcs/alpha/revisions")
    assert [item["version"] for item in told["items"]] == [2, 1]
    second, first = told["items"]
    assert "content" not in second
    assert second["amendments"] == [{"sha": sha(60), "at": "2026-01-04T00:00:00Z", "blob": None}]
    assert (first["pr_state"], first["merged_at"], first["number"]) == ("merged", "2026-01-10T00:00:00Z", 2)
    assert first["pr_url"].endswith("/acme/meta/pulls/2")
    assert await client.get("/rfc/rfcs/alpha/revisions", sort="version", pr_state="merged", limit=1) != told


async def test_a_list_is_paged_and_counted(client: Client, revised: Cache) -> None:
    page = await client.get("/rfcs/alpha/revisions", limit=1)
    rest = await client.get("/rfcs/alpha/revisions", limit=1, cursor=page["next"])
    assert [item["version"] for item in (*page["items"], *rest["items"])] == [2, 1]
    assert rest["next"] is None
    assert [item["revision_count"] for item in (await client.get("/rfcs"))["items"]] == [2, 0, 0]


async def test_a_revision_has_its_text_by_version_or_by_what_was_merged_last(client: Client, revised: Cache) -> None:
    assert (await client.get("/rfcs/alpha/revisions/2"))["content"] == "One.\nTwo.\n"
    merged = await client.get("/rfcs/alpha/revisions/latest-merged")
    assert (merged["version"], merged["content"], merged["merged_content"]) == (1, "One.\n", "One, as merged.\n")


async def test_the_latest_merged_is_by_the_time_of_merging(client: Client, revised: Cache) -> None:
    """Guards against the order of freezing: pull requests merge out of order."""
    await revised.put(revision(3, pr_state="merged", merged_at=EPOCH + 5 * DAY))
    assert (await client.get("/rfcs/alpha/revisions/latest-merged"))["version"] == 1


async def test_a_key_without_an_entry_has_revisions_too(client: Client, revised: Cache) -> None:
    """Guards what a pull request proposes, and what a deleted entry said: neither has an entry."""
    await revised.put(revision(1, "delta"))
    assert len((await client.get("/rfcs/delta/revisions"))["items"]) == 1
    assert (await client.get("/rfcs/delta/revisions/1"))["content"] == "Version 1.\n"
    assert (await client.get("/rfcs/beta/revisions"))["items"] == []


@pytest.mark.parametrize(
    "path",
    [
        "/rfcs/none/revisions", "/rfcs/alpha/revisions/9", "/rfcs/alpha/revisions/0", "/rfcs/alpha/revisions/01",
        "/rfcs/alpha/revisions/head", "/rfcs/beta/revisions/latest-merged", "/rfcs/alpha/revisions/x/diff/2",
        "/rfcs/alpha/revisions/1/diff/99999999999", "/rfcs/alpha/revisions/%D9%A1", "/notes/2026/a/revisions",
        "/pulls/acme/meta/99", "/pulls/acme/meta/x", "/pulls/acme/none/1",
    ],
)  # fmt: skip
async def test_what_is_not_there_is_not_found(client: Client, revised: Cache, path: str) -> None:
    told = await client.get(path, status=404)
    assert told["type"].endswith(":not-found")


async def test_what_differs_is_told_as_text_and_beside_each_other(client: Client, revised: Cache) -> None:
    told = await client.get("/rfcs/alpha/revisions/1/diff/2")
    assert told["unified"].splitlines()[2:] == ["@@ -1 +1,2 @@", " One.", "+Two."]
    assert told["lines"] == [
        {"change": "equal", "from_line": 1, "from_text": "One.", "to_line": 1, "to_text": "One."},
        {"change": "insert", "from_line": None, "from_text": None, "to_line": 2, "to_text": "Two."},
    ]
    assert told["from"] == {"name": "1", "version": 1, "told": "raised"}


async def test_the_latest_merged_stands_for_what_was_merged(client: Client, revised: Cache) -> None:
    told = await client.get("/rfcs/alpha/revisions/latest-merged/diff/2")
    assert told["from"] == {"name": "latest-merged", "version": 1, "told": "merged"}
    assert told["lines"][0]["from_text"] == "One, as merged."


async def test_the_entry_as_it_is_now_stands_as_the_revision_does(client: Client, revised: Cache) -> None:
    """Guards against comparing a whole file with a body, or with a document: neither would ever be the same."""
    await revised.put(BlobRow(1, sha(7), Packed(b"One.\nTwo.\n")), BlobRow(2, sha(11), Packed(b"# Doc\n")))
    assert (await client.get("/rfcs/alpha/revisions/2/diff/head"))["unified"] == ""
    await revised.put(revision(3, part="document", content="# Doc\n"), revision(4, rule="field", content="About\n"))
    assert (await client.get("/rfcs/alpha/revisions/head/diff/3"))["unified"] == ""
    body = (await client.get("/rfcs/alpha/revisions/4/diff/head"))["lines"]
    assert [line["to_text"] for line in body] == ["The whole of alpha."]


async def test_a_text_that_is_gone_is_said_to_be(client: Client, revised: Cache) -> None:
    """Guards against showing nothing where something was: that would be a guess."""
    await revised.put(
        revision(3, content=None, content_state="gone", frozen_at=None),
        revision(4, content=None, content_state="removed"),
    )
    told = await client.get("/rfcs/alpha/revisions/1/diff/3", status=404)
    assert told["type"].endswith(":no-text")
    assert (await client.get("/rfcs/alpha/revisions/1/diff/4"))["unified"].endswith("-One.\n")
    assert (await client.get("/rfcs/alpha/revisions/3"))["content"] is None


async def test_a_key_may_end_in_words_of_ours(client: Client, revised: Cache) -> None:
    """Guards entries whose key looks like an address: a slash that is written out stays one of the key."""
    await revised.put(entry("x/revisions/1"))
    assert (await client.get("/rfcs/x%2Frevisions%2F1"))["key"] == "x/revisions/1"


async def test_a_pull_request_is_told_with_the_entries_that_it_touches(client: Client, revised: Cache) -> None:
    told = await client.get("/pulls/Acme/meta/2")
    assert (told["number"], told["places"][0]["key"], told["html_url"].rpartition("/")[2]) == (2, "alpha", "2")
    assert [(item["key"], item["version"]) for item in told["revisions"]] == [("alpha", 1)]


async def test_proposals_are_told_with_what_people_need_of_their_pull_request(client: Client, revised: Cache) -> None:
    told = (await client.get("/proposals", sort="key"))["items"]
    assert [(item["key"], item["change"], item["number"]) for item in told] == [
        ("beta", "changed", 1), ("delta", "added", 1),
    ]
    beta, delta = told
    assert (beta["kind"], beta["actor"], beta["pull_title"], beta["user"]) == ("idea", "ada", "Propose beta", "ada")
    assert (delta["kind"], delta["valid"], delta["findings"][0]["rule"]) == (None, False, "missing-field")
    assert "body" not in delta
    assert (await client.get("/proposals", include="body", key="delta"))["items"][0]["body"] == "About delta."
    assert (await client.get("/proposals", collection="actions"))["items"] == []


async def test_proposals_are_paged(client: Client, revised: Cache) -> None:
    page = await client.get("/proposals", limit=1, kind__isnull="true")
    assert ([item["key"] for item in page["items"]], page["next"]) == (["delta"], None)
    page = await client.get("/proposals", limit=1)
    rest = await client.get("/proposals", limit=1, cursor=page["next"])
    assert {item["key"] for item in (*page["items"], *rest["items"])} == {"beta", "delta"}


async def test_a_pull_request_is_told_with_what_it_would_change(client: Client, revised: Cache) -> None:
    told = await client.get("/pulls/acme/meta/1")
    assert [(item["key"], item["change"], item["body"]) for item in told["proposals"]] == [
        ("beta", "changed", "About beta."), ("delta", "added", "About delta."),
    ]


async def test_lists_are_sheets_too(client: Client, revised: Cache) -> None:
    for path, count in (("/rfcs/alpha/revisions", 2), ("/proposals", 2), ("/proposals?include=body", 2)):
        url = f"{client.root}/api/v1{path}"
        async with client.session.get(url, headers={"Accept": "text/csv"}) as response:
            rows = list(csv.DictReader(io.StringIO(await response.text(), newline="")))
        assert [row["collection"] for row in rows] == ["rfcs"] * count
        assert None not in rows[0]


async def test_a_new_revision_and_its_state_are_told_in_the_feed(client: Client, revised: Cache) -> None:
    told = await client.get("/changes", kind="revision", key="alpha")
    assert [(item["operation"], item["name"], item["number"]) for item in told["items"]] == [
        ("created", "v1", 2), ("created", "v2", 12),
    ]
    closed: Any = {"pr_state": "closed", "closed_at": EPOCH + 20 * DAY, "retold": "0"}
    await revised.put(revision(2, content="One.\nTwo.\n", **closed))
    (item,) = (await client.get("/changes", after=told["next"]))["items"]
    assert (item["operation"], set(item["columns"])) == ("updated", {"pr_state", "closed_at", "amendments"})
    assert sentence(item) == "revision v2 of rfc/rfcs alpha updated: pr_state, amendments"


async def test_every_question_goes_by_an_index(revised: Cache) -> None:
    of_entry = "FROM revisions WHERE block = 'rfc' AND collection = 'rfcs' AND key = 'alpha'"
    statements = {
        f"SELECT version {of_entry} ORDER BY version DESC, repository_id, number LIMIT 50": "revisions_version",
        f"SELECT content_text {of_entry} AND version = 3": "revisions_version",
        f"SELECT content_text {of_entry} AND merged_at IS NOT NULL ORDER BY merged_at DESC LIMIT 1": "revisions_merged",
        "SELECT version FROM revisions WHERE repository_id = 1 AND number = 2": "revisions_pull",
    }
    async with revised.database.read() as connection:
        for statement, index in statements.items():
            plan = (await connection.execute(text(f"EXPLAIN QUERY PLAN {statement}"))).all()
            assert index in plan[0].detail, plan


@pytest.mark.parametrize("viewer", [EVERYTHING, PUBLIC], ids=["everything", "public"])
async def test_a_page_reads_neither_texts_nor_rows_beyond_it(revised: Cache, viewer: Viewer) -> None:
    """Guards lists of ten thousand: an index gives the order, and a page costs what is on it."""
    collection = revised.blocks[0].collection("rfcs")
    async with revised.database.read() as connection:
        asked: list[tuple[str, Any]] = []
        listened = connection.sync_connection

        def listen(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            asked.append((statement, parameters))

        event.listen(listened, "before_cursor_execute", listen)
        await revision_list(connection, viewer, collection, "alpha", Question(sort="-version", limit=50))
        event.remove(listened, "before_cursor_execute", listen)
        ((statement, parameters),) = (each for each in asked if "FROM revisions" in each[0])
        assert "content," not in statement
        plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        steps = [row.detail for row in plan]
    assert "revisions_version" in steps[0]
    assert not any("TEMP B-TREE FOR ORDER BY" in step for step in steps), steps


TEXTS = st.lists(st.sampled_from(["", "a", "b", " a", "\t", "\u202e", "ä"]), max_size=8).map("\n".join)


@given(TEXTS, TEXTS)
def test_both_texts_stand_whole_in_what_is_told_beside_each_other(before: str, after: str) -> None:
    """Guards every line of either: none lost, none twice, in their order."""
    told = compare(before, after, ("a", "b"))
    for texts, numbers, whole in (
        ([line.from_text for line in told.lines], [line.from_line for line in told.lines], before),
        ([line.to_text for line in told.lines], [line.to_line for line in told.lines], after),
    ):
        lines = whole.split("\n")[:-1] if whole.endswith("\n") or not whole else whole.split("\n")
        assert [each for each in texts if each is not None] == lines
        assert [each for each in numbers if each is not None] == list(range(1, len(lines) + 1))
    assert all(line.from_text == line.to_text for line in told.lines if line.change == "equal")
    assert (told.unified == "") == all(line.change == "equal" for line in told.lines)


@given(TEXTS, TEXTS)
def test_a_unified_diff_is_as_others_write_it(before: str, after: str) -> None:
    """Guards tools that read it: applied to the first text it gives the second, and it begins as any other."""
    told = compare(before, after, ("a", "b"))
    old, new = ([line.from_text for line in told.lines], [line.to_text for line in told.lines])
    texts = [[each for each in side if each is not None] for side in (old, new)]
    theirs = "".join(f"{line}\n" for line in unified_diff(*texts, "a", "b", lineterm=""))
    assert told.unified.splitlines()[:2] == theirs.splitlines()[:2]
    assert _applied(texts[0], told.unified) == texts[1]


def _applied(lines: list[str], unified: str) -> list[str]:
    """What a patch makes of lines."""
    result, place = [], 0
    for line in unified.split("\n")[2:-1]:
        if line.startswith("@@"):
            start, _, length = line.split(" ")[1][1:].partition(",")
            begin = int(start) - (length != "0")
            result += lines[place:begin]
            place = begin
        elif line.startswith("+"):
            result.append(line[1:])
        else:
            assert lines[place] == line[1:]
            result += [line[1:]] if line.startswith(" ") else []
            place += 1
    return result + lines[place:]


def test_two_long_texts_without_anything_in_common_are_told_at_once() -> None:
    """Guards against work that grows with the square of what somebody commits."""
    before, after = ("".join(f"{side}{n}\n" for n in range(20_000)) for side in "ab")
    told = compare(f"same\n{before}end\n", f"same\n{after}end\n", ("a", "b"))
    assert [line.change for line in told.lines] == ["equal", *["replace"] * 20_000, "equal"]
