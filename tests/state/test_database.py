"""One writer, several readers, and nothing half done whatever is cancelled or killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.store.database import Database
from cache.store.sqlite_file import CACHE_ID, STATE_ID, ForeignFileError

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + running() FROM n) SELECT count(*) FROM n"


async def words(database: Database) -> set[str]:
    """What a reader sees."""
    async with database.read() as connection:
        return set((await connection.execute(text("SELECT word FROM words"))).scalars())


async def put(connection: Any, word: str) -> None:
    """Write one word."""
    await connection.execute(text("INSERT INTO words VALUES (:word)"), {"word": word})


async def announce(connection: AsyncConnection, running: asyncio.Event) -> None:
    """Make the SQL function `running()`, which sets the event from inside a statement and gives 1."""
    loop = asyncio.get_running_loop()

    def called() -> int:
        if not running.is_set():
            loop.call_soon_threadsafe(running.set)
        return 1

    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None
    await driver.create_function("running", 0, called)


async def test_what_a_transaction_wrote_is_there_after_it(database: Database) -> None:
    """Guards the plainest promise."""
    async with database.transaction() as connection:
        await put(connection, "kept")
        assert await words(database) == set(), "a reader must not see what is not committed"
    assert await words(database) == {"kept"}


async def test_an_error_takes_back_the_whole_transaction(database: Database) -> None:
    """Guards against half a reconcile: rows without their feed entries."""

    async def twice() -> None:
        async with database.transaction() as connection:
            await put(connection, "once")
            await put(connection, "once")

    with pytest.raises(IntegrityError):
        await twice()
    assert await words(database) == set()


async def test_a_reader_stays_at_its_snapshot(database: Database) -> None:
    """Guards against an answer whose first page and total come from two moments."""
    async with database.read() as reader:
        before = (await reader.execute(text("SELECT count(*) FROM words"))).scalar_one()
        async with database.transaction() as connection:
            await put(connection, "later")
        assert (await reader.execute(text("SELECT count(*) FROM words"))).scalar_one() == before
    assert await words(database) == {"later"}


async def test_a_reader_cannot_write_nor_checkpoint(database: Database) -> None:
    """Guards the single writer: two connections that checkpoint can corrupt the file in older SQLite."""
    async with database.read() as connection:
        with pytest.raises(OperationalError, match="readonly"):
            await connection.execute(text("DELETE FROM words"))
    async with database.read() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        with pytest.raises(sqlite3.OperationalError):
            await driver.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")


async def test_a_transaction_inside_a_transaction_says_so(database: Database) -> None:
    """Guards against a task that waits for itself for ever."""
    async with database.transaction():
        with pytest.raises(RuntimeError, match="already open in this task"):
            async with database.transaction():
                pass


async def test_an_unopened_database_says_how_to_open_it(tmp_path: Path) -> None:
    """Guards against an AttributeError from the depths."""
    with pytest.raises(RuntimeError, match="async with"):
        async with Database(tmp_path / "x.db").read():
            pass


async def test_a_cancelled_endless_read_stops_on_its_thread_too(database: Database) -> None:
    """Guards the readers: a client that hangs up must not leave a query burning, nor its seat taken."""
    for _ in range(5):  # more often than there are readers
        started = asyncio.Event()

        async def endless(started: asyncio.Event = started) -> None:
            async with database.read() as connection:
                await announce(connection, started)
                await connection.execute(text(ENDLESS))

        task = asyncio.create_task(endless())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await words(database) == set()


async def test_a_cancelled_endless_write_frees_the_writer(database: Database) -> None:
    """Guards the one writer: nobody else could ever write again."""
    begun = asyncio.Event()

    async def endless() -> None:
        async with database.transaction() as connection:
            await put(connection, "doomed")
            await announce(connection, begun)
            await connection.execute(text(f"INSERT INTO words {ENDLESS}"))

    task = asyncio.create_task(endless())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with database.transaction() as connection:
        await put(connection, "after")
    assert await words(database) == {"after"}


async def test_a_commit_that_was_begun_is_ended_before_the_cancellation_is_raised(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards the writer that is told of a cancellation while its rows are there all the same, or are not for good."""
    begun, gate, commit = asyncio.Event(), asyncio.Event(), AsyncConnection.commit

    async def slow(connection: AsyncConnection) -> None:
        begun.set()
        await gate.wait()
        await commit(connection)

    async def write() -> None:
        async with database.transaction() as connection:
            await put(connection, "kept")

    monkeypatch.setattr(AsyncConnection, "commit", slow)
    task = asyncio.create_task(write())
    await begun.wait()
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done(), "the turn of the writer would go to another in the middle of a commit"
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await words(database) == {"kept"}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cancels=st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 25), st.integers(0, 25) | st.none()), min_size=1, max_size=8
    )
)
def test_cancelled_writers_leave_all_of_a_transaction_or_nothing(tmp_path: Path, cancels: list[Any]) -> None:
    """Guards the finding that a cancelled task's open transaction is committed by the next writer.

    Each writer puts two rows and is cancelled after some turns of the loop, some of them a second time.
    """

    async def scenario() -> None:
        path = tmp_path / "cancelled.db"
        for old in tmp_path.glob("cancelled.db*"):
            old.unlink()
        async with Database(path) as database:
            async with database.transaction() as connection:
                await connection.exec_driver_sql("CREATE TABLE words (word TEXT NOT NULL UNIQUE)")

            async def write(name: int) -> None:
                async with database.transaction() as connection:
                    await put(connection, f"{name}-left")
                    await put(connection, f"{name}-right")

            async def cancel(task: asyncio.Task[None], first: int, second: int | None) -> None:
                for turns in (first, second):
                    for _ in range(turns or 0):
                        await asyncio.sleep(0.0002)
                    if turns is not None:
                        task.cancel()
                await asyncio.wait((task,))

            tasks = [asyncio.create_task(write(number)) for number in range(len(cancels))]
            await asyncio.gather(*(cancel(task, a + b, c) for task, (a, b, c) in zip(tasks, cancels, strict=True)))
            await write(999)  # the lock is free
            seen = await words(database)
            assert {"999-left", "999-right"} <= seen
            for number, task in enumerate(tasks):
                pair = {f"{number}-left", f"{number}-right"} & seen
                assert len(pair) in (0, 2), "half a transaction"
                assert task.cancelled() or len(pair) == 2, "a writer that was told of success wrote nothing"

    asyncio.run(scenario())


