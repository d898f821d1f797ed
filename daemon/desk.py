"""The parts that read and write, put together: once for the live cache, and anew for each rebuild or verification."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cache.model import RepositoryEvidence
from cache.profile.collection import Block
from cache.rows import EVIDENCE, OPERATIONAL, PROJECTED, Row, Rows
from cache.store.writer import Applied
from daemon.book import Book, Clock, Writer
from daemon.config import Config
from daemon.failing.failures import Failures
from daemon.failing.outage import Outage
from daemon.graves import Graves, ScratchGraves
from daemon.reading import Reader
from daemon.reconciler import Inbox, Reconciler
from daemon.resolving import Resolver
from daemon.sweep.sweeper import Sweeper
from daemon.work.scope import Scope, merge
from daemon.work.workers import MonotonicClock, Workers
from daemon.work.workqueue import SPACING, WorkQueue
from gitea_client.rest import Rest
from gitea_client.transport import Transport

GRACE = 10.0
"""Seconds that reads under way are given to end when the daemon stops."""


@dataclass(frozen=True)
class Forge:
    """One forge, reached through one transport."""

    transport: Transport
    rest: Rest


@dataclass(frozen=True)
class Desk:
    """A book, and everything that turns its pages."""

    book: Book
    reconciler: Reconciler
    workers: Workers[int, Scope]
    queue: WorkQueue[int, Scope]
    sweeper: Sweeper


@asynccontextmanager
async def desk(
    config: Config,
    forge: Forge,
    blocks: Sequence[Block],
    store: Writer,
    graves: Graves,
    inbox: Inbox,
    objects: Path,
    clock: Clock,
    *,
    spacing: float = SPACING,
    grace: float | None = None,
    remembered: Mapping[int, RepositoryEvidence] = MappingProxyType({}),
    failures: Failures | None = None,
) -> AsyncIterator[Desk]:
    """A desk at work, stopped in order at the end: what runs ends within `grace` seconds (None: GRACE) or is cancelled,
    and nothing stays half written. `remembered` stands for what the forge does not show, where nothing else is known.
    `failures` is told what fails.
    """
    book = Book(store, graves, blocks, clock, config.forge.owners)
    transport = forge.transport
    reader = Reader(
        forge.rest,
        transport,
        objects,
        git=config.forge.git,
        max_file_size=config.forge.max_file_size,
        ca_file=config.forge.ca_file,
        limits=config.limits,
        remembered=remembered.get,
    )
    failures = failures or Failures(clock, logged=False)
    outage = Outage(forge.rest, failures)
    reconciler = Reconciler(
        book, reader, forge.rest, inbox, Resolver(book, forge.rest), config.forge.owners, outage, failures
    )
    queue: WorkQueue[int, Scope] = WorkQueue(merge, random.random, spacing=spacing)
    workers = Workers(
        queue, reconciler.handle, MonotonicClock(), config.forge.concurrency, random=random.random,
        judging=outage.judge,
    )  # fmt: skip
    reconciler.employ(workers, queue)
    overlap = timedelta(seconds=config.sweep.overlap)
    sweeper = Sweeper(book, reconciler, forge.rest, transport.counter, config.forge.owners, overlap, outage, failures)
    workers.start()
    try:
        yield Desk(book, reconciler, workers, queue, sweeper)
    finally:
        reader.close()
        await workers.stop(GRACE if grace is None else grace)


class ScratchStore:
    """Takes rows and writes nothing: what is read for a rebuild or a verification stays in memory."""

    sequence = 0
    applied = 0

    async def load(self, kinds: Sequence[type[Row]] = ()) -> dict[type[Row], dict[Any, Row]]:
        """Nothing is known."""
        return {kind: {} for kind in (*EVIDENCE, *PROJECTED, *OPERATIONAL)}

    async def apply(
        self, changes: object, *, at: object, rows: Rows, values: Mapping[str, str] | None = None
    ) -> Applied:
        """Nothing is written."""
        return Applied(0, 0)

    async def recreate(self, rows: Rows) -> None:
        """There is no file."""


class ScratchInbox:
    """No deliveries."""

    async def mark(self) -> int:
        """None so far."""
        return 0

    async def finish(self, repository_id: int, upto: int, at: datetime) -> int:
        """None to finish."""
        return 0


@asynccontextmanager
async def scratch_desk(
    config: Config, forge: Forge, blocks: Sequence[Block], live: Desk, objects: Path, clock: Clock
) -> AsyncIterator[Desk]:
    """A desk that reads everything anew into memory and into object stores of its own, and writes no row.

    Of the `live` one it knows what is gone, and falls back on what the forge does not show any more: that something
    cannot be read now is no reason to forget it, and what failed there for long holds up nothing here. What it
    reads that is equal there is in memory once. Left early it is thrown away at once: nobody needs the end of what it
    reads.
    """
    world = live.book.world
    store, graves, inbox = ScratchStore(), ScratchGraves(world.tombstones), ScratchInbox()
    async with desk(
        config, forge, blocks, store, graves, inbox, objects, clock, spacing=0, grace=0, remembered=world.mirrored
    ) as made:
        made.book.like = lambda: live.book.world
        made.reconciler.reader.failures.update(live.reconciler.reader.failures)
        await made.book.open(rows=False)
        yield made
