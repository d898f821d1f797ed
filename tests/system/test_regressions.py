"""Small stories in which something once went wrong. Each was found by `test_machine` and made as short as it gets."""

from __future__ import annotations

import asyncio
from typing import Any

from comparing import Witness
from harness import META, OVERLAP, System, rfc

from cache.revision_rows import RevisionRow
from cache.rows import BranchRow, EntryRow, PullRow, RelationRow, RepositoryRow
from gitea_client.fake import Fault

HOME = "acme/home"


async def proven(system: System, witness: Witness) -> None:
    """A deep sweep knows everything, and a fresh reading and a rebuild find the same."""
    await system.settle()
    await system.sweep(deep=True)
    await witness.check()
    live = await system.digest()
    report, code = await system.command("verify")
    assert code == 0, report["differences"]
    report, code = await system.command("rebuild")
    assert code == 0, report
    assert await system.digest() == live


async def active(system: System) -> None:
    """An active request with a repository, a branch and a pull request of its own."""
    await system.forge.create_repository(HOME)
    await system.forge.commit(HOME, {"RFC.md": "# One\n"})
    await system.forge.commit(HOME, {"x": "y"}, branch="topic", start="main")
    await system.forge.open_pull(HOME, "topic")
    await system.forge.commit(META, {"rfcs/a.md": rfc("A", "active", repo=HOME)})
    await system.settle()
    await system.sweep()


async def test_what_only_a_deleted_repositorys_entries_led_to_is_let_go(system: System, witness: Witness) -> None:
    """It stayed mirrored for ever: nothing looked at what leads where after a repository was found gone."""
    await active(system)
    await system.forge.delete_repository(META)
    await proven(system, witness)
    listed = (await system.table(RepositoryRow))[system.forge.repository(HOME).id]
    assert listed.depth is None


async def test_a_repository_that_was_given_away_and_then_deleted_takes_its_rows_with_it(
    system: System, witness: Witness
) -> None:
    """It is out of reach from the day it is a stranger's, and what becomes of it then concerns nobody here."""
    system.forge.create_organization("zed")
    await active(system)
    await system.forge.transfer(HOME, "zed")
    await system.sweep(deep=True)
    await witness.check()
    await system.forge.delete_repository("zed/home")
    await proven(system, witness)
    assert await system.table(PullRow) == {}


async def test_a_strangers_repository_that_only_an_audit_line_names_is_asked_for_again(
    system: System, witness: Witness
) -> None:
    """It was listed for ever, whatever became of it."""
    fork = await system.forge.fork(META, "ada")
    line = f'{{"id": "1", "action_kind": "x", "repo": "{fork}", "pr_number": 1, "on_behalf_of": "grace"}}\n'
    await system.forge.commit(META, {"audit/2025-03.jsonl": line})
    await system.settle()
    await system.sweep()
    assert [row.resolved for row in (await system.table(RelationRow)).values()] == [True]
    await system.forge.delete_repository(fork)
    await proven(system, witness)
    assert [row.resolved for row in (await system.table(RelationRow)).values()] == [False]


async def test_a_repository_renamed_between_its_delivery_and_its_reading(system: System, witness: Witness) -> None:
    """What was to be read of it was told from its name, which no longer led to it: its entries had no bytes."""
    await system.forge.commit(META, {"rfcs/a.md": rfc("A")})
    await system.forge.rename_repository(META, "elsewhere")
    await system.settle()
    await witness.check()
    await proven(system, witness)


async def test_a_repository_out_of_reach_has_the_default_branch_that_the_list_tells(
    system: System, witness: Witness
) -> None:
    """The list that put it out of reach was overruled by refs that were read while it was within."""
    await system.forge.commit(META, {"rfcs/a.md": rfc("A")})
    await system.settle()
    system.forge.deliveries.drop = True
    await system.forge.rename_branch(META, "main", "next")
    await system.forge.rename_repository(META, "elsewhere")
    await system.forge.create_repository(META)
    await system.sweep(deep=True)
    await witness.check()
    await proven(system, witness)


async def test_a_reading_that_ends_after_its_repository_was_found_gone_brings_nothing_back(
    system: System, witness: Witness
) -> None:
    """A delivery's reading and a sweep's burial meet: what was read is older."""
    await active(system)
    witness.note()
    home, reconciler = system.forge.repository(HOME).id, system.engine.desk.reconciler
    read = reconciler.reader.read

    async def overtaken(*arguments: Any) -> Any:
        outcome = await read(*arguments)
        if arguments[0].id == home:
            await system.forge.delete_repository(HOME)
            await reconciler.bury(home)
        return outcome

    reconciler.reader.read = overtaken  # type: ignore[method-assign,assignment] # stands between reading and writing
    await system.forge.commit(HOME, {"RFC.md": "# Last words\n"})
    await system.settle()
    reconciler.reader.read = read  # type: ignore[method-assign]
    assert home not in await system.table(RepositoryRow)
    assert {row.state for row in (await system.table(BranchRow)).values()} == {"deleted"}
    await proven(system, witness)


