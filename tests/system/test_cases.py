"""Lives of branches, pull requests and repositories that were tried on live servers, by name.

Each ends in the rows that the oracle expects, in a fresh reading that finds the same (`proven`), and in what the case
is about, said once more in plain words.
"""

from __future__ import annotations

from typing import Any

import pytest
from comparing import Witness
from harness import META, OWNER, System, rfc

from cache.rows import BranchRow, EntryRow, FindingRow, HistoryRow, PullEntryRow, PullRow, RepositoryRow

HOME = "acme/home"


async def proven(system: System, witness: Witness, *, deep: bool = False) -> None:
    """What was signalled is known after a quiet sweep, the rest after a deep one; a fresh reading agrees."""
    await system.settle()
    await system.sweep(deep=deep)
    await witness.check()
    report, code = await system.command("verify")
    assert code == 0, report["differences"]
    await witness.check()


async def pull(system: System, number: int = 1, full_name: str = META) -> Any:
    """A pull request's row."""
    return (await system.table(PullRow))[system.forge.repository(full_name).id, number]


async def proposal(system: System, title: str = "New") -> str:
    """An entry on a branch of its own; the commit."""
    await system.forge.commit(META, {"rfcs/old.md": rfc("Old")})
    return await system.forge.commit(META, {"rfcs/new.md": rfc(title)}, branch="propose/new", start="main")


async def active(system: System) -> None:
    """An active request with a repository of its own."""
    await system.forge.create_repository(HOME)
    await system.forge.commit(HOME, {"RFC.md": "# First\n"})
    await system.forge.commit(META, {"rfcs/a.md": rfc("A", "active", repo=HOME)})


# ---------------------------------------------------------------------------------------------------- pull requests


@pytest.mark.parametrize("style", ["merge", "rebase", "rebase-merge", "squash", "fast-forward-only"])
@pytest.mark.parametrize("delete_branch", [False, True])
async def test_a_merged_pull_request_keeps_its_kind_and_key_in_every_style(
    system: System, witness: Witness, style: Any, delete_branch: bool
) -> None:
    """Guards against `head.ref`, which becomes refs/pull/N/head with the branch."""
    await proposal(system)
    if style != "fast-forward-only":
        await system.forge.commit(META, {"rfcs/other.md": rfc("Other")})
    number = await system.forge.open_pull(META, "propose/new")
    merged = await system.forge.merge(META, number, style=style, delete_branch=delete_branch)
    await proven(system, witness)
    row, place = await pull(system), next(iter((await system.table(PullEntryRow)).values()))
    assert (row.state, row.merge_commit_sha, row.head_branch) == ("merged", merged, "propose/new")
    assert (place.kind, place.key) == ("idea", "new")
    assert ("rfc", "rfcs", "new") in await system.table(EntryRow)


async def test_stacked_pull_requests_when_the_lower_one_is_merged_and_its_branch_deleted(
    system: System, witness: Witness
) -> None:
    """Deleting the base closes the upper one on older servers; retargeted and opened again it is like any other. Newer
    ones give it the lower one's base by themselves."""
    await proposal(system)
    await system.forge.commit(META, {"rfcs/upper.md": rfc("Upper")}, branch="propose/upper", start="propose/new")
    lower = await system.forge.open_pull(META, "propose/new")
    upper = await system.forge.open_pull(META, "propose/upper", base="propose/new")
    await system.forge.merge(META, lower, delete_branch=True)
    await proven(system, witness)
    if not system.forge.world.retargets:
        assert (await pull(system, upper)).state == "closed"
        await system.forge.edit_pull(META, upper, base="main")
        await system.forge.reopen(META, upper)
        await proven(system, witness)
    assert ((await pull(system, upper)).state, (await pull(system, upper)).base_branch) == ("open", "main")


async def test_pushed_while_closed_then_reopened_through_the_api_and_merged(system: System, witness: Witness) -> None:
    """`refs/pull/N/head` stays stale for good, and the merge merges the newer commit."""
    first = await proposal(system)
    number = await system.forge.open_pull(META, "propose/new")
    await system.forge.close(META, number)
    await system.forge.commit(META, {"rfcs/new.md": rfc("Newer")}, branch="propose/new")
    await system.forge.reopen(META, number, via="api")
    await system.forge.merge(META, number)
    await proven(system, witness)
    assert (await pull(system)).head_sha == first
    assert (await system.table(EntryRow))["rfc", "rfcs", "new"].title == "Newer"


