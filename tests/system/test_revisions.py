"""Revisions over the lives of pull requests: what an entry said when one was raised, told again after every loss.

Each case ends as `settled` has it: a rebuild, a cache made anew, and one made from nothing at all say the same.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from comparing import Witness
from harness import META, System, rfc
from revising import proposed, revisions, settled
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from cache.revision_rows import RevisionRow

pytestmark = pytest.mark.flavours("forgejo")

HOME = "acme/home"


# ------------------------------------------------------------------------------------------------ merging


@pytest.mark.parametrize("style", ["merge", "rebase", "rebase-merge", "squash", "fast-forward-only"])
async def test_what_an_entry_said_when_it_was_raised_stays_through_every_merge(
    begun: System, witness: Witness, style: Any
) -> None:
    """Guards against today's merge base, which after a merge is the head: the pull request would touch nothing."""
    number = await proposed(begun)
    raised = begun.clock.now
    if style != "fast-forward-only":
        await begun.forge.commit(META, {"rfcs/other.md": rfc("Other")})
    await begun.settle()
    (row,) = await revisions(begun)
    assert (row.version, row.content, row.pr_state, row.frozen_at) == (1, rfc("Proposed"), "open", raised)
    begun.clock.tick()
    await begun.forge.merge(META, number, style=style, delete_branch=True)
    await settled(begun, witness)
    (row,) = await revisions(begun)
    assert (row.version, row.content, row.frozen_at) == (1, rfc("Proposed"), raised)
    assert (row.pr_state, row.merged_at, row.pr_branch) == ("merged", begun.clock.now, "edit/a/x")
    assert row.merged_content == rfc("Proposed")


async def test_what_was_merged_is_told_beside_what_was_raised(begun: System, witness: Witness) -> None:
    """Guards against one text for both: a review changes what was raised, and the merge what was reviewed."""
    number = await proposed(begun)
    begun.clock.tick()
    amended = await begun.forge.commit(META, {"rfcs/a.md": rfc("Reviewed")}, branch="edit/a/x")
    begun.clock.tick()
    await begun.forge.merge(META, number, style="squash")
    await settled(begun, witness)
    (row,) = await revisions(begun)
    assert (row.content, row.merged_content) == (rfc("Proposed"), rfc("Reviewed"))
    assert [each["sha"] for each in row.amendments] == [amended]


async def test_a_merge_by_hand_is_a_merge(begun: System, witness: Witness) -> None:
    """Guards the other way round: a person merges on a machine of their own, and pushes."""
    await proposed(begun)
    tips = begun.forge.refs(META)
    parents = [tips["refs/heads/edit/a/x"], tips["refs/heads/main"]]
    await begun.forge.commit(META, {"rfcs/c.md": rfc("C")}, parents=parents, message="Merge", force=True)
    await settled(begun, witness)
    (row,) = await revisions(begun)
    assert row.content == rfc("Proposed")


async def test_stacked_pull_requests_each_have_what_they_add(begun: System, witness: Witness) -> None:
    """Guards against counting the lower one's work as the upper one's, before and after the lower is merged."""
    lower = await proposed(begun, "propose/lower")
    begun.clock.tick()
    await begun.forge.commit(META, {"rfcs/b.md": rfc("B changed")}, branch="propose/upper", start="propose/lower")
    upper = await begun.forge.open_pull(META, "propose/upper", base="propose/lower")
    await begun.settle()
    assert {(r.key, r.number) for r in (await begun.table(RevisionRow)).values()} == {("a", lower), ("b", upper)}
    begun.clock.tick()
    await begun.forge.merge(META, lower)
    await begun.forge.edit_pull(META, upper, base="main")
    await begun.forge.merge(META, upper)
    await settled(begun, witness)
    assert {(r.key, r.number) for r in (await begun.table(RevisionRow)).values()} == {("a", lower), ("b", upper)}


