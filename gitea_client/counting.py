"""How many requests were made of the forge, by kind, route and status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

Kind = Literal["rest", "git"]
Key = tuple[str, str, int]
"""Kind, route template (never a raw path: names would make endless labels) and status; status 0 means no answer."""

Listener = Callable[[str, str, int], None]


class Requests(Struct, frozen=True):
    """A number of requests; `git` holds those by Git's protocol, ours and the git program's."""

    rest: int = 0
    git: int = 0
    by_route: Mapping[Key, int] = {}

    @property
    def total(self) -> int:
        """All requests, of both kinds."""
        return self.rest + self.git


class RequestCounter:
    """Counts every attempt, also those that were repeated or had no answer."""

    def __init__(self, listener: Listener | None = None) -> None:
        self.listener = listener
        self._by_route: Counter[Key] = Counter()

    @property
    def rest(self) -> int:
        """Requests of the REST API so far."""
        return self._sum("rest")

    @property
    def git(self) -> int:
        """Requests by Git's protocol so far."""
        return self._sum("git")

    @property
    def by_route(self) -> Mapping[Key, int]:
        """Counts by (kind, route, status), a live view."""
        return MappingProxyType(self._by_route)

    def add(self, kind: Kind, route: str, status: int) -> None:
        """Count one attempt and tell the listener."""
        self._by_route[kind, route, status] += 1
        if self.listener is not None:
            self.listener(kind, route, status)

    def snapshot(self) -> Requests:
        """The counts at this moment."""
        return _requests(self._by_route)

    def delta(self, since: Requests) -> Requests:
        """What was counted after `since` was taken."""
        return _requests(self._by_route - Counter(since.by_route))

    def _sum(self, kind: Kind) -> int:
        return sum(n for key, n in self._by_route.items() if key[0] == kind)


def _requests(counts: Counter[Key]) -> Requests:
    return Requests(
        rest=sum(n for key, n in counts.items() if key[0] == "rest"),
        git=sum(n for key, n in counts.items() if key[0] == "git"),
        by_route=MappingProxyType(dict(counts)),
    )