async def test_a_fork_forced_while_its_pull_request_was_closed(system: System, witness: Witness) -> None:
    """No event, no signal: the head is the one from before until the pull request is opened again in the web."""
    await system.forge.commit(META, {"rfcs/old.md": rfc("Old")})
    fork = await system.forge.fork(META, "ada")
    await system.forge.commit(fork, {"rfcs/f.md": rfc("F")}, branch="claim/f", start="main")
    number = await system.forge.open_pull(META, "ada:claim/f")
    await system.forge.close(META, number)
    base = system.forge.refs(META)["refs/heads/main"]
    forced = await system.forge.commit(fork, {"rfcs/f.md": rfc("G")}, branch="claim/f", parents=[base], force=True)
    await proven(system, witness)
    assert (await pull(system)).head_sha != forced
    await system.forge.reopen(META, number, via="web")
    again = await system.forge.commit(fork, {"rfcs/f.md": rfc("H")}, branch="claim/f", parents=[base], force=True)
    await proven(system, witness)
    assert (await pull(system)).head_sha == again
    assert not await system.table(PullEntryRow), "a fork's claim/f claims nothing"


async def test_an_amend_a_drop_and_a_way_there_and_back(system: System, witness: Witness) -> None:
    """A to B and to A again: the head is A, and nothing remembers B as the last."""
    first = await proposal(system)
    number = await system.forge.open_pull(META, "propose/new")
    parents = [system.forge.refs(META)["refs/heads/main"]]
    second = await system.forge.commit(
        META, {"rfcs/new.md": rfc("Amended")}, branch="propose/new", parents=parents, force=True
    )
    await proven(system, witness)
    assert (await pull(system, number)).head_sha == second
    await system.forge.push_refs(META, {"refs/heads/propose/new": first})
    await proven(system, witness)
    assert (await pull(system, number)).head_sha == first


async def test_an_agit_pull_request_has_no_branch_and_no_place(system: System, witness: Witness) -> None:
    """Its label is empty on both servers: no rule can match it, and its head follows its own ref."""
    await system.forge.commit(META, {"rfcs/old.md": rfc("Old")})
    sha = await system.forge.commit(META, {"rfcs/x.md": rfc("X")}, branch=None, start="main")
    number = await system.forge.open_agit_pull(META, sha, "propose/x")
    later = await system.forge.commit(META, {"rfcs/x.md": rfc("Y")}, branch=None, start="main")
    await system.forge.push_agit(META, number, later)
    await proven(system, witness)
    assert ((await pull(system)).head_branch, (await pull(system)).head_sha) == ("", later)
    assert not await system.table(PullEntryRow)


async def test_a_fork_is_deleted_under_an_open_and_under_a_merged_pull_request(
    system: System, witness: Witness
) -> None:
    """No head repository, the API's head id is the base's; ours stays `refs/pull/N/head`."""
    await system.forge.commit(META, {"rfcs/old.md": rfc("Old")})
    fork = await system.forge.fork(META, "ada")
    for name in ("one", "two"):
        await system.forge.commit(fork, {f"rfcs/{name}.md": rfc(name)}, branch=name, start="main")
        await system.forge.open_pull(META, f"ada:{name}")
    await system.forge.merge(META, 1)
    await system.settle()
    heads = [(await pull(system, number)).head_sha for number in (1, 2)]
    await system.forge.delete_repository(fork)
    await proven(system, witness, deep=True)
    rows = [await pull(system, number) for number in (1, 2)]
    assert [row.head_sha for row in rows] == heads
    assert [(row.state, row.from_fork, row.head_repository_id) for row in rows] == [
        ("merged", True, None), ("closed", True, None),
    ]  # fmt: skip


async def test_a_deleted_pull_request_leaves_a_row(system: System, witness: Witness) -> None:
    """Nothing tells of the deletion: the deep sweep finds it, and what it was stays known."""
    await proposal(system)
    number = await system.forge.open_pull(META, "propose/new", title="Was here")
    await proven(system, witness)
    await system.forge.delete_pull(META, number)
    await proven(system, witness, deep=True)
    row = await pull(system)
    assert (row.title, row.gone, row.state) == ("Was here", True, "closed")


