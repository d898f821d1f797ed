"""One reconcile, stopped in the middle: which delivery it settles, what a failure leaves, whose refs it believes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from harness import META, System, rfc
from stopping import cancelled_at

from cache.model import Blob
from cache.rows import EVIDENCE, PROJECTED, EntryRow
from daemon.reading import Reader
from daemon.reconciler import Reconciler
from daemon.work.scope import Scope
from daemon.work.workqueue import Priority
from gitea_client.fake import Fault

AT_ONCE = Priority.INTERACTIVE


async def title(system: System, key: str = "a") -> str:
    """The title of an entry, from the file."""
    return str((await system.table(EntryRow))["rfc", "rfcs", key].title)


def _blobs(blobs: Iterable[Blob]) -> list[bytes | None]:
    return [blob.content for blob in blobs]


async def pending(system: System) -> int:
    """How many deliveries wait."""
    return (await system.engine.inbox.backlog()).pending


async def test_a_delivery_that_comes_while_a_look_reads_is_not_settled_by_that_look(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards the mark of the inbox: taken after the read, it would settle a push that was not read."""
    read, seen = Reader.read, list[tuple[str, int]]()

    async def pushed_after_it(reader: Reader, *arguments: Any) -> Any:
        seen.append((await title(system), await pending(system)))
        outcome = await read(reader, *arguments)
        if len(seen) == 1:
            await system.forge.commit(META, {"rfcs/a.md": rfc("Second")})
            await system.forge.settle()  # stored and answered; what was read is older
        return outcome

    monkeypatch.setattr(Reader, "read", pushed_after_it)
    await system.forge.commit(META, {"rfcs/a.md": rfc("First pushed")})
    await system.settle()
    assert seen == [("First", 1), ("First pushed", 1)], "the second look begins with the second delivery waiting"
    assert (await title(system), await pending(system)) == ("Second", 0)


async def test_deliveries_of_a_look_that_failed_are_settled_by_the_one_that_succeeds(system: System) -> None:
    """Guards a delivery that waits in the inbox for ever, since the look after the failure did not know of it."""
    fault = Fault("status", match="git-upload-pack", status=500)
    system.forge.faults.set(fault)
    await system.forge.commit(META, {"rfcs/a.md": rfc("Pushed")})
    await system.settle()
    assert await pending(system) == 1
    system.forge.faults.clear()
    assert await system.engine.desk.reconciler.look(system.forge.repository(META).id, Scope(), AT_ONCE) is None
    assert (await title(system), await pending(system)) == ("Pushed", 0)


async def test_what_was_read_under_a_name_that_is_anothers_by_now_is_discarded(system: System) -> None:
    """Guards the rows of one repository against the refs of another: nothing in Git tells the difference."""
    mine, book = system.forge.repository(META).id, system.engine.desk.book
    system.forge.deliveries.drop = True
    await system.forge.commit(META, {"rfcs/a.md": rfc("Mine")})
    await system.forge.rename_repository(META, "former")
    await system.forge.create_repository(META)
    await system.forge.commit(META, {"rfcs/a.md": rfc("Of another")})
    written: list[bytes | None] = []
    book.listeners.append(lambda *_: written.extend(_blobs(book.world.mirrored[mine].blobs.values())))
    assert await system.engine.desk.reconciler.look(mine, Scope(), AT_ONCE) is None
    assert book.world.mirrored[mine].repository.full_name == "acme/former"
    assert "Mine" in str(written)
    assert "Of another" not in str(written), "what was read under the former name was written"