WRITER = """
import asyncio, sys
from pathlib import Path
from sqlalchemy import text
from cache.store.database import Database

async def main():
    async with Database(Path(sys.argv[1]), synchronous="FULL") as database:
        async with database.transaction() as connection:
            await connection.exec_driver_sql("CREATE TABLE pairs (n INTEGER, side TEXT)")
        for number in range(1_000_000):
            async with database.transaction() as connection:
                for side in ("left", "right"):
                    await connection.execute(text("INSERT INTO pairs VALUES (:n, :side)"), {"n": number, "side": side})
            print(number, flush=True)

asyncio.run(main())
"""


async def test_a_killed_process_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    """Guards `kill -9`: every acknowledged transaction is there, whole, and none by half."""
    path = tmp_path / "killed.db"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(path), stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert process.stdout is not None
    acknowledged = -1
    while acknowledged < 25:
        acknowledged = int(await process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    rest = (await process.communicate())[0].split()
    acknowledged = int(rest[-1]) if rest else acknowledged
    async with Database(path) as database, database.read() as connection:
        found = (await connection.execute(text("SELECT n, count(*) FROM pairs GROUP BY n ORDER BY n"))).all()
        assert (await connection.execute(text("PRAGMA integrity_check"))).scalar_one() == "ok"
    assert all(count == 2 for _, count in found)
    assert [n for n, _ in found[: acknowledged + 1]] == list(range(acknowledged + 1))


@pytest.mark.parametrize("mode", [0o640, 0o600])
async def test_the_file_and_its_wal_have_the_mode_asked_for(tmp_path: Path, mode: int) -> None:
    """Guards tokens and private contents from other users of the machine, whatever the umask."""
    umask = os.umask(0)
    try:
        async with Database(tmp_path / "m.db", mode=mode):
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.glob("m.db*")}
    finally:
        os.umask(umask)
    assert modes == dict.fromkeys(("m.db", "m.db-wal", "m.db-shm"), mode)