async def test_a_hundred_and_twenty_pull_requests_are_all_there(system: System, witness: Witness) -> None:
    """Pages hold fifty at most."""
    await proposal(system)
    tip = system.forge.refs(META)["refs/heads/propose/new"]
    await system.forge.push_refs(META, {f"refs/heads/edit/new/{n}": tip for n in range(120)})
    for n in range(120):
        await system.forge.open_pull(META, f"edit/new/{n}")
    await system.lose("cache.db")
    await system.sweep()
    await witness.check()
    assert len(await system.table(PullRow)) == 120


# ---------------------------------------------------------------------------------------------------- branches


async def test_a_branch_deleted_and_made_again_is_open_again(system: System, witness: Witness) -> None:
    await active(system)
    await system.forge.create_branch(HOME, "topic")
    await proven(system, witness)
    await system.forge.delete_branch(HOME, "topic")
    await proven(system, witness)
    home = system.forge.repository(HOME).id
    key = ("rfc", "rfcs", "a", home, "topic")
    assert (await system.table(BranchRow))[key].state == "deleted"
    tip = await system.forge.commit(HOME, {"x": "y"}, branch="topic", start="main")
    await proven(system, witness)
    row = (await system.table(BranchRow))[key]
    assert (row.state, row.sha) == ("open", tip)


async def test_a_branch_renamed_is_a_tombstone_and_a_new_branch(system: System, witness: Witness) -> None:
    """On Gitea no sweep's signal tells of it; the delete and create deliveries do."""
    await active(system)
    await system.forge.create_branch(HOME, "before")
    await proven(system, witness)
    await system.forge.rename_branch(HOME, "before", "after")
    await system.settle()
    await witness.check()
    states = {row.name: row.state for row in (await system.table(BranchRow)).values()}
    assert states == {"main": "open", "before": "deleted", "after": "open"}


async def test_the_default_branch_forced_back_takes_entries_and_history_back(system: System, witness: Witness) -> None:
    first = await system.forge.commit(META, {"rfcs/a.md": rfc("First")})
    await system.forge.commit(META, {"rfcs/a.md": rfc("Second"), "rfcs/b.md": rfc("B")})
    await proven(system, witness)
    assert len(await system.table(HistoryRow)) == 3
    await system.forge.push_refs(META, {"refs/heads/main": first})
    await proven(system, witness)
    entries = await system.table(EntryRow)
    assert [(key[2], row.title) for key, row in entries.items()] == [("a", "First")]
    assert len(await system.table(HistoryRow)) == 1


async def test_another_default_branch_is_another_set_of_entries(system: System, witness: Witness) -> None:
    """No delivery tells of it."""
    await system.forge.commit(META, {"rfcs/a.md": rfc("A")})
    await system.forge.commit(META, {"rfcs/b.md": rfc("B"), "rfcs/a.md": None}, branch="next", start="main")
    await proven(system, witness)
    await system.forge.set_default_branch(META, "next")
    await proven(system, witness)
    assert [key[2] for key in await system.table(EntryRow)] == ["b"]


@pytest.mark.parametrize("case", ["merge", "evil merge", "revert on a side branch", "cherry-pick", "skewed dates"])
async def test_history_tells_which_commit_changed_a_file_and_when_it_landed(
    system: System, witness: Witness, case: str
) -> None:
    """The oracle asks `git log -1 -- path` and `git log --first-parent -m`; the daemon must say the same."""
    forge = system.forge
    base = await forge.commit(META, {"rfcs/a.md": rfc("A")})
    system.clock.tick(60)
    if case == "skewed dates":
        await forge.commit(
            META, {"rfcs/a.md": rfc("B")}, branch="side", start=base, date=system.clock().replace(year=2031)
        )
    else:
        await forge.commit(META, {"rfcs/a.md": rfc("B")}, branch="side", start=base)
    if case == "revert on a side branch":
        await forge.commit(META, {"rfcs/a.md": rfc("A")}, branch="side")
    system.clock.tick(60)
    other = rfc("B") if case == "cherry-pick" else None
    main = await forge.commit(META, {"rfcs/a.md": other} if other else {"rfcs/c.md": rfc("C")})
    side = forge.refs(META)["refs/heads/side"]
    system.clock.tick(60)
    evil = rfc("Neither") if case == "evil merge" else rfc("A") if case == "revert on a side branch" else rfc("B")
    await forge.commit(META, {"rfcs/a.md": evil}, parents=[main, side])
    await proven(system, witness)


