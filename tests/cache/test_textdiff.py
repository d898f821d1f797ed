"""What differs between two texts, also where they are made to be compared slowly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher

import pytest

from cache.textdiff import WORK, _matcher, compare

REPEATED = ["x", "z"] * 10_000
TEXTS = [
    (["y", *REPEATED], ["x"] * 199),
    (["q", *(line for n in range(10_000) for line in (str(n), "x"))], ["w", *["x"] * 197]),
    ([str(n % 101) for n in range(2000)], [str((7 * n + 3) % 101) for n in range(2000)]),
    (["a", *["b"] * 1990], ["c", *["b", "d"] * 990]),
]


@pytest.mark.parametrize(("old", "new"), TEXTS, ids=range(len(TEXTS)))
def test_equal_lines_are_held_together_only_as_far_as_there_is_work_for(old: Sequence[str], new: Sequence[str]) -> None:
    """The first of these took 18 s: 199 times every pair of equal lines was looked at."""
    ours = Counter(old)
    looked_at = sum(ours[line] * len(places) for line, places in _matcher(old, new).b2j.items())
    assert looked_at * min(len(old), len(new)) <= WORK


@pytest.mark.parametrize(("old", "new"), TEXTS, ids=range(len(TEXTS)))
def test_the_difference_leads_from_one_to_the_other(old: Sequence[str], new: Sequence[str]) -> None:
    lines = compare("\n".join(old), "\n".join(new), ("a", "b")).lines
    assert [line.from_text for line in lines if line.from_line is not None] == list(old)
    assert [line.to_text for line in lines if line.to_line is not None] == list(new)


def test_texts_as_people_write_them_are_compared_as_before() -> None:
    old = [f"line {n % 400}" if n % 4 else "" for n in range(1000)]
    new = [*old[:100], "new", *old[120:700], "", "other", *old[690:]]
    assert _matcher(old, new).get_opcodes() == SequenceMatcher(None, old, new).get_opcodes()
