"""What was answered with success waits here until a reconcile that began after it has committed."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from webhook_samples import NOW, headers

from cache.state import StateStore
from webhooks.delivery import Delivery
from webhooks.inbox import Backlog, Inbox
from webhooks.scope import Scope, merge

SCOPE = Scope(frozenset((3, 12)), frozenset(("acme",)))


async def put(inbox: Inbox, name: str, repository_id: int | None = 7, **fields: str) -> str:
    """Store one delivery under this id."""
    delivery = Delivery(name, "push", repository_id, "acme/meta", SCOPE, **fields)
    return await inbox.append(delivery, headers=headers(b"x", delivery=name), received_at=NOW)


async def waiting(inbox: Inbox) -> list[str]:
    """The ids of the deliveries that wait."""
    return [each.delivery for each in await inbox.pending()]


async def test_a_delivery_comes_back_as_it_was_stored(inbox: Inbox) -> None:
    """Guards the round trip of the scope through JSON."""
    assert await put(inbox, "d-1") == "new"
    (pending,) = await inbox.pending()
    assert pending.scope == SCOPE
    assert (pending.delivery, pending.repository_id, pending.full_name) == ("d-1", 7, "acme/meta")
    assert pending.received_at == NOW
    assert merge([pending, pending]) == {7: SCOPE}


async def test_a_delivery_that_comes_twice_is_stored_once(inbox: Inbox) -> None:
    """Guards against a proxy that repeats requests, also while the first one is being worked on."""
    assert [await put(inbox, "d-1"), await put(inbox, "d-1")] == ["new", "duplicate"]
    await inbox.finish(7, await inbox.mark(), NOW)
    assert await put(inbox, "d-1") == "duplicate"
    assert await waiting(inbox) == []


async def test_two_at_once_are_told_apart(inbox: Inbox) -> None:
    """Guards against a check and a write that another request slips between."""
    outcomes = await asyncio.gather(*(put(inbox, f"d-{number % 5}") for number in range(20)))
    assert sorted(outcomes) == ["duplicate"] * 15 + ["new"] * 5


async def test_a_reconcile_settles_only_what_came_before_it_began(inbox: Inbox) -> None:
    """Guards the push that arrives while its repository is being read, from before the push."""
    await put(inbox, "before")
    mark = await inbox.mark()
    await put(inbox, "during")
    await put(inbox, "elsewhere", repository_id=8)
    assert await inbox.finish(7, mark, NOW) == 1
    assert await waiting(inbox) == ["during", "elsewhere"]
    assert [each.delivery for each in await inbox.pending(repository_id=8)] == ["elsewhere"]


async def test_a_mark_of_an_empty_inbox_settles_nothing(inbox: Inbox) -> None:
    """Guards the first start."""
    mark = await inbox.mark()
    await put(inbox, "d-1")
    assert mark == 0
    assert await inbox.finish(7, mark, NOW) == 0


async def test_ids_grow_even_after_everything_was_pruned(inbox: Inbox) -> None:
    """Guards marks: an id used again would lie below a mark taken long ago."""
    await put(inbox, "d-1")
    mark = await inbox.mark()
    await inbox.finish(7, mark, NOW)
    assert await inbox.prune(NOW + timedelta(seconds=1)) == 1
    await put(inbox, "d-2")
    assert (await inbox.pending())[0].id > mark


async def test_what_names_no_repository_is_settled_by_id(inbox: Inbox) -> None:
    """Guards against rows that no reconcile would ever finish."""
    await put(inbox, "a", repository_id=None)
    await put(inbox, "b", repository_id=None)
    first, second = await inbox.pending()
    assert await inbox.done([first.id], NOW, why="no profile reaches it") == 1
    assert await inbox.settle([second.delivery], NOW, why="no profile reaches it") == 1
    assert (await inbox.backlog()).states == {"done": 2}


async def test_what_is_ignored_is_remembered_and_never_waits(inbox: Inbox) -> None:
    """Guards the queue, and the answer to `why did nothing happen?`."""
    assert await put(inbox, "d-1", ignored="tags are not kept") == "new"
    assert await put(inbox, "d-1", ignored="tags are not kept") == "duplicate"
    assert await waiting(inbox) == []
    assert await inbox.backlog() == Backlog({"ignored": 1}, None)


async def test_pruning_leaves_what_waits_however_old_it_is(inbox: Inbox) -> None:
    """Guards a delivery to a repository whose reads fail for weeks."""
    await put(inbox, "waits")
    await put(inbox, "done", repository_id=8)
    await inbox.finish(8, await inbox.mark(), NOW)
    assert await inbox.prune(NOW) == 0, "not older than NOW"
    assert await inbox.prune(NOW + timedelta(days=365)) == 1
    assert await waiting(inbox) == ["waits"]


async def test_the_backlog_tells_the_age_of_the_oldest(inbox: Inbox) -> None:
    """Guards the alarm: an inbox that nobody empties must be seen."""
    assert await inbox.backlog() == Backlog({}, None)
    await put(inbox, "d-1")
    backlog = await inbox.backlog()
    assert (backlog.pending, backlog.oldest) == (1, NOW)


async def test_no_signature_nor_password_is_stored(state: object, tmp_path: Path) -> None:
    """Guards the backup of `state.db`: what opens other doors does not belong into it."""
    assert isinstance(state, StateStore)
    inbox = Inbox(state.database)
    head = {**headers(b"x"), "Authorization": "Basic c2VjcmV0", "X-Forgejo-Signature": "f00", "X-Hub-Signature": "f00"}
    await inbox.append(Delivery("d", "push", 7), headers=head, received_at=NOW)
    with sqlite3.connect(tmp_path / "state.db") as connection:
        (stored,) = connection.execute("SELECT headers FROM inbox").fetchone()
    connection.close()
    assert "x-gitea-delivery" in stored
    assert not any(word in stored.lower() for word in ("authorization", "signature", "c2vjcmv0", "f00"))


async def test_bodies_are_not_stored(state: object, tmp_path: Path) -> None:
    """Guards C6: nobody read them, 300 took 61 MB, and private contents went into the back-up."""
    assert isinstance(state, StateStore)
    await put(Inbox(state.database), "d-1")
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        cursor = connection.execute("SELECT * FROM inbox")
        assert "body" not in {column[0] for column in cursor.description}
        assert sum(len(str(value)) for value in cursor.fetchone()) < 1_000


async def test_deliveries_that_come_together_reach_the_disk_together(state: object) -> None:
    """Guards C6: each waited for a disk of its own. Counted are transactions; each answer comes after its own."""
    assert isinstance(state, StateStore)
    inbox, committed = Inbox(state.database), []
    before = state.database.transaction

    @asynccontextmanager
    async def counted(**options: bool) -> AsyncIterator[Any]:
        async with before(**options) as connection:
            yield connection
        committed.append(len(inbox_rows(state)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state.database, "transaction", counted)
        outcomes = await asyncio.gather(*(put(inbox, f"d-{number}") for number in range(50)))
    assert outcomes == ["new"] * 50
    assert len(committed) <= 3
    assert committed[-1] == 50


async def test_one_that_cannot_be_stored_holds_up_no_other(inbox: Inbox) -> None:
    """Guards against a group that is refused for one of it."""
    bad = Delivery("bad", "push", 1 << 70, "acme/meta", SCOPE)  # no number of SQLite's
    stored = [put(inbox, "d-1"), inbox.append(bad, headers={}, received_at=NOW), put(inbox, "d-2")]
    one, failed, other = await asyncio.gather(*stored, return_exceptions=True)
    assert (one, other, isinstance(failed, Exception)) == ("new", "new", True)
    assert await waiting(inbox) == ["d-1", "d-2"]


async def test_whoever_leaves_while_it_is_written_holds_up_no_other(inbox: Inbox) -> None:
    """Guards those whose delivery is written along with one whose sender has hung up."""
    tasks = [asyncio.create_task(put(inbox, f"d-{number}")) for number in range(5)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert done[1:] == ["new"] * 4
    assert len(await waiting(inbox)) >= 4


def inbox_rows(state: StateStore) -> list[Any]:
    """What another program would find now."""
    with closing(sqlite3.connect(state.database.path)) as connection:
        return connection.execute("SELECT id FROM inbox").fetchall()


async def test_nothing_that_is_asked_often_walks_through_the_inbox(state: object) -> None:
    """Guards C4 and C7: at 500,000 rows each metric took 323 ms, and each delivery that concerned nobody read all that
    waited. Every statement finds its rows by an index, and what is counted is counted once."""
    assert isinstance(state, StateStore)
    inbox, asked = Inbox(state.database), []
    for number in range(20):
        await put(inbox, f"d-{number}", repository_id=number)
    await inbox.backlog()

    def listener(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    engines = (state.database._write_engine, state.database._read_engine)
    for engine in engines:
        assert engine is not None
        event.listen(engine.sync_engine, "before_cursor_execute", listener)
    await inbox.backlog()
    await inbox.settle(["d-3"], NOW, why="nobody's")
    await inbox.finish(4, 99, NOW)
    await inbox.prune(NOW - timedelta(days=1))
    await inbox.mark()
    await inbox.lags(NOW - timedelta(days=1))
    assert len(asked) >= 6
    with closing(sqlite3.connect(state.database.path)) as connection:
        for statement, parameters in asked:
            if statement.startswith(("BEGIN", "PRAGMA")):
                continue
            plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            limited = "LIMIT" in statement
            assert limited or not [line for line in plan if line.startswith("SCAN inbox") and "USING" not in line], plan
            assert not [line for line in plan if "TEMP B-TREE FOR ORDER" in line], plan


async def test_what_is_counted_is_what_a_count_would_give(inbox: Inbox) -> None:
    """Guards the kept count: after every way in which rows come, change and go."""
    assert await inbox.backlog() == Backlog({}, None)
    for number in range(6):
        await put(inbox, f"d-{number % 5}", repository_id=number % 2)
    await put(inbox, "ignored", ignored="tags are not kept")
    await inbox.finish(0, 3, NOW)
    await inbox.settle(["d-4", "unknown"], NOW, why="nobody's")
    assert (await inbox.backlog()).states == (await Inbox(inbox._database).backlog()).states
    await inbox.prune(NOW + timedelta(seconds=1))
    assert (await inbox.backlog()).states == (await Inbox(inbox._database).backlog()).states
    assert (await inbox.backlog()).pending == len(await inbox.pending())


CRASH = """
import asyncio, os, sys
from datetime import UTC, datetime
from pathlib import Path
from cache.state import StateStore
from webhooks.delivery import Delivery
from webhooks.inbox import Inbox

