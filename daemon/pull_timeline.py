"""The heads that a pull request had, from the events of its timeline. Pure: no I/O, and the same events give the same.

Gitea 1.23 and Forgejo only ever add events. Newer Gitea rewrites a timeline (seen on 1.26.3, services/pull):

- A forced push takes out of earlier events that are not forced every commit that is not below the new head, and the
  events that are left without any. Then it adds an event that is not forced for the commits that no older event lists,
  and right after it the forced one, `[old, new]`. Forced events stay, so the old side of one is a head that was.
- Another base (`change_target_branch`) deletes every push told so far, and adds one event that lists what lies between
  the new base and the head.

So what was told once is kept by the event's id, and what a rewriting adds is recognized by its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from cache.model import PullHead, PullRequest
from gitea_client.wire import Comment

TOGETHER = timedelta(seconds=2)
"""The events of one rewriting are written in one transaction, and differ by no more."""

_Place = tuple[datetime, int]
"""Where an event stands in a timeline: its time and its id."""


class PullTimeline(Struct, frozen=True):
    """The heads that are known now, and whether the timeline as it is now tells fewer than there were."""

    heads: tuple[PullHead, ...]
    rewritten: bool


class _Events(Struct, frozen=True):
    """What matters of a timeline: pushes in their order, when the base changed and what it was, and reopenings."""

    pushes: tuple[PullHead, ...]
    bases: tuple[tuple[_Place, str], ...]
    reopened: tuple[_Place, ...]


def pull_timeline(events: Sequence[Comment], kept: Sequence[PullHead] | None) -> PullTimeline:
    """The heads that a timeline tells, with those `kept` of it before (None where it is read for the first time).

    `events` are ordered by time and id. Of a head that no event told, `at` is that of the event after it, and is still
    to be found in its commit. Raises Malformed for an event that says no push.
    """
    read = _read(events)
    alone = _heads(read.pushes, read, first=True)
    rewritten = any(head.gap for head in alone)
    known = [head for head in kept or () if head.event]
    if kept is None or (kept and not known and any(head.told for head in kept)):  # kept before events had ids
        return PullTimeline(alone, rewritten)
    ids = {event for head in known for event in (head.event, *head.also)}
    together = sorted((*known, *(push for push in read.pushes if push.event not in ids)), key=_place)
    heads = _heads(together, read, first=False)
    if heads and kept and kept[0].gap:
        heads = (replace(heads[0], gap=True), *heads[1:])
    return PullTimeline(heads, rewritten)


def _read(events: Sequence[Comment]) -> _Events:
    pushes: list[PullHead] = []
    bases: list[tuple[_Place, str]] = []
    reopened: list[_Place] = []
    before: Comment | None = None
    for event in events:
        at = event.created_at.astimezone(UTC)
        if event.type == "change_target_branch" and event.old_ref:
            bases.append(((at, event.id), event.old_ref))
        elif event.type == "reopen":
            reopened.append((at, event.id))
        push = event.push_event
        if push is not None and push.commit_ids:
            ids = push.commit_ids
            head = PullHead(len(pushes), ids[-1], at, push.is_force_push, commits=ids, event=event.id)
            if not pushes and not head.forced and before is not None and _is_another_base(before, at):
                head = replace(head, base=before.old_ref, relisted=True)
            pushes.append(head)
        before = event
    return _Events(tuple(pushes), tuple(bases), tuple(reopened))


def _is_another_base(before: Comment, at: datetime) -> bool:
    return bool(before.type == "change_target_branch" and before.old_ref and at - before.created_at <= TOGETHER)


def _heads(pushes: Sequence[PullHead], read: _Events, *, first: bool) -> tuple[PullHead, ...]:
    """The heads of pushes in their order, without repeats. With `first`, nothing was known of them before."""
    heads: list[PullHead] = []
    rewritten = any(push.relisted for push in pushes)
    announced: tuple[int, ...] = ()
    for place, push in enumerate(pushes):
        following = pushes[place + 1] if place + 1 < len(pushes) else None
        last = heads[-1].sha if heads else None
        if following is not None and _announces(push, following):
            rewritten = True
            announced = push.event, *push.also
            continue
        if push.forced and push.commits[0] != last:
            since = _place(heads[-1]) if heads else None
            gap = not any((since is None or since < at) and at < _place(push) for at in read.reopened)
            rewritten = rewritten or gap
            heads.append(PullHead(0, push.commits[0], push.at, told=False, base=_base(push, read), gap=gap))
        elif not push.forced and push.sha == last:  # made anew for another base: the head was told before
            heads[-1] = replace(heads[-1], also=_joined(heads[-1].also, (push.event,)))
            continue
        base, also = push.base or _base(push, read), _joined(push.also, announced)
        heads.append(replace(push, base=base, gap=push.relisted, also=also))
        announced = ()
    if first and rewritten and heads:
        heads[0] = replace(heads[0], gap=True)
    return tuple(replace(head, position=position) for position, head in enumerate(heads))


def _announces(push: PullHead, following: PullHead) -> bool:
    """Whether an event only lists commits of the forced push that follows it: all, or what a later one left of them.

    An ordinary push that was forced away would be the old side of what follows.
    """
    close = following.at - push.at <= TOGETHER
    return not push.forced and following.forced and following.commits[0] != push.sha and close


def _joined(some: tuple[int, ...], more: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted({*some, *more}))


def _base(push: PullHead, read: _Events) -> str | None:
    """The branch that a pull request had as its base when it was pushed to; None where it still has it."""
    return next((old for at, old in read.bases if at > _place(push)), None)


def _place(push: PullHead) -> _Place:
    return push.at, push.event


def with_ref(heads: Sequence[PullHead], ref: str | None, pull: PullRequest) -> tuple[PullHead, ...]:
    """The heads, with `refs/pull/N/head` last where that is another than the last that was told."""
    if ref is None or last_of(heads) == ref:
        return tuple(heads)
    at = heads[-1].at if heads else pull.created_at
    return (*heads, PullHead(len(heads), ref, at, told=False))


def last_of(heads: Sequence[PullHead]) -> str | None:
    """The commit of the last head."""
    return heads[-1].sha if heads else None


def dated(heads: Sequence[PullHead], committed: Mapping[str, datetime], pull: PullRequest) -> tuple[PullHead, ...]:
    """The heads, those that no push told of at their committers' dates: not before the one before (or the pull
    request), and not after the one that follows, or the merge."""
    result: list[PullHead] = []
    for place, head in enumerate(heads):
        if not head.told:
            earliest = result[-1].at if result else pull.created_at
            at = max(committed.get(head.sha, earliest), earliest)
            latest = _told_after(heads[place + 1 :]) or pull.merged_at
            if latest is not None:
                at = max(min(at, latest), earliest)
            head = replace(head, at=at)
        result.append(head)
    return tuple(result)


def _told_after(heads: Iterable[PullHead]) -> datetime | None:
    return next((head.at for head in heads if head.told), None)
