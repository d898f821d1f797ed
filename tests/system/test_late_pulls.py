"""A forge that takes long over a pull request: entries are written without it, and a deferred look reads it (S8, S9).

The forge answers in the end, so that this is no error: nothing is told, nothing is in back-off, nothing is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from harness import META, OVERLAP, System, rfc
from revising import proposed, revisions

from cache.rows import EntryRow, FindingRow, PullRow
from daemon import reading
from daemon.work.scope import Scope
from daemon.work.workqueue import Priority
from gitea_client.fake import Fault
from gitea_client.objects import ObjectStore

ONE = r"/repos/acme/meta/pulls/1$"
TIMELINE = r"/repos/acme/meta/issues/1/timeline"
THE_LIST = r"/repos/acme/meta/pulls\?"
LONG = 600.0


@pytest.fixture
async def begun(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[System]:
    """Two entries and a pull request that changes one of them; a daemon that waits a moment, and no deliveries."""
    monkeypatch.setattr(reading, "SECONDS", 0.4)
    async with System(timeout="1h") as system:
        await system.forge.commit(META, {"rfcs/a.md": rfc("First"), "rfcs/b.md": rfc("B")})
        await proposed(system)
        await system.settle()
        await system.sweep(deep=True)
        system.clock.tick(OVERLAP + 1)
        system.forge.deliveries.drop = True
        yield system


async def title(system: System) -> str:
    """What the entry is called that no pull request is about."""
    return str((await system.table(EntryRow))["rfc", "rfcs", "b"].title)


async def pull_title(system: System) -> str:
    """What the pull request is called."""
    (row,) = (await system.table(PullRow)).values()
    return row.title


async def changed(system: System, entry: str, pull: str) -> None:
    """A push to the default branch, and an edit of the pull request, of which no delivery tells."""
    await system.forge.commit(META, {"rfcs/b.md": rfc(entry)})
    await system.forge.edit_pull(META, 1, title=pull)
    system.clock.tick()


def look(system: System, scope: Scope) -> asyncio.Task[Exception | None]:
    """A look as a sweep asks for it."""
    (repository_id,) = system.engine.desk.book.world.mirrored
    return asyncio.create_task(system.engine.desk.reconciler.look(repository_id, scope, Priority.DEEP))


async def quiet(system: System) -> None:
    """Nothing is told, and nothing has failed."""
    assert not (await system.table(FindingRow))
    assert not [row for row in system.engine.desk.book.looks().values() if row.failures]


async def in_time(true: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(20):
        while not await true():
            await asyncio.sleep(0.02)


async def until(system: System, pull: str) -> None:
    """Wait for what a pull request is called."""

    async def called() -> bool:
        return await pull_title(system) == pull

    await in_time(called)


@pytest.mark.parametrize(
    ("match", "scope"),
    [
        (ONE, Scope(pulls=frozenset({1}))),
        (TIMELINE, Scope(pulls=frozenset({1}))),
        (THE_LIST, Scope(all_pulls=True)),
    ],
    ids=["one", "its timeline", "the list"],
)
async def test_entries_are_written_before_what_comes_late(begun: System, match: str, scope: Scope) -> None:
    """The look ends with them; a deferred one reads the pull request, as soon as the forge answers."""
    before = await revisions(begun)
    begun.forge.faults.set(Fault("delay", match, seconds=2, count=2))
    await changed(begun, "B went on", "Meanwhile")
    assert await look(begun, scope) is None
    assert (await title(begun), await revisions(begun)) == ("B went on", before)
    assert match == TIMELINE or await pull_title(begun) != "Meanwhile"
    await quiet(begun)
    await until(begun, "Meanwhile")
    await begun.engine.desk.workers.idle()
    assert not begun.engine.desk.reconciler.late
    await quiet(begun)


async def amended(system: System) -> None:
    """Wait for the amendment that a push to the pull request makes."""

    async def there() -> bool:
        return bool((await revisions(system))[0].amendments)

    await in_time(there)


async def test_a_push_to_it_that_is_read_late_makes_its_amendment(begun: System) -> None:
    """Its ref was listed by the first look, and its timeline read by the deferred one: no head is left out."""
    begun.forge.faults.set(Fault("delay", TIMELINE, seconds=1, count=2))
    await begun.forge.commit(META, {"rfcs/a.md": rfc("Again")}, branch="edit/a/x")
    await begun.forge.commit(META, {"rfcs/b.md": rfc("B went on")})
    assert await look(begun, Scope()) is None
    assert (await title(begun), [row.amendments for row in await revisions(begun)]) == ("B went on", [()])
    await amended(begun)
    begun.forge.faults.clear()
    report, code = await begun.command("verify")
    assert code == 0, report["differences"]


async def test_commits_that_come_late_hold_up_no_entry(begun: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pack may take as long to make as it takes to answer; a head is not gone because its commits are not there."""
    fetch, may, late = ObjectStore.fetch, asyncio.Event(), set[str]()

    async def slow(self: ObjectStore, url: str, ids: Any, **options: Any) -> None:
        if late & set(ids):
            await may.wait()
        await fetch(self, url, ids, **options)

    monkeypatch.setattr(ObjectStore, "fetch", slow)
    await begun.forge.commit(META, {"rfcs/a.md": rfc("Again")}, branch="edit/a/x")
    fork = await begun.forge.fork(META, "ada")
    late.add(await begun.forge.commit(fork, {"rfcs/a.md": rfc("Ada's")}, branch="y", start="main", by="ada"))
    await begun.forge.open_pull(META, "ada:y")
    await begun.forge.commit(META, {"rfcs/b.md": rfc("B went on")})
    assert await look(begun, Scope()) is None
    assert await title(begun) == "B went on"
    (first,) = await revisions(begun)
    assert first.amendments, "of the pull request that was not late"
    (evidence,) = begun.engine.desk.book.world.mirrored.values()
    assert not [head for history in evidence.histories.values() for head in history.heads if head.gone]
    await quiet(begun)
    may.set()

    async def both() -> bool:
        return len(await revisions(begun)) == 2

    await in_time(both)
    report, code = await begun.command("verify")
    assert code == 0, report["differences"]