async def test_a_store_is_not_removed_under_a_reading(system: System, witness: Witness) -> None:
    """Git's files vanished in the middle of a fetch, which then failed as if it were our own fault."""
    await active(system)
    home, reader = system.forge.repository(HOME).id, system.engine.desk.reconciler.reader
    system.forge.faults.set(Fault("delay", r"/home.git/info/refs", seconds=0.2))
    await system.forge.commit(HOME, {"RFC.md": "# Two\n"})
    async with asyncio.timeout(10):
        while not any("/home.git/info/refs" in line for line in system.spent(0)[-1:]):
            await reader.forget(system.engine.desk.book.world.listed[home])
            await asyncio.sleep(0)
    await system.settle()
    assert not [row for row in system.engine.desk.book.looks().values() if row.failures]
    await proven(system, witness)


async def test_a_pull_request_whose_reading_failed_is_read_after_a_restart(system: System, witness: Witness) -> None:
    """Which one it was, only the running daemon knew."""
    await active(system)
    system.forge.deliveries.drop = True
    system.clock.tick(3_600)
    await system.forge.edit_pull(HOME, 1, title="Changed")
    system.forge.faults.set(Fault("status", r"/pulls", status=403))
    _, code = await system.command("sweep")
    assert code == 3
    await system.stop()
    system.clock.tick(3_600)
    await system.forge.commit(META, {"x": "y"}, branch="claim/a", start="main")
    await system.forge.open_pull(META, "claim/a")  # moves the watermark past the other
    system.forge.faults.clear()
    await system.start()
    await system.sweep()
    await system.sweep()
    await witness.check()


async def test_what_is_gone_is_still_known_when_state_db_is_lost(system: System, witness: Witness) -> None:
    """The rows say it: tombstones are told again from them, and live and fresh agree."""
    await active(system)
    witness.note()
    await system.forge.delete_branch(HOME, "topic")
    await system.forge.delete_pull(HOME, 1)
    await proven(system, witness)
    await system.lose("state.db")
    await proven(system, witness)
    states = {row.name: row.state for row in (await system.table(BranchRow)).values()}
    assert states == {"main": "open", "topic": "deleted"}
    assert [row.gone for row in (await system.table(PullRow)).values()] == [True]


async def test_a_name_that_is_given_again_after_a_while_is_looked_up_again(system: System, witness: Witness) -> None:
    """It had been asked for once, and its answer forgotten since."""
    system.forge.create_organization("zed")
    await system.forge.create_repository("zed/far")
    for text in (rfc("A", repo="zed/far"), rfc("A"), rfc("A", repo="zed/far")):
        await system.forge.commit(META, {"rfcs/a.md": text})
        await system.settle()
        await system.sweep()
        await witness.check()
    assert (await system.table(EntryRow))["rfc", "rfcs", "a"].home_repository_id is not None


async def test_a_pull_request_opened_with_nothing_to_add_and_then_forced(system: System, witness: Witness) -> None:
    """Its timeline begins with a forced push, as one that forgot does: a finding may say so, no more."""
    await system.forge.commit(META, {"rfcs/a.md": rfc("A")})
    start = system.forge.refs(META)["refs/heads/main"]
    await system.forge.commit(META, {"rfcs/b.md": rfc("B")})
    number = await system.forge.open_pull(META, "main", base="main")
    await proven(system, witness)
    await system.forge.push_refs(META, {"refs/heads/main": start})
    await proven(system, witness)
    await system.forge.delete_pull(META, number)
    await proven(system, witness)


async def test_what_a_reading_from_nothing_would_not_publish_yet_is_not_said_to_be_the_forges(system: System) -> None:
    """A head that no push tells is waited for after each change. A digest without `state.db` counted the revision of
    one that was published before, though whoever reads anew waits for it again.
    """
    await system.forge.create_repository(HOME)
    await system.forge.commit(HOME, {"RFC.md": "# One\n"})
    await system.forge.commit(META, {"rfcs/a.md": rfc("A", "active", repo=HOME)})
    number = await system.forge.open_pull(HOME, "main", base="main")
    await system.settle()
    system.clock.tick(OVERLAP + 1)
    report, code = await system.command("rebuild")
    assert code == 0, report
    assert len(await system.table(RevisionRow)) == 1
    await system.forge.close(HOME, number)
    await system.settle()
    await system.sweep(deep=True)
    before = await system.digest(without_state=True)
    await system.lose("state.db", "cache.db", "objects")
    await system.sweep(deep=True)
    assert await system.digest(without_state=True) == before
