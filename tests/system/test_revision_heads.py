"""Revisions of pull requests whose heads move: forced, pushed while closed, told late, collected, retargeted.

Each case ends as `settled` has it.
"""

from __future__ import annotations

from typing import Any

import pytest
from comparing import Witness
from harness import META, System, rfc
from revising import proposed, revisions, settled, told

from cache.revision_rows import RevisionRow
from cache.rows import FindingRow
from daemon.timelines import Timelines
from gitea_client.fake.pushes import Pushes, fetch_head
from gitea_client.fake.state import Pull, User

pytestmark = pytest.mark.flavours("forgejo")


async def test_a_retargeted_pull_request_keeps_what_it_was_raised_against(begun: System, witness: Witness) -> None:
    """What a forced head brought, it brought to the base of its time. Held against the new base, which has a part of it
    already, it would seem to have touched less: whoever watched would know a revision that nobody finds again.
    """
    number = await proposed(begun)
    begun.clock.tick()
    start = begun.forge.refs(META)["refs/heads/main"]
    half = await begun.forge.commit(META, {"rfcs/b.md": rfc("Brought")}, branch="next", parents=[start])
    await begun.forge.commit(META, {"rfcs/a.md": rfc("Forced")}, branch="edit/a/x", parents=[half], force=True)
    await begun.settle()
    begun.clock.tick()
    before = await told(begun)
    assert {key for _, _, key, *_ in before} == {"a", "b"}
    await begun.forge.edit_pull(META, number, base="next")
    await settled(begun, witness)
    assert await told(begun) == before


async def test_a_forced_push_is_an_amendment_and_leaves_what_was_frozen(begun: System, witness: Witness) -> None:
    """Guards the frozen text against the usual way of answering a review."""
    await proposed(begun)
    begun.clock.tick()
    start = begun.forge.refs(META)["refs/heads/main"]
    forced = await begun.forge.commit(
        META, {"rfcs/a.md": rfc("Forced")}, branch="edit/a/x", parents=[start], force=True
    )
    await settled(begun, witness)
    (row,) = await revisions(begun)
    assert row.content == rfc("Proposed")
    assert [each["sha"] for each in row.amendments] == [forced]


async def test_a_head_that_was_forced_away_and_collected_is_kept(begun: System, witness: Witness) -> None:
    """Guards what only we have: after gc the forge cannot tell it again, and with `state.db` lost says so."""
    number = await proposed(begun)
    await begun.settle()
    begun.clock.tick()
    start = begun.forge.refs(META)["refs/heads/main"]
    await begun.forge.commit(META, {"rfcs/a.md": rfc("Forced")}, branch="edit/a/x", parents=[start], force=True)
    await begun.settle()
    await begun.forge.gc(META)
    before = await revisions(begun)
    await settled(begun, witness, in_order=False)
    (row,) = await revisions(begun)
    assert before[0].content == rfc("Proposed")
    assert (row.version, row.number, row.content, row.content_state) == (1, number, None, "gone")
    assert row.frozen_at is None
    findings = [row for row in (await begun.table(FindingRow)).values() if row.rule == "revision-content-gone"]
    assert [(row.key, row.path) for row in findings] == [("a", "rfcs/a.md")]


async def test_a_head_pushed_while_closed_counts_once_it_is_reopened_on_the_web(
    begun: System, witness: Witness
) -> None:
    """Guards the pushes that no event tells of: the ref alone does."""
    number = await proposed(begun)
    begun.clock.tick()
    await begun.forge.close(META, number)
    begun.clock.tick()
    pushed = await begun.forge.commit(META, {"rfcs/a.md": rfc("While closed")}, branch="edit/a/x")
    await begun.forge.reopen(META, number, via="web")
    await settled(begun, witness)
    (row,) = await revisions(begun)
    assert (row.content, row.pr_state) == (rfc("Proposed"), "open")
    assert [each["sha"] for each in row.amendments] == [pushed]


