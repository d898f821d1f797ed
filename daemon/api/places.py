"""Places for what lasts: streams, waits, answers that are being read. Who asks has a share, strangers together another.

A stranger can always come again under another address, so what one may take is no protection by itself: all strangers
together take half of the places at most, and whoever is known by a token finds one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from daemon.api.access import Asked

STRANGERS, ONE = 2, 4
"""Strangers together take one in so many places, and one who asks (by token or address) one in so many."""


class FullError(Exception):
    """There is no place left for whoever asks."""


class Places:
    """So many places (streams, or bytes)."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._taken: Counter[Hashable] = Counter()

    @property
    def taken(self) -> int:
        """How many are."""
        return self._taken[None]

    @contextmanager
    def take(self, asked: Asked, amount: int = 1) -> Iterator[None]:
        """Hold places while the context lasts. FullError: too many are taken, in all or by those it counts with."""
        shares: dict[Hashable, int] = {None: self.most}
        if asked.credential is None:
            shares["strangers"] = max(1, self.most // STRANGERS)
        if (one := asked.credential or asked.address) is not None:
            shares[one, asked.name] = max(1, self.most // ONE)
        if any(self._taken[who] + amount > share for who, share in shares.items()):
            raise FullError
        for who in shares:
            self._taken[who] += amount
        try:
            yield
        finally:
            for who in shares:
                self._taken[who] -= amount
                if not self._taken[who]:
                    del self._taken[who]