async def test_a_path_with_odd_characters_is_only_a_path(tmp_path: Path) -> None:
    """Guards the URI form, in which `?` and `%` would otherwise mean something."""
    folder = tmp_path / "a?mode=memory#b%41 ü"
    folder.mkdir()
    async with Database(folder / "x.db") as database, database.transaction() as connection:
        await connection.exec_driver_sql("CREATE TABLE t (x)")
    assert [file.name for file in folder.iterdir()] == ["x.db"]


async def test_another_programs_file_is_refused_untouched(tmp_path: Path) -> None:
    """Guards a user who points data_dir at the wrong place."""
    foreign, garbage, other = tmp_path / "foreign.db", tmp_path / "garbage.db", tmp_path / "state.db"
    connection = sqlite3.connect(foreign)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    garbage.write_bytes(b"not a database at all" * 100)
    async with Database(other, application_id=STATE_ID):
        pass
    for path in (foreign, garbage, other):
        before = path.read_bytes()
        with pytest.raises(ForeignFileError, match=path.name):
            async with Database(path, application_id=CACHE_ID):
                pass
        assert path.read_bytes() == before


async def test_a_file_that_was_made_and_never_filled_is_taken_over(tmp_path: Path) -> None:
    """Guards the crash between making the file and marking it."""
    path = tmp_path / "empty.db"
    path.touch()
    async with Database(path) as database, database.read() as connection:
        assert (await connection.exec_driver_sql("PRAGMA application_id")).scalar_one() == CACHE_ID


async def test_foreign_keys_are_checked_again_after_a_migration_switched_them_off(database: Database) -> None:
    """Guards against a connection that goes back to the pool without its checks."""
    async with database.transaction() as connection:
        await connection.exec_driver_sql("CREATE TABLE a (id INTEGER PRIMARY KEY)")
        await connection.exec_driver_sql("CREATE TABLE b (a INTEGER REFERENCES a (id))")
    async with database.transaction(foreign_keys=False) as connection:
        await connection.exec_driver_sql("INSERT INTO b VALUES (1)")
        await connection.exec_driver_sql("DELETE FROM b")
    with pytest.raises(IntegrityError):
        async with database.transaction() as connection:
            await connection.exec_driver_sql("INSERT INTO b VALUES (1)")


async def test_a_file_that_is_mostly_empty_is_written_anew(tmp_path: Path) -> None:
    """Guards R4 over an update: what a migration drops would stay in the file for ever as free pages."""
    path = tmp_path / "x.db"
    async with Database(path) as database:
        async with database.transaction() as connection:
            await connection.exec_driver_sql("CREATE TABLE blobs (x BLOB)")
            await connection.exec_driver_sql("INSERT INTO blobs VALUES (zeroblob(20000000)), (1)")
        await database.compact()
        assert path.stat().st_size > 20_000_000, "a full file is left as it is"
        async with database.transaction() as connection:
            await connection.exec_driver_sql("DELETE FROM blobs WHERE length(x) > 1")
        async with database.read() as reader:
            assert (await reader.exec_driver_sql("SELECT count(*) FROM blobs")).scalar_one() == 1
            await database.compact()
            assert (await reader.exec_driver_sql("SELECT x FROM blobs")).scalar_one() == 1
        await database.compact()
    assert path.stat().st_size < 100_000
