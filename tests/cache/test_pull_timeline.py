"""The heads that a timeline tells, with those that it told before: no server, no Git.

A made-up Gitea rewrites its timeline as 1.26 does; who has read it all along must know every head, whenever it looked.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cache.model import PullHead
from daemon.pull_timeline import PullTimeline, pull_timeline
from gitea_client.wire import Comment

BEGAN = datetime(2026, 1, 2, tzinfo=UTC)


def sha(number: int) -> str:
    """A commit's id."""
    return f"{number:040x}"


class Timeline:
    """A pull request's timeline: commits are numbers, and a head is the run of its own commits, oldest first."""

    def __init__(self, *, rewrites: bool) -> None:
        self._rewrites = rewrites
        self._events: list[Comment] = []
        self._id = 0
        self.now = BEGAN
        self.head: tuple[int, ...] = ()
        self.had: list[str] = []
        """Every head that there was."""
        self.base = "main"

    def _add(self, kind: str, body: str = "", old: str = "", new: str = "") -> None:
        self._id += 1
        self._events.append(Comment(self._id, kind, self.now, body, old_ref=old, new_ref=new))

    def _push(self, commits: Sequence[int], *, forced: bool = False) -> None:
        said = {"is_force_push": forced, "commit_ids": [sha(commit) for commit in commits]}
        self._add("pull_push", json.dumps(said))

    def push(self, head: tuple[int, ...]) -> None:
        """An ordinary push where the head is below the new one, else a forced one."""
        self.now += timedelta(minutes=1)
        old, self.head = self.head, head
        self.had.append(sha(head[-1]))
        if head[: len(old)] == old:
            self._push(head[len(old) :])
            return
        left = list(head)
        if self._rewrites:
            for event in list(self._events):
                if event.type == "pull_push" and not (said := json.loads(event.body))["is_force_push"]:
                    here = [commit for commit in left if sha(commit) in said["commit_ids"]]
                    left = [commit for commit in left if commit not in here]
                    place = self._events.index(event)
                    ids = [sha(commit) for commit in here]
                    body = json.dumps({"is_force_push": False, "commit_ids": ids})
                    cut = Comment(event.id, event.type, event.created_at, body)
                    self._events[place : place + 1] = [cut] if ids else []
            if left:
                self._push(left)
        self._push((old[-1], head[-1]), forced=True)

    def retarget(self, base: str) -> None:
        """Another base."""
        self.now += timedelta(minutes=1)
        old, self.base = self.base, base
        self._add("change_target_branch", old=old, new=base)
        if self._rewrites:
            self._events = [event for event in self._events if event.type != "pull_push"]
            self._push((*range(1_000, 1_003), *self.head))  # what the new base lacks, and the old one has

    def events(self) -> list[Comment]:
        """What the forge tells now."""
        return sorted(self._events, key=lambda event: (event.created_at, event.id))


def shas(timeline: PullTimeline) -> list[str]:
    """The commits of the heads."""
    return [head.sha for head in timeline.heads]


HEADS = st.lists(
    st.lists(st.integers(1, 4), min_size=1, max_size=3, unique=True).map(tuple) | st.sampled_from(["main", "next"]),
    min_size=1, max_size=8,
)  # fmt: skip


def play(timeline: Timeline, step: tuple[int, ...] | str) -> None:
    """A push, or another base; nothing where that changes nothing. Commits have their number by what is below them."""
    if isinstance(step, str):
        if timeline.head and step != timeline.base:
            timeline.retarget(step)
        return
    run = tuple(int("".join(map(str, step[: n + 1]))) for n in range(len(step)))
    if run != timeline.head:
        timeline.push(run)


@given(steps=HEADS, rewrites=st.booleans())
def test_whoever_looks_after_every_change_knows_every_head(steps: list[tuple[int, ...] | str], rewrites: bool) -> None:
    """Whatever is rewritten meanwhile; and a look that finds nothing new changes nothing."""
    timeline = Timeline(rewrites=rewrites)
    kept: tuple[PullHead, ...] | None = None
    for step in steps:
        play(timeline, step)
        told = pull_timeline(timeline.events(), kept)
        assert shas(told) == timeline.had
        assert not any(head.gap for head in told.heads)
        assert pull_timeline(timeline.events(), told.heads) == told
        assert all(head.position == n for n, head in enumerate(told.heads))
        if kept is not None:  # nothing that was known becomes another
            assert [head.at for head in told.heads[: len(kept)]] == [head.at for head in kept]
        kept = told.heads


@given(steps=HEADS, rewrites=st.booleans())
def test_a_first_look_tells_no_head_that_there_was_not_and_says_where_some_may_lack(
    steps: list[tuple[int, ...] | str], rewrites: bool
) -> None:
    """Where a rewriting took heads away, the first says that there may have been others before it."""
    timeline = Timeline(rewrites=rewrites)
    for step in steps:
        play(timeline, step)
    told = pull_timeline(timeline.events(), None)
    assert told.rewritten == any(head.gap for head in told.heads)
    if shas(told) != timeline.had:
        assert told.heads[0].gap
    assert shas(told)[-1:] == timeline.had[-1:]
    if not rewrites:
        assert (shas(told), told.rewritten) == (timeline.had, False)


def test_the_forms_that_were_recorded() -> None:
    """Raise `a`, push `b`, force to `c` on `a`, force to an unrelated `d`: what Gitea 1.26.3 tells then."""
    timeline = Timeline(rewrites=True)
    for head in ((1,), (1, 12), (1, 13)):
        timeline.push(head)
    assert shas(pull_timeline(timeline.events(), None)) == [sha(1), sha(12), sha(13)]
    timeline.push((2,))
    told = pull_timeline(timeline.events(), None)
    assert shas(told) == [sha(12), sha(13), sha(2)]
    assert [head.told for head in told.heads] == [False, True, True]


def test_heads_have_the_base_of_their_time() -> None:
    """Also where all pushes were replaced by one that bears the time of the retargeting."""
    timeline = Timeline(rewrites=True)
    timeline.push((1,))
    known = pull_timeline(timeline.events(), None)
    timeline.retarget("next")
    timeline.push((1, 2))
    live, first = pull_timeline(timeline.events(), known.heads), pull_timeline(timeline.events(), None)
    later = sha(2), None, False
    assert [(head.sha, head.base, head.relisted) for head in live.heads] == [(sha(1), "main", False), later]
    assert [(head.sha, head.base, head.relisted) for head in first.heads] == [(sha(1), "main", True), later]
