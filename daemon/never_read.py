"""Repositories that a profile reaches and that could not be read even once: nothing of them is served. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct

from cache.model import Repository
from cache.profile.rules import cut
from cache.projection.findings import Place, finding
from cache.rows import FindingRow, LookRow
from cache.world import World

RULE: Final = "never-read"


class NeverRead(Struct, frozen=True):
    """A repository that was never read, the last error and what a person can do about it."""

    repository: Repository
    error: str
    remedy: str

    @property
    def finding(self) -> FindingRow:
        """What to say about it; it goes with the first reading that succeeds."""
        message = f"{self.repository.full_name} was never read, and nothing of it is served: {self.error}"
        return finding(Place(repository_id=self.repository.id), RULE, cut(f"{message}. Remedy: {self.remedy}"))


def never_read(world: World, looks: Mapping[int, LookRow], within_reach: Iterable[int]) -> Iterator[NeverRead]:
    """Those within reach that failed and of which nothing is known, in the order of their ids."""
    for key in sorted(within_reach):
        look = looks.get(key)
        if look is not None and look.failures and key not in world.mirrored and key in world.listed:
            yield NeverRead(world.listed[key], look.last_error or "the last look failed", look.remedy or "")
