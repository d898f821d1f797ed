"""What a forge does not show (W2: pull requests; W3: a default branch), and branches that change their names (W4)."""

from __future__ import annotations

from typing import Any

import pytest
from comparing import Witness
from harness import META, OVERLAP, System, rfc
from revising import proposed, revisions

from cache.rows import BranchRow, EntryRow, FindingRow, PullEntryRow, PullRow, RepositoryRow
from gitea_client.fake import Fault

pytestmark = pytest.mark.flavours("gitea")

HOME = "acme/home"


async def titles(system: System) -> dict[str, str]:
    """The entries, and what they are called."""
    return {row.key: row.title for row in (await system.table(EntryRow)).values()}


async def pulls(system: System) -> dict[int, tuple[str, str]]:
    """The pull requests of all repositories, by number: title and state."""
    return {row.number: (row.title, row.state) for row in (await system.table(PullRow)).values()}


async def rules(system: System) -> list[str]:
    """The rules of the findings."""
    return sorted(row.rule for row in (await system.table(FindingRow)).values())


async def agreed(system: System) -> None:
    """A reading anew tells the same."""
    report, code = await system.command("verify")
    assert code == 0, report["differences"]


# ------------------------------------------------------------------------------------------------- switched off


async def off(system: System, how: str) -> None:
    """The forge shows no pull request of the meta repository any more."""
    if how == "switched off":
        await system.forge.switch_pull_requests(META, False)
    else:
        system.forge.faults.set(Fault("status", r"/repos/acme/meta/(pulls|issues)", status=404))


async def on(system: System, how: str) -> None:
    """It shows them again."""
    if how == "switched off":
        await system.forge.switch_pull_requests(META, True)
    else:
        system.forge.faults.clear()


@pytest.mark.parametrize("how", ["switched off", "a token that may not read them"])
async def test_without_its_pull_requests_a_repository_goes_on(begun: System, witness: Witness, how: str) -> None:
    """Entries, branches and history as ever; pull requests as they were last seen, and a finding. Coming back heals."""
    number = await proposed(begun)
    await begun.settle()
    before, revised = await pulls(begun), await revisions(begun)
    begun.clock.tick(OVERLAP + 1)
    await off(begun, how)
    await begun.forge.commit(META, {"rfcs/b.md": rfc("B went on")})
    await begun.forge.commit(META, {"rfcs/a.md": rfc("Pushed meanwhile")}, branch="edit/a/x")
    await begun.settle()
    await begun.sweep(deep=True)
    assert (await titles(begun))["b"] == "B went on"
    assert (await pulls(begun), await revisions(begun)) == (before, revised)
    assert await rules(begun) == ["pull-requests-hidden"]
    assert not [look for look in begun.engine.desk.book.looks().values() if look.failures]
    await agreed(begun)
    report, code = await begun.command("rebuild")
    assert code == 0, report
    assert await pulls(begun) == before
    await begun.restart()
    await begun.forge.commit(META, {"rfcs/b.md": rfc("B after a restart")})
    await begun.settle()
    assert (await titles(begun))["b"] == "B after a restart"
    assert (await pulls(begun), await rules(begun)) == (before, ["pull-requests-hidden"])
    begun.clock.tick(OVERLAP + 1)
    await on(begun, how)
    await begun.forge.edit_pull(META, number, title="Seen again")
    await begun.sweep(deep=how != "switched off")
    assert (await pulls(begun))[number] == ("Seen again", "open")
    assert await rules(begun) == []
    assert len((await revisions(begun))[0].amendments) == 1
    await witness.check()


@pytest.mark.parametrize("how", ["switched off", "a token that may not read them"])
async def test_never_shown_its_entries_are_there_all_the_same(how: str) -> None:
    """From the first look on. Only what may not be read is worth a finding: a mirror has pull requests off."""
    async with System(daemon=False) as system:
        await system.forge.commit(META, {"rfcs/a.md": rfc("A")})
        await proposed(system)
        await off(system, how)
        await system.start()
        await system.sweep(deep=True)
        assert (await titles(system), await pulls(system)) == ({"a": "A"}, {})
        assert await rules(system) == ([] if how == "switched off" else ["pull-requests-hidden"])
        await agreed(system)
        system.clock.tick(OVERLAP + 1)
        await on(system, how)
        await system.sweep(deep=True)
        assert list(await pulls(system)) == [1]
        assert await rules(system) == []


async def test_none_is_gone_while_none_is_shown(begun: System) -> None:
    """A 404 for one proves nothing where all of them are hidden; its ref went behind the forge's back."""
    await proposed(begun)
    await begun.settle()
    await off(begun, "a token that may not read them")
    await begun.forge.push_refs(META, {"refs/pull/1/head": None})
    await begun.forge.commit(META, {"rfcs/b.md": rfc("B went on")})
    await begun.settle()
    assert [row.gone for row in (await begun.table(PullRow)).values()] == [False]


