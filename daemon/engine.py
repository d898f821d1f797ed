"""Everything that runs in one process over one `data_dir`: opened in order, closed in the reverse order."""

from __future__ import annotations

import asyncio
import secrets as random_secrets
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import structlog
from sqlalchemy.exc import DatabaseError
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.profile.collection import Block
from cache.state import StateStore
from cache.store.database import Database
from cache.store.migrating import NewerSchemaError, upgrade
from cache.store.sqlite_file import ForeignFileError, OthersFileError, is_around
from cache.store.writer import Store, check, put_aside, put_meta
from cache.views import create_views
from daemon.blocks import fingerprint
from daemon.book import Clock
from daemon.config import Config
from daemon.data_dir.beginning import lost_state, paired
from daemon.data_dir.guarding import Guard
from daemon.desk import Desk, Forge, desk
from daemon.failing.failures import Failures
from daemon.graves import StateGraves
from daemon.lock import DataLock
from daemon.metrics import Metrics
from daemon.remembering import forgotten
from daemon.settings import follow, of, record, recorded
from daemon.sharing import cache_database
from daemon.work.workqueue import SPACING
from gitea_client.counting import RequestCounter
from gitea_client.credentials import Reading
from gitea_client.rest import Rest
from gitea_client.secret import Secret
from gitea_client.transport import Transport
from webhooks.inbox import Inbox
from webhooks.probe import Probes

log = structlog.get_logger(__name__)


@dataclass
class Epoch:
    """The feed's epoch at this moment."""

    now: str


@dataclass(frozen=True)
class Engine:
    """The open parts of one daemon, or of one command that runs by itself."""

    config: Config
    blocks: tuple[Block, ...]
    forge: Forge
    state: StateStore
    cache: Database
    store: Store
    inbox: Inbox
    desk: Desk
    metrics: Metrics
    clock: Clock
    epoch: Epoch
    objects: Path
    failures: Failures
    guard: Guard
    probes: Probes = field(default_factory=Probes)

    @property
    def fingerprint(self) -> str:
        """What the rows follow from, besides the forge."""
        return fingerprint(self.blocks)


@asynccontextmanager
async def engine(
    config: Config, token: Secret | None, blocks: Sequence[Block], clock: Clock, *, spacing: float = SPACING,
    read_token: Reading | None = None, new_state: bool = False,
) -> AsyncIterator[Engine]:  # fmt: skip
    """Open `data_dir` and everything over it. `read_token` gives the token anew where the forge refuses it; with
    `new_state` a `state.db` that was lost is begun anew.

    Raises LockedError where another process owns it, StateLostError where `state.db` is lost, OtherForgeError where
    a database is of another forge, and what the databases and their migrations raise.
    """
    async with AsyncExitStack() as stack:
        lock = stack.enter_context(DataLock(config.data_dir))
        lost = await asyncio.to_thread(lost_state, config.data_dir, clock(), new_state=new_state)
        await asyncio.to_thread(_tidy, config.data_dir)
        metrics = Metrics()
        counter = RequestCounter(
            lambda kind, route, status: metrics.forge_requests.labels(kind, route, str(status)).inc()
        )
        state = await stack.enter_async_context(StateStore.open(config.data_dir / "state.db"))
        cache, fresh = await _open_cache(stack, config)
        remarks, position = await paired(config, state, None if fresh else cache, anew=bool(lost))
        transport = await stack.enter_async_context(
            Transport(
                config.forge.url,
                token,
                concurrency=config.forge.concurrency,
                timeout=config.forge.timeout,
                ca_file=str(config.forge.ca_file) if config.forge.ca_file else None,
                counter=counter,
                max_body=config.limits.answer_size,
                read_token=read_token,
            )
        )
        failures = Failures(clock)
        failures.good_sweep = await state.sweeps.last_good()
        transport.on_slow = lambda request: failures.slow(request, Transport.SLOW)
        forge = Forge(transport, Rest(transport))
        store = Store(cache, state.feed.reserve)
        inbox = Inbox(state.database)
        graves = StateGraves(state.tombstones, state.revisions, state.holders, state.heads, clock)
        objects = config.data_dir / "objects"
        await asyncio.to_thread(objects.mkdir, mode=0o750, exist_ok=True)
        made = await stack.enter_async_context(
            desk(config, forge, blocks, store, graves, inbox, objects, clock, spacing=spacing, failures=failures)
        )
        await made.book.open()
        position = await state.feed.reach(store.sequence)  # higher than a lost or restored state.db remembers
        store.sequence = store.sequence or position.high_water
        opened = Engine(
            config,
            tuple(blocks),
            forge,
            state,
            cache,
            store,
            inbox,
            made,
            metrics,
            clock,
            Epoch(position.epoch),
            objects,
            failures,
            Guard(
                lock, state.database, cache, objects, state.incidents, made.book.mend, clock, failures.stored_badly
            ),
        )
        for remark in (*lost, *remarks):
            await opened.guard.note(remark.file, remark.event, remark.what, remark.remedy)
        store.on_new_file = partial(_begin_epoch, opened)
        if unknown := tuple(forgotten(made.book.rows, made.book.world.tombstones)):
            await made.book.turn(lambda world: world, buried=unknown)
        async with cache.read() as connection:
            before = await recorded(connection)
        await follow(made, before, of(config, opened.blocks))
        async with cache.transaction() as connection:
            await _complete(opened, connection)
        yield opened


def _tidy(data_dir: Path) -> None:
    """Remove what a rebuild or a verification that was killed left behind: all of it can be read again."""
    for pattern in ("objects.new", "objects.old", "verify-*"):
        for left in data_dir.glob(pattern):
            shutil.rmtree(left, ignore_errors=True)


async def _open_cache(stack: AsyncExitStack, config: Config) -> tuple[Database, bool]:
    """Open `cache.db`; one that is damaged, or of a newer version, is put aside and a new one begun.

    Everything in it can be read again.
    """
    damaged: str | None = None
    why = "damaged"
    path = config.data_dir / "cache.db"
    existed = path.exists() and path.stat().st_size > 0
    for attempt in range(2):
        opening = AsyncExitStack()
        try:
            database = await opening.enter_async_context(cache_database(config))
            damaged = await check(database)
            if damaged is None:
                await upgrade(database, "cache")
                await database.compact()
                stack.push_async_exit(opening.pop_all())
                return database, attempt > 0 or not existed
        except OthersFileError:
            raise
        except NewerSchemaError as error:
            damaged, why = str(error), "newer"
        except (ForeignFileError, DatabaseError) as error:
            damaged = str(error)
            if attempt or is_around(error):
                raise
        await opening.aclose()
        aside = put_aside(path, why)
        log.error(f"cache.{why}", error=damaged, put_aside=str(aside), remedy="the sweep that follows reads all again")
    raise AssertionError("unreachable: the second attempt returns or raises")


async def _complete(opened: Engine, connection: AsyncConnection) -> None:
    """What `cache.db` holds besides rows: the profiles' views, and what its rows follow from."""
    await create_views(connection, opened.blocks)
    await record(connection, of(opened.config, opened.blocks))
    await put_meta(connection, "epoch", opened.epoch.now)
    await put_meta(connection, "forge", opened.config.forge.url)
    await put_meta(connection, "sweep", str(await opened.state.sweeps.newest()))


async def _begin_epoch(opened: Engine, connection: AsyncConnection) -> None:
    """A file made anew has lost its feed: every position handed out so far must be refused."""
    opened.epoch.now = (await opened.state.feed.renew(random_secrets.token_hex(8))).epoch
    await _complete(opened, connection)
