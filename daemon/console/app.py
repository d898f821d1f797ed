"""The console as a set of routes: what every request goes through, and who answers it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web
from sqlalchemy.exc import DBAPIError

from cache.queries.errors import QueryError
from cache.store.writer import is_damage
from daemon.api.addresses import ROOT as API
from daemon.api.credentials import credentials_of
from daemon.api.formats import weight
from daemon.api.problems import PROBLEM, PROBLEMS, ProblemError
from daemon.api.reads import ASKER
from daemon.console import assets, collections, lists, parts, pulls, signing, templating
from daemon.console.addresses import ROOT
from daemon.console.context import ConsoleContext
from daemon.console.page import Pages
from daemon.console.problems import Absent

log = structlog.get_logger(__name__)

Handler = Callable[[Pages], Awaitable[web.StreamResponse]]


class Console:
    """The console over a context; add `routes()` to an application."""

    def __init__(self, context: ConsoleContext) -> None:
        self._context = context
        self._templates = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """Every route, each with its whole path. They need no middleware."""
        own: list[tuple[str, str, Handler]] = [
            ("overview", "/", lists.overview),
            ("pulls", "/pulls", pulls.waiting),
            ("pull", "/pulls/{owner}/{name}/{number}", pulls.single),
            ("pull-part", "/pulls/{owner}/{name}/{number}/{part}", parts.of_pull),
            ("findings", "/findings", lists.findings),
            ("repositories", "/repositories", lists.repositories),
            ("changes", "/changes", lists.changes),
            ("collection", "/c/{address:(?s:.*)}", collections.address),
            ("sign-in", "/sign-in", signing.sign_in),
            ("sign-out", "/sign-out", signing.sign_out),
            ("static", "/static/{name}", _static),
            ("nowhere", "/{address:(?s:.*)}", _nowhere),
        ]
        made = [web.route("*", ROOT + path, self._answering(handler)) for _, path, handler in own]
        return [web.get("/", _in), web.get(ROOT, _in), web.get("/favicon.ico", _icon), *made]

    def _answering(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            return await self._answer(handler, Pages(self._context, request))

        return answer

    async def _answer(self, handler: Handler, pages: Pages) -> web.StreamResponse:
        epoch = self._context.api.epoch()
        async with self._templates:  # once, however many ask for the first page
            await templating.ready()
        try:
            if handler in _OPEN:
                return await handler(pages)
            if pages.request.method not in ("GET", "HEAD"):
                only = "What people write, they write to the forge."
                return await _problem(pages, ProblemError("method-not-allowed", only, headers={"Allow": "GET, HEAD"}))
            access = self._context.api.access
            pages.asked = await access.asked(credentials_of(pages.request, access.proxy))
            ASKER.set(pages.asked)
            return await handler(pages)
        except ProblemError as problem:
            if problem.kind == "session-ended":
                return _noted(pages, await signing.ended(pages, problem.detail), problem)
            if problem.kind == "token-needed":
                wrong = "Nothing is shown here without a token."
                form = await signing.form(pages, to=pages.way, wrong=wrong, status=401)
                return _noted(pages, form, problem)
            return await _problem(pages, problem)
        except Absent as absent:
            return await _problem(pages, ProblemError("not-found", str(absent)))
        except QueryError as error:
            return await _problem(pages, ProblemError.of(error))
        except DBAPIError as error:
            log.warning("console.cache_unavailable", path=pages.request.path, error=type(error.orig).__name__)
            if self._context.api.damaged is not None and is_damage(error):
                self._context.api.damaged(epoch)
            return await _problem(pages, ProblemError("cache-unavailable", "Ask again in a moment."))
        except (asyncio.CancelledError, ConnectionResetError, web.HTTPException):
            raise
        except Exception:
            log.exception("console.failed", path=pages.request.path)
            return await _problem(pages, ProblemError("internal", "The log of Forgeglass says more."))


async def _problem(pages: Pages, problem: ProblemError) -> web.Response:
    status, title = PROBLEMS[problem.kind]
    detail = problem.detail
    response = await pages.answer("problem.html", title=title, fresh=None, status=status, code=status, detail=detail)
    response.headers["Cache-Control"] = "no-store"
    return _noted(pages, response, problem)


def _noted(pages: Pages, response: web.Response, problem: ProblemError) -> web.Response:
    """The page, with the problem beside it for programs (`daemon.console.errors`)."""
    response.headers.update(problem.headers)
    response[PROBLEM] = problem.members(pages.context.api.address(pages.request.rel_url.raw_path))
    return response


async def _in(request: web.Request) -> web.Response:
    """Whoever types the address alone sees the console; a program that asks for JSON, the description of the API."""
    accept = request.headers.get("Accept", "")
    program = request.path == "/" and weight(accept, "application", "json") > weight(accept, "text", "html")
    # relative, so that it stays below whatever path a proxy takes away (RFC 9110, section 10.2.2)
    leads = f"{API[1:]}/openapi.json" if program else f"{ROOT[1:]}/"
    return web.Response(status=302, headers={**assets.POLICY, "Location": leads, "Vary": "Accept"})


async def _icon(request: web.Request) -> web.Response:
    """What browsers ask for beside an answer that names no icon, as JSON."""
    return assets.answer(request, "icon.svg")


async def _static(pages: Pages) -> web.StreamResponse:
    try:
        return assets.answer(pages.request, pages.request.match_info["name"])
    except web.HTTPNotFound:
        raise Absent("There is no such file.") from None


async def _nowhere(pages: Pages) -> web.StreamResponse:
    raise Absent("There is no page at this address.")


_OPEN = frozenset({signing.sign_in, signing.sign_out, _static})
"""Answered to everybody: nothing of the cache is in them."""