async def test_a_deferred_look_gives_way_to_what_is_new(begun: System) -> None:
    """It waits for as long as the forge may take, and a push is read in the meantime, again and again."""
    begun.forge.faults.set(Fault("delay", ONE, seconds=LONG))
    await changed(begun, "B went on", "Meanwhile")
    for n in range(3):
        await begun.forge.commit(META, {"rfcs/b.md": rfc(f"B {n}")})
        async with asyncio.timeout(10):
            assert await look(begun, Scope(pulls=frozenset({1}))) is None
        assert await title(begun) == f"B {n}"
        async with asyncio.timeout(10):
            while not begun.engine.desk.queue.running:
                await asyncio.sleep(0.01)
    await quiet(begun)
    begun.forge.faults.clear()
    await look(begun, Scope())
    await until(begun, "Meanwhile")


async def test_deferred_looks_leave_a_worker_to_others(begun: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many pull requests take long: where no worker is free, they give way to a look at any repository."""
    monkeypatch.setattr(begun.engine.desk.workers, "_count", 1)
    await begun.forge.create_repository("acme/other")
    await begun.forge.commit("acme/other", {"rfcs/o.md": rfc("O")})
    await begun.sweep(deep=True)
    begun.clock.tick(OVERLAP + 1)
    begun.forge.faults.set(Fault("delay", ONE, seconds=LONG))
    await changed(begun, "B went on", "Meanwhile")
    world = begun.engine.desk.book.world
    meta, other = (
        next(i for i, each in world.listed.items() if each.full_name == name) for name in (META, "acme/other")
    )
    reconciler = begun.engine.desk.reconciler
    async with asyncio.timeout(20):
        assert await reconciler.look(meta, Scope(pulls=frozenset({1})), Priority.DEEP) is None
        while meta not in begun.engine.desk.queue.running:
            await asyncio.sleep(0.01)
        assert await reconciler.look(other, Scope(), Priority.DEEP) is None


async def test_a_daemon_that_stops_does_not_wait_for_them(begun: System) -> None:
    """Its supervisor would kill it; what is left to be read, the next start reads."""
    begun.forge.faults.set(Fault("delay", ONE, seconds=LONG))
    await changed(begun, "B went on", "Meanwhile")
    assert await look(begun, Scope(pulls=frozenset({1}))) is None
    async with asyncio.timeout(5):
        await begun.stop()
    begun.forge.faults.clear()
    await begun.start()
    await begun.sweep(deep=True)
    assert await pull_title(begun) == "Meanwhile"


async def test_a_ref_counts_as_read_when_all_that_it_names_was(begun: System) -> None:
    """The next look at refs alone, after a restart, reads what the one before had no time for."""
    begun.forge.faults.set(Fault("delay", TIMELINE, seconds=LONG))
    await begun.forge.commit(META, {"rfcs/a.md": rfc("Again")}, branch="edit/a/x")
    assert await look(begun, Scope()) is None
    await begun.stop()
    begun.forge.faults.clear()
    await begun.start()
    assert await look(begun, Scope()) is None
    await begun.engine.desk.workers.idle()
    assert (await revisions(begun))[0].amendments


async def test_whoever_asks_for_a_sweep_waits_for_what_is_late(begun: System) -> None:
    """A person who is told that everything was read finds it so."""
    begun.forge.faults.set(Fault("delay", ONE, seconds=1.5, count=2))
    await changed(begun, "B went on", "Meanwhile")
    report, code = await begun.command("sweep")
    assert (code, report["errors"]) == (0, [])
    assert (await title(begun), await pull_title(begun)) == ("B went on", "Meanwhile")


async def test_a_delivery_is_done_when_what_it_tells_of_was_read(begun: System) -> None:
    """Until then it waits in the inbox: a daemon that is killed meanwhile reads it at its next start."""
    begun.forge.deliveries.drop = False
    begun.forge.faults.set(Fault("delay", ONE, seconds=LONG))
    await begun.forge.edit_pull(META, 1, title="Meanwhile")
    await begun.forge.deliveries.settle()
    async with asyncio.timeout(10):
        while not begun.engine.desk.reconciler.late:
            await asyncio.sleep(0.01)
    assert await begun.engine.inbox.pending()
    begun.forge.faults.clear()
    await begun.restart()
    await until(begun, "Meanwhile")
