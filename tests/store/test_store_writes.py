"""The one writer of `cache.db`: rows and feed together or neither, numbers that never come again."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy.exc import DatabaseError, IntegrityError
from store_rows import NOW, Desk, Reservoir, entry, finding, page

from cache.diff import RowChange, changes
from cache.rows import EntryRow, FindingRow, LookRow, tabulate
from cache.schema import to_text
from cache.store.migrating import upgrade
from cache.store.writer import BATCH, RESERVE, Store, check, get_meta


async def test_rows_come_back_as_they_were_written(desk: Desk) -> None:
    odd = entry("one", "T\0\u202e\U0001f600", None, fields={"n": 1.0, "i": 1, "b": True, "l": [], "x": {"y": None}})
    await desk.turn(odd, finding("f1"))
    loaded = await desk.store.load((EntryRow, FindingRow))
    assert loaded == page(odd, finding("f1"))
    assert changes(loaded, page(odd, finding("f1"))) == ()


async def test_a_row_is_put_changed_and_removed(desk: Desk) -> None:
    await desk.turn(entry("one"), entry("two"))
    await desk.turn(entry("one", "Other"))
    assert await desk.query("SELECT key, title FROM entries") == [("one", "Other")]
    feed = await desk.query("SELECT operation, key, columns FROM changes ORDER BY sequence")
    assert feed == [
        ("created", "one", "[]"),
        ("created", "two", "[]"),
        ("updated", "one", '["title","fields"]'),
        ("deleted", "two", "[]"),
    ]


async def test_rows_and_feed_are_written_together_or_neither_is(desk: Desk) -> None:
    """Guards: a reader of the feed told of a row that is not there, or a row nobody is told of."""
    await desk.turn(entry("one"))
    broken = RowChange(EntryRow, ("rfc", "rfcs", "two"), None, entry("two", title=None))  # type: ignore[arg-type]  # on purpose
    good = RowChange(EntryRow, ("rfc", "rfcs", "one"), entry("one"), entry("one", "Changed"))
    sequence = desk.store.sequence
    with pytest.raises(IntegrityError):
        await desk.store.apply([good, broken], at=NOW, rows=page(), values={"name": "value"})
    assert await desk.query("SELECT key, title FROM entries") == [("one", "A title")]
    assert await desk.query("SELECT count(*) FROM changes") == [(1,)]
    assert await desk.query("SELECT count(*) FROM meta") == [(0,)]
    assert desk.store.sequence == sequence


async def test_sequence_numbers_only_grow_and_never_come_again(desk: Desk, reservoir: Reservoir) -> None:
    """Guards: a reader that takes a new change for one it has seen, after a failure or a restart."""
    await desk.turn(entry("one"))
    broken = RowChange(EntryRow, ("rfc", "rfcs", "two"), None, entry("two", title=None))  # type: ignore[arg-type]  # on purpose
    with pytest.raises(IntegrityError):
        await desk.store.apply([broken], at=NOW, rows=page())
    await desk.turn(entry("one"), entry("two"))
    restarted = Desk(Store(desk.store.database, reservoir))
    restarted.rows = await restarted.store.load((EntryRow, FindingRow))
    assert restarted.store.sequence == desk.store.sequence
    await restarted.turn(entry("one"))
    numbers = [number for (number,) in await desk.query("SELECT sequence FROM changes ORDER BY rowid")]
    assert numbers == sorted(set(numbers))
    assert restarted.store.sequence == numbers[-1] > RESERVE


async def test_reserving_numbers_costs_a_write_of_state_db_only_now_and_then(desk: Desk, reservoir: Reservoir) -> None:
    for number in range(10):
        await desk.turn(entry("one", str(number)))
    assert reservoir.calls == 1
    assert desk.store.applied == 10


async def test_more_rows_than_one_statement_takes_are_all_written(desk: Desk) -> None:
    rows = [entry(f"k{number:05d}") for number in range(BATCH * 2 + 1)]
    applied = await desk.turn(*rows)
    assert applied.changes == len(rows)
    assert await desk.query("SELECT count(*) FROM entries") == [(len(rows),)]
    assert await desk.query("SELECT count(DISTINCT sequence), max(sequence) FROM changes") == [
        (len(rows), applied.sequence)
    ]
    await desk.turn()
    assert await desk.query("SELECT count(*) FROM entries") == [(0,)]


async def test_nothing_to_tell_takes_no_number(desk: Desk, reservoir: Reservoir) -> None:
    look = LookRow(1, observed_at=NOW)
    applied = await desk.store.apply([RowChange(LookRow, 1, None, look)], at=NOW, rows=page())
    assert (applied.changes, applied.sequence, reservoir.calls) == (0, 0, 0)
    assert (await desk.store.load((LookRow,)))[LookRow] == {1: look}


async def test_of_cleared_findings_the_newest_are_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards C12: a finding that comes and goes with each push filled the disk for ever. None is searched for."""
    monkeypatch.setattr("cache.store.writer.CLEARED_KEPT", 3)
    for number in range(5):
        await desk.turn(finding(f"f{number}"))
    await desk.turn()
    for _ in range(2):
        await desk.store.prune_feed(1000)
        assert await desk.query("SELECT id FROM cleared_findings ORDER BY sequence") == [("f2",), ("f3",), ("f4",)]
    plan = await desk.query("EXPLAIN QUERY PLAN DELETE FROM cleared_findings WHERE sequence <= 2")
    assert "USING INTEGER PRIMARY KEY" in str(plan)
    assert await desk.query("SELECT count(*) FROM changes") == [(10,)]  # the feed keeps what it is told to