# ---------------------------------------------------------------------------------------------------- repositories


async def test_a_name_reused_by_another_repository_while_a_pull_request_is_open(
    system: System, witness: Witness
) -> None:
    """Nothing in Git says whose refs they are. The pull request stays with the repository that it was raised in."""
    await active(system)
    await system.forge.commit(HOME, {"RFC.md": "# Changed\n"}, branch="topic", start="main")
    await system.forge.open_pull(HOME, "topic", title="Mine")
    await proven(system, witness)
    old = system.forge.repository(HOME).id
    await system.forge.rename_repository(HOME, "elsewhere")
    await system.forge.create_repository(HOME)
    await system.forge.commit(HOME, {"RFC.md": "# Another\n"})
    await proven(system, witness)
    entry = (await system.table(EntryRow))["rfc", "rfcs", "a"]
    assert entry.home_repository_id == system.forge.repository(HOME).id != old
    assert entry.body == "# Another\n"
    assert not [row for row in (await system.table(PullRow)).values() if row.repository_id != old]


async def test_a_renamed_repository_is_still_the_entrys_own_at_every_moment(system: System, witness: Witness) -> None:
    """The forge redirects the name; no delivery and no sweep may lose the branches and pull requests meanwhile."""
    await active(system)
    await system.forge.commit(HOME, {"RFC.md": "# Changed\n"}, branch="topic", start="main")
    await system.forge.open_pull(HOME, "topic")
    await proven(system, witness)
    lost: list[Any] = []
    system.engine.desk.book.listeners.append(
        lambda _applied, made: lost.extend(c.before for c in made if c.after is None and c.kind in (BranchRow, PullRow))
    )
    await system.forge.rename_repository(HOME, "elsewhere")
    await system.forge.commit("acme/elsewhere", {"RFC.md": "# Later\n"})
    await proven(system, witness)
    assert not lost
    assert (await system.table(EntryRow))["rfc", "rfcs", "a"].body == "# Later\n"


async def test_a_repository_given_to_a_stranger_is_let_go(system: System, witness: Witness) -> None:
    """Its owner is not ours any more: only the entry's name leads there, which is anybody's who may push the entry."""
    system.forge.create_organization("zed")
    await active(system)
    await proven(system, witness)
    await system.forge.transfer(HOME, "zed")
    await proven(system, witness)
    await system.forge.commit("zed/home", {"RFC.md": "# Abroad\n"})
    await proven(system, witness, deep=True)
    assert (await system.table(EntryRow))["rfc", "rfcs", "a"].body == "Text.\n"
    await system.forge.transfer("zed/home", OWNER)
    await proven(system, witness, deep=True)
    assert (await system.table(EntryRow))["rfc", "rfcs", "a"].body == "# Abroad\n"


async def test_an_entry_names_itself_a_home_in_the_meta_repository(system: System, witness: Witness) -> None:
    """It is read already, but not for documents: it must be read again for what is wanted now."""
    await system.forge.commit(META, {"RFC.md": "# Here\n", "rfcs/a.md": rfc("A", "active", repo=META)})
    await proven(system, witness)
    assert (await system.table(EntryRow))["rfc", "rfcs", "a"].body == "# Here\n"


async def test_an_entry_names_a_strangers_repository(system: System, witness: Witness) -> None:
    """Whoever may push an entry could have any repository of the forge copied here: nothing of it is read, and that
    is told."""
    system.forge.create_organization("zed")
    await system.forge.create_repository("zed/far")
    await system.forge.commit("zed/far", {"RFC.md": "# Far\n"})
    await system.forge.commit(META, {"rfcs/a.md": rfc("A", "active", repo="zed/far")})
    mark = system.forge.mark()
    await proven(system, witness)
    assert not [line for line in system.spent(mark) if "zed/far.git" in line]
    assert (await system.table(EntryRow))["rfc", "rfcs", "a"].body == "Text.\n"
    assert [row.rule for row in (await system.table(FindingRow)).values()] == ["outside-owners"]
    await system.forge.commit(META, {"rfcs/a.md": rfc("A")})
    await proven(system, witness)
    assert {row.full_name for row in (await system.table(RepositoryRow)).values()} == {META}


