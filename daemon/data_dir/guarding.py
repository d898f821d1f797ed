"""The files of `data_dir` while the daemon runs: whether they are still those that it has open, and mending them.

A file that is deleted or replaced lives on behind the connections that have it open, so nothing complains, and all that
is written is gone with the process. So before each sweep the paths are compared with what is open: a database is
written out anew from its connections, lock, socket and folders are made again, and what happened is noted for people.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog
from msgspec import Struct
from sqlalchemy.exc import SQLAlchemyError

from cache.incidents import Incident, Incidents
from cache.store.database import Database
from daemon.data_dir.inspecting import aside_of
from daemon.lock import DataLock, LockedError

log = structlog.get_logger(__name__)

WORDS: Final = {"missing": "was deleted", "replaced": "was replaced by another file", "cut": "was cut short"}
RESTORE: Final = (
    "stop the daemon, put the newest back-up of state.db in its place (docs/how-to/backup.md), and start it: until "
    "then nothing that state.db keeps is kept"
)

Restore = Callable[[], Awaitable[bool]]


class FileProblem(Struct, frozen=True):
    """A file that is not as it should be, and could not be mended; `since` is when that was first seen."""

    file: str
    what: str
    remedy: str
    since: datetime


class Guard:
    """Looks at the files of one `data_dir`. `remake` makes a `cache.db` anew from what is in memory; `failed` is told,
    each time, what cannot be mended and its remedy.
    """

    def __init__(
        self,
        lock: DataLock,
        state: Database,
        cache: Database,
        objects: Path,
        incidents: Incidents,
        remake: Callable[[], Awaitable[None]],
        clock: Callable[[], datetime],
        failed: Callable[[str, str], None] = lambda _what, _remedy: None,
    ) -> None:
        self._lock = lock
        self._state = state
        self._cache = cache
        self._objects = objects
        self._incidents = incidents
        self._remake = remake
        self._clock = clock
        self._failed = failed
        self._looking = asyncio.Lock()
        self._thorough = False
        self._problems: dict[str, FileProblem] = {}
        self.more: dict[str, Restore] = {}
        """Further files by their names, each with what makes it anew where it was deleted and tells whether it was."""

    @property
    def problems(self) -> tuple[FileProblem, ...]:
        """What could not be mended so far."""
        return tuple(self._problems.values())

    async def look(self, *, thorough: bool = False) -> None:
        """Compare every file with what is open, and mend what is not as it was. Never raises what a file causes.

        `thorough` reads `state.db` whole, whatever its length says.
        """
        async with self._looking:
            self._thorough = thorough
            await self._each("lock", self._locked)
            await self._each("state.db", lambda: self._database(self._state))
            await self._each("cache.db", lambda: self._database(self._cache))
            await self._each("objects", self._folder)
            for name, restore in self.more.items():
                await self._each(name, lambda restore=restore: _remade(restore))  # type: ignore[misc]

    async def note(self, file: str, event: str, what: str, remedy: str = "") -> None:
        """Tell of an incident: in the log, and in `state.db` for whoever comes later."""
        log.error(event, file=file, what=what, remedy=remedy or "nothing is to be done")
        try:
            await self._incidents.add(Incident(self._clock(), file, what, remedy))
        except SQLAlchemyError as error:
            log.warning("incident.not_noted", file=file, error=str(error))

    async def _each(self, name: str, look: Callable[[], Awaitable[str | None]]) -> None:
        try:
            done = await look()
        except (OSError, sqlite3.Error, SQLAlchemyError, LockedError) as error:
            self._tell(name, error)
            return
        if self._problems.pop(name, None) is not None and done is None:
            log.info("file.well_again", file=name)
        if done is not None:
            await self.note(name, "file.mended", done)

    def _tell(self, name: str, error: Exception) -> None:
        what = f"{name} in data_dir is not the file that the daemon works with, and cannot be written anew: {error}"
        remedy = RESTORE if name == "state.db" else "look at the space left on the disk and at who may write there"
        before = self._problems.get(name)
        self._problems[name] = FileProblem(name, what, remedy, before.since if before else self._clock())
        self._failed(what, remedy)

    async def _locked(self) -> str | None:
        return "the lock was deleted; it was made again" if self._lock.restore() else None

    async def _folder(self) -> str | None:
        if self._objects.is_dir():
            return None
        await asyncio.to_thread(self._objects.mkdir, mode=0o750, parents=True)
        return "objects/ was deleted; what is needed of it is fetched again"

    async def _database(self, database: Database) -> str | None:
        standing, name = database.standing(), database.path.name
        # one that was cut grows again with what is written, and has holes
        doubted = standing == "cut" or name in self._problems or (self._thorough and database is self._state)
        if standing == "well" and doubted and not await database.is_whole():
            standing = "cut"
        elif standing == "well" or (standing == "cut" and await database.is_whole()):
            return None
        if standing == "cut" and database is self._cache:
            await self._remake()
            return f"{name} {WORDS[standing]}; it was made anew from what is in memory"
        moved = await database.rewrite(aside_of(database.path, "found", self._clock()))
        kept = f"; what stood in its place is {moved.name} now" if moved is not None else ""
        return f"{name} {WORDS[standing]} while the daemon ran; it was written anew, with every row{kept}"


async def _remade(restore: Restore) -> str | None:
    return "was deleted; it was made again" if await restore() else None
