"""Which repositories a selector selects, remembered for as long as no repository changes its name or its topics.

Eighty blocks over a thousand repositories would otherwise compare eighty thousand names whenever anything changes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache

from cache.model import Repository
from cache.profile.collection import RepositorySelector

_Listed = tuple[tuple[int, str, str, tuple[str, ...]], ...]
"""Id, owner, name and topics of each repository."""


class Directory:
    """Repositories by what they can be selected by."""

    def __init__(self, listed: _Listed) -> None:
        self._by_owner: dict[str, list[Repository]] = defaultdict(list)
        for key, owner, name, topics in listed:
            self._by_owner[owner.lower()].append(Repository(id=key, owner=owner, name=name, topics=topics))
        self._selected: dict[RepositorySelector, tuple[int, ...]] = {}

    def select(self, selector: RepositorySelector) -> tuple[int, ...]:
        """The ids of the repositories among those of a selector, in the order of the list."""
        known = self._selected.get(selector)
        if known is None:
            owner = selector.owner if selector.full_name is None else selector.full_name.partition("/")[0]
            among = self._by_owner.get((owner or "").lower(), ())
            known = self._selected[selector] = tuple(each.id for each in among if selector.selects(each))
        return known


_directory = lru_cache(maxsize=4)(Directory)


def directory(repositories: Iterable[Repository]) -> Directory:
    """The directory of these repositories: the same object while they have the same names and topics."""
    return _directory(tuple((each.id, each.owner, each.name, each.topics) for each in repositories))
