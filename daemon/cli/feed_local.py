"""The change feed out of `cache.db`, where no daemon runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import DBAPIError

from cache.queries import changes as queries
from cache.queries.errors import QueryError
from cache.store.database import Database
from cache.store.migrating import upgrade
from cache.store.writer import get_meta
from cache.viewer import EVERYTHING
from daemon.api.changes import page, told
from daemon.api.problems import PROBLEMS, ProblemError
from daemon.cli.feed_client import RefusedError
from daemon.cli.run import Expected
from daemon.config import Config
from daemon.lock import DataLock, LockedError
from daemon.sharing import cache_database


@dataclass(frozen=True)
class LocalFeed:
    """A `cache.db` that is open here."""

    database: Database
    epoch: Callable[[], str]
    sequence: Callable[[], int]

    async def page(self, pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
        """A page of the feed, as `/changes` has it. Raises RefusedError."""
        try:
            return told(await page(self, EVERYTHING, pairs))
        except QueryError as error:
            raise _refused(ProblemError.of(error)) from None
        except ProblemError as problem:
            raise _refused(problem) from None


def _refused(problem: ProblemError) -> RefusedError:
    return RefusedError(PROBLEMS[problem.kind][0], problem.kind, problem.detail, problem.more.get("position"))


@asynccontextmanager
async def local_feed(config: Config, url: str) -> AsyncIterator[LocalFeed]:
    """Open the feed of `data_dir`, which no other process may own meanwhile. Raises Expected."""
    path = config.data_dir / "cache.db"
    if not path.is_file():
        raise Expected(f"nothing was read yet into {config.data_dir}; start `forgeglass serve`, or run a sweep", 3)
    try:
        with DataLock(config.data_dir):
            async with cache_database(config) as database:
                await upgrade(database, "cache")
                async with database.read() as connection:
                    epoch = await get_meta(connection, "epoch") or "none"
                    last = (await queries.extent(connection)).last or 0
                yield LocalFeed(database, lambda: epoch, lambda: last)
    except LockedError as error:
        owner = f"process {error.pid}" if error.pid is not None else "another process"
        message = f"{owner} has {config.data_dir} open, but no API answers at {url}; name its address with --url"
        raise Expected(message, 3) from None
    except DBAPIError:
        raise Expected(f"{path} is damaged; start `forgeglass serve`, which mends it", 3) from None
