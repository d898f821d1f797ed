"""Errors as whoever asks can read them: a page for a browser, a problem (RFC 9457) for a program, by `Accept`.

Where both are liked as well (`*/*`), an error of the console is a page and every other one a problem.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from daemon.api.formats import weight
from daemon.api.problems import CONTENT_TYPE, PROBLEM, ProblemError
from daemon.console import assets
from daemon.console.addresses import Here
from daemon.console.templating import render

log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

KINDS: Final = {404: "not-found", 405: "method-not-allowed"}
"""The problems that errors of the HTTP library are."""
_OF_BODY: Final = frozenset({hdrs.CONTENT_TYPE, hdrs.CONTENT_LENGTH, hdrs.CONTENT_ENCODING})


def readable(version: str) -> Middleware:
    """Gives every error its form; the outermost middleware, so that what the others refuse has it as well."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = await handler(request)
        except web.HTTPException as error:
            if error.status < HTTPStatus.BAD_REQUEST:
                raise
            response = _of_library(request, error)
        except ConnectionResetError:
            raise
        except Exception:
            if request.writer.output_size:  # the answer has begun, and cannot become another
                raise
            log.exception("http.failed", path=request.path)
            response = ProblemError("internal", "The log of Forgeglass says more.").response(request.path)
        if response.status < HTTPStatus.BAD_REQUEST or response.prepared or not isinstance(response, web.Response):
            return response
        return _in_form(request, response, version)

    return middleware


def _in_form(request: web.Request, response: web.Response, version: str) -> web.Response:
    accept = ", ".join(request.headers.getall(hdrs.ACCEPT, ()))
    page = weight(accept, "text", "html")
    program = max(weight(accept, *kind.split("/")) for kind in ("application/json", CONTENT_TYPE))
    made = response
    if response.content_type == CONTENT_TYPE and page > program and request.rel_url.raw_path.startswith("/"):
        members = msgspec.json.decode(response.body if isinstance(response.body, bytes) else b"{}")
        made = web.Response(status=response.status, body=_page(request, members, version), content_type="text/html",
                            charset="utf-8", headers={**_kept(response), **assets.POLICY})  # fmt: skip
    elif PROBLEM in response and program > page:
        body = msgspec.json.encode(response[PROBLEM])
        made = web.Response(status=response.status, body=body, content_type=CONTENT_TYPE, headers=_kept(response))
    vary = made.headers.get(hdrs.VARY)
    made.headers[hdrs.VARY] = f"{vary}, Accept" if vary else "Accept"
    return made


def _kept(response: web.Response) -> dict[str, str]:
    """The headers that say something in every form: `Allow`, `Retry-After`, `WWW-Authenticate`, cookies."""
    return {name: value for name, value in response.headers.items() if name not in _OF_BODY}


def _of_library(request: web.Request, error: web.HTTPException) -> web.Response:
    """An error of aiohttp, whose own body is a line of text, as a problem."""
    kind = KINDS.get(error.status)
    if kind is not None:
        detail = {
            404: "There is nothing at this address.",
            405: f"{request.method} is not served here.",
        }[error.status]
        response = ProblemError(kind, detail).response(request.path)
    else:
        members = {"type": "about:blank", "title": error.reason, "status": error.status, "detail": error.reason}
        body = msgspec.json.encode({**members, "instance": request.path})
        response = web.Response(status=error.status, body=body, content_type=CONTENT_TYPE)
    for name, value in _kept(error).items():  # `Allow`
        response.headers.setdefault(name, value)
    return response


def _page(request: web.Request, members: Mapping[str, Any], version: str) -> bytes:
    """The page of a problem: it tells nothing but the problem, whoever asks."""
    return render(
        "error.html",
        title=str(members.get("title", "Error")),
        detail=str(members.get("detail", "")),
        status=members.get("status"),
        here=Here.of(request.rel_url.raw_path),
        versions=assets.versions(),
        version=version,
    )
