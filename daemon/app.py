"""The HTTP application: the read API, the console, the webhook receiver, health and metrics."""

from __future__ import annotations

import platform
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from importlib.metadata import version
from typing import Any

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from cache.viewer import Viewer
from daemon import headers, status
from daemon.api.access import Access
from daemon.api.app import Api
from daemon.api.comparing import Comparing
from daemon.api.context import ApiContext
from daemon.api.news import News
from daemon.api.reads import Reads
from daemon.api.sending import sending
from daemon.connections import Connections
from daemon.console.app import Console
from daemon.console.context import ConsoleContext
from daemon.console.errors import readable
from daemon.console.rendering import Renderer
from daemon.engine import Engine
from daemon.hooks.ring import SecretRing
from daemon.hosts import known_hosts
from daemon.intake import Intake
from daemon.mending import Mending
from daemon.metrics import CONTENT_TYPE
from daemon.readiness import probe
from daemon.shared import Shared
from daemon.sweep.schedule import Schedule
from daemon.waiting import Waiting
from webhooks.receiver import Receiver

log = structlog.get_logger(__name__)

VERSION = version("forgeglass")

PROBED = ("/healthz", "/readyz")
"""What is asked under any name, by probers that know names of their own; it tells nothing of what is kept."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build_app(
    engine: Engine, schedule: Schedule, intake: Intake, news: News, ring: SecretRing, access: Access,
    connections: Connections,
) -> web.Application:
    """Every route of the daemon."""
    config = engine.config
    receiver = Receiver(
        engine.inbox,
        ring.keys,
        clock=engine.clock,
        on_delivery=intake.take,
        on_outcome=lambda outcome, event: _outcome(engine, outcome, event),
        max_body=config.webhooks.max_body,
        max_waiting=config.limits.deliveries_waiting,
        read_seconds=config.limits.request_time,
        probes=engine.probes,
        renew=ring.renew,
    )
    mending = Mending(engine.desk.book.mend, lambda: engine.epoch.now)
    waiting = Waiting(engine.desk.reconciler, schedule.now)
    told: Shared[Viewer, Mapping[str, Any]] = Shared()
    context = ApiContext(
        database=Reads(engine.cache, config.api.query_timeout),
        blocks=lambda: engine.blocks,
        fingerprint=lambda: engine.fingerprint,
        clock=engine.clock,
        sweep_interval=timedelta(seconds=config.sweep.interval),
        epoch=lambda: engine.epoch.now,
        sequence=lambda: engine.store.sequence,
        wait_for=waiting.wait_for,
        news=news,
        status=lambda viewer: told.once(viewer, lambda: status.status(engine, schedule, VERSION, viewer)),
        access=access,
        damaged=mending.damaged,
        forge_url=config.forge.url,
        version=VERSION,
        public_url=config.public_url,
        cors_origins=frozenset(config.api.cors_origins),
        streams=config.limits.streams,
        page_bytes=config.limits.page_size,
        comparing=Comparing(config.limits.diff_lines),
    )
    api = Api(context)
    renderer = Renderer(config.limits.render_time)
    console = Console(ConsoleContext(context, engine.inbox.lags, renderer))
    engine.metrics.build_info.labels(VERSION, platform.python_version(), sqlite3.sqlite_version).set(1)
    hosts = known_hosts(config.listen, config.public_url, (*PROBED, config.webhooks.path))
    app = web.Application(
        middlewares=[
            readable(VERSION),
            connections.middleware,
            sending(config.limits.answers_waiting, config.limits.answer_time, connections.note),
            _counted(engine), engine.probes.strays(config.webhooks.path), hosts,
        ]
    )  # fmt: skip
    app.on_response_prepare.append(headers.bind)
    app.add_routes(api.routes())
    app.on_shutdown.append(api.stop)
    app.on_cleanup.append(mending.stop)
    app.on_cleanup.append(waiting.stop)
    app.on_cleanup.append(access.stop)
    app.on_cleanup.append(renderer.stop)
    app.router.add_post(config.webhooks.path, receiver.handle)
    app.router.add_get("/healthz", _health(schedule, config.sweep.interval))
    app.router.add_get("/readyz", _ready(engine, schedule))
    app.router.add_get("/metrics", _metrics(engine))
    app.add_routes(console.routes())
    return app


def _outcome(engine: Engine, outcome: str, event: str) -> None:
    """Count a delivery. One that could not be written tells of the disk, before any sweep does."""
    engine.metrics.deliveries.labels(outcome, event).inc()
    if outcome == "store":
        remedy = "look at the space left on the disk of data_dir; the next sweep finds the change"
        engine.failures.stored_badly("a delivery could not be written", remedy)


def _health(schedule: Schedule, interval: float) -> Handler:
    """Alive: the daemon answers; beside it, how long ago a sweep ended, which a first one of hours may make long."""

    async def handle(request: web.Request) -> web.Response:
        silent = schedule.now() - schedule.beat
        return web.json_response({"status": "alive", "seconds_since_sweep": round(silent, 1), "interval": interval})

    return handle


def _ready(engine: Engine, schedule: Schedule) -> Handler:
    """Ready: the rows can be read, and every owner was read to the end once, now or in a former run.

    An owner who cannot be read does not keep the others' readers away once the first sweep has ended; nor does a
    repository that was never read, which is counted beside it.
    """

    readable: Shared[None, None] = Shared()

    async def handle(request: web.Request) -> web.Response:
        owners = engine.config.forge.owners
        unswept = engine.desk.book.unswept(owners)
        served = not unswept or (schedule.first.is_set() and len(unswept) < len(owners))
        try:
            await readable.once(None, lambda: probe(engine.cache.path))
        except (sqlite3.Error, TimeoutError) as error:
            log.warning("cache.unreadable", error=str(error) or "no answer in time")
            served = False
        unread = len(engine.desk.book.never_read())
        said = {"ready": served, **({"never_read": unread} if unread else {})}
        return web.json_response(said, status=200 if served else 503)

    return handle


def _metrics(engine: Engine) -> Handler:
    told: Shared[None, bytes] = Shared()

    async def render() -> bytes:
        await status.gauge(engine, 2 * engine.config.sweep.interval)
        return engine.metrics.render()

    async def handle(request: web.Request) -> web.Response:
        return web.Response(body=await told.once(None, render), headers={"Content-Type": CONTENT_TYPE})

    return handle


def _counted(engine: Engine) -> Middleware:
    metrics = engine.metrics

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        began = time.perf_counter()
        code = 500
        try:
            response = await handler(request)
        except web.HTTPException as error:
            code = error.status
            raise
        else:
            code = response.status
            return response
        finally:
            resource = request.match_info.route.resource
            route = resource.canonical if resource is not None else "unknown"
            metrics.http_requests.labels(request.method, route, str(code)).inc()
            metrics.http_seconds.labels(route).observe(time.perf_counter() - began)

    return middleware
