"""A person's own SQL: it reads, within a time and a size, and cannot do anything else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from api_server import Cache

from cache.queries.sql import SqlError
from daemon.query import run_query


async def test_rows_come_by_the_names_of_their_columns(cache: Cache) -> None:
    rows = await run_query(cache.database.path, "SELECT key, key, valid AS fine FROM entries ORDER BY key LIMIT 1")
    assert rows == [{"key": "alpha", "key_2": "alpha", "fine": 1}]


async def test_declared_views_json_full_text_and_recursion_can_be_used(cache: Cache) -> None:
    sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT count(*) AS c FROM n"
    assert await run_query(cache.database.path, sql) == [{"c": 3}]
    rows = await run_query(cache.database.path, "SELECT slug, json_array_length(owners_json) AS n FROM cached_rfcs")
    assert {row["slug"]: row["n"] for row in rows}["alpha"] == 1
    found = await run_query(cache.database.path, "SELECT key FROM entry_text WHERE entry_text MATCH 'gamma'")
    assert found == [{"key": "gamma"}]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM entries", "UPDATE entries SET valid = 0", "DROP TABLE entries", "CREATE TABLE t(x)",
        "INSERT INTO meta VALUES ('a', 'b')", "CREATE TEMP TABLE t AS SELECT 1", "ATTACH '/etc/passwd' AS x",
        "PRAGMA query_only = OFF", "PRAGMA journal_mode = DELETE", "PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM",
        "VACUUM INTO '/tmp/copy.db'", "BEGIN", "REINDEX", "ANALYZE", "SELECT load_extension('x')",
        "SELECT 1; DELETE FROM entries", "", "   ", "SELEC", "SELECT * FROM nothing", "SELECT nothing FROM entries",
        "SELECT zeroblob(1000000000)", "SELECT \x00",
        "SELECT writefile('/tmp/x', 'y')", "DETACH main",
    ],
)  # fmt: skip
async def test_whatever_else_is_asked_is_refused_with_a_reason(cache: Cache, sql: str) -> None:
    before = contents(cache.database.path.parent)
    with pytest.raises(SqlError) as caught:
        await run_query(cache.database.path, sql)
    assert str(caught.value)
    assert contents(cache.database.path.parent) == before


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a database: also its log, where a write would stand first. Readers note themselves in `-shm`."""
    return {file.name: file.read_bytes() for file in folder.iterdir() if not file.name.endswith("-shm")}


REFUSED = (
    "SELECT readfile('/etc/passwd')", "SELECT edit('x')", "SELECT fts3_tokenizer('x', x'00')",
    "ATTACH ':memory:' AS m", "attach database 'file:x?mode=rwc' as y", "PRAGMA query_only(0)",
    "PRAGMA main.user_version = 7", "PRAGMA writable_schema = 1", "PRAGMA temp_store_directory = '/tmp'",
    "PRAGMA database_list", "SELECT * FROM pragma_database_list", "SELECT * FROM pragma_writable_schema",
    "CREATE TEMP VIEW v AS SELECT 1", "CREATE VIRTUAL TABLE temp.f USING fts5(a)", "ALTER TABLE entries ADD COLUMN x",
    "CREATE TRIGGER g AFTER INSERT ON entries BEGIN SELECT 1; END", "UPDATE sqlite_schema SET sql = ''",
    "INSERT INTO entry_text(entry_text) VALUES ('optimize')", "WITH a AS (SELECT 1) DELETE FROM entries",
    "DELETE FROM entries RETURNING key", "REPLACE INTO meta VALUES ('a', 'b')", "SAVEPOINT s", "COMMIT",
    "SELECT 1;SELECT 2", "SELECT 1; --\nDROP TABLE meta", "SELECT 1 /* */; PRAGMA query_only = 0",
    "SELECT hex(randomblob(600000000))", "VACUUM main INTO 'copy.db'", "EXPLAIN DELETE FROM entries",
)  # fmt: skip
"""Ways to write, to reach files and other databases, to load code, to fill the memory, to say two things."""


async def test_no_way_around_is_left(cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = cache.database.path.read_bytes()
    for sql in REFUSED:
        with pytest.raises(SqlError):
            await run_query(cache.database.path, sql)
    assert list(tmp_path.iterdir()) == []
    assert cache.database.path.read_bytes() == before


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
WITHOUT_END = {
    "counting": ENDLESS,
    "rows that nobody wants": ENDLESS.replace("count(*) FROM n", "i FROM n WHERE i < 0"),
    "every row with every row": f"SELECT count(*) FROM {', '.join(f'entries AS e{n}' for n in range(40))}",
    "in a part of it": f"SELECT ({ENDLESS}) FROM entries",
    "in one call": "SELECT printf('%.*c', 1000000000, 'x')",
}


async def test_a_statement_without_end_is_stopped(cache: Cache) -> None:
    for sql in WITHOUT_END.values():
        with pytest.raises(SqlError, match=r"stopped after 0\.05 s"):
            await run_query(cache.database.path, sql, seconds=0.05)


async def test_a_reader_who_goes_away_stops_the_statement(cache: Cache) -> None:
    running = asyncio.ensure_future(run_query(cache.database.path, ENDLESS, seconds=3600))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    # the process is killed: the loop's executor would otherwise keep this test from ending
    await asyncio.get_running_loop().shutdown_default_executor()


async def test_rows_and_bytes_are_counted(cache: Cache) -> None:
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) SELECT {} FROM n"
    with pytest.raises(SqlError, match="more than 10 rows"):
        await run_query(cache.database.path, numbers.format("i"), rows=10)
    assert len(await run_query(cache.database.path, numbers.format("i"), rows=50)) == 50
    with pytest.raises(SqlError, match="MiB of text"):
        await run_query(cache.database.path, numbers.format("zeroblob(8000000) AS b"), rows=50)


SEEK = "SELECT instr(hex(zeroblob(4000000)), hex(zeroblob(2000000)) || '1')"
"""One step of SQLite's machine, of some minutes: nothing inside it looks at the clock (fault S5)."""


async def test_a_step_without_end_is_killed_in_time(cache: Cache) -> None:
    with pytest.raises(SqlError, match=r"stopped after 0\.05 s"):
        await run_query(cache.database.path, SEEK, seconds=0.05)
    running = asyncio.ensure_future(run_query(cache.database.path, SEEK, seconds=3600))
    await asyncio.sleep(0.5)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.get_running_loop().shutdown_default_executor()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT " + "(" * 200 + "1" + ")" * 200, "SELECT " + " UNION ALL SELECT ".join("1" * 30),
        "SELECT " + ", ".join("1" * 300), f"SELECT '{'x' * 200_000}'", f"SELECT 1 LIKE '{'%a' * 2_000}'",
        f"SELECT max({', '.join('1' * 60)})", "SELECT hex(zeroblob(5000000))", "SELECT ?1",
        "SELECT 1" + " + 1" * 200,
    ],
)  # fmt: skip
async def test_a_statement_beyond_every_need_is_refused(cache: Cache, sql: str) -> None:
    """Guards the machine: SQLite's own limits allow a gigabyte and expressions of a thousand levels."""
    with pytest.raises(SqlError):
        await run_query(cache.database.path, sql)


async def test_a_sort_that_fills_the_memory_ends_the_process_and_nothing_else(cache: Cache) -> None:
    big = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT length(b) FROM "
    with pytest.raises(SqlError):
        await run_query(cache.database.path, big + "(SELECT randomblob(50000) AS b FROM n ORDER BY b)", seconds=20)
    assert await run_query(cache.database.path, "SELECT 1 AS one") == [{"one": 1}]
