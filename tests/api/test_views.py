"""SQL views and indexes: what a profile declares is what a plain SQLite tool sees."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import pytest
from api_rows import EPOCH, note, notes_block, place, pull, repository, sha
from api_server import Cache
from msgspec.structs import replace
from sqlalchemy import event
from sqlalchemy.engine import Connection

from cache.profile.collection import ViewColumn, ViewRule
from cache.queries import entries
from cache.queries.paging import ask
from cache.viewer import PUBLIC
from cache.views import ViewError, create_views, declared


def outside(cache: Cache, sql: str) -> list[dict[str, Any]]:
    """What a tool of somebody else's reads."""
    with closing(sqlite3.connect(f"file:{cache.database.path}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(sql)]


async def test_cached_rfcs_has_the_columns_its_users_expect_in_their_order(cache: Cache) -> None:
    alpha = outside(cache, "SELECT * FROM cached_rfcs WHERE slug = 'alpha'")[0]
    assert list(alpha) == [
        "slug", "title", "state", "rfc_id", "repo", "proposed_by", "proposed_at", "graduated_at", "graduated_by",
        "owners_json", "arbiters_json", "tags_json", "body", "body_sha", "last_entry_commit_at",
        "last_main_commit_at", "updated_at",
    ]  # fmt: skip
    assert (alpha["title"], alpha["state"], alpha["repo"]) == ("Alpha", "active", "acme/alpha")
    assert (alpha["owners_json"], alpha["arbiters_json"]) == ('["ada"]', "[]")
    assert (alpha["body"], alpha["body_sha"]) == ("The whole of alpha.", sha(11))
    assert alpha["updated_at"] == "2026-01-05T00:00:00Z"
    assert outside(cache, "SELECT body_sha FROM cached_rfcs WHERE slug = 'gamma'") == [{"body_sha": sha(7)}]


async def test_cached_branches_keeps_the_deleted_ones(cache: Cache) -> None:
    rows = outside(cache, "SELECT * FROM cached_branches ORDER BY branch_name")
    assert list(rows[0]) == ["rfc_slug", "branch_name", "head_sha", "state", "last_commit_at"]
    states = [(row["branch_name"], row["state"]) for row in rows]
    assert states == [("draft", "open"), ("main", "open"), ("old", "deleted")]


async def test_cached_prs_has_one_row_a_pull_request_and_follows_a_rename(cache: Cache) -> None:
    await cache.put(pull(9), repository(1, "acme/renamed"))  # 9 has no place, so it is no pull request of an RFC
    rows = outside(cache, "SELECT * FROM cached_prs ORDER BY repo, pr_number")
    assert set(rows[0]) == {
        "rfc_slug", "pr_kind", "repo", "pr_number", "title", "description", "state", "opened_by", "opened_at",
        "merged_at", "closed_at", "head_branch", "base_branch", "head_sha",
    }  # fmt: skip
    told = [(row["repo"], row["pr_number"], row["pr_kind"], row["opened_by"]) for row in rows]
    assert told == [
        ("acme/alpha", 1, "rfc_branch", "bob"), ("acme/renamed", 1, "idea", "ada"),
        ("acme/renamed", 2, "meta_claim", "ada"),
    ]  # fmt: skip


async def test_a_pull_request_of_two_blocks_has_one_row_in_each_blocks_view(cache: Cache) -> None:
    other = replace(place(1, "beta"), block="second")
    await cache.put(other)
    assert len(outside(cache, "SELECT * FROM cached_prs WHERE repo = 'acme/meta' AND pr_number = 1")) == 1


async def again(cache: Cache, *blocks: Any) -> None:
    async with cache.database.transaction() as connection:
        await create_views(connection, blocks)


def schema(cache: Cache) -> dict[str, str]:
    rows = outside(cache, "SELECT name, sql FROM sqlite_schema WHERE type = 'view' OR name LIKE 'declared%'")
    return {row["name"]: row["sql"] for row in rows if row["name"] != "entry_search"}  # what the text index reads


async def test_views_that_are_declared_no_longer_go_and_changed_ones_are_replaced(empty_cache: Cache) -> None:
    rfc, notes = empty_cache.blocks
    before = schema(empty_cache)
    slim = replace(rfc, views=tuple(replace(v, columns=v.columns[:2]) for v in rfc.views if v.name == "cached_rfcs"))
    await again(empty_cache, slim)
    after = schema(empty_cache)
    assert [name for name in after if not name.startswith("declared")] == ["cached_rfcs"]
    assert list(outside(empty_cache, "SELECT * FROM pragma_table_info('cached_rfcs')")[1].values())[1] == "title"
    assert len(after) < len(before)
    await again(empty_cache, rfc, notes)
    assert schema(empty_cache) == before


async def test_making_the_same_views_again_writes_nothing(empty_cache: Cache) -> None:
    version = "PRAGMA schema_version"
    before = outside(empty_cache, version)
    await again(empty_cache, *empty_cache.blocks)
    assert outside(empty_cache, version) == before


async def test_a_view_that_somebody_removed_comes_back(empty_cache: Cache) -> None:
    async with empty_cache.database.transaction() as connection:
        await connection.exec_driver_sql("DROP VIEW cached_prs")
    await again(empty_cache, *empty_cache.blocks)
    assert outside(empty_cache, "SELECT * FROM cached_prs") == []


async def test_a_prefix_keeps_the_views_of_two_blocks_apart(empty_cache: Cache) -> None:
    rfc = empty_cache.blocks[0]
    second = replace(rfc, name="second", collections=tuple(replace(c, block="second") for c in rfc.collections))
    with pytest.raises(ViewError, match="view_prefix"):
        declared([rfc, second])
    await again(empty_cache, rfc, replace(second, view_prefix="second_"))
    assert {"cached_rfcs", "second_cached_rfcs"} <= set(schema(empty_cache))


def test_a_view_cannot_take_the_name_of_a_table(empty_cache: Cache) -> None:
    rfc = empty_cache.blocks[0]
    taken = replace(rfc, views=(replace(rfc.views[0], name="Entries"),))
    with pytest.raises(ViewError, match="Forgeglass itself"):
        declared([taken])


def test_names_that_could_end_a_statement_are_refused(empty_cache: Cache) -> None:
    rfc = empty_cache.blocks[0]
    evil = replace(rfc, views=(replace(rfc.views[0], name='x" AS SELECT 1; DROP TABLE entries; --'),))
    with pytest.raises(ViewError, match="cannot name"):
        declared([evil])


async def test_a_quote_in_a_blocks_name_is_only_text(empty_cache: Cache) -> None:
    rfc = empty_cache.blocks[0]
    odd = replace(rfc, collections=tuple(replace(c, block="o'x") for c in rfc.collections))
    await again(empty_cache, odd)
    assert outside(empty_cache, "SELECT * FROM cached_rfcs") == []


async def test_parts_of_a_key_come_apart(empty_cache: Cache) -> None:
    notes = notes_block()
    columns = (ViewColumn("year", "key.year"), ViewColumn("name", "key.name"), ViewColumn("tags", "field.tags", True))
    await again(empty_cache, replace(notes, views=(ViewRule("noted", "entries", "notes", columns),)))
    await empty_cache.put(note("2026/a/b", tags=["x", 'y"']), note("2025/ü"))
    rows = outside(empty_cache, "SELECT * FROM noted ORDER BY year")
    assert [(row["year"], row["name"]) for row in rows] == [("2025", "ü"), ("2026", "a/b")]
    assert [json.loads(row["tags"]) for row in rows] == [None, ["x", 'y"']]


# C20: each question that a declared index is for uses an index


class Plans:
    """Notes every statement, and what SQLite says of its plan."""

    def __init__(self) -> None:
        self.statements: list[tuple[str, Any]] = []

    def __call__(self, _c: Connection, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            self.statements.append((statement, parameters))

    def explained(self, cache: Cache) -> list[str]:
        with closing(sqlite3.connect(cache.database.path)) as connection:
            return [
                " / ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters))
                for statement, parameters in self.statements
            ]


@pytest.fixture
def plans(cache: Cache) -> Iterator[Plans]:
    noted = Plans()
    engine = cache.database._read_engine.sync_engine  # type: ignore[union-attr]  # open, in a test
    event.listen(engine, "before_cursor_execute", noted)
    yield noted
    event.remove(engine, "before_cursor_execute", noted)


@pytest.mark.parametrize(
    "pairs",
    [
        [("level", "high")],
        [("weight", "3")],
        [("weight__gte", "3")],
        [("level", "high"), ("weight__lt", "3")],
        [("seen__gt", "2026-01-01")],
        [("sort", "weight")],
        [("sort", "-level")],
        [("sort", "key")],
        [("sort", "-updated_at")],
        [("year", "2026"), ("level", "low")],
    ],
    ids=str,
)
async def test_every_declared_question_uses_an_index(
    cache: Cache, plans: Plans, pairs: Sequence[tuple[str, str]]
) -> None:
    await cache.put(*(note(f"2026/{n}", EPOCH, level="high", weight=n) for n in range(30)))
    collection = cache.blocks[1].collection("notes")
    question = ask(pairs, entries.columns(collection), sort="key")
    async with cache.database.read() as connection:
        await entries.entry_list(connection, PUBLIC, collection, question)
    plan = plans.explained(cache)[0]
    wanted = [pair for pair in pairs if pair[0] not in ("sort", "year")]
    declared = "declared_" in plan or pairs in ([("sort", "key")], [("sort", "-updated_at")])
    assert "SCAN entries USING INDEX" in plan or "SEARCH entries USING INDEX" in plan, plan
    assert declared, plan
    assert not wanted or "SEARCH entries" in plan, plan


async def test_what_is_counted_beside_entries_uses_indexes(cache: Cache, plans: Plans) -> None:
    collection = cache.blocks[0].collection("rfcs")
    async with cache.database.read() as connection:
        await entries.one_entry(connection, PUBLIC, collection, "alpha")
    plan = plans.explained(cache)[1]
    assert "SCAN branches" not in plan
    assert "SCAN pulls" not in plan
    assert "SCAN pull_entries" not in plan
