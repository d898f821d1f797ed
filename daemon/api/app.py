"""The API as a set of routes: what every request goes through, and who answers it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web
from sqlalchemy.exc import DBAPIError

from cache.queries.errors import QueryError
from cache.store.writer import is_damage
from daemon.api import cors, lists
from daemon.api.access import Asked
from daemon.api.addresses import ROOT
from daemon.api.answers import for_asker
from daemon.api.atom_feed import changes_atom
from daemon.api.changes import changes
from daemon.api.context import ApiContext
from daemon.api.credentials import Credentials, credentials_of
from daemon.api.docs import Docs
from daemon.api.entries import collection_address
from daemon.api.events import Events
from daemon.api.openapi import Description
from daemon.api.parameters import Pairs
from daemon.api.places import FullError, Places
from daemon.api.problems import ProblemError
from daemon.api.reading import pairs_of, wait_for
from daemon.api.reads import ASKER
from daemon.api.waits import Waits

log = structlog.get_logger(__name__)

Handler = Callable[[ApiContext, web.Request, Pairs, Asked], Awaitable[web.StreamResponse]]

LASTING = ("wait", "wait_for")
"""Parameters with which a request may last for long."""


class Api:
    """The API over a context. Add `routes()` to an application, and `stop` to its `on_shutdown`."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context
        self._events = Events()
        self._waits = Waits()
        self._places = Places(context.streams)
        self._description = Description()
        self._docs = Docs(self._description)

    def routes(self) -> list[web.RouteDef]:
        """Every route, each with its whole path. They need no middleware."""
        own: list[tuple[str, str, Handler]] = [
            ("repositories", "/repositories", lists.repositories),
            ("repository", "/repositories/{owner}/{name}", lists.repository),
            ("pulls", "/pulls", lists.pulls),
            ("pull", "/pulls/{owner}/{name}/{number}", lists.pull),
            ("pull-revisions", "/pulls/{owner}/{name}/{number}/revisions", lists.revisions_of_pull),
            ("proposals", "/proposals", lists.proposals),
            ("findings", "/findings", lists.findings),
            ("changes", "/changes", changes),
            ("changes.atom", "/changes.atom", changes_atom),
            ("events", "/events", self._events.stream),
            ("status", "/status", lists.status),
            ("openapi", "/openapi.json", self._description.document),
            ("docs", "/docs", self._docs.page),
            ("docs", "/docs.css", self._docs.style),
            # whatever else: a key may hold any letter, a line break too
            ("collection", "/{address:(?s:.*)}", collection_address),
        ]
        return [web.route("*", ROOT + path, self._answering(handler)) for _, path, handler in own]

    async def stop(self, _app: web.Application | None = None) -> None:
        """End every stream of events and every wait; an application that shuts down would wait for them."""
        self._waits.stop()
        await self._events.stop()

    def _answering(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            response = await self._answer(handler, request)
            if not response.prepared:
                response.headers["X-Content-Type-Options"] = "nosniff"
                allowed = cors.answer_headers(self._context.cors_origins, request.headers.get("Origin"))
                response.headers.update(cors.merged(response.headers, allowed))
                response.headers.update(for_asker(response.headers, self._brought(request).given))
            return response

        return answer

    def _brought(self, request: web.Request) -> Credentials:
        return credentials_of(request, self._context.access.proxy)

    async def _answer(self, handler: Handler, request: web.Request) -> web.StreamResponse:
        epoch = self._context.epoch()
        instance = self._context.address(request.rel_url.raw_path)
        try:
            if request.method == "OPTIONS":
                allowed = cors.preflight(self._context.cors_origins, request.headers)
                if allowed is not None:
                    return web.Response(status=204, headers=allowed)
            if request.method not in ("GET", "HEAD"):
                message = f"{request.method} is not served; ask with GET."
                raise ProblemError("method-not-allowed", message, headers={"Allow": "GET, HEAD"})
            asked = await self._context.access.asked(self._brought(request))
            ASKER.set(asked)
            pairs = pairs_of(request)
            if any(name in LASTING for name, _ in pairs):
                with self._places.take(asked):
                    return await self._waits.run(self._read(handler, request, pairs, asked))
            return await self._read(handler, request, pairs, asked)
        except ProblemError as problem:
            return problem.response(instance)
        except FullError:
            message = "Too many wait already; end a wait, or ask without wait_for and wait."
            return ProblemError("too-many-waits", message).response(instance)
        except QueryError as error:
            return ProblemError.of(error).response(instance)
        except DBAPIError as error:
            log.warning("api.cache_unavailable", path=request.path, error=type(error.orig).__name__)
            if self._context.damaged is not None and is_damage(error):
                self._context.damaged(epoch)
            return ProblemError("cache-unavailable", "Ask again in a moment.").response(instance)
        except (asyncio.CancelledError, ConnectionResetError, web.HTTPException):
            raise
        except Exception:
            log.exception("api.failed", path=request.path)
            return ProblemError("internal", "The log of Forgeglass says more.").response(instance)


    async def _read(
        self, handler: Handler, request: web.Request, pairs: Pairs, asked: Asked
    ) -> web.StreamResponse:
        asked = await wait_for(self._context, asked, pairs)
        return await handler(self._context, request, pairs, asked)


def build(context: ApiContext) -> web.Application:
    """An application that serves the API alone."""
    api = Api(context)
    app = web.Application()
    app.add_routes(api.routes())
    app.on_shutdown.append(api.stop)
    return app
