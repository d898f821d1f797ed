"""The stand-in's web application: its routes, and around them the log of requests, faults, dates and errors."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import format_datetime
from typing import TYPE_CHECKING, Literal

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from . import git_http, rest_branches, rest_files, rest_hooks, rest_owners, rest_pulls, rest_repositories
from .faults import cut, hang_up, spoil
from .merging import Refusal
from .objects import GitError
from .replies import ApiError
from .state import Unknown

if TYPE_CHECKING:
    from .standin import StandIn

MAX_BODY = 256 * 1024 * 1024


@dataclass(frozen=True)
class Request:
    """One request as it was asked and answered; status 0 when it was given no answer."""

    method: str
    path: str
    query: str
    status: int
    kind: Literal["rest", "git"]


def make_application(forge: StandIn) -> web.Application:
    """All routes. `forge` is what they act on."""
    app = web.Application(middlewares=[_around(forge)], client_max_size=MAX_BODY)
    for part in (git_http, rest_owners, rest_repositories, rest_branches, rest_files, rest_pulls, rest_hooks):
        part.add_routes(app, forge)
    return app


def _around(forge: StandIn) -> Middleware:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        response: web.StreamResponse | None = None
        try:
            response = await _faulty(forge, request, handler)
        finally:
            path, _, query = request.path_qs.partition("?")
            kind: Literal["rest", "git"] = "git" if "/git-" in path or path.endswith("/info/refs") else "rest"
            status = response.status if response is not None else 0
            forge.requests.append(Request(request.method, path, query, status, kind))
        return response

    return middleware


async def _faulty(forge: StandIn, request: web.Request, handler: Handler) -> web.StreamResponse:
    """The answer, with the fault that is set for this request, if any."""
    fault = forge.faults.pick(request)
    if fault is not None and fault.kind == "refuse":
        hang_up(request)
        return web.Response(status=500)
    if fault is not None and fault.kind == "delay":
        await forge.faults.wait(fault.seconds)
    if fault is not None and fault.kind == "status":
        response: web.StreamResponse = forge.replies.error(fault.status, "fault")
        response.headers.update(fault.headers or {})
    else:
        response = await _answer(forge, request, handler)
    if fault is not None and isinstance(response, web.Response):
        response = spoil(fault, response)
    response.headers["Date"] = format_datetime(forge.world.now(), usegmt=True)
    if fault is not None and fault.kind == "cut" and isinstance(response, web.Response):
        return await cut(request, response, fault.keep_bytes)
    return response


async def _answer(forge: StandIn, request: web.Request, handler: Handler) -> web.StreamResponse:
    """The handler's answer, its refusals turned into the servers' error bodies."""
    try:
        return await handler(request)
    except Unknown:
        return forge.replies.missing()
    except ApiError as error:
        if error.status == 404:
            return forge.replies.error(404, str(error), error.errors)
        return forge.replies.error(error.status, str(error))
    except Refusal as error:
        return forge.replies.error(error.status, str(error))
    except (GitError, FileNotFoundError) as error:  # a damaged repository
        return forge.replies.error(500, str(error))
    except web.HTTPNotFound:
        return web.Response(status=404, text="Not found.\n")
    except web.HTTPException as answer:
        return web.Response(status=answer.status, text=answer.text, headers=answer.headers)
