"""Where to look: the only thing that a delivery, a sweep or a person ever says."""

from __future__ import annotations

from msgspec import Struct


class Scope(Struct, frozen=True):
    """What to look at in one repository, beyond its refs, which are always looked at.

    `pulls` are numbers to read again; `all_pulls` asks for the complete list; `again` reads everything as if
    nothing were known. A `deferred` look waits for pull requests that a look for something new had no time for.
    """

    pulls: frozenset[int] = frozenset()
    all_pulls: bool = False
    again: bool = False
    deferred: bool = False

    def merge(self, other: Scope) -> Scope:
        """A scope that looks at what either looks at."""
        return Scope(
            self.pulls | other.pulls,
            self.all_pulls or other.all_pulls,
            self.again or other.again,
            self.deferred and other.deferred,
        )


def merge(one: Scope, other: Scope) -> Scope:
    """`one.merge(other)`, for queues."""
    return one.merge(other)
