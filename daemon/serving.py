"""`forgeglass serve`: everything that runs for as long as the daemon does, started and stopped in order.

Start: open `data_dir`, listen, take up what the inbox holds, sweep. Stop: accept nothing new, end what runs, close.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import structlog
from aiohttp import web

from cache.profile.collection import Block
from daemon.api.access import Access
from daemon.api.credentials import TrustedProxy
from daemon.api.news import News
from daemon.app import PROBED, VERSION, build_app
from daemon.blocks import load_blocks
from daemon.cli.mistakes import cannot_listen
from daemon.cli.run import SOCKET, Expected, guarded, require_git
from daemon.clock import utc_now
from daemon.commands import COMMANDS
from daemon.config import Config
from daemon.config.secret_files import Secrets, read_secrets, read_token
from daemon.connections import LONGEST_LINE, ConnectionLimits, Connections
from daemon.control import Handler
from daemon.control_server import ControlServer
from daemon.descriptors import affordable, raise_limit
from daemon.engine import Engine, engine
from daemon.hooks.listening import listen
from daemon.hooks.ring import SecretRing
from daemon.hooks.secret import with_webhook_secret
from daemon.intake import Intake
from daemon.logs import set_up
from daemon.logs_redaction import Redactor
from daemon.notify import notifying
from daemon.status import status_command
from daemon.sweep.schedule import Schedule
from daemon.sweep.scheduled import Scheduled
from daemon.token_commands import local_token
from daemon.watching import watch
from daemon.work.workqueue import SPACING
from gitea_client.secret import Secret

log = structlog.get_logger(__name__)

ANSWERING = 1.0
"""Seconds that answers under way are given to end when the daemon stops, before they are cut off. What waits for long
by its nature ends at once, and a delivery that was stored is safe, answered or not."""

SWITCHING = 0.001
"""Seconds after which a thread of ours gives way to the event loop (`sys.setswitchinterval`): the loop waits so long
each time it comes back from the system, several times a request, and Python's own 5 ms add up."""
MOST_HEADERS = 64
"""Header fields of one request; browsers behind two proxies send some thirty."""


def serve_until_stopped(config: Config, environ: Mapping[str, str]) -> int:
    """Run the daemon until SIGTERM or SIGINT. Returns the exit code.

    Raises cli.run.Expected for what a person can mend.
    """
    secrets: Secrets = guarded(lambda: read_secrets(config, environ))
    redactor = Redactor(secrets.given())
    set_up(sys.stderr, redactor, level=config.log.level, form=config.log.format)
    blocks = guarded(lambda: load_blocks(config))
    require_git(config)
    guarded(lambda: _run(config, secrets, blocks, redactor))
    return 0


def _run(config: Config, secrets: Secrets, blocks: tuple[Block, ...], redactor: Redactor) -> None:
    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        sys.setswitchinterval(SWITCHING)
        gc.freeze()  # what was imported stays: looking through it again and again held the loop for 60 ms
        async with serving(config, secrets, blocks, redactor):
            await stop.wait()
            log.info("daemon.stopping")
        log.info("daemon.stopped")  # nothing of it is left: neither the lock nor an open file

    if sys.version_info < (3, 12) and hasattr(os, "pidfd_open"):  # what later versions do by themselves
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())  # instead of a thread for each program
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(main())


