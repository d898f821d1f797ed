"""Remembering what was made of what, so that what did not change is not made again."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Recall(Generic[T]):
    """Values by their place, each with everything that it was made of."""

    def __init__(self) -> None:
        self._known: dict[Hashable, tuple[tuple[Any, ...], T]] = {}

    def made(self, place: Hashable, of: tuple[Any, ...], make: Callable[[], T]) -> T:
        """The value at a place, made anew where something that it is made of is neither the same nor equal."""
        known = self._known.get(place)
        if known is not None and all(one is other or one == other for one, other in zip(known[0], of, strict=True)):
            return known[1]
        value = make()
        self._known[place] = of, value
        return value
