"""What was answered with success waits here until a reconcile that began after it has committed."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from webhook_samples import NOW, headers, push

from cache.state import StateStore
from webhooks.delivery import Delivery
from webhooks.inbox import Backlog, Inbox
from webhooks.scope import Scope, merge

SCOPE = Scope(frozenset((3, 12)), frozenset(("acme",)), frozenset((("refs/heads/x", "a" * 40), ("refs/heads/y", ""))))


async def put(inbox: Inbox, name: str, repository_id: int | None = 7, **fields: str) -> str:
    """Store one delivery under this id."""
    delivery = Delivery(name, "push", repository_id, "acme/meta", SCOPE, **fields)
    return await inbox.append(delivery, headers=headers(b"x", delivery=name), body=push(), received_at=NOW)


async def waiting(inbox: Inbox) -> list[str]:
    """The ids of the deliveries that wait."""
    return [each.delivery for each in await inbox.pending()]


async def test_a_delivery_comes_back_as_it_was_stored(inbox: Inbox) -> None:
    """Guards the round trip of the scope through JSON."""
    assert await put(inbox, "d-1") == "new"
    (pending,) = await inbox.pending()
    assert pending.scope == SCOPE
    assert (pending.delivery, pending.repository_id, pending.full_name) == ("d-1", 7, "acme/meta")
    assert (pending.attempts, pending.received_at) == (0, NOW)
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
    assert await inbox.finish_all(mark, NOW) == 0


async def test_ids_grow_even_after_everything_was_pruned(inbox: Inbox) -> None:
    """Guards marks: an id used again would lie below a mark taken long ago."""
    await put(inbox, "d-1")
    mark = await inbox.mark()
    await inbox.finish_all(mark, NOW)
    assert await inbox.prune(NOW + timedelta(seconds=1)) == 1
    await put(inbox, "d-2")
    assert (await inbox.pending())[0].id > mark


async def test_a_failed_reconcile_leaves_its_deliveries_waiting(inbox: Inbox) -> None:
    """Guards against losing a delivery because the forge was away when it was worked on."""
    await put(inbox, "d-1")
    mark = await inbox.mark()
    assert await inbox.fail(7, mark, NOW, why="HTTP 500") == 1
    assert [each.attempts for each in await inbox.pending()] == [1]
    assert await inbox.fail(7, mark, NOW, why="HTTP 500", give_up=True) == 1
    assert await waiting(inbox) == []
    assert await inbox.backlog() == Backlog({"failed": 1}, None)


async def test_what_names_no_repository_is_settled_by_id_or_by_a_sweep_of_everything(inbox: Inbox) -> None:
    """Guards against rows that no reconcile would ever finish."""
    await put(inbox, "a", repository_id=None)
    await put(inbox, "b", repository_id=None)
    first, second = await inbox.pending()
    assert await inbox.done([first.id], NOW, why="no profile reaches it") == 1
    assert await inbox.finish_all(second.id, NOW) == 1
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
    await inbox.append(Delivery("d", "push", 7), headers=head, body=b"", received_at=NOW)
    with sqlite3.connect(tmp_path / "state.db") as connection:
        (stored,) = connection.execute("SELECT headers FROM inbox").fetchone()
    connection.close()
    assert "x-gitea-delivery" in stored
    assert not any(word in stored.lower() for word in ("authorization", "signature", "c2vjcmv0", "f00"))


async def test_bodies_are_dropped_once_done(state: object, tmp_path: Path) -> None:
    """Guards the size of a file that is backed up, and private contents in it."""
    assert isinstance(state, StateStore)
    inbox = Inbox(state.database)
    for name, repository_id in (("done", 7), ("failed", 8), ("waits", 9)):
        await put(inbox, name, repository_id)
    await inbox.finish(7, 99, NOW)
    await inbox.fail(8, 99, NOW, why="x", give_up=True)
    connection = sqlite3.connect(tmp_path / "state.db")
    bodies = dict(connection.execute("SELECT delivery, length(body) FROM inbox").fetchall())
    connection.close()
    assert bodies["done"] == 0
    assert bodies["failed"] == bodies["waits"] == len(push())


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
        await Inbox(state.database).append(delivery, headers={}, body=b"x", received_at=datetime.now(UTC))
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
                    else:
                        await inbox.fail(repository, mark, NOW, why="unreachable")
                assert await waiting(inbox) == [name for name, _ in expected]

    asyncio.run(scenario())
