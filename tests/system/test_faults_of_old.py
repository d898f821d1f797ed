"""Fifteen faults of the cache that came before, each shown not to happen here.

They were found by reading and running a program that kept the same entries by the forge's API. The numbers follow that
list.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from comparing import Witness
from harness import META, OVERLAP, System, rfc

from cache.rows import BranchRow, EntryRow, FindingRow, PullEntryRow, PullRow
from gitea_client.fake import Fault

HOME = "acme/home"


async def active(system: System) -> None:
    """An active request with a repository and a branch of its own, all of it known."""
    await system.forge.create_repository(HOME)
    await system.forge.commit(HOME, {"RFC.md": "# The document\n"})
    await system.forge.create_branch(HOME, "topic")
    await system.forge.commit(META, {"rfcs/a.md": rfc("A", "active", repo=HOME, body="The entry.\n")})
    await system.settle()
    await system.sweep()


async def entry(system: System, key: str = "a") -> Any:
    """An entry's row."""
    return (await system.table(EntryRow)).get(("rfc", "rfcs", key))


async def branches(system: System) -> dict[str, str]:
    """The states of all branches."""
    return {row.name: row.state for row in (await system.table(BranchRow)).values()}


async def places(system: System) -> dict[tuple[int, int], Any]:
    """The places of all pull requests."""
    return {(row.repository_id, row.number): row for row in (await system.table(PullEntryRow)).values()}


@pytest.mark.parametrize("kind", ["status", "empty", "cut", "refuse"])
async def test_01_an_error_listing_branches_marks_none_deleted(system: System, kind: Any) -> None:
    await active(system)
    system.forge.faults.set(Fault(kind, r"git-upload-pack|/branches"))
    for deep in (False, True):
        await system.command("sweep", deep=deep)
        assert await branches(system) == {"main": "open", "topic": "open"}


@pytest.mark.parametrize("known_before", [True, False])
async def test_02_a_merged_pull_request_whose_branch_is_gone_is_merged_and_keeps_its_branchs_name(
    system: System, known_before: bool
) -> None:
    """Both of the meta repository and of a request's own; also when first seen after the branch is gone."""
    await active(system)
    await system.forge.commit(META, {"rfcs/b.md": rfc("B")}, branch="propose/b", start="main")
    await system.forge.commit(HOME, {"RFC.md": "# Better\n"}, branch="topic")
    await system.forge.open_pull(META, "propose/b")
    await system.forge.open_pull(HOME, "topic")
    if known_before:
        await system.settle()
    await system.forge.merge(META, 1, delete_branch=True)
    await system.forge.merge(HOME, 1, delete_branch=True)
    await system.settle()
    await system.lose(*() if known_before else ("cache.db",))
    await system.sweep()
    rows = [(row.state, row.head_branch) for row in (await system.table(PullRow)).values()]
    assert rows == [("merged", "propose/b"), ("merged", "topic")]
    assert [(p.kind, p.key) for p in (await places(system)).values()] == [("idea", "b"), ("rfc_branch", "a")]


async def test_03_the_same_number_in_two_repositories_is_two_pull_requests_of_two_people(system: System) -> None:
    await active(system)
    for name in (META, HOME):
        await system.forge.commit(name, {"x": "y"}, branch="edit/a/x", start="main")
        await system.forge.open_pull(name, "edit/a/x", by="rfcbot")
    lines = [
        {"id": person, "action_kind": "x", "repo": name, "pr_number": 1, "on_behalf_of": person}
        for name, person in ((META, "grace"), (HOME, "joan"))
    ]
    await system.forge.commit(META, {"audit/2025-03.jsonl": "".join(json.dumps(line) + "\n" for line in lines)})
    await system.settle()
    assert [(p.kind, p.actor) for p in (await places(system)).values()] == [
        ("meta_body_edit", "grace"), ("rfc_branch", "joan"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "actor"),
    [
        ("Because.\n\nOn-behalf-of: Grace <grace>", "grace"),
        ("> On-behalf-of: Mallory <mallory>\n\nNo.", "rfcbot"),
        ("On-behalf-of: Mallory <mallory>\nis what he wrote.", "rfcbot"),
        ("On-behalf-of:\nmallory", "rfcbot"),
        ("I write On-behalf-of: Mallory <mallory>", "rfcbot"),
        ("Because.\n\nOn-behalf-of: Ada <ada@example.org>", "ada"),
    ],
)
async def test_04_only_a_trailer_tells_who_is_behind_a_pull_request_and_tells_a_login(
    system: System, body: str, actor: str
) -> None:
    await active(system)
    await system.forge.commit(META, {"x": "y"}, branch="claim/a", start="main")
    await system.forge.open_pull(META, "claim/a", by="rfcbot", body=body)
    await system.settle()
    await system.sweep()
    assert [place.actor for place in (await places(system)).values()] == [actor]