async def test_a_forced_pull_request_keeps_its_base_though_the_branch_is_deleted(
    begun: System, witness: Witness
) -> None:
    """Guards stacked ones, as Gitea was seen to leave them: the lower one merged as other commits, its branch gone.

    Compared with the default branch the upper one would bring the lower one's work, and have a revision of its entry.
    """
    lower = await proposed(begun, "propose/lower")
    begun.clock.tick()
    start = begun.forge.refs(META)["refs/heads/propose/lower"]
    for title in ("B raised", "B rewritten"):
        files = {"rfcs/b.md": rfc(title)}
        await begun.forge.commit(META, files, branch="propose/upper", parents=[start], force=True)
        begun.clock.tick()
        if title == "B raised":
            upper = await begun.forge.open_pull(META, "propose/upper", base="propose/lower")
            await begun.settle()
    await begun.forge.commit(META, {"rfcs/other.md": rfc("Other")})
    await begun.forge.merge(META, lower, style="squash")
    begun.clock.tick()
    await begun.forge.delete_branch(META, "propose/lower")
    await settled(begun, witness)
    rows = (await begun.table(RevisionRow)).values()
    assert {(row.key, row.number, row.pr_state) for row in rows} == {("a", lower, "merged"), ("b", upper, "closed")}


# ------------------------------------------------------------------------------------------------ entries


async def test_each_entry_that_is_touched_has_its_revision(begun: System, witness: Witness) -> None:
    """Guards a pull request over several entries: added, changed and removed."""
    files = {"rfcs/a.md": rfc("Changed"), "rfcs/b.md": None, "rfcs/new.md": rfc("New"), "other.txt": "x"}
    await begun.forge.commit(META, files, branch="topic", start="main")
    await begun.forge.open_pull(META, "topic")
    await settled(begun, witness)
    rows = {row.key: (row.content, row.content_state) for row in (await begun.table(RevisionRow)).values()}
    assert rows == {"a": (rfc("Changed"), "text"), "b": (None, "removed"), "new": (rfc("New"), "text")}


async def test_a_branch_that_names_an_entry_gives_it_a_revision_though_it_changes_nothing(
    begun: System, witness: Witness
) -> None:
    """Guards the branch rule: a claim that touches another file is about the entry all the same."""
    await begun.forge.commit(META, {"claims.txt": "ada\n"}, branch="claim/a", start="main")
    await begun.forge.open_pull(META, "claim/a")
    await settled(begun, witness)
    (row,) = (await begun.table(RevisionRow)).values()
    assert (row.key, row.content) == ("a", rfc("First"))


async def test_an_entry_that_is_deleted_keeps_its_revisions(begun: System, witness: Witness) -> None:
    await proposed(begun)
    await begun.forge.commit(META, {"rfcs/a.md": None})
    await settled(begun, witness)
    assert [row.content for row in await revisions(begun)] == [rfc("Proposed")]


async def test_pull_requests_over_the_document_are_revisions_too_numbered_with_the_others(
    begun: System, witness: Witness
) -> None:
    """Guards one row of numbers for an entry, over its own file and its document in another repository."""
    await begun.forge.create_repository(HOME)
    await begun.forge.commit(HOME, {"RFC.md": "# One\n"})
    await begun.forge.commit(META, {"rfcs/a.md": rfc("A", "active", repo=HOME)})
    await begun.sweep()  # only a sweep tells of a new repository
    begun.clock.tick()
    first = await proposed(begun, state="active", repo=HOME)
    await begun.settle()
    begun.clock.tick()
    await begun.forge.commit(HOME, {"RFC.md": "# Two\n"}, branch="work", start="main")
    second = await begun.forge.open_pull(HOME, "work")
    await begun.settle()
    begun.clock.tick()
    third = await proposed(begun, "claim/a", state="active", repo=HOME)
    await settled(begun, witness)
    rows = await revisions(begun)
    assert [(row.version, row.part, row.number) for row in rows] == [
        (1, "entry", first), (2, "document", second), (3, "entry", third),
    ]  # fmt: skip
    assert rows[1].content == "# Two\n"


# ------------------------------------------------------------------------------------------------ numbers


