"""Who asks, as far as it decides what may be seen. No I/O."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec
from msgspec import Struct


class Viewer(Struct, frozen=True):
    """What may be seen: the intersection of everything said here.

    `private` says whether private repositories are among it. `owners`, `repositories` (`owner/name`) and
    `collections` (`block/collection`) narrow it where they are not None; names are in lower case, as the forge does
    not tell them apart by case, but for collections.

    What `cache.queries` makes of it: whatever was read from a repository is seen with it; what carries the key of an
    entry, only with that entry.
    """

    private: bool = False
    owners: tuple[str, ...] | None = None
    repositories: tuple[str, ...] | None = None
    collections: tuple[str, ...] | None = None

    @property
    def everything(self) -> bool:
        """Whether nothing is hidden."""
        return self.private and self.owners is None and self.repositories is None and self.collections is None

    @property
    def mark(self) -> str:
        """A short text that differs where what may be seen differs: part of every ETag."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:16]


EVERYTHING = Viewer(private=True)
"""Sees all: the owner of the machine, and a token without scopes."""
PUBLIC = Viewer()
"""Sees what comes from public repositories."""


def scoped(
    owners: Iterable[str] = (), repositories: Iterable[str] = (), collections: Iterable[str] = ()
) -> Viewer:
    """The viewer of a token with these scopes; a kind of scope that names nothing does not narrow."""
    return Viewer(
        private=True,
        owners=_named(one.lower() for one in owners),
        repositories=_named(one.lower() for one in repositories),
        collections=_named(collections),
    )


def _named(names: Iterable[str]) -> tuple[str, ...] | None:
    return tuple(sorted(set(names))) or None
