"""Remembering what was made of what, so that what did not change is not made again."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Places(Generic[T]):
    """Values by their place. One whose place is not asked for in a whole round is forgotten at its end."""

    def __init__(self) -> None:
        self._before: dict[Hashable, T] = {}
        self._asked: dict[Hashable, T] = {}

    def __getitem__(self, place: Hashable) -> T:
        """The value at a place. KeyError: there is none."""
        if place in self._asked:
            return self._asked[place]
        value = self._asked[place] = self._before[place]
        return value

    def get(self, place: Hashable) -> T | None:
        """The value at a place, None where there is none."""
        try:
            return self[place]
        except KeyError:
            return None

    def __setitem__(self, place: Hashable, value: T) -> None:
        self._asked[place] = value

    def __len__(self) -> int:
        return len(self._before.keys() | self._asked.keys())

    def end_round(self) -> None:
        """Forget what was not asked for since the last time."""
        self._before, self._asked = self._asked, {}


class Recall(Generic[T]):
    """Values by their place, each with everything that it was made of."""

    def __init__(self) -> None:
        self.places: Places[tuple[tuple[Any, ...], T]] = Places()

    def made(self, place: Hashable, of: tuple[Any, ...], make: Callable[[], T]) -> T:
        """The value at a place, made anew where something that it is made of is neither the same nor equal."""
        known = self.places.get(place)
        if known is not None and all(one is other or one == other for one, other in zip(known[0], of, strict=True)):
            return known[1]
        value = make()
        self.places[place] = of, value
        return value