async def test_ten_deliveries_at_once_leave_one_revision(begun: System, witness: Witness) -> None:
    """Guards the identity (entry, pull request) against replays."""
    begun.forge.deliveries.duplicate = 10
    await proposed(begun)
    begun.clock.tick()
    await proposed(begun, "edit/a/y", "Second")
    await settled(begun, witness)
    assert [(row.version, row.content) for row in await revisions(begun)] == [
        (1, rfc("Proposed")), (2, rfc("Second")),
    ]  # fmt: skip


async def test_an_earlier_pull_request_found_later_gets_the_next_number(begun: System, witness: Witness) -> None:
    """Guards links: whoever saw v1 finds the same under v1, though another was raised before."""
    begun.forge.deliveries.drop = True
    earlier = await proposed(begun, "edit/a/y", "Earlier")
    begun.clock.tick(3_600)
    witness.note()
    hidden = begun.forge.repository(META).pulls.pop(earlier)
    refs = begun.forge.repository(META).git.ref(hidden.ref)
    await begun.forge.push_refs(META, {hidden.ref: None})
    later = await proposed(begun, "edit/a/x", "Later")
    await begun.sweep(deep=True)
    assert [(row.version, row.number) for row in await revisions(begun)] == [(1, later)]
    begun.forge.repository(META).pulls[earlier] = hidden
    await begun.forge.push_refs(META, {hidden.ref: refs})
    await settled(begun, witness, in_order=False)


async def test_a_commit_of_another_time_changes_no_time(begun: System, witness: Witness) -> None:
    """Guards `frozen_at` against dates that people write into commits: it is the push that counts."""
    await begun.forge.commit(
        META, {"rfcs/a.md": rfc("Old")}, branch="edit/a/x", start="main", date=datetime(2001, 1, 1, tzinfo=UTC)
    )
    begun.clock.tick()
    await begun.forge.open_pull(META, "edit/a/x")
    await settled(begun, witness)
    (row,) = await revisions(begun)
    assert row.frozen_at == begun.clock.now


async def test_what_was_published_while_state_was_lost_comes_from_the_rows(begun: System, witness: Witness) -> None:
    """Guards a `state.db` that is lost alone: the cache still knows what was frozen."""
    await proposed(begun)
    await begun.settle()
    begun.clock.tick()
    start = begun.forge.refs(META)["refs/heads/main"]
    await begun.forge.commit(META, {"rfcs/a.md": rfc("Forced")}, branch="edit/a/x", parents=[start], force=True)
    await begun.settle()
    await begun.forge.gc(META)
    await begun.lose("state.db")
    await begun.lose("cache.db", "objects")
    await begun.sweep(deep=True)
    assert [row.content for row in await revisions(begun)] == [rfc("Proposed")]


async def test_the_database_refuses_to_change_what_is_frozen(begun: System) -> None:
    """Guards the promise where no code of ours stands in between."""
    await proposed(begun)
    await begun.settle()
    cache, state = begun.engine.cache, begun.engine.state.database
    for database, content in ((cache, "content_text"), (state, "content_hash")):
        for change in (
            f"revisions SET {content} = NULL",
            "revisions SET frozen_at = '2001-01-01T00:00:00Z'",
            "revisions SET version = 9",
            "texts SET content = 'other'",
        ):
            with pytest.raises(IntegrityError, match="never change"):
                async with database.transaction() as connection:
                    await connection.execute(text(f"UPDATE {change}"))


async def test_an_entry_that_names_a_strangers_repository_has_revisions_all_the_same(
    begun: System, witness: Witness
) -> None:
    """Guards: what a stranger's repository would have told was waited for, which is never read."""
    begun.forge.create_user("zed")
    await begun.forge.create_repository("zed/far")
    await begun.forge.commit(META, {"rfcs/a.md": rfc("First", repo="zed/far")})
    await begun.settle()
    await begun.sweep()
    assert "zed/far" in {each.full_name for each in begun.engine.desk.book.world.listed.values()}
    await proposed(begun)
    await settled(begun, witness)
    assert [row.version for row in await revisions(begun)] == [1]