# ------------------------------------------------------------------------------------------------- foreign refs


async def with_foreign_refs(count: int, push: bool) -> tuple[list[str], list[str], int]:
    """What a cold start and a push (or a restart and a push) cost in a repository with so many foreign refs/pull/*."""
    async with System(daemon=False) as system:
        await system.forge.commit(META, {"rfcs/a.md": rfc("A")})
        orphan = await system.forge.commit(META, {"x.txt": "foreign"}, branch=None, parents=[])
        refs = {f"refs/pull/{n + 10}/head": orphan for n in range(count)}
        await system.forge.push_refs(META, refs)
        await proposed(system)
        await system.start()
        mark = system.forge.mark()
        await system.sweep(deep=True)
        cold = system.spent(mark)
        system.clock.tick(OVERLAP + 1)
        if not push:
            await system.restart()
        mark = system.forge.mark()
        await system.forge.commit(META, {"rfcs/a.md": rfc("A again")})
        await system.settle()
        assert (await titles(system))["a"] == "A again"
        assert await rules(system) == []
        held = await system.engine.desk.reconciler.reader.holds(
            system.engine.desk.book.world.listed[system.forge.repository(META).id], orphan
        )
        assert not held, "a head that belongs to no pull request was fetched"
        return sorted(cold), sorted(system.spent(mark)), len(await pulls(system))


@pytest.mark.parametrize("restarted", [False, True])
async def test_refs_of_no_pull_request_cost_nothing_however_many(restarted: bool) -> None:
    """A repository that was mirrored by git carries the refs of where it came from: 559 of them cost 920 requests."""
    alone = await with_foreign_refs(0, not restarted)
    assert alone[2] == 1
    for count in (60, 600):
        assert await with_foreign_refs(count, not restarted) == alone


async def test_a_foreign_ref_that_comes_later_is_asked_for_once(begun: System) -> None:
    """As each synchronization of a mirror brings some."""
    await proposed(begun)
    await begun.settle()
    tip = begun.forge.refs(META)["refs/heads/main"]
    await begun.forge.push_refs(META, {"refs/pull/77/head": tip})
    spent = []
    for n in range(3):
        mark = begun.forge.mark()
        await begun.forge.commit(META, {"rfcs/b.md": rfc(f"B {n}")})
        await begun.settle()
        spent.append([line for line in begun.spent(mark) if "/pulls" in line])
    assert spent == [["GET /api/v1/repos/acme/meta/pulls/77", "GET /api/v1/repos/acme/meta/pulls"], [], []]
    assert (await rules(begun), list(await pulls(begun))) == ([], [1])


# ------------------------------------------------------------------------------------------------- HEAD


async def test_a_broken_head_is_read_by_the_name_that_the_api_has(begun: System, witness: Witness) -> None:
    """HEAD is broken on disk, and the forge serves its default branch all the same."""
    await begun.settle()
    begun.forge.repository(META).git.set_head("nowhere")
    await begun.forge.commit(META, {"rfcs/b.md": rfc("B went on")})
    await begun.settle()
    assert (await titles(begun)) == {"a": "First", "b": "B went on"}
    assert await rules(begun) == []
    await witness.check()
    mark = begun.forge.mark()
    await begun.sweep()
    await begun.sweep()
    assert await titles(begun) == {"a": "First", "b": "B went on"}
    assert len(begun.spent(mark)) <= 2 * 3 + 2 * 3
    await agreed(begun)


async def upstream_renames(system: System, new: str = "trunk") -> None:
    """What a pull mirror brings when its upstream has renamed its default branch: the name stays the old one."""
    repository = system.forge.repository(META)
    tip = repository.git.ref("refs/heads/main")
    await repository.git.update_refs({"refs/heads/main": None, f"refs/heads/{new}": tip})
    repository.branches[new] = repository.branches.pop("main")
    repository.updated_at = system.forge.world.now()


async def test_a_default_branch_that_is_no_branch_leaves_the_last_rows(begun: System) -> None:
    """And says which branch it is. Verified and rebuilt it is the same; named again, it heals."""
    await begun.settle()
    before = await begun.table(EntryRow)
    begun.clock.tick(OVERLAP + 1)
    await upstream_renames(begun)
    await begun.sweep()
    assert await begun.table(EntryRow) == before
    (finding,) = (await begun.table(FindingRow)).values()
    assert (finding.rule, "'main'" in finding.message) == ("default-branch-missing", True)
    await agreed(begun)
    report, code = await begun.command("rebuild")
    assert code == 0, report
    assert await begun.table(EntryRow) == before
    await begun.restart()
    begun.clock.tick(OVERLAP + 1)
    await begun.forge.commit(META, {"rfcs/b.md": rfc("On the trunk")}, branch="trunk")
    await begun.sweep(deep=True)
    assert await begun.table(EntryRow) == before
    await begun.forge.set_default_branch(META, "trunk")
    begun.clock.tick(OVERLAP + 1)
    await begun.sweep(deep=True)
    assert await titles(begun) == {"a": "First", "b": "On the trunk"}
    assert await rules(begun) == []
    assert [row.default_branch for row in (await begun.table(RepositoryRow)).values()] == ["trunk"]
    await agreed(begun)


