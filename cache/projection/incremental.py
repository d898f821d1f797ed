"""Keeping up to date what follows from facts: only the cells that asked for a fact that changed are made again.

A *fact* is a name for something that can be asked for: what was read of the forge, or what other cells say. A *cell* is
a pure function of what it asks; it is the only one that makes its rows, and it may say something under the name of
a fact, which cells of higher strata may ask for. Whatever a cell asked is recorded, absence included: that record is
the dependency, and nobody keeps lists of dependencies by hand.

Cells are made stratum by stratum, each at most once in an update. Where one comes out as it was, nobody who asked for
it is made again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from heapq import heappop, heappush
from typing import Any, Protocol

from msgspec import Struct

from cache.diff import RowChange, differ
from cache.row import Row
from cache.rows import identity

Fact = tuple[Hashable, ...]
"""The name of a fact: its kind, and which one."""


class Cell(Struct, frozen=True, order=True):
    """A part of the projection: its kind, and which one. It asks for what cells of lower strata say."""

    stratum: int
    kind: str
    key: tuple[Any, ...]


class Made(Struct, frozen=True):
    """What a cell comes to: its rows, and what it says under the names of facts."""

    rows: tuple[Row, ...] = ()
    says: Mapping[Fact, object] = {}


NOTHING = Made()


class Kept(Protocol):
    """Where cells are kept between updates."""

    def made(self, cell: Cell) -> Made | None:
        """What a cell came to; None where it was not made, or came to nothing."""
        ...

    def put(self, cell: Cell, made: Made, asked: Collection[Fact]) -> None:
        """Keep what a cell comes to, and what it asked for. One that came to nothing and asked nothing is let go."""
        ...

    def askers(self, fact: Fact) -> Iterable[Cell]:
        """The cells that asked for a fact."""
        ...

    def said(self, fact: Fact) -> Mapping[Cell, object]:
        """What is said under the name of a fact, by the cell that says it."""
        ...


class Answers:
    """What one cell may ask. Every question is recorded in `asked`."""

    def __init__(self, kept: Kept, cell: Cell) -> None:
        self._kept, self._cell = kept, cell
        self.asked: set[Fact] = set()

    def said(self, fact: Fact) -> tuple[object, ...]:
        """What other cells say under the name of a fact, in the order of their keys.

        Raises ValueError where one says it that is made at the same time or later: an error of ours.
        """
        self.asked.add(fact)
        said = self._kept.said(fact)
        for cell in said:
            if cell.stratum >= self._cell.stratum:
                raise ValueError(f"{self._cell} asks for {fact}, which {cell} says")
        return tuple(said[cell] for cell in sorted(said))


class Work(Struct, frozen=True):
    """What an update cost: cells made, facts that changed, rows that did."""

    cells: int
    facts: int
    rows: int


class Update(Struct, frozen=True):
    """What came of an update."""

    changes: tuple[RowChange, ...]
    work: Work


def update(
    kept: Kept,
    touched: Iterable[Fact],
    make: Callable[[Cell, Answers], Made],
    concerned: Callable[[Fact], Iterable[Cell]],
) -> Update:
    """Make again what follows from the facts that are `touched`, and keep it.

    `make` makes one cell. `concerned` tells which cells a fact brings into being, whoever asked for it before.
    """
    wave = _Wave(kept, concerned)
    for fact in set(touched):
        wave.touch(fact)
    rows: dict[tuple[type[Row], Any], list[Row | None]] = {}
    for cell in wave:
        before = kept.made(cell) or NOTHING
        answers = Answers(kept, cell)
        now = make(cell, answers)
        kept.put(cell, now, answers.asked)
        for fact in {**before.says, **now.says}:
            if before.says.get(fact) != now.says.get(fact):
                wave.touch(fact)
        for number, made in enumerate((before, now)):
            for row in made.rows:
                rows.setdefault((type(row), identity(row)), [None, None])[number] = row
    changes = tuple(RowChange(kind, key, old, new) for (kind, key), (old, new) in rows.items() if differ(old, new))
    return Update(changes, Work(wave.cells, wave.facts, len(changes)))


class _Wave:
    """The cells to be made, lowest stratum first; each once."""

    def __init__(self, kept: Kept, concerned: Callable[[Fact], Iterable[Cell]]) -> None:
        self._kept, self._concerned = kept, concerned
        self._heap: list[Cell] = []
        self._known: set[Cell] = set()
        self._at = -1
        self.cells = 0
        self.facts = 0

    def touch(self, fact: Fact) -> None:
        """A fact is another than it was."""
        self.facts += 1
        for cell in {*self._kept.askers(fact), *self._concerned(fact)} - self._known:
            if cell.stratum <= self._at:
                raise ValueError(f"{fact} changed after {cell} was made, which asks for it")
            self._known.add(cell)
            heappush(self._heap, cell)

    def __iter__(self) -> Iterator[Cell]:
        while self._heap:
            cell = heappop(self._heap)
            self._at = cell.stratum
            self.cells += 1
            yield cell


class InMemory:
    """Cells kept in memory."""

    def __init__(self) -> None:
        self._made: dict[Cell, tuple[Made, frozenset[Fact]]] = {}
        self._askers: dict[Fact, set[Cell]] = {}
        self._said: dict[Fact, dict[Cell, object]] = {}

    def made(self, cell: Cell) -> Made | None:
        """As `Kept.made`."""
        return self._made[cell][0] if cell in self._made else None

    def put(self, cell: Cell, made: Made, asked: Collection[Fact]) -> None:
        """As `Kept.put`."""
        before, asked_before = self._made.get(cell, (NOTHING, frozenset[Fact]()))
        now = frozenset(asked)
        for fact in asked_before - now:
            _drop(self._askers, fact, cell)
        for fact in now - asked_before:
            self._askers.setdefault(fact, set()).add(cell)
        for fact in before.says.keys() - made.says.keys():
            _drop(self._said, fact, cell)
        for fact, value in made.says.items():
            self._said.setdefault(fact, {})[cell] = value
        if now or made != NOTHING:
            self._made[cell] = made, now
        else:
            self._made.pop(cell, None)

    def askers(self, fact: Fact) -> Iterable[Cell]:
        """As `Kept.askers`."""
        return self._askers.get(fact, ())

    def said(self, fact: Fact) -> Mapping[Cell, object]:
        """As `Kept.said`."""
        return self._said.get(fact, {})


def _drop(index: dict[Fact, Any], fact: Fact, cell: Cell) -> None:
    of_fact = index[fact]
    if isinstance(of_fact, set):
        of_fact.discard(cell)
    else:
        of_fact.pop(cell, None)
    if not of_fact:
        del index[fact]
