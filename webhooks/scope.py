"""Where to look: what deliveries say, less what they claim."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from msgspec import Struct


class Scope(Struct, frozen=True):
    """What of one repository to read. The repository's refs are looked at in any case.

    A scope never says what is there now: deliveries come late, twice, in any order, or not at all.
    """

    pulls: frozenset[int] = frozenset()
    """Numbers of pull requests to read."""
    owners: frozenset[str] = frozenset()
    """Owners whose list of repositories to read, because a repository came or went."""

    def __or__(self, other: Scope) -> Scope:
        """Everything that either asks for."""
        return Scope(self.pulls | other.pulls, self.owners | other.owners)


class Scoped(Protocol):
    """A delivery, or an inbox row."""

    @property
    def repository_id(self) -> int | None: ...

    @property
    def scope(self) -> Scope: ...


def merge(deliveries: Iterable[Scoped]) -> dict[int | None, Scope]:
    """One scope a repository, in the order of first mention: a push of 55 branches sends 110 deliveries.

    The key None holds what names no repository.
    """
    merged: dict[int | None, Scope] = {}
    for each in deliveries:
        known = merged.get(each.repository_id)
        merged[each.repository_id] = each.scope if known is None else known | each.scope
    return merged
