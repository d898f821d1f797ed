"""`state.db`: what neither Git nor the forge can tell again. Small, durable, backed up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from cache.feed_state import FeedState
from cache.heard import HeardOwners
from cache.incidents import Incidents
from cache.installed_hooks import InstalledHooks
from cache.kept_heads import KeptHeads
from cache.kept_holders import KeptHolders
from cache.kept_revisions import KeptRevisions
from cache.state_meta import StateMeta
from cache.store.database import Database
from cache.store.migrating import upgrade
from cache.store.sqlite_file import STATE_ID
from cache.sweep_history import SweepHistory
from cache.tokens import Tokens
from cache.tombstones import TombstoneTable

MEMORY_KIB = 16 * 1024
"""How much of the file the connection that writes keeps in memory."""


class StateStore:
    """Everything in `state.db` but the inbox, which `webhooks.inbox` keeps in the same file."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.feed = FeedState(database)
        self.heads = KeptHeads(database)
        self.heard = HeardOwners(database)
        self.holders = KeptHolders(database)
        self.hooks = InstalledHooks(database)
        self.incidents = Incidents(database)
        self.meta = StateMeta(database)
        self.revisions = KeptRevisions(database)
        self.sweeps = SweepHistory(database)
        self.tokens = Tokens(database)
        self.tombstones = TombstoneTable(database)

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path) -> AsyncIterator[Self]:
        """Open and migrate the file at `path`, readable by its owner alone; closed at the end.

        Commits reach the disk before they return: a delivery that was answered must outlive a power cut. Raises
        `cache.store.database.ForeignFileError` or `cache.store.migrating.MigrationError`.
        """
        async with Database(
            path, synchronous="FULL", mode=0o600, application_id=STATE_ID, memory_kib=MEMORY_KIB
        ) as database:
            await upgrade(database, "state")
            yield cls(database)
