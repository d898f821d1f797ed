"""Who may read `cache.db` by their group alone can, whatever became of the process that wrote it."""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from database_people import DAEMON, GROUP, READER, STRANGERS, as_other, needs_root, read_as, started

from cache.store.database import WAL_BYTES, Database

WRITE = """
import asyncio, os, sys
from pathlib import Path
from cache.store.database import Database

async def put(path, how, group):
    async with Database(path, keep_wal=True, group=group) as database:
        async with database.transaction() as connection:
            await connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS words (word TEXT)")
            await connection.exec_driver_sql("INSERT INTO words VALUES ('one')")
        if how == "killed":
            os._exit(9)

scratch, path, how, user, group = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
asyncio.run(put(scratch, "", None))  # whatever is imported late is imported by root, who may
become(user, user, group)
asyncio.run(put(path, how, group))
"""

STAYS = """
import sqlite3, sys
become(int(sys.argv[2]), int(sys.argv[3]))
cache = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
held = cache.cursor()
for _ in sys.stdin:
    held.close()
    print(*cache.execute("SELECT count(*) FROM words").fetchone(), flush=True)
    held = cache.execute("SELECT word FROM words UNION ALL SELECT 'more'")
    held.fetchone()  # a reading transaction that stays open until the next line
"""

COUNT = "SELECT count(*) FROM words"


@pytest.fixture
def cache() -> Iterator[Path]:
    """Where the daemon's user keeps `cache.db`; the group passes through."""
    with tempfile.TemporaryDirectory() as folder:
        for above in (Path(folder), Path(folder).parent):
            above.chmod(stat.S_IMODE(above.stat().st_mode) | 0o011)
        data = Path(folder) / "data"
        data.mkdir()
        os.chown(data, DAEMON, GROUP)
        data.chmod(0o710)
        yield data / "cache.db"


async def write(cache: Path, how: str) -> None:
    """Put one more row, as a user who is only a member of the group."""
    scratch = cache.parents[1] / f"{secrets.token_hex(4)}.db"
    await as_other(WRITE, str(scratch), str(cache), how, str(DAEMON), str(GROUP))


@needs_root
@pytest.mark.parametrize("how", ["stopped", "killed"])
async def test_the_group_reads_after_the_end(cache: Path, how: str) -> None:
    """Guards W9: SQLite removes the files beside a database at a clean end, and who may not make them reads nothing."""
    await write(cache, how)
    for more in ("", "&immutable=0", "&cache=private"):
        assert await read_as(cache, COUNT, more=more) == "read 1"
    assert "unable to open" in await read_as(cache, COUNT, group=STRANGERS)
    for user in (DAEMON, 0):  # one who may make files beside it, and leaves them
        assert await read_as(cache, COUNT, user=user, group=user) == "read 1"
        assert await read_as(cache, COUNT) == "read 1"


@needs_root
async def test_a_reader_that_stays_sees_what_the_next_writer_writes(cache: Path) -> None:
    """Guards Datasette and dashboards, which stay connected over a restart: they block no start, and see new rows."""
    await write(cache, "stopped")
    reader = await started(STAYS, str(cache), str(READER), str(GROUP))
    assert reader.stdin is not None
    assert reader.stdout is not None
    for number, how in ((1, "stopped"), (2, "killed"), (3, "stopped")):
        reader.stdin.write(b"\n")
        assert await reader.stdout.readline() == f"{number}\n".encode()
        await write(cache, how)
    await reader.communicate(b"\n")
    assert await read_as(cache, COUNT) == "read 4"


@needs_root
async def test_the_files_beside_are_the_groups_from_the_start_and_stay(tmp_path: Path) -> None:
    """Guards a daemon that runs: SQLite makes its files with the group and the umask of the process."""

    def found() -> dict[str, tuple[int, int]]:
        return {file.name: (file.stat().st_gid, stat.S_IMODE(file.stat().st_mode)) for file in tmp_path.iterdir()}

    wanted = dict.fromkeys(("cache.db", "cache.db-wal", "cache.db-shm"), (GROUP, 0o640))
    async with Database(tmp_path / "cache.db", keep_wal=True, group=GROUP) as database:
        assert found() == wanted
        async with database.transaction(foreign_keys=False) as connection:  # its connection is closed after it
            await connection.exec_driver_sql("CREATE TABLE words (word TEXT)")
        assert found() == wanted
    assert found() == wanted
    assert (tmp_path / "cache.db-wal").stat().st_size == 0, "whoever copies the file alone has all of it"


async def test_a_long_log_is_cut_after_the_transaction_that_made_it_so(tmp_path: Path) -> None:
    """Guards R4: SQLite never shortens the write-ahead log, which after a build is as large as the database."""
    async with Database(tmp_path / "cache.db") as database:
        async with database.transaction() as connection:
            await connection.exec_driver_sql("CREATE TABLE blobs (x BLOB)")
        async with database.read() as reader:  # an older reader is not waited for, and what it sees stays
            assert (await reader.exec_driver_sql("SELECT count(*) FROM blobs")).scalar_one() == 0
            async with database.transaction() as connection:
                await connection.exec_driver_sql(f"INSERT INTO blobs VALUES (zeroblob({3 * WAL_BYTES}))")
            assert (tmp_path / "cache.db-wal").stat().st_size > WAL_BYTES
            assert (await reader.exec_driver_sql("SELECT count(*) FROM blobs")).scalar_one() == 0
        async with database.transaction() as connection:
            await connection.exec_driver_sql("INSERT INTO blobs VALUES (1)")
        assert (tmp_path / "cache.db-wal").stat().st_size == 0
        async with database.read() as reader:
            assert (await reader.exec_driver_sql("SELECT count(*) FROM blobs")).scalar_one() == 2