def _loop_factory() -> Any:
    """uvloop where it is installed (the extra `fast`): 15 to 26 per cent more requests a second, measured."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


class Served:
    """A running daemon, as tests and the demo see it."""

    def __init__(self, opened: Engine, url: str, schedule: Schedule) -> None:
        self.engine = opened
        self.url = url
        self.schedule = schedule


@asynccontextmanager
async def serving(
    config: Config,
    secrets: Secrets,
    blocks: tuple[Block, ...],
    redactor: Redactor | None = None,
    *,
    spacing: float = SPACING,
    scheduled: bool = True,
) -> AsyncIterator[Served]:
    """A daemon that listens; `scheduled` False leaves sweeps to whoever asks for them."""
    secrets = with_webhook_secret(config, secrets, os.urandom)
    redactor = redactor or Redactor()
    for secret in secrets.given():
        redactor.add(secret)
    ring = SecretRing(config, secrets, redactor, os.urandom, os.environ)
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(engine(
            config, secrets.token, blocks, utc_now, spacing=spacing,
            read_token=partial(token_again, config, os.environ, redactor),
        ))  # fmt: skip
        sweeps = Scheduled(opened)
        schedule = Schedule(sweeps, config.sweep.interval, config.sweep.deep_interval, time.monotonic)
        watching = watch(opened)
        listening = await listen(opened, watching.waits, schedule.nudge)
        sweeps.ended.append(listening.swept)
        intake = Intake(
            opened.inbox, opened.desk.reconciler, config.forge.owners, schedule.nudge, watching.arrived,
            listening.delivered,
        )  # fmt: skip
        stack.push_async_callback(intake.stop)
        news = News(opened.store.sequence)
        opened.desk.book.listeners.append(lambda applied, _changes: news.tell(applied.sequence))
        handlers: dict[str, Handler] = {name: partial(command, opened) for name, command in COMMANDS.items()}
        handlers["hook-secret"] = ring.command
        handlers["status"] = partial(status_command, opened, schedule, VERSION)
        proxy = TrustedProxy(config.api.proxy_header, config.api.proxy_addresses)
        access = Access(
            opened.state.tokens, opened.clock, config.api.anonymous, proxy if proxy.addresses else None,
            config.api.proxy_token,
        )  # fmt: skip
        handlers["local-token"] = partial(local_token, access)
        control = await stack.enter_async_context(ControlServer(config.data_dir / SOCKET, handlers, redactor.text))
        opened.guard.more[SOCKET] = control.restore
        connections = _connections(config, opened)
        app = build_app(opened, schedule, intake, news, ring, access, connections)
        url = await stack.enter_async_context(_listening(app, config, connections))
        await intake.resume()
        if scheduled:
            await stack.enter_async_context(_task(schedule.run(), "forgeglass-schedule"))
        log.info("daemon.started", url=url, forge=config.forge.url, data_dir=str(config.data_dir))
        for warning in config.warnings:
            log.warning("configuration.unwise", warning=warning)
        await stack.enter_async_context(notifying(os.environ))
        yield Served(opened, url, schedule)


def token_again(config: Config, environ: Mapping[str, str], redactor: Redactor) -> Secret | None:
    """The token as it stands now, hidden from the log before anything is done with it. Raises SettingError."""
    token = read_token(config, environ)
    if token is not None:
        redactor.add(token)
    return token


def _connections(config: Config, opened: Engine) -> Connections:
    limits, descriptors = config.limits, raise_limit()
    most = affordable(limits.connections, descriptors)
    if most < limits.connections:
        remedy = "raise the limit of open files (LimitNOFILE, ulimit -n), or lower limits.connections"
        log.warning("connections.fewer", connections=most, open_files=descriptors, remedy=remedy)
    return Connections(
        ConnectionLimits(most, limits.request_time, limits.idle_time),
        config.api.proxy_addresses,
        (*PROBED, config.webhooks.path),
        lambda why: opened.metrics.http_connections_dropped.labels(why).inc(),
    )


@asynccontextmanager
async def _listening(app: web.Application, config: Config, connections: Connections) -> AsyncIterator[str]:
    runner = web.AppRunner(
        app, handle_signals=False, access_log=None, shutdown_timeout=ANSWERING,
        keepalive_timeout=config.limits.idle_time, max_headers=MOST_HEADERS,
        max_line_size=LONGEST_LINE,
        auto_decompress=False,  # nobody who asks us anything needs to compress it: a few bytes may become gigabytes
    )  # fmt: skip
    await runner.setup()
    try:
        assert runner.server is not None  # noqa: S101 - set up above
        factory = connections.watched(runner.server)
        try:
            server = await asyncio.get_running_loop().create_server(factory, config.listen.host, config.listen.port)
        except OSError as error:
            raise Expected(cannot_listen(config.listen, error)) from None
        try:
            host, port = server.sockets[0].getsockname()[:2]
            yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        finally:
            server.close()
            connections.stop()
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _task(work: Any, name: str) -> AsyncIterator[None]:
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
