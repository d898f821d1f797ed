"""What holds of the projection whatever a forge holds."""

from __future__ import annotations

from typing import Any

from histories import BLOCKS, HISTORIES, happen, new_forge, sharing, told
from hypothesis import given
from msgspec.structs import replace
from worlds import Forge, rfc, turned_round

from cache.digest import digest
from cache.model import Blob
from cache.profile.rules import RULES
from cache.projection.entries import Memo
from cache.projection.project import project
from cache.rows import EntryRow, FindingRow, PullEntryRow, PullRow
from cache.world import Tombstones, World, evidence_rows

History = list[tuple[Any, ...]]


@given(HISTORIES)
def test_the_order_in_which_things_were_read_never_shows(history: History) -> None:
    """Guards: a rebuild that reads repositories in another order and comes to other rows."""
    world = told(history).world()
    other = turned_round(world)
    assert other == world
    assert project(other, BLOCKS[::-1]) == project(world, BLOCKS)


@given(HISTORIES)
def test_the_memo_never_changes_the_answer(history: History) -> None:
    """Guards: a row served from what a file said before."""
    forge, memo, world = new_forge(), Memo(), World()
    for event in history:
        happen(forge, event)
        world = sharing(world, forge.world())
        assert project(world, BLOCKS, memo) == project(world, BLOCKS)


def test_the_memo_notices_that_the_forge_gives_an_object_that_it_did_not_give() -> None:
    """The versions of the file stay the very same object; only its bytes have come."""
    forge, memo = Forge(), Memo()
    meta = forge.repository("acme/meta")
    meta.push({"rfcs/one.md": rfc("One")}, readable=False)
    without = forge.world()
    assert project(without, forge.blocks, memo)[EntryRow] == {}
    (blob,) = meta.blobs
    evidence = without.mirrored[meta.id]
    given_now = without.with_evidence(replace(evidence, blobs={blob: Blob.of(blob, rfc("One").encode())}))
    assert [row.title for row in project(given_now, forge.blocks, memo)[EntryRow].values()] == ["One"]  # type: ignore[attr-defined]  # entry rows all


@given(HISTORIES)
def test_whatever_a_forge_holds_there_are_rows_and_every_finding_has_a_rule(history: History) -> None:
    """Guards: hostile text, numbers or names that stop the whole cache."""
    world = told(history).world()
    rows = project(world, BLOCKS)
    digest({**evidence_rows(world), **rows})
    for row in rows[FindingRow].values():
        assert isinstance(row, FindingRow)
        assert row.rule in RULES
        assert row.message
        (row.path or "").encode()  # no lone surrogate: a database takes it


@given(HISTORIES)
def test_tombstones_only_add_rows(history: History) -> None:
    """What is gone stands beside what is there, and changes nothing of it."""
    world = told(history).world()
    fresh = project(replace(world, tombstones=Tombstones()), BLOCKS)
    rows = project(world, BLOCKS)
    for kind, table in fresh.items():
        assert {key: rows[kind].get(key) for key in table} == table


@given(HISTORIES)
def test_every_place_belongs_to_a_pull_request(history: History) -> None:
    rows = project(told(history).world(), BLOCKS)
    places = {(p.repository_id, p.number) for p in rows[PullEntryRow].values() if isinstance(p, PullEntryRow)}
    assert places <= set(rows[PullRow])
