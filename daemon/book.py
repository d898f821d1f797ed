"""What the daemon knows at this moment: the world, its rows, and the one way of changing either.

The book is the single place where evidence becomes rows. A change of the world is projected, compared with the rows
as they stand, and written in one transaction; only then does the book turn to the new page. Tombstones are written
to `state.db` before the rows that need them: a crash in between leaves a tombstone for a row that still stands,
which the next look settles, never a row lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, Protocol, cast

from msgspec.structs import replace

from cache.diff import RowChange, changes
from cache.model import KeptRevision
from cache.profile.collection import Block
from cache.profile.rules import OPERATIONAL as OPERATIONAL_RULES
from cache.projection.entries import Memo
from cache.projection.laying import published
from cache.projection.project import nobody_before, project_after
from cache.projection.reach import Reach, configured_names, reach
from cache.projection.revisions import kept_key_of
from cache.revision_rows import RevisionRow
from cache.rows import (
    EVIDENCE,
    OPERATIONAL,
    PROJECTED,
    EntryRow,
    FindingRow,
    LookRow,
    OwnerRow,
    PullLookRow,
    Row,
    Rows,
    identity,
)
from cache.store.finish import finish
from cache.store.writer import Applied
from cache.world import (
    BranchTombstone,
    EvidenceMemo,
    KeyPlace,
    PullTombstone,
    RepositoryTombstone,
    Tombstones,
    World,
    evidence_rows,
    world_of,
)
from daemon.graves import FreshHeads, Graves
from daemon.never_read import RULE as UNREAD
from daemon.never_read import NeverRead, never_read
from daemon.remembering import unkept, unkept_heads

Clock = Callable[[], datetime]


class Writer(Protocol):
    """What a book needs of a store."""

    sequence: int
    applied: int

    async def load(self, kinds: Sequence[type[Row]]) -> dict[type[Row], dict[Any, Row]]:
        """Every row of the given tables."""
        ...

    async def apply(
        self, changes: Sequence[RowChange], *, at: datetime, rows: Rows, values: Mapping[str, str] | None = None
    ) -> Applied:
        """Write changes and feed in one transaction."""
        ...

    async def recreate(self, rows: Rows) -> None:
        """Write all rows into a new file."""
        ...


Listener = Callable[[Applied, Sequence[RowChange]], None]


class Book:
    """The world and its rows, and the lock under which they change."""

    def __init__(
        self, store: Writer, graves: Graves, blocks: Sequence[Block], clock: Clock, owners: Sequence[str]
    ) -> None:
        self.store = store
        self.graves = graves
        self.blocks = blocks
        self.clock = clock
        self.owners = tuple(owners)
        self.world = self._ours(World(complete=False))
        self.rows: dict[type[Row], dict[Any, Row]] = {}
        self.reach = Reach({}, frozenset())
        self.listeners: list[Listener] = []
        self.alerts: Callable[[], Iterable[FindingRow]] = self._standing
        """Findings of what happens here, beside those of the projection; they stay where nobody sees to them."""
        self.like: Callable[[], World] | None = None
        """Another's world that is mostly the same: what is equal is kept in memory once."""
        self._memo = Memo()
        self._evidence_memo: EvidenceMemo = {}
        self._turning = asyncio.Lock()

    async def open(self, *, rows: bool = True) -> None:
        """Read what `cache.db` and `state.db` hold. `rows` False starts from nothing but the tombstones."""
        kinds = (*EVIDENCE, *PROJECTED, *OPERATIONAL)
        self.rows = await self.store.load(kinds) if rows else {kind: {} for kind in kinds}
        known = await self.graves.load()
        lacking, contradicted = unkept(self.rows, known.revisions, self.blocks)
        known = await self.graves.keep(known, lacking)
        if heads := dict(unkept_heads(self.rows, known.heads)):
            known = await self.graves.keep_heads(known, heads)
        if contradicted:
            await self._write(self.world, {}, self._noted((), contradicted))
        self.world = replace(self._ours(world_of(self.rows, known)), complete=self._listed())
        self._find_reach()

    def _ours(self, world: World) -> World:
        owners = frozenset(owner.lower() for owner in self.owners)
        return replace(world, owners=owners, named=frozenset(map(str.lower, configured_names(self.blocks))))

    def looks(self) -> Mapping[int, LookRow]:
        """Our looking at each repository."""
        return cast("Mapping[int, LookRow]", self.rows[LookRow])

    def look(self, repository_id: int) -> LookRow:
        """Our looking at one repository, empty where there was none."""
        return self.looks().get(repository_id) or LookRow(repository_id)

    def never_read(self, world: World | None = None) -> tuple[NeverRead, ...]:
        """The repositories within reach of which nothing was ever read, since reading them fails."""
        return tuple(never_read(world or self.world, self.looks(), self.reach.interests))

    def owner(self, name: str) -> OwnerRow | None:
        """What the sweeps remember of an owner."""
        return cast("OwnerRow | None", self.rows[OwnerRow].get(name))

    def unswept(self, owners: Iterable[str]) -> tuple[str, ...]:
        """Those of these owners that were never read to the end."""
        rows = cast("Iterable[OwnerRow]", self.rows[OwnerRow].values())
        known = {row.name.lower() for row in rows if row.swept_at is not None}
        return tuple(owner for owner in owners if owner.lower() not in known)

    def pull_look(self, repository_id: int, number: int) -> PullLookRow | None:
        """When a pull request was last read."""
        return cast("PullLookRow | None", self.rows[PullLookRow].get((repository_id, number)))

    async def turn(
        self,
        change: Callable[[World], World] | None = None,
        *,
        notes: Iterable[Row] = (),
        forget: Iterable[Row] = (),
        buried: Iterable[BranchTombstone | PullTombstone | RepositoryTombstone] = (),
        heads: FreshHeads | None = None,
    ) -> Applied:
        """Change the world, and write everything that follows.

        `notes` are operational rows to put, told when nothing else is being written (a generator sees the rows as they
        are then), `forget` such rows to remove, `buried` new tombstones, `heads` those of
        pull requests to be kept in `state.db`. Runs to its end
        even where the caller is cancelled, who is told so only then: a page is turned whole or not at all, and nothing
        is written behind the back of whoever closes the databases next.
        """
        return await finish(self._turn(change, notes, forget, tuple(buried), heads or {}))

    async def _turn(
        self,
        change: Callable[[World], World] | None,
        notes: Iterable[Row],
        forget: Iterable[Row],
        buried: Sequence[BranchTombstone | PullTombstone | RepositoryTombstone],
        heads: FreshHeads,
    ) -> Applied:
        async with self._turning:
            if change is None:
                return await self._write(self.world, {}, self._noted(notes, forget))
            world = change(self.world)
            if self.like is not None:
                world = world.sharing(self.like(), self.world)
            tombstones = await self.graves.bury(world.tombstones, buried)
            if fresh := {**heads, **_buried_heads(tombstones, buried)}:
                tombstones = await self.graves.keep_heads(tombstones, fresh)
            tombstones, risen = _without_risen(tombstones, world)
            world = replace(world, tombstones=tombstones)
            # beside the event loop: it parses what strangers committed; nobody else changes rows or memo meanwhile
            page, holders = await asyncio.to_thread(self._page, world)
            tombstones = await self.graves.keep(tombstones, self._unpublished(world, page))
            tombstones = await self.graves.hold(tombstones, {**self._still_held(world), **holders})
            world = replace(world, tombstones=tombstones)
            applied = await self._write(world, page, self._noted(notes, forget))
            await self.graves.raise_up(risen)
            return applied

    async def mend(self) -> None:
        """Make a damaged `cache.db` anew from what is in memory: every row is there."""
        async with self._turning:
            await self.store.recreate(self.rows)

    def _page(self, world: World) -> tuple[dict[type[Row], Mapping[Any, Row]], Mapping[KeyPlace, int]]:
        before = self._holder if self._settled() else nobody_before
        projected = project_after(world, self.blocks, self._memo, before)
        unread = (each.finding for each in self.never_read(world))
        findings = {**projected.rows[FindingRow], **{row.id: row for row in (*self.alerts(), *unread)}}
        return {**evidence_rows(world, self._evidence_memo), **projected.rows, FindingRow: findings}, projected.holders

    def _unpublished(self, world: World, page: Rows) -> list[KeptRevision]:
        """What of the page's revisions is not kept as it is about to be published."""
        known, before = world.tombstones.revisions, self.rows[RevisionRow]
        collections = {(block.name, c.name): c for block in self.blocks for c in block.collections}
        fresh = []
        for at, row in page[RevisionRow].items():
            if before.get(at) is row or not isinstance(row, RevisionRow):
                continue
            place = row.block, row.collection
            kept = published(row, kept_key_of(collections[place], row))
            if known.get(place, {}).get((kept.key, kept.repository_id, kept.number)) != kept:
                fresh.append(kept)
        return fresh

    def _noted(self, notes: Iterable[Row], forget: Iterable[Row]) -> list[RowChange]:
        noted = []
        for row in notes:
            before = self.rows[type(row)].get(identity(row))
            if before != row:
                noted.append(RowChange(type(row), identity(row), before, row))
        for row in forget:
            before = self.rows[type(row)].get(identity(row))
            if before is not None:
                noted.append(RowChange(type(row), identity(row), before, None))
        return noted

    async def _write(
        self, world: World, page: Mapping[type[Row], Mapping[Any, Row]], noted: Sequence[RowChange]
    ) -> Applied:
        made = (*changes(self.rows, page), *noted)
        rows: Rows = {**self.rows, **page}
        if made:
            applied = await self.store.apply(made, at=self.clock(), rows=rows)
        else:
            applied = Applied(0, self.store.sequence)
        for kind, table in page.items():
            self.rows[kind] = dict(table)
        for one in noted:
            if one.after is None:
                self.rows[one.kind].pop(one.key, None)
            else:
                self.rows[one.kind][one.key] = one.after
        self.world = world
        if page:
            self._find_reach()
        for listener in self.listeners if made else ():
            listener(applied, made)
        return applied

    def _standing(self) -> list[FindingRow]:
        findings = cast("Iterable[FindingRow]", self.rows[FindingRow].values())
        return [row for row in findings if row.rule in OPERATIONAL_RULES and row.rule != UNREAD]

    def _holder(self, place: KeyPlace) -> int | None:
        row = self.rows[EntryRow].get(place)
        return row.repository_id if isinstance(row, EntryRow) else None

    def _still_held(self, world: World) -> Mapping[KeyPlace, int]:
        """What is kept of holders though nobody contests it now: not everything was read, or not the holder itself."""
        kept = world.tombstones.holders
        if not kept or not self._settled():
            return kept
        unread = self.reach.interests.keys() - world.mirrored.keys()
        return {place: holder for place, holder in kept.items() if holder in unread}

    def _settled(self) -> bool:
        """Whether every owner was swept to the end once. Before that the order of reading is chance: what has been
        seen to hold a key may merely have been read first."""
        return not self.unswept(self.owners) if self.owners else False

    def _find_reach(self) -> None:
        rows = chain(self.rows[EntryRow].values(), self.rows[RevisionRow].values())
        self.reach = reach(self.blocks, self.world, rows)

    def _listed(self) -> bool:
        owners = cast("Iterable[OwnerRow]", self.rows[OwnerRow].values())
        return bool(self.rows[OwnerRow]) and all(owner.listed_at is not None for owner in owners)