async def main():
    async with StateStore.open(Path(sys.argv[1])) as state:
        delivery = Delivery("d-1", "push", 7, "acme/meta")
        await Inbox(state.database).append(delivery, headers={}, received_at=datetime.now(UTC))
        os.kill(os.getpid(), 9)  # before any answer was sent

asyncio.run(main())
"""


async def test_a_crash_between_storing_and_answering_loses_nothing(tmp_path: Path) -> None:
    """Guards the promise of 202: the row waits at the next start, and the forge's repeat is a duplicate."""
    path = tmp_path / "state.db"
    root = Path(__file__).parents[2]
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", CRASH, str(path), cwd=root)
    assert await process.wait() == -9
    async with StateStore.open(path) as state:
        inbox = Inbox(state.database)
        assert await waiting(inbox) == ["d-1"]
        assert await put(inbox, "d-1") == "duplicate"


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for many databases."""
    return tmp_path_factory.mktemp("inboxes")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["push 7", "push 8", "begin 7", "begin 8", "end 7", "end 8", "fail 7"]), max_size=25))
def test_no_delivery_is_settled_by_a_reconcile_that_began_before_it(folder: Path, script: list[str]) -> None:
    """Guards the rule itself, over every interleaving: model and inbox agree on what waits."""

    async def scenario() -> None:
        for old in folder.iterdir():
            old.unlink()
        async with StateStore.open(folder / "state.db") as state:
            inbox = Inbox(state.database)
            expected: list[tuple[str, int]] = []
            running: dict[int, tuple[int, set[str]]] = {}
            for number, line in enumerate(script):
                verb, repository = line.split()[0], int(line.split()[1])
                if verb == "push":
                    await put(inbox, f"d-{number}", repository)
                    expected.append((f"d-{number}", repository))
                elif verb == "begin":
                    before = {name for name, home in expected if home == repository}
                    running[repository] = (await inbox.mark(), before)
                elif repository in running:
                    mark, before = running.pop(repository)
                    if verb == "end":
                        await inbox.finish(repository, mark, NOW)
                        expected = [each for each in expected if each[0] not in before]
                assert await waiting(inbox) == [name for name, _ in expected]

    asyncio.run(scenario())
