"""What is in memory of texts: each blob once, and nothing of what is not there any more."""

from __future__ import annotations

from typing import Any

from histories import BLOCKS, HISTORIES, told
from hypothesis import given, settings
from msgspec.structs import replace
from worlds import Forge, rfc

from cache.projection.entries import Memo
from cache.projection.project import project
from cache.world import EvidenceMemo, World, evidence_rows


def pushed(*names: str, body: str = "Words.\n") -> Forge:
    """A forge with these entries in one repository, alike for alike names."""
    forge = Forge()
    meta = forge.repository("acme/meta")
    for name in names:
        meta.push({f"rfcs/{name}.md": rfc(name, body=body)})
    return forge


def test_a_world_read_anew_shares_what_is_equal_and_keeps_what_is_not() -> None:
    """Guards R3: a verification held every file of the forge a second time."""
    live, fresh = pushed("one", "two").world(), pushed("one", "two", "three").world()
    shared = fresh.sharing(live, World())
    assert shared == fresh
    (ours,), (theirs,) = shared.mirrored.values(), live.mirrored.values()
    assert len(ours.blobs) == 3
    for name in ("blobs", "commits", "versions"):
        found: dict[str, Any] = getattr(theirs, name)
        assert all(getattr(ours, name)[key] is value for key, value in found.items())


def test_what_stood_before_is_passed_over() -> None:
    """Guards the cost of a look: what changed is compared, not the world."""
    world = pushed("one").world()
    assert world.sharing(pushed("one").world(), world).mirrored[1] is world.mirrored[1]


@given(HISTORIES, HISTORIES)
@settings(max_examples=25)
def test_sharing_never_changes_a_world(one: list[Any], other: list[Any]) -> None:
    """Guards verification itself: what differs must stay different."""
    world = told(one).world()
    assert world.sharing(told(other).world(), World()) == told(one).world()


def test_rows_and_readings_of_what_is_gone_are_let_go() -> None:
    """Guards C12: a thousand repositories were remembered after all but ten of them had been dropped."""
    forge = pushed("one", "two")
    memo, rows = Memo(), EvidenceMemo()
    world = forge.world()
    project(world, BLOCKS, memo)
    evidence_rows(world, rows)
    held = len(memo.readings), len(memo.entries), len(rows)
    assert min(held) > 0
    without = world.without(1, listed=False)
    assert project(without, BLOCKS, memo) == project(without, BLOCKS)
    assert evidence_rows(without, rows) == evidence_rows(without)
    project(without, BLOCKS, memo)  # what was asked for in neither of two rounds
    assert (len(memo.readings), len(memo.entries), len(rows)) == (0, 0, 0)


def test_a_memo_keeps_what_is_asked_for_in_every_round() -> None:
    """Guards the memo's use: what did not change is not made again."""
    world = replace(pushed("one", "two").world())
    memo = Memo()
    for _ in range(3):
        rows = project(world, BLOCKS, memo)
        again = project(world, BLOCKS, memo)
        assert all(again[kind][key] is row for kind, table in rows.items() for key, row in table.items()
                   if kind.table in ("entries", "history"))  # fmt: skip
