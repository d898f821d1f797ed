"""Timelines that forget (W1): newer Gitea takes pushes out of a timeline when a pull request is forced or retargeted.

What was seen stands, live, rebuilt and with `cache.db` lost; what the forge forgot before it was first read is said.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from harness import META, System, rfc
from revising import proposed, revisions, settled, told

from cache.model import PullHead
from cache.rows import FindingRow, PullHeadRow


@pytest.fixture
async def forgetful() -> AsyncIterator[System]:
    """A Gitea 1.26, with the entries `a` and `b`; no daemon yet."""
    async with System(flavour="gitea-1.26", daemon=False) as system:
        await system.forge.commit(META, {"rfcs/a.md": rfc("A"), "rfcs/b.md": rfc("B")})
        system.clock.tick()
        yield system


async def amended(system: System, files: dict[str, str], branch: str = "edit/a/x", base: str = "main") -> str:
    """The branch forced to one commit on the tip of a base."""
    system.clock.tick()
    start = system.forge.refs(META)[f"refs/heads/{base}"]
    sha = await system.forge.commit(META, files, branch=branch, parents=[start], force=True)
    system.clock.tick()
    return sha


async def begins(system: System) -> None:
    """The daemon starts now, and reads everything."""
    await system.start()
    await system.sweep(deep=True)


async def rules(system: System) -> list[tuple[str, str | None]]:
    """The findings, by rule and entry."""
    return sorted((row.rule, row.key) for row in (await system.table(FindingRow)).values())


async def test_forced_before_it_was_first_read_the_first_version_says_what_was_raised(forgetful: System) -> None:
    """The raise is told by nobody but the old side of the forced push. The revision says that it may not be all."""
    await proposed(forgetful, title="Raised")
    forced = await amended(forgetful, {"rfcs/a.md": rfc("Amended")})
    await begins(forgetful)
    (row,) = await revisions(forgetful)
    assert (row.version, row.content, row.content_state) == (1, rfc("Raised"), "earliest-known")
    assert [each["sha"] for each in row.amendments] == [forced]
    assert await rules(forgetful) == [("heads-forgotten", "a")]
    await settled(forgetful, None)


async def test_forced_to_another_entry_the_first_keeps_what_was_proposed(forgetful: System) -> None:
    await proposed(forgetful, title="Raised")
    await amended(forgetful, {"rfcs/b.md": rfc("B instead")})
    await begins(forgetful)
    (first,), (second,) = await revisions(forgetful, "a"), await revisions(forgetful, "b")
    assert (first.content, second.content) == (rfc("Raised"), rfc("B instead"))
    await settled(forgetful, None)


async def test_watched_live_every_amendment_stays_after_a_forced_push(forgetful: System) -> None:
    """What a plain push said is deleted from the timeline by the forced one that follows."""
    await begins(forgetful)
    await proposed(forgetful, title="Raised")
    await forgetful.settle()
    forgetful.clock.tick()
    pushed = [await forgetful.forge.commit(META, {"rfcs/a.md": rfc(f"Plain {n}")}, branch="edit/a/x") for n in range(2)]
    await forgetful.settle()
    for n in range(2):
        pushed.append(await amended(forgetful, {"rfcs/a.md": rfc(f"Forced {n}")}))
        await forgetful.settle()
    (row,) = await revisions(forgetful)
    assert (row.content, row.content_state) == (rfc("Raised"), "text")
    assert [each["sha"] for each in row.amendments][-3:] == pushed[-3:]
    assert await rules(forgetful) == []
    before = await told(forgetful)
    await settled(forgetful, None, in_order=False)
    (row,) = await revisions(forgetful)
    assert row.content_state == "earliest-known"  # without state.db the forge tells no more
    assert before.keys() == (await told(forgetful)).keys()


@pytest.mark.parametrize("lost", ["cache.db", "state.db"])
async def test_what_was_read_stands_with_either_database_lost(forgetful: System, lost: str) -> None:
    """Heads are kept in `state.db`, and told again from `cache.db` where that is lost."""
    await begins(forgetful)
    await proposed(forgetful, title="Raised")
    await forgetful.settle()
    for n in range(3):
        await amended(forgetful, {"rfcs/a.md": rfc(f"Forced {n}")})
        await forgetful.settle()
    before, heads = await told(forgetful), await heads_of(forgetful)
    assert len(heads) == 4
    await forgetful.lose(lost)
    await forgetful.sweep(deep=True)
    assert (await told(forgetful), await heads_of(forgetful)) == (before, heads)
    await amended(forgetful, {"rfcs/a.md": rfc("Forced again")})
    await forgetful.settle()
    await settled(forgetful, None, lost=False)
    (row,) = await revisions(forgetful)
    assert (row.content, row.content_state, len(row.amendments)) == (rfc("Raised"), "text", 4)


async def heads_of(system: System) -> list[PullHead | str]:
    """The commits of every head that is known."""
    rows = (await system.engine.store.load([PullHeadRow]))[PullHeadRow].values()
    return [row.sha for row in sorted(rows, key=lambda row: row.position) if isinstance(row, PullHeadRow)]


async def test_forced_while_the_daemon_was_down_says_so_for_what_it_may_have_missed(forgetful: System) -> None:
    """What was frozen before stands as it is; what is first known after the gap is the earliest known."""
    await begins(forgetful)
    await proposed(forgetful, title="Raised")
    await forgetful.settle()
    await forgetful.stop()
    forgetful.clock.tick()
    await forgetful.forge.commit(META, {"rfcs/a.md": rfc("Plain"), "rfcs/b.md": rfc("B too")}, branch="edit/a/x")
    await amended(forgetful, {"rfcs/a.md": rfc("Forced"), "rfcs/b.md": rfc("B forced")})
    await begins(forgetful)
    (first,), (second,) = await revisions(forgetful, "a"), await revisions(forgetful, "b")
    assert (first.content, first.content_state) == (rfc("Raised"), "text")
    assert [each["at"] is not None for each in first.amendments] == [True, True]
    assert (second.content, second.content_state) == (rfc("B too"), "earliest-known")
    await settled(forgetful, None, lost=False)


@pytest.mark.parametrize("watched", [True, False])
async def test_with_another_base_the_amendments_stay(forgetful: System, watched: bool) -> None:
    """All pushes told so far are replaced by one that bears the time of the retargeting."""
    if watched:
        await begins(forgetful)
    number = await proposed(forgetful, title="Raised")
    forgetful.clock.tick()
    main = forgetful.forge.refs(META)["refs/heads/main"]
    await forgetful.forge.push_refs(META, {"refs/heads/release": main})
    await forgetful.settle()
    pushed = await forgetful.forge.commit(META, {"rfcs/a.md": rfc("Amended")}, branch="edit/a/x")
    await forgetful.settle()
    forgetful.clock.tick(5)
    await forgetful.forge.edit_pull(META, number, base="release")
    await forgetful.settle()
    if not watched:
        await begins(forgetful)
    (row,) = await revisions(forgetful)
    if watched:
        assert (row.content, row.content_state) == (rfc("Raised"), "text")
        assert [each["sha"] for each in row.amendments] == [pushed]
    else:
        assert (row.content, row.content_state, row.amendments) == (rfc("Amended"), "earliest-known", ())
    await settled(forgetful, None, lost=not watched)


@pytest.mark.parametrize("watched", [True, False])
@pytest.mark.parametrize("style", ["squash", "merge"])
async def test_what_is_stacked_does_not_revise_the_entry_below_when_that_is_merged(
    forgetful: System, watched: bool, style: str
) -> None:
    """The forge gives the upper one another base by itself, and lists the lower one's commits as its own."""
    if watched:
        await begins(forgetful)
    lower = await proposed(forgetful, title="Lower")
    forgetful.clock.tick()
    await forgetful.forge.commit(META, {"rfcs/b.md": rfc("Upper")}, branch="edit/b/x", start="edit/a/x")
    await forgetful.forge.open_pull(META, "edit/b/x", base="edit/a/x")
    await forgetful.settle()
    forgetful.clock.tick()
    amended_ = await forgetful.forge.commit(META, {"rfcs/b.md": rfc("Upper amended")}, branch="edit/b/x")
    await forgetful.settle()
    forgetful.clock.tick(5)
    await forgetful.forge.merge(META, lower, style, delete_branch=True)  # type: ignore[arg-type]
    await forgetful.settle()
    if not watched:
        await begins(forgetful)
    forgetful.clock.tick(5)
    after = await forgetful.forge.commit(META, {"rfcs/b.md": rfc("Upper again")}, branch="edit/b/x")
    await forgetful.settle()
    (below,), (above,) = await revisions(forgetful, "a"), await revisions(forgetful, "b")
    assert (below.number, below.content, below.pr_state) == (lower, rfc("Lower"), "merged")
    if watched:
        assert (above.content, [each["sha"] for each in above.amendments]) == (rfc("Upper"), [amended_, after])
    else:
        assert (above.content, [each["sha"] for each in above.amendments]) == (rfc("Upper amended"), [after])
    await settled(forgetful, None, lost=not watched)