async def test_a_finding_that_is_cleared_is_kept_with_when_it_was(desk: Desk) -> None:
    """Guards: a finding that nobody saw, gone before anybody could."""
    await desk.turn(finding("f1"), finding("f2"))
    await desk.turn(finding("f2"), at=NOW + timedelta(hours=1))
    await desk.turn(finding("f1"), finding("f2"))
    await desk.turn(finding("f2"), at=NOW + timedelta(hours=2))
    cleared = await desk.query(
        "SELECT id, rule, message, path, line, cleared_at FROM cleared_findings ORDER BY sequence"
    )
    assert cleared == [
        ("f1", "dangling", "It is wrong", "rfcs/one.md", 3, "2026-01-02T04:04:05Z"),
        ("f1", "dangling", "It is wrong", "rfcs/one.md", 3, "2026-01-02T05:04:05Z"),
    ]
    assert await desk.query("SELECT id FROM findings") == [("f2",)]


async def test_a_finding_whose_words_change_is_not_cleared(desk: Desk) -> None:
    await desk.turn(finding("f1"))
    await desk.turn(finding("f1", "It is otherwise wrong"))
    assert await desk.query("SELECT count(*) FROM cleared_findings") == [(0,)]


async def found(desk: Desk, words: str) -> list[str]:
    rows = await desk.query(
        "SELECT entries.key FROM entry_text JOIN entries ON entries.id = entry_text.rowid "
        f"WHERE entry_text MATCH '{words}' ORDER BY 1"
    )
    return [key for (key,) in rows]


async def test_the_full_text_index_follows_every_write(desk: Desk) -> None:
    """Guards: a search that finds words that are no longer there, or misses those that are."""
    await desk.turn(entry("one", body="Caf\u00e9 and cake"), entry("two", body=None), entry("three", title="Tea"))
    assert (await found(desk, "cafe"), await found(desk, "tea"), await found(desk, "two")) == (
        ["one"],
        ["three"],
        ["two"],
    )
    await desk.turn(entry("one", body="Water"), entry("two", body="cafe"))
    assert (await found(desk, "cafe"), await found(desk, "tea"), await found(desk, "water")) == (["two"], [], ["one"])
    async with desk.store.database.transaction() as connection:  # raises where index and table differ
        await connection.exec_driver_sql("INSERT INTO entry_text(entry_text, rank) VALUES ('integrity-check', 1)")


async def test_values_are_put_beside_the_rows(desk: Desk) -> None:
    await desk.turn(entry("one"), values={"profiles": "a"})
    await desk.turn(entry("two"), values={"profiles": "b"})
    async with desk.store.database.read() as connection:
        assert await get_meta(connection, "profiles") == "b"
        assert await get_meta(connection, "nothing") is None


async def test_the_feed_keeps_its_newest_entries(desk: Desk) -> None:
    for number in range(5):
        await desk.turn(entry("one", str(number)))
    await desk.store.prune_feed(2)
    assert await desk.query("SELECT sequence FROM changes") == [(4,), (5,)]
    await desk.turn(entry("one", "after"))
    assert desk.store.sequence == 6


async def test_a_damaged_file_is_made_anew_with_the_change_that_found_it(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards: notes and values of that very change, which the rows in memory do not hold yet, being lost."""
    await desk.turn(entry("one"))
    commit, calls = desk.store._commit, []

    async def damaged_once(*arguments: object) -> None:
        calls.append(arguments)
        if len(calls) == 1:
            raise DatabaseError("statement", {}, sqlite3.DatabaseError("database disk image is malformed"))
        await commit(*arguments)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(desk.store, "_commit", damaged_once)
    look = LookRow(1, observed_at=NOW)
    after = page(entry("one"), entry("two"))
    made = (*changes(desk.rows, after), RowChange(LookRow, 1, None, look))
    applied = await desk.store.apply(made, at=NOW, rows=after, values={"epoch": "e"})
    assert await desk.store.load((EntryRow, FindingRow, LookRow)) == tabulate(
        [entry("one"), entry("two"), look], (EntryRow, FindingRow, LookRow)
    )
    assert await desk.query("SELECT sequence, key FROM changes") == [(applied.sequence, "two")]
    assert await desk.query("SELECT name, value FROM meta") == [("epoch", "e")]
    assert (tmp_path / "cache.db.damaged").exists()


async def test_a_new_file_and_a_full_one_pass_the_check(desk: Desk) -> None:
    assert await check(desk.store.database) is None
    await desk.turn(entry("one"))
    assert await check(desk.store.database) is None


async def test_migrating_again_changes_nothing(desk: Desk, reservoir: Reservoir) -> None:
    await desk.turn(entry("one"), finding("f1"))
    await upgrade(desk.store.database, "cache")
    assert await Store(desk.store.database, reservoir).load((EntryRow, FindingRow)) == desk.rows


def test_times_are_written_in_utc_so_that_they_sort_as_they_read() -> None:
    there = datetime(2026, 1, 2, 1, 0, tzinfo=timezone(timedelta(hours=2)))
    assert to_text(there) == "2026-01-01T23:00:00Z"
    assert to_text(datetime(1, 1, 1, tzinfo=UTC)) == "0001-01-01T00:00:00Z"
