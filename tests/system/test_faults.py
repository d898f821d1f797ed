"""Every way in which a forge answers badly, at every read that the daemon does.

While the fault lasts no row is lost and none is wrong: each is as it was or as the forge has it now, and whoever asked
is told what could not be read. Once it is over the next quiet sweep makes everything right, without a restart.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from comparing import Witness
from harness import META, OVERLAP, System, Tables, rfc

from cache.revision_rows import ProposalRow, RevisionRow
from cache.rows import BranchRow, EntryRow, FindingRow, HistoryRow, LookRow, PullEntryRow, PullRow, RepositoryRow
from gitea_client.fake import Fault

HOME = "acme/home"

READS = {
    "list of repositories": Fault("status", r"/repos/search"),
    "search for changed pull requests": Fault("status", r"/repos/issues/search"),
    "activity feed": Fault("status", r"/activities/feeds"),
    "repository by its id": Fault("status", r"/repositories/\d+"),
    "list of pull requests": Fault("status", r"/repos/acme/home/pulls\?"),
    "single pull request": Fault("status", r"/repos/acme/home/pulls/\d+"),
    "timeline of a pull request": Fault("status", r"/repos/acme/home/issues/\d+/timeline"),
    "refs": Fault("status", r"/acme/home.git/git-upload-pack"),
    "what can be fetched": Fault("status", r"/acme/home.git/info/refs"),
    "objects": Fault("status", r"/acme/home.git/git-upload-pack", skip=1),
}
FAULTS: dict[str, dict[str, Any]] = {
    "a short page": {"kind": "short_page"},  # first: a feed of several pages is not read to its end
    "an error": {"kind": "status", "status": 500},
    "a proxy's error": {"kind": "status", "status": 502},
    "too many requests": {"kind": "status", "status": 429, "headers": {"Retry-After": "0"}},
    "not found": {"kind": "status", "status": 404},
    "not allowed": {"kind": "status", "status": 403},
    "a token that is not known": {"kind": "status", "status": 401},
    "half an answer": {"kind": "cut", "keep_bytes": 40},
    "nothing at all": {"kind": "empty"},
    "another shape": {"kind": "wrong_json"},
    "a web page": {"kind": "not_json"},
    "a closed connection": {"kind": "refuse"},
    "no answer in time": {"kind": "delay", "seconds": 3},
}
HARMLESS = {
    # What is no list has no page that could be short.
    *(("a short page", read) for read in READS if not read.startswith(("list", "search", "activity", "timeline"))),
    # Fetching may take its time: a large repository does.
    ("no answer in time", "what can be fetched"),
    ("no answer in time", "objects"),
    # Its ref is there, so it is asked for by its number.
    ("a short page", "list of pull requests"),
}
FOUND = {
    # Its ref is there: it is not gone, it is kept from us. Asking again would not help: no trouble of a sweep.
    ("not found", "single pull request"): "pull-request-unreadable",
    # Nor is any of them gone: the forge shows none.
    ("not found", "list of pull requests"): "pull-requests-hidden",
}


@asynccontextmanager
async def lived(**options: Any) -> AsyncIterator[tuple[System, Witness]]:
    """A forge where something happened, all of it known; deliveries are lost from now on, and nobody waits to retry."""
    async with System(timeout="1s", **options) as system:
        await system.forge.create_repository(HOME)
        await system.forge.commit(HOME, {"RFC.md": "# One\n"})
        await system.forge.commit(META, {"rfcs/a.md": rfc("A", "active", repo=HOME), "rfcs/b.md": rfc("B")})
        for name in ("topic", "other"):
            await system.forge.commit(HOME, {f"{name}.md": name}, branch=name, start="main")
            await system.forge.open_pull(HOME, name, title=f"First {name}")
        await system.settle()
        await system.sweep(deep=True)
        witness = Witness(system)
        await witness.check()
        system.clock.tick(OVERLAP + 1)
        system.forge.deliveries.drop = True
        system.engine.forge.transport._sleep = _at_once
        yield system, witness


async def _at_once(seconds: float) -> None:
    await asyncio.sleep(0)


async def goes_on(system: System, number: int = 2) -> None:
    """Life on the forge that touches every read, for the second, third … time: the newest pull request is closed and
    its branch deleted, and another one is opened.
    """
    forge, branch = system.forge, f"topic{number}"
    former = "other" if number == 2 else f"topic{number - 1}"
    await forge.commit(HOME, {"RFC.md": f"# Number {number}\n"})
    await forge.commit(HOME, {"more": f"{number}"}, branch="topic")
    await forge.label(HOME, number, "ready")
    await forge.close(HOME, number)
    await forge.create_branch(HOME, branch)
    await forge.delete_branch(HOME, former)
    await forge.commit(HOME, {"more": f"{number}"}, branch=branch)
    await forge.open_pull(HOME, branch, title=f"Number {number + 1}")
    system.clock.tick(1)
    await forge.commit(META, {"rfcs/b.md": rfc(f"B {number}")})


async def forgotten(system: System, number: int) -> None:
    """Time passes until nothing that went on is looked at again only because it was a moment ago."""
    system.clock.tick(OVERLAP + 1)
    await system.forge.label(HOME, 1, "seen", remove=bool(number % 2))
    await system.sweep()
    system.clock.tick(OVERLAP + 1)


def kept(before: Tables, after: Tables) -> None:
    """No row is lost. (Of an entry's history, and of what is an open branch, nothing disappears either.)"""
    for kind in (EntryRow, HistoryRow, BranchRow, PullRow, PullEntryRow, RepositoryRow, RevisionRow):
        assert before[kind].keys() <= after[kind].keys(), kind.table


def right(before: Tables, during: Tables, after: Tables) -> None:
    """Each row was as before or as it came to be: a fault makes nothing up."""
    for kind in (EntryRow, BranchRow, PullRow, PullEntryRow, RevisionRow, ProposalRow):
        for key, row in during[kind].items():
            assert row in (before[kind].get(key), after[kind].get(key)), (kind.table, key)


@pytest.mark.parametrize("read", READS)
async def test_a_fault_at_a_read_loses_nothing_makes_nothing_up_and_is_told(read: str) -> None:
    """Every fault, one after another: nothing of the one before may be left when the next one comes."""
    async with lived() as (system, witness), asyncio.timeout(110):
        for number, fault in enumerate(FAULTS, 2):
            try:
                await told_and_over(system, witness, read, fault, number)
            except BaseException as error:
                error.add_note(f"{fault} at {read}")
                raise
            await forgotten(system, number)


async def told_and_over(system: System, witness: Witness, read: str, fault: str, number: int) -> None:
    """One fault: what its sweep does, and the quiet sweep after it."""
    before = await system.rows()
    await goes_on(system, number)
    where = READS[read]
    system.forge.faults.set(Fault(match=where.match, skip=where.skip, **FAULTS[fault]))
    report, code = await system.command("sweep", deep=read == "list of pull requests")
    during = await system.rows()
    kept(before, during)
    if (fault, read) in HARMLESS:
        await witness.check()
    elif (fault, read) in FOUND:
        rules = {row.rule for row in during[FindingRow].values() if isinstance(row, FindingRow)}
        assert rules == {FOUND[fault, read]}
    else:
        assert code == 3, report
        assert all(trouble["error"] and trouble["remedy"] for trouble in report["errors"])
    system.forge.faults.clear()
    await system.sweep()
    await witness.check()
    right(before, during, await system.rows())
    assert not [row for row in system.engine.desk.book.looks().values() if row.failures]


async def test_a_forge_that_cannot_be_reached_pauses_everything_and_keeps_what_there_is() -> None:
    async with lived() as (system, witness), asyncio.timeout(100):
        before = await system.rows()
        await goes_on(system)
        system.forge.faults.refuse_all(True)
        for deep in (False, True):
            _, code = await system.command("sweep", deep=deep)
            assert code == 3
            assert await system.rows() == before
        system.forge.faults.refuse_all(False)
        await system.sweep()
        await witness.check()


async def test_one_sick_repository_never_holds_up_the_others() -> None:
    """The others are read in the same sweep; its own trouble stands in the report, its look and the status."""
    async with lived() as (system, _), asyncio.timeout(100):
        await goes_on(system)
        system.forge.faults.set(Fault("status", r"/acme/home.git/"))
        report, code = await system.command("sweep")
        assert code == 3
        assert [trouble["scope"] for trouble in report["errors"]] == [f"repository:{HOME}"]
        assert (await system.table(EntryRow))["rfc", "rfcs", "b"].title == "B 2"
        look = system.engine.desk.book.looks()[system.forge.repository(HOME).id]
        assert look.failures == 1
        assert "500" in (look.last_error or "")


async def test_a_timeline_that_stays_broken_holds_up_nothing_else() -> None:
    """Some servers fail to tell one timeline for good: what was known of its heads stands, and a finding says so."""
    async with lived() as (system, witness), asyncio.timeout(100):
        await system.forge.commit(META, {"rfcs/a.md": rfc("A2", "active", repo=HOME)}, branch="edit/a/x", start="main")
        await system.forge.open_pull(META, "edit/a/x")
        await system.sweep(deep=True)
        before = await system.table(RevisionRow)
        assert len(before) == 1
        system.clock.tick(OVERLAP + 1)
        await system.forge.commit(META, {"rfcs/a.md": rfc("A3", "active", repo=HOME)}, branch="edit/a/x")
        await system.forge.commit(META, {"rfcs/b.md": rfc("B two")})
        system.forge.faults.set(Fault("status", r"/repos/acme/meta/issues/\d+/timeline"))
        assert (await system.command("sweep"))[1] == 3  # it may pass
        assert (await system.command("sweep"))[1] == 0
        assert (await system.table(EntryRow))["rfc", "rfcs", "b"].title == "B two"
        assert await system.table(RevisionRow) == before
        assert [row.rule for row in (await system.table(FindingRow)).values()] == ["pull-request-unreadable"]
        system.forge.faults.clear()
        await system.sweep(deep=True)
        await witness.check()
        assert len(next(iter((await system.table(RevisionRow)).values())).amendments) == 1


async def test_a_name_that_cannot_be_looked_up_never_holds_up_the_others() -> None:
    """One entry names what the forge answers with an error for: everything else is read all the same."""
    async with lived() as (system, witness), asyncio.timeout(100):
        await goes_on(system)
        system.forge.faults.set(Fault("status", r"/repos/zed/sick"))
        await system.forge.commit(META, {"rfcs/c.md": rfc("C", repo="zed/sick")})
        report, code = await system.command("sweep")
        assert code == 3
        assert [trouble["scope"] for trouble in report["errors"]] == ["name:zed/sick"]
        entries = await system.table(EntryRow)
        assert (entries["rfc", "rfcs", "a"].body, entries["rfc", "rfcs", "b"].title) == ("# Number 2\n", "B 2")
        system.forge.faults.clear()
        await system.sweep()
        await witness.check()


async def test_an_owner_whose_list_fails_never_holds_up_the_other_owner() -> None:
    async with lived(owners=("beta", "acme")) as (system, witness), asyncio.timeout(100):
        await goes_on(system)
        system.forge.faults.set(Fault("status", rf"/repos/search.*uid={system.forge.world.user('beta').id}&"))
        report, code = await system.command("sweep")
        assert code == 3
        assert [trouble["scope"] for trouble in report["errors"]] == ["owner:beta"]
        await witness.check()


async def test_a_list_that_lacks_most_of_what_is_known_is_not_believed() -> None:
    """Lost rights look like deletion. A person decides, by a rebuild."""
    async with lived() as (system, _), asyncio.timeout(100):
        for name in ("x", "y", "z"):
            await system.forge.create_repository(f"acme/{name}")
        await system.sweep()
        before = await system.rows()
        for name in ("home", "x", "y", "z"):
            await system.forge.delete_repository(f"acme/{name}")
        report, code = await system.command("sweep")
        assert code == 3
        assert "lacks 4 of 5" in report["errors"][0]["error"]
        kept(before, await system.rows())
        report, code = await system.command("rebuild")
        assert code == 0, report
        names = {row.full_name for row in (await system.table(RepositoryRow)).values()}
        assert names == {META}
        assert [row.gone for row in (await system.table(PullRow)).values()] == [True, True]


async def test_looks_are_part_of_no_digest() -> None:
    """Two caches that know the same have one digest, whatever one of them went through."""
    async with lived() as (system, _), asyncio.timeout(100):
        digest = await system.digest()
        system.forge.faults.set(Fault("status", r"git-upload-pack"))
        await system.command("sweep", deep=True)
        looks: Any = (await system.engine.store.load([LookRow]))[LookRow].values()
        assert any(look.failures for look in looks)
        assert await system.digest() == digest