async def test_an_audit_line_names_its_repository_by_a_former_name(system: System, witness: Witness) -> None:
    """Who is behind a pull request must not be forgotten because a repository was renamed."""
    await active(system)
    await system.forge.commit(HOME, {"RFC.md": "# Changed\n"}, branch="topic", start="main")
    await system.forge.open_pull(HOME, "topic", by="rfcbot")
    line = '{"id": "1", "action_kind": "x", "repo": "acme/home", "pr_number": 1, "on_behalf_of": "grace"}\n'
    await system.forge.commit(META, {"audit/2025-03.jsonl": line})
    await system.forge.rename_repository(HOME, "elsewhere")
    await system.forge.commit(META, {"rfcs/a.md": rfc("A", "active", repo="acme/elsewhere")})
    await proven(system, witness)
    (place,) = (await system.table(PullEntryRow)).values()
    assert (place.actor, place.actor_source) == ("grace", "audit")


async def test_a_deleted_repository_leaves_branches_and_pull_requests_behind(system: System, witness: Witness) -> None:
    """Only the count of the list tells of it."""
    await active(system)
    await system.forge.commit(HOME, {"RFC.md": "# Changed\n"}, branch="topic", start="main")
    await system.forge.open_pull(HOME, "topic", title="Was here")
    await proven(system, witness)
    home = system.forge.repository(HOME).id
    await system.forge.delete_repository(HOME)
    await proven(system, witness)
    row = (await system.table(PullRow))[home, 1]
    assert (row.title, row.state, row.gone) == ("Was here", "closed", True)
    states = {r.name: r.state for r in (await system.table(BranchRow)).values() if r.repository_id == home}
    assert states == {"main": "deleted", "topic": "deleted"}
    (place,) = (await system.table(PullEntryRow)).values()
    assert (place.kind, place.key) == ("rfc_branch", "a")


async def test_gc_on_the_forge_takes_nothing_from_the_rows(system: System, witness: Witness) -> None:
    """Old heads are "not our ref" after it; nothing that is shown needs them."""
    await proposal(system)
    number = await system.forge.open_pull(META, "propose/new")
    parents = [system.forge.refs(META)["refs/heads/main"]]
    await system.forge.commit(META, {"rfcs/new.md": rfc("Z")}, branch="propose/new", parents=parents, force=True)
    await proven(system, witness)
    await system.forge.gc(META)
    await system.forge.close(META, number)
    await proven(system, witness)
    await system.lose("objects")
    await proven(system, witness, deep=True)


async def test_a_damaged_repository_answers_200_with_no_bytes_and_nothing_is_deleted(
    system: System, witness: Witness
) -> None:
    await active(system)
    await proven(system, witness)
    before = await system.rows()
    await system.forge.damage(HOME)
    for deep in (False, True):
        report, code = await system.command("sweep", deep=deep)
        assert code == 3
        assert [trouble["scope"] for trouble in report["errors"]] == ["repository:acme/home"]
        assert await system.rows() == before


async def test_a_ref_to_a_missing_object_is_a_finding_and_the_rest_is_read(system: System, witness: Witness) -> None:
    await active(system)
    await proven(system, witness)
    await system.forge.plant_ref(HOME, "refs/heads/ghost", "1" * 40)
    await system.forge.commit(META, {"rfcs/b.md": rfc("B")})
    await system.sweep(deep=True)
    findings = [row.rule for row in (await system.table(FindingRow)).values()]
    assert findings == ["unreadable-object"]
    assert ("rfc", "rfcs", "b") in await system.table(EntryRow)


async def test_an_archived_repository_is_told_after_a_deep_sweep(system: System, witness: Witness) -> None:
    """Archiving in the web moves no time and sends nothing."""
    await active(system)
    await proven(system, witness)
    await system.forge.archive(HOME, via="web")
    await proven(system, witness, deep=True)
    assert (await system.table(RepositoryRow))[system.forge.repository(HOME).id].archived