async def test_what_nothing_leads_to_any_more_is_not_written(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards: a repository that was let go while it was read stood there again as one that is mirrored."""
    await system.forge.create_repository("acme/home")
    await system.forge.commit("acme/home", {"RFC.md": "# Told\n"})
    await system.forge.commit(META, {"rfcs/a.md": rfc("First", "active", repo="acme/home")})
    await system.settle()
    await system.sweep()
    home, book = system.forge.repository("acme/home").id, system.engine.desk.book
    assert home in book.world.mirrored
    read, mirrored = Reader.read, list[bool]()

    async def let_go_meanwhile(reader: Reader, repository: Any, *arguments: Any) -> Any:
        outcome = await read(reader, repository, *arguments)
        if repository.id == home:
            await system.forge.commit(META, {"rfcs/a.md": rfc("Without one")})
            assert await system.engine.desk.reconciler.look(system.forge.repository(META).id, Scope(), AT_ONCE) is None
            assert home not in book.world.mirrored
            book.listeners.append(lambda *_: mirrored.append(home in book.world.mirrored))
        return outcome

    monkeypatch.setattr(Reader, "read", let_go_meanwhile)
    await system.forge.commit("acme/home", {"RFC.md": "# Told again\n"})
    await system.settle()
    assert not any(mirrored)
    assert home not in book.world.mirrored
    assert home not in book.looks()


async def test_a_404_without_a_list_that_lacks_it_buries_no_repository(system: System) -> None:
    """Guards against one word for proof: by its id it is not there, and the complete list still has it."""
    mine = system.forge.repository(META).id
    system.forge.faults.set(
        Fault("status", match=f"/repositories/{mine}($|\\?)", status=404),
        Fault("status", match="git-upload-pack", status=404),
    )
    error = await system.engine.desk.reconciler.look(mine, Scope(again=True), AT_ONCE)
    assert "is listed and answers 404" in str(error)
    assert mine in system.engine.desk.book.world.mirrored
    assert await title(system) == "First"


async def test_a_404_for_a_pull_request_whose_ref_is_there_buries_nothing(system: System) -> None:
    """Guards against rights that were taken away: who may not see a pull request is told that there is none."""
    numbers = []
    for branch in ("propose/b", "propose/c"):
        await system.forge.commit(META, {f"rfcs/{branch[-1]}.md": rfc("New")}, branch=branch, start="main")
        numbers.append(await system.forge.open_pull(META, branch))
    await system.settle()
    mine, hidden = system.forge.repository(META).id, numbers[0]
    system.forge.faults.set(Fault("status", match=f"/pulls/{hidden}($|\\?)", status=404))
    await system.engine.desk.reconciler.look(mine, Scope(pulls=frozenset(numbers)), AT_ONCE)
    book = system.engine.desk.book
    assert book.world.mirrored[mine].pulls.keys() == set(numbers)
    assert book.world.tombstones.pulls == {}


async def test_a_look_is_counted_as_changed_only_where_rows_changed(system: System) -> None:
    """Guards the metric that tells a busy forge from one that is only looked at."""
    ended: list[str] = []

    class Watcher:
        def ended(self, _repository_id: int, outcome: str, _began: object) -> None:
            ended.append(outcome)

    reconciler, mine = system.engine.desk.reconciler, system.forge.repository(META).id
    reconciler.watcher = Watcher()
    system.forge.deliveries.drop = True
    await reconciler.look(mine, Scope(), AT_ONCE)
    await system.forge.commit(META, {"rfcs/a.md": rfc("Other")})
    await reconciler.look(mine, Scope(), AT_ONCE)
    await reconciler.look(mine, Scope(again=True), AT_ONCE)  # everything is read, and nothing differs
    system.forge.faults.set(Fault("status", match="git-upload-pack", status=500))
    await reconciler.look(mine, Scope(), AT_ONCE)
    assert ended == ["same", "changed", "same", "failed"]


async def test_a_reconcile_cancelled_at_any_await_leaves_rows_and_memory_alike_and_settles_nothing_early(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards every moment of reading, projecting and writing: a stop that comes there is no push that is lost."""
    engine, mine = system.engine, system.forge.repository(META).id
    reconciler: Reconciler = engine.desk.reconciler
    ask, reconciler.ask = reconciler.ask, lambda *_: None  # type: ignore[method-assign] # nobody but us looks
    outcomes = set()
    number = 0
    while True:
        number += 1
        await system.forge.commit(META, {"rfcs/a.md": rfc(f"Push {number}")})
        await system.forge.settle()
        reached = await cancelled_at(number, reconciler.handle(mine, Scope()))
        await engine.desk.book.turn()  # whatever was being written is written
        stored = await engine.store.load((*EVIDENCE, *PROJECTED))
        held = engine.desk.book.rows
        assert all(stored[kind] == held[kind] for kind in stored), f"cancelled at await {number}"
        written, waiting = await title(system) == f"Push {number}", await pending(system)
        outcomes.add((written, waiting > 0))
        assert written or waiting, f"cancelled at await {number}: settled, and not written"
        assert not waiting or mine in reconciler.awaited, f"cancelled at await {number}: forgotten"
        if not reached:
            break
    assert outcomes >= {(False, True), (True, False)}

    async def cancelled(*_: object) -> int:  # between the two there is one await, which a count may miss
        raise asyncio.CancelledError

    monkeypatch.setattr(engine.inbox, "finish", cancelled)
    await system.forge.commit(META, {"rfcs/a.md": rfc("Written")})
    await system.forge.settle()
    with pytest.raises(asyncio.CancelledError):
        await reconciler.handle(mine, Scope())
    assert (await title(system), await pending(system) > 0) == ("Written", True)
    assert mine in reconciler.awaited
    reconciler.ask = ask  # type: ignore[method-assign]
