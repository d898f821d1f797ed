"""The engine that keeps cells: on cells of numbers, where what must come out is plain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.projection.incremental import NOTHING, Answers, Cell, Fact, InMemory, Made, update
from cache.row import Row
from cache.rows import AliasRow

NUMBERS = st.dictionaries(st.sampled_from("abcdefg"), st.integers(0, 20), max_size=6)


class Sums:
    """Numbers by name; a sum for each remainder by three; and a row for each name with the sum that it is part of."""

    def __init__(self) -> None:
        self.kept = InMemory()
        self.numbers: Mapping[str, int] = {}
        self.made: list[str] = []
        self.rows: dict[Any, Row] = {}

    def make(self, cell: Cell, answers: Answers) -> Made:
        self.made.append(cell.kind)
        (key,) = cell.key
        if cell.kind == "number":
            answers.asked.add(("number", key))
            number = self.numbers.get(key)
            return NOTHING if number is None else Made(says={("part", number % 3): number, ("rest", key): number % 3})
        if cell.kind == "sum":
            said = cast("tuple[int, ...]", answers.said(("part", key)))
            return Made(says={("sum", key): sum(said)}) if said else NOTHING
        (rest,) = answers.said(("rest", key)) or (None,)
        sums = cast("tuple[int, ...]", answers.said(("sum", rest)) if rest is not None else ())
        return Made(tuple(AliasRow(key, total) for total in sums))

    def concerned(self, fact: Fact) -> Iterator[Cell]:
        kinds = {"number": (1, "number"), "part": (2, "sum"), "rest": (3, "row")}
        if fact[0] in kinds:
            yield Cell(*kinds[str(fact[0])], fact[1:])

    def follow(self, numbers: Mapping[str, int]) -> None:
        names = {*self.numbers, *numbers}
        touched = [("number", name) for name in names if self.numbers.get(name) != numbers.get(name)]
        self.numbers, self.made = numbers, []
        for change in update(self.kept, touched, self.make, self.concerned).changes:
            assert self.rows.get(change.key) == change.before
            self.rows[change.key] = cast("Row", change.after)
            if change.after is None:
                del self.rows[change.key]


def whole(numbers: Mapping[str, int]) -> dict[Any, Row]:
    """The same rows, told at once."""
    sums = [sum(n for n in numbers.values() if n % 3 == rest) for rest in range(3)]
    return {name: AliasRow(name, sums[number % 3]) for name, number in numbers.items()}


@given(st.lists(NUMBERS, max_size=6))
def test_what_is_kept_is_what_would_be_told_at_once(moments: list[dict[str, int]]) -> None:
    sums = Sums()
    for numbers in moments:
        sums.follow(numbers)
        assert sums.rows == whole(numbers)


def test_what_comes_out_as_it_was_ends_the_wave() -> None:
    """Two numbers change and their sum does not: nobody who asked for the sum is made again."""
    sums = Sums()
    sums.follow({"a": 3, "b": 6, "c": 9})
    sums.follow({"a": 6, "b": 3, "c": 9})
    assert sums.made == ["number", "number", "sum"]


def test_nothing_is_left_of_what_is_gone() -> None:
    sums = Sums()
    sums.follow({"a": 1, "b": 2})
    sums.follow({})
    assert sums.rows == {}
    assert not sums.kept.said(("part", 1))
    assert not sums.kept.said(("sum", 1))


def test_a_cell_that_asks_for_what_is_said_later_is_an_error_of_ours() -> None:
    """Guards: rows that depend on the order in which cells were made."""
    kept = InMemory()
    kept.put(Cell(2, "late", ()), Made(says={("word",): 1}), ())

    def make(_cell: Cell, answers: Answers) -> Made:
        return Made(says={("answer",): answers.said(("word",))})

    with pytest.raises(ValueError, match=r"which Cell.*says"):
        update(kept, [("begin",)], make, lambda fact: [Cell(1, "early", ())] if fact == ("begin",) else [])
