"""Branches of an entry's own repository: open while the forge lists them, deleted only by a tombstone."""

from __future__ import annotations

from worlds import Forge, Hub, rfc

from cache.model import RepositoryEvidence
from cache.projection.project import project
from cache.rows import BranchRow
from cache.world import World


def home(forge: Forge) -> Hub:
    forge.repository("acme/meta").push({"rfcs/one.md": rfc(repo="acme/one")})
    own = forge.repository("acme/one")
    own.push({"RFC.md": "x"})
    return own


def test_branches_are_open_with_their_dates_and_the_default_is_marked() -> None:
    forge = Forge()
    own = home(forge)
    made = own.branch("work")
    rows = forge.rows().branches("one")
    assert {name: (row.state, row.is_default) for name, row in rows.items()} == {
        "main": ("open", True),
        "work": ("open", False),
    }
    assert rows["work"].last_commit_at == made.committed_at
    assert forge.rows().entry("one").last_main_commit_at == own.commits[own.branches["main"]].committed_at


def test_a_branch_that_went_keeps_its_row_and_comes_back_open() -> None:
    forge = Forge()
    own = home(forge)
    gone = own.branch("work")
    forge.delete_branch(own, "work")
    row = forge.rows().branches("one")["work"]
    assert (row.state, row.sha, row.last_commit_at) == ("deleted", gone.sha, gone.committed_at)
    back = own.branch("work")
    row = forge.rows().branches("one")["work"]
    assert (row.state, row.sha) == ("open", back.sha)


def test_no_branch_is_deleted_because_its_repository_was_not_read() -> None:
    """Guards: one failed listing that marked every branch deleted."""
    forge = Forge()
    own = home(forge)
    own.branch("work")
    world = forge.world()
    unread = World(world.listed, {}, {k: v for k, v in world.mirrored.items() if k != own.id})
    assert [row for row in project(unread, forge.blocks)[BranchRow].values() if row.state == "deleted"] == []  # type: ignore[attr-defined]  # branch rows all


def test_a_state_is_open_or_deleted_and_nothing_that_no_listing_tells() -> None:
    """Guards: a `closed` state that had no writer and could not be rebuilt."""
    forge = Forge()
    own = home(forge)
    own.branch("a")
    own.branch("b")
    forge.delete_branch(own, "b")
    assert {row.state for row in forge.rows().all(BranchRow)} == {"open", "deleted"}


def test_a_head_that_the_forge_does_not_give_has_no_date_and_is_a_finding() -> None:
    forge = Forge()
    own = home(forge)
    lost = own.branch("lost")
    del own.commits[lost.sha]
    own.unreadable[lost.sha] = "refs/heads/lost"
    assert forge.rows().branches("one")["lost"].last_commit_at is None
    finding = forge.rows().finding("unreadable-object")
    assert (finding.repository_id, finding.path) == (own.id, "refs/heads/lost")


def test_tombstones_of_one_repository_do_not_show_in_another() -> None:
    forge = Forge()
    own = home(forge)
    other = forge.repository("acme/other")
    other.branch("theirs")
    forge.delete_branch(other, "theirs")
    assert set(forge.rows().branches("one")) == {"main"}
    assert isinstance(forge.world().mirrored[own.id], RepositoryEvidence)


def test_what_was_in_a_repository_that_is_gone_stays_with_its_entry() -> None:
    forge = Forge()
    own = home(forge)
    own.branch("work")
    own.raise_pull(1, "work")
    forge.delete_repository(own)
    rows = forge.rows()
    assert {name: row.state for name, row in rows.branches("one").items()} == {"main": "deleted", "work": "deleted"}
    assert (rows.place(1, own.id).key, rows.pull(1, own.id).gone) == ("one", True)
    assert rows.entry("one").home_repository_id is None  # the forge has none
    assert rows.finding("dangling").field == "repo"


def test_a_name_that_was_given_to_another_repository_leads_there() -> None:
    """Guards: the branches of a repository that is gone shown as those of its namesake."""
    forge = Forge()
    own = home(forge)
    forge.delete_repository(own)
    other = forge.repository("acme/one")
    other.branch("theirs")
    assert set(forge.rows().branches("one")) == {"theirs"}
    assert forge.rows().entry("one").home_repository_id == other.id
