"""Tombstones between `state.db` and the world."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec
from msgspec.structs import replace

from cache.kept_heads import KeptHeads
from cache.kept_holders import KeptHolders
from cache.kept_revisions import KeptRevisions
from cache.model import KeptRevision, PullHead
from cache.tombstones import Kind, TombstoneTable
from cache.tombstones import Tombstone as KeptTombstone
from cache.world import (
    BranchTombstone,
    KeyPlace,
    PullTombstone,
    RepositoryTombstone,
    Tombstones,
    with_heads,
    with_published,
)

Tombstone = BranchTombstone | PullTombstone | RepositoryTombstone
FreshHeads = Mapping[tuple[int, int], tuple[PullHead, ...] | None]
"""The heads of pull requests that are to be kept, by repository and number; None for one that is gone."""


class Graves(Protocol):
    """Where tombstones are kept."""

    async def load(self) -> Tombstones:
        """Every tombstone."""
        ...

    async def bury(self, known: Tombstones, buried: Sequence[Tombstone]) -> Tombstones:
        """Keep new tombstones durably; all of them with the new ones."""
        ...

    async def raise_up(self, risen: Tombstones) -> None:
        """Let go of tombstones of what was seen again."""
        ...

    async def keep(self, known: Tombstones, published: Sequence[KeptRevision]) -> Tombstones:
        """Keep revisions that are about to be published durably; all of them with these."""
        ...

    async def keep_heads(self, known: Tombstones, heads: FreshHeads) -> Tombstones:
        """Keep the heads of pull requests durably; all of them with these."""
        ...

    async def hold(self, known: Tombstones, holders: Mapping[KeyPlace, int]) -> Tombstones:
        """Keep durably which repository held a key first, for exactly these keys."""
        ...


class ScratchGraves:
    """Tombstones as they stood, for a rebuild or a verification: nothing is written."""

    def __init__(self, known: Tombstones) -> None:
        self._known = known

    async def load(self) -> Tombstones:
        """Those given."""
        return self._known

    async def bury(self, known: Tombstones, buried: Sequence[Tombstone]) -> Tombstones:
        """In memory alone."""
        return _with(known, buried)

    async def raise_up(self, risen: Tombstones) -> None:
        """Nothing to let go of."""

    async def keep(self, known: Tombstones, published: Sequence[KeptRevision]) -> Tombstones:
        """In memory alone."""
        return replace(known, revisions=with_published(known.revisions, published))

    async def keep_heads(self, known: Tombstones, heads: FreshHeads) -> Tombstones:
        """In memory alone."""
        return replace(known, heads=with_heads(known.heads, heads))

    async def hold(self, known: Tombstones, holders: Mapping[KeyPlace, int]) -> Tombstones:
        """In memory alone: what is not read yet claims nothing, so nothing is let go."""
        return replace(known, holders={**known.holders, **holders})


def _with(known: Tombstones, buried: Iterable[Tombstone]) -> Tombstones:
    branches, pulls, repositories = dict(known.branches), dict(known.pulls), dict(known.repositories)
    for stone in buried:
        if isinstance(stone, BranchTombstone):
            branches[stone.repository_id, stone.name] = stone
        elif isinstance(stone, PullTombstone):
            pulls[stone.pull.repository_id, stone.pull.number] = stone
        else:
            repositories[stone.repository.id] = stone
    return replace(known, branches=branches, pulls=pulls, repositories=repositories)


def _named(stone: Tombstone) -> tuple[Kind, int, str]:
    if isinstance(stone, BranchTombstone):
        return "branch", stone.repository_id, stone.name
    if isinstance(stone, PullTombstone):
        return "pull", stone.pull.repository_id, str(stone.pull.number)
    return "repository", stone.repository.id, ""


class StateGraves:
    """Tombstones, published revisions and holders of keys in `state.db`."""

    def __init__(
        self,
        table: TombstoneTable,
        revisions: KeptRevisions,
        holders: KeptHolders,
        heads: KeptHeads,
        clock: Callable[[], datetime],
    ) -> None:
        self._table = table
        self._revisions = revisions
        self._holders = holders
        self._heads = heads
        self._clock = clock

    async def load(self) -> Tombstones:
        """Every tombstone."""
        revisions = with_published({}, await self._revisions.all())
        holders, heads = await self._holders.all(), await self._heads.all()
        known = Tombstones(revisions=revisions, holders=holders, heads=heads)
        return _with(known, [_stone(kept) for kept in await self._table.all()])

    async def bury(self, known: Tombstones, buried: Sequence[Tombstone]) -> Tombstones:
        """Keep new tombstones durably; all of them with the new ones."""
        now = self._clock()
        await self._table.put(
            KeptTombstone(*_named(stone), data=msgspec.to_builtins(stone), first_missing_at=now) for stone in buried
        )
        return _with(known, buried)

    async def raise_up(self, risen: Tombstones) -> None:
        """Let go of tombstones of what was seen again."""
        stones: list[Tombstone] = [*risen.branches.values(), *risen.pulls.values(), *risen.repositories.values()]
        for stone in stones:
            await self._table.remove(*_named(stone))

    async def keep(self, known: Tombstones, published: Sequence[KeptRevision]) -> Tombstones:
        """Keep revisions that are about to be published durably; all of them with these."""
        await self._revisions.keep(published)
        return replace(known, revisions=with_published(known.revisions, published))

    async def keep_heads(self, known: Tombstones, heads: FreshHeads) -> Tombstones:
        """Keep the heads of pull requests durably; all of them with these."""
        await self._heads.keep(heads)
        return replace(known, heads=with_heads(known.heads, heads))

    async def hold(self, known: Tombstones, holders: Mapping[KeyPlace, int]) -> Tombstones:
        """Keep durably which repository held a key first, for exactly these keys."""
        fresh = {place: holder for place, holder in holders.items() if known.holders.get(place) != holder}
        released: Collection[KeyPlace] = known.holders.keys() - holders.keys()
        if not fresh and not released:
            return known
        await self._holders.keep(fresh, released)
        return replace(known, holders=dict(holders))


def _stone(kept: KeptTombstone) -> Tombstone:
    kinds: Mapping[str, type[Tombstone]] = {
        "branch": BranchTombstone,
        "pull": PullTombstone,
        "repository": RepositoryTombstone,
    }
    stone: Tombstone = msgspec.convert(kept.data, kinds[kept.kind])
    return stone