async def test_a_head_that_is_pushed_during_a_look_is_not_compared_with_the_base_of_before(
    begun: System, witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against mixing two moments, as a look at a live server did: main moves, a pull request is forced on top
    of it, both after the refs were listed and before the timeline was read. It brings nothing of what main gained.
    """
    number = await proposed(begun)
    await begun.settle()
    begun.clock.tick(40)
    read, pushed = Timelines._pushed, []

    async def late(self: Timelines, *arguments: Any) -> Any:
        if not pushed:
            begun.clock.tick()
            pushed.append(await begun.forge.commit(META, {"rfcs/b.md": rfc("B moved")}))
            files = {"rfcs/a.md": rfc("On top")}
            pushed.append(
                await begun.forge.commit(META, files, branch="edit/a/x", parents=[pushed[0]], force=True)
            )
        return await read(self, *arguments)

    monkeypatch.setattr(Timelines, "_pushed", late)
    await begun.forge.edit_pull(META, number, title="Look here")
    await begun.settle()
    assert pushed
    await settled(begun, witness)
    rows = (await begun.table(RevisionRow)).values()
    assert [(row.key, [each["sha"] for each in row.amendments]) for row in rows] == [("a", pushed[1:])]


@pytest.mark.parametrize("comes", [True, False])
async def test_a_head_is_frozen_with_the_time_of_its_push_however_late_that_is_told(
    begun: System, witness: Witness, monkeypatch: pytest.MonkeyPatch, comes: bool
) -> None:
    """Guards a look between the ref and its event, on a server under load: what is frozen then stands for ever.

    Where no event comes at all, the ref alone counts once the server has had its time.
    """
    await begun.forge.commit(META, {"other.txt": "x"}, branch="topic", start="main")
    await begun.forge.open_pull(META, "topic")
    await begun.settle()
    begun.clock.tick(40)
    held: list[Any] = []

    async def ref_alone(self: Pushes, pull: Pull, old: str | None, new: str, doer: User) -> None:
        held.append((self, pull, old, new, doer))
        await fetch_head(pull, new)

    with monkeypatch.context() as patch:
        patch.setattr(Pushes, "move_head", ref_alone)
        await begun.forge.commit(META, {"rfcs/a.md": rfc("Touched")}, branch="topic")
        pushed = begun.clock.now
        await begun.settle()
        await begun.sweep()
    assert await revisions(begun) == []
    begun.clock.tick(5)
    if comes:
        pushed = begun.clock.now
        await Pushes.move_head(*held[0])
    else:
        begun.clock.tick(60)
    await settled(begun, witness)
    (row,) = await revisions(begun)
    assert (row.content, row.frozen_at) == (rfc("Touched"), pushed)


async def test_reopened_by_the_api_and_merged_it_tells_what_was_merged(begun: System, witness: Witness) -> None:
    """Guards the ref that stays stale for good, while the branch is what is merged."""
    number = await proposed(begun)
    await begun.forge.close(META, number)
    begun.clock.tick()
    await begun.forge.commit(META, {"rfcs/a.md": rfc("While closed")}, branch="edit/a/x")
    await begun.forge.reopen(META, number, via="api")
    await begun.settle()
    (row,) = await revisions(begun)
    assert (row.pr_state, row.merged_content) == ("open", None)
    await begun.forge.merge(META, number)
    await settled(begun, witness)
    (row,) = await revisions(begun)
    assert (row.content, row.merged_content) == (rfc("Proposed"), rfc("While closed"))


async def test_closed_and_reopened_the_state_follows(begun: System, witness: Witness) -> None:
    number = await proposed(begun)
    for state, change in (("closed", begun.forge.close), ("open", begun.forge.reopen), ("closed", begun.forge.close)):
        begun.clock.tick()
        await change(META, number)
        await begun.settle()
        assert [row.pr_state for row in await revisions(begun)] == [state]
    await settled(begun, witness)


async def test_a_deleted_fork_takes_nothing_with_it(begun: System, witness: Witness) -> None:
    """Guards against asking the fork: the repository of the pull request has its commits."""
    fork = await begun.forge.fork(META, "ada")
    await begun.forge.commit(fork, {"rfcs/a.md": rfc("From a fork")}, branch="mine", start="main")
    await begun.forge.open_pull(META, "ada:mine")
    await begun.settle()
    await begun.forge.delete_repository(fork)
    await settled(begun, witness)
    (row,) = await revisions(begun)
    assert (row.content, row.pr_state) == (rfc("From a fork"), "closed")