async def test_05_a_daemon_stopped_and_started_sweeps_again(system: System) -> None:
    await active(system)
    for title in ("B", "C"):
        await system.stop()
        await system.forge.commit(META, {"rfcs/a.md": rfc(title)})
        await system.start()
        await system.sweep()
        assert (await entry(system)).title == title


async def test_06_a_retargeted_pull_request_has_its_new_base(system: System) -> None:
    await active(system)
    await system.forge.create_branch(META, "next")
    await system.forge.commit(META, {"x": "y"}, branch="claim/a", start="main")
    number = await system.forge.open_pull(META, "claim/a")
    await system.settle()
    await system.forge.edit_pull(META, number, base="next")
    await system.settle()
    assert [row.base_branch for row in (await system.table(PullRow)).values()] == ["next"]


@pytest.mark.parametrize("branch", ["propose/", "claim/../x", "edit/a", "claim/a/b", "proposed/a", "claim/."])
async def test_06_a_branch_that_names_no_entry_gives_no_place(system: System, branch: str) -> None:
    """Git refuses most of these itself; a forge's answer may hold anything all the same."""
    await active(system)
    await system.forge.commit(META, {"x": "y"}, branch="odd", start="main")
    number = await system.forge.open_pull(META, "odd")
    system.forge.pull(META, number).head_branch = branch
    await system.sweep(deep=True)
    assert len(await system.table(PullRow)) == 1
    assert not await places(system)


async def test_06_a_pull_request_without_a_head_repository_and_one_from_a_fork_are_no_claims(system: System) -> None:
    await active(system)
    for owner in ("ada", "bob"):
        fork = await system.forge.fork(META, owner)
        await system.forge.commit(fork, {"x": "y"}, branch="claim/a", start="main")
        await system.forge.open_pull(META, f"{owner}:claim/a")
    await system.forge.delete_repository("bob/meta")
    await system.sweep(deep=True)
    rows = (await system.table(PullRow)).values()
    assert [(row.from_fork, row.head_repository_id is None) for row in rows] == [(True, False), (True, True)]
    assert not await places(system)


async def test_07_a_documents_body_stays_when_the_entry_is_pushed(system: System) -> None:
    await active(system)
    seen: list[str | None] = []
    system.engine.desk.book.listeners.append(
        lambda _applied, made: seen.extend(c.after.body for c in made if isinstance(c.after, EntryRow))
    )
    await system.forge.commit(META, {"rfcs/a.md": rfc("A2", "active", repo=HOME, body="The entry again.\n")})
    await system.settle()
    row = await entry(system)
    assert (row.body, row.entry_body) == ("# The document\n", "The entry again.\n")
    assert set(seen) == {"# The document\n"}


async def test_08_times_are_those_of_commits_and_the_forge_and_stand_still_while_nothing_changes(
    system: System,
) -> None:
    await active(system)
    when = datetime(2024, 2, 29, 12, 0, tzinfo=UTC)
    await system.forge.commit(META, {"rfcs/b.md": rfc("B")}, date=when)
    await system.settle()
    row = await entry(system, "b")
    assert row.last_entry_commit_at == row.updated_at == row.landed_at == when
    before = await system.rows()
    system.clock.tick(3_600)
    for deep in (False, True):
        await system.sweep(deep=deep)
    assert await system.rows() == before
    assert (await system.command("rebuild"))[0]["changes"] == 0


async def test_09_what_is_wrong_is_a_finding_and_what_is_gone_is_gone_alike_after_a_rebuild(system: System) -> None:
    await active(system)
    await system.forge.commit(META, {"rfcs/b.md": rfc("B"), "rfcs/c.md": rfc("C")})
    await system.forge.commit(META, {"rfcs/b.md": "not an entry", "rfcs/c.md": None})
    await system.settle()
    for _ in range(2):
        assert ((await entry(system, "b")).title, (await entry(system, "b")).valid) == ("B", False)
        assert await entry(system, "c") is None
        assert [row.path for row in (await system.table(FindingRow)).values()] == ["rfcs/b.md"]
        assert (await system.command("rebuild"))[1] == 0


async def test_10_every_state_of_a_branch_can_be_told_again(system: System) -> None:
    """`open` and `deleted` are all there are: what a daemon alone decided could not be rebuilt."""
    await active(system)
    await system.forge.delete_branch(HOME, "topic")
    await system.settle()
    for part in ("", "cache.db", "objects"):
        if part:
            await system.lose(part)
            await system.sweep()
        assert await branches(system) == {"main": "open", "topic": "deleted"}