def _buried_heads(
    tombstones: Tombstones, buried: Iterable[BranchTombstone | PullTombstone | RepositoryTombstone]
) -> dict[tuple[int, int], None]:
    """The heads that nothing follows from any more: those of pull requests that are gone."""
    places = [(stone.pull.repository_id, stone.pull.number) for stone in buried if isinstance(stone, PullTombstone)]
    return {(key, number): None for key, number in places if number in tombstones.heads.get(key, {})}


def _without_risen(tombstones: Tombstones, world: World) -> tuple[Tombstones, Tombstones]:
    """The tombstones of what is still gone, and of what was seen again: seeing it is the proof."""
    branches, pulls, repositories = {}, {}, {}
    for (repository_id, name), branch in tombstones.branches.items():
        evidence = world.mirrored.get(repository_id)
        if evidence is not None and name in evidence.branches:
            branches[repository_id, name] = branch
    for (repository_id, number), pull in tombstones.pulls.items():
        evidence = world.mirrored.get(repository_id)
        if evidence is not None and number in evidence.pulls:
            pulls[repository_id, number] = pull
    for repository_id, repository in tombstones.repositories.items():
        if repository_id in world.listed:
            repositories[repository_id] = repository
    if not (branches or pulls or repositories):
        return tombstones, Tombstones()
    kept = replace(
        tombstones,
        branches={k: v for k, v in tombstones.branches.items() if k not in branches},
        pulls={k: v for k, v in tombstones.pulls.items() if k not in pulls},
        repositories={k: v for k, v in tombstones.repositories.items() if k not in repositories},
    )
    return kept, Tombstones(branches, pulls, repositories)
