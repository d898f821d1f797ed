"""Whether two templates can match one name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from cache.profile.patterns import DEEP, Segment

MOST_TEXTS = 64
"""Ways to choose that are tried one by one."""


class Pattern(Protocol):
    """A template of paths or of branch names."""

    @property
    def segments(self) -> tuple[Segment, ...]:
        """What may stand between its slashes."""
        ...


def overlaps(a: Pattern, b: Pattern) -> bool:
    """Whether one name may match both. Errs towards yes: an expression of a capture counts as any text, unless it is a
    list of texts, and except against a segment without wildcards, where it is tried.
    """
    return _meet(a.segments, b.segments)


def _segments_meet(a: Segment, b: Segment) -> bool:
    if b.literal is not None:
        return a.match(b.literal) is not None
    if a.literal is not None:
        return b.match(a.literal) is not None
    return any(_texts_meet(one, other) for one in _texts(a) for other in _texts(b))


def _texts(segment: Segment) -> list[str]:
    """A segment as texts in which NUL stands for any text: one for each way to choose among what its captures list."""
    choices = iter(segment.choices)
    made = [""]
    for part in segment.parts:
        ends = (part,) if part is not None else next(choices, ()) or ("\0",)
        made = [start + end for start in made for end in (ends if len(made) * len(ends) <= MOST_TEXTS else ("\0",))]
    return made


def _texts_meet(a: str, b: str) -> bool:
    """Whether two texts can be equal in which NUL stands for any text."""
    reach = {(0, 0)}
    work = [(0, 0)]
    while work:
        i, j = work.pop()
        if i == len(a) and j == len(b):
            return True
        steps = []
        if i < len(a) and a[i] == "\0":
            steps += [(i + 1, j)] + ([(i, j + 1)] if j < len(b) else [])
        if j < len(b) and b[j] == "\0":
            steps += [(i, j + 1)] + ([(i + 1, j)] if i < len(a) else [])
        if i < len(a) and j < len(b) and a[i] == b[j]:
            steps.append((i + 1, j + 1))
        work += [step for step in steps if step not in reach]
        reach.update(steps)
    return False


def _meet(a: Sequence[Segment], b: Sequence[Segment]) -> bool:
    """Whether two rows of segments can stand for one path; `**` takes any number."""
    reach = {(0, 0)}
    work = [(0, 0)]
    while work:
        i, j = work.pop()
        if i == len(a) and j == len(b):
            return True
        steps = []
        if i < len(a) and a[i] is DEEP:
            steps += [(i + 1, j)] + ([(i, j + 1)] if j < len(b) else [])
        if j < len(b) and b[j] is DEEP:
            steps += [(i, j + 1)] + ([(i + 1, j)] if i < len(a) else [])
        if i < len(a) and j < len(b) and DEEP not in (a[i], b[j]) and _segments_meet(a[i], b[j]):
            steps.append((i + 1, j + 1))
        work += [step for step in steps if step not in reach]
        reach.update(steps)
    return False