async def test_an_empty_repository_is_fine(system: System) -> None:
    """Its HEAD names a branch that is not born yet, and that is no fault."""
    assert (await titles(system), await rules(system)) == ({}, [])
    await agreed(system)


# ------------------------------------------------------------------------------------------------- renamed branches


async def placed(system: System, number: int) -> tuple[str, str, str, Any]:
    """Head and base of a pull request, its state, and its kind and key."""
    row = next(row for row in (await system.table(PullRow)).values() if row.number == number)
    at = [(r.kind, r.key) for r in (await system.table(PullEntryRow)).values() if r.number == number]
    return row.head_branch, row.base_branch, row.state, at


@pytest.mark.parametrize("signal", ["deliveries", "sweep", "deep"])
async def test_a_renamed_head_branch_is_known_at_the_look_that_sees_it_gone(
    begun: System, witness: Witness, signal: str
) -> None:
    """The name that leaves the list is the only sign: neither the pull request's time moves, nor its ref."""
    number = await proposed(begun, branch="edit/a/x")
    await begun.settle()
    begun.clock.tick(3_600)
    begun.forge.deliveries.drop = signal != "deliveries"
    await begun.forge.rename_branch(META, "edit/a/x", "propose/b")
    if signal == "sweep":
        await begun.forge.commit(META, {"other.txt": "x"})
    await begun.settle()
    if signal != "deliveries":
        await begun.sweep(deep=signal == "deep")
    assert await placed(begun, number) == ("propose/b", "main", "open", [("idea", "b")])
    await agreed(begun)
    await witness.check()


@pytest.mark.parametrize("default", [False, True])
async def test_a_renamed_base_branch_is_known_at_once(begun: System, witness: Witness, default: bool) -> None:
    """The default branch of several pull requests, more than are asked for one by one; or another one."""
    base = "main" if default else "release"
    await begun.forge.push_refs(META, {"refs/heads/release": begun.forge.refs(META)["refs/heads/main"]})
    numbers = []
    for n in range(10 if default else 2):
        await begun.forge.commit(META, {f"rfcs/n{n}.md": rfc(f"N{n}")}, branch=f"propose/n{n}", start="main")
        numbers.append(await begun.forge.open_pull(META, f"propose/n{n}", base=base))
    await begun.settle()
    begun.clock.tick(3_600)
    await begun.forge.rename_branch(META, base, "trunk")
    await begun.settle()
    assert [(await placed(begun, number))[1] for number in numbers] == ["trunk"] * len(numbers)
    assert await rules(begun) == []
    await agreed(begun)
    await witness.check()


async def test_the_forge_may_tell_the_new_name_a_moment_later(begun: System) -> None:
    """Refs are renamed inside the transaction that renames the pull requests: a look may come between the two."""
    number = await proposed(begun, branch="edit/a/x")
    await begun.settle()
    pull = begun.forge.pull(META, number)
    await begun.forge.rename_branch(META, "edit/a/x", "propose/b")
    pull.head_branch = "edit/a/x"
    await begun.settle()
    assert (await placed(begun, number))[0] == "edit/a/x"
    pull.head_branch = "propose/b"
    await begun.sweep()
    assert await placed(begun, number) == ("propose/b", "main", "open", [("idea", "b")])


async def test_a_branch_renamed_by_git_is_as_ever(begun: System, witness: Witness) -> None:
    """A push of the new name, and the end of the old one: the forge closes what was raised from it."""
    number = await proposed(begun, branch="edit/a/x")
    await begun.settle()
    tip = begun.forge.refs(META)["refs/heads/edit/a/x"]
    await begun.forge.push_refs(META, {"refs/heads/edit/a/y": tip, "refs/heads/edit/a/x": None})
    await begun.settle()
    assert (await placed(begun, number))[:3] == ("edit/a/x", "main", "closed")
    await witness.check()


async def test_a_deleted_branch_of_a_home_is_a_tombstone_still(system: System) -> None:
    """Guards what follows from the same sign."""
    await system.forge.create_repository(HOME)
    await system.forge.commit(HOME, {"RFC.md": "# Home\n"})
    await system.forge.commit(META, {"rfcs/a.md": rfc("A", "active", repo=HOME)})
    await system.forge.commit(HOME, {"x": "x"}, branch="topic", start="main")
    await system.forge.open_pull(HOME, "topic")
    await system.settle()
    await system.sweep()
    await system.forge.delete_branch(HOME, "topic")
    await system.settle()
    states = {row.name: row.state for row in (await system.table(BranchRow)).values()}
    assert states == {"main": "open", "topic": "deleted"}
    assert (await pulls(system))[1][1] == "closed"