async def test_11_one_failure_does_not_end_the_sweep_and_a_damaged_cache_is_noticed(
    system: System, witness: Witness
) -> None:
    for name in ("x", "y", "z"):
        await system.forge.create_repository(f"acme/{name}")
        await system.forge.commit(f"acme/{name}", {"RFC.md": f"# {name}\n"})
        await system.forge.commit(META, {f"rfcs/{name}.md": rfc(name, "active", repo=f"acme/{name}")})
    await system.settle()
    system.forge.faults.set(Fault("status", r"acme/y.git"))
    report, code = await system.command("sweep")
    assert code == 3
    assert [trouble["scope"] for trouble in report["errors"]] == ["repository:acme/y"]
    rows = [await entry(system, name) for name in ("x", "y", "z")]
    assert [row.document_body for row in rows] == ["# x\n", None, "# z\n"]
    system.forge.faults.clear()
    await system.stop()
    raw = (system.data_dir / "cache.db").read_bytes()
    (system.data_dir / "cache.db").write_bytes(raw[:200] + b"\xff" * 4_000 + raw[4_200:])
    await system.start()
    await system.sweep()
    await witness.check()
    assert [line for line in system.lines if line["event"] == "cache.damaged"]
    system.lines.clear()


async def test_12_an_unchanged_forge_costs_three_requests_and_one_changed_file_four_more(system: System) -> None:
    await active(system)
    await system.forge.commit(META, {f"rfcs/n{n}.md": rfc(f"N{n}") for n in range(60)})
    await system.settle()
    await system.sweep()
    system.clock.tick(OVERLAP + 1)
    await system.sweep()
    mark = system.forge.mark()
    await system.sweep()
    assert len(system.spent(mark)) == 3
    system.forge.deliveries.drop = True
    await system.forge.commit(META, {"rfcs/n7.md": rfc("Changed")})
    mark = system.forge.mark()
    await system.sweep()
    assert len(system.spent(mark)) <= 7
    assert (await entry(system, "n7")).title == "Changed"


async def test_13_deliveries_and_sweeps_at_once_end_in_the_newest_rows(system: System, witness: Witness) -> None:
    """One reading of a repository at a time, one writer, and never an older reading over a newer one."""
    await active(system)
    for n in range(8):
        await system.forge.commit(META, {"rfcs/a.md": rfc(f"A{n}", "active", repo=HOME)})
        await system.forge.commit(HOME, {"RFC.md": f"# {n}\n"})
        await system.sweep(deep=n % 2 == 0)
    await system.settle()
    await witness.check()


async def test_13_a_default_branch_may_have_any_name(system: System, witness: Witness) -> None:
    await system.forge.create_repository(HOME, default_branch="trunk")
    await system.forge.commit(HOME, {"RFC.md": "# On the trunk\n"}, branch="trunk")
    await system.forge.commit(META, {"rfcs/a.md": rfc("A", "active", repo=HOME)})
    await system.settle()
    await system.sweep()
    await witness.check()
    assert (await entry(system)).body == "# On the trunk\n"


async def test_14_a_withdrawn_requests_pull_requests_go_on(system: System) -> None:
    await active(system)
    await system.forge.commit(HOME, {"RFC.md": "# Better\n"}, branch="topic")
    number = await system.forge.open_pull(HOME, "topic")
    await system.settle()
    await system.forge.commit(META, {"rfcs/a.md": rfc("A", "withdrawn", repo=HOME)})
    await system.settle()
    await system.forge.close(HOME, number)
    await system.settle()
    assert [row.state for row in (await system.table(PullRow)).values()] == ["closed"]
    assert [place.key for place in (await places(system)).values()] == ["a"]


async def test_15_of_two_that_claim_one_key_the_first_keeps_it_and_the_other_is_told(system: System) -> None:
    line = {"id": "one", "action_kind": "first", "repo": META}
    await system.forge.commit(META, {"audit/2025-09.jsonl": json.dumps(line) + "\n"})
    await system.forge.commit(META, {"audit/2025-01.jsonl": json.dumps(line | {"action_kind": "second"}) + "\n"})
    await system.settle()
    for _ in range(2):
        (row,) = (await system.table(EntryRow)).values()
        assert row.fields["action_kind"] == "first"
        assert [(f.rule, f.path) for f in (await system.table(FindingRow)).values()] == [
            ("duplicate-key-claim", "audit/2025-01.jsonl")
        ]
        assert (await system.command("rebuild"))[1] == 0
