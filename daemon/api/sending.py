"""Sending long answers: in pieces, compressed beside the event loop, and never for longer than a reader is given.

An answer waits in memory until its reader has taken it. Readers who do not read would keep theirs for ever, so bytes
that wait are counted over all readers, strangers have half of them, and an answer that is not taken in its time is
dropped with its connection.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from cache.viewer import PUBLIC
from daemon.api.access import Asked
from daemon.api.places import FullError, Places
from daemon.api.problems import ProblemError
from daemon.api.reads import ASKER

log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LONG: Final = 32 * 1024
"""Bytes from which on an answer is sent here: compressing it takes a millisecond and more."""
PIECE: Final = 64 * 1024
"""Bytes of a piece; an answer that is shorter takes no place: the system keeps as much for a connection anyway."""
PACE: Final = 64 * 1024
"""Bytes a second that a reader takes at least: each so many give a second more."""
SHARE: Final = 4
"""No answer counts for more than one in so many of the bytes that may wait, else the longest could never be sent."""
_LEVEL: Final = 6

Dropped = Callable[[str], None]


def sending(waiting: int, seconds: float, dropped: Dropped = lambda _why: None) -> Middleware:
    """Sends what handlers answer: at most `waiting` bytes of long answers at a time, each within `seconds` and a second
    more for every 64 kB. `dropped("slow")` tells of one that was not taken in time.
    """
    places = Places(waiting)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        body = response.body if isinstance(response, web.Response) and not response.prepared else None
        if not isinstance(body, bytes) or len(body) <= LONG or request.method != hdrs.METH_GET:
            return response
        sent = web.StreamResponse(status=response.status, headers=response.headers)
        if response.compression and takes_gzip(request):
            sent.headers[hdrs.CONTENT_ENCODING] = "gzip"
            body = await asyncio.to_thread(zlib.compress, body, _LEVEL, 16 + zlib.MAX_WBITS)
        sent.content_length = len(body)
        del response  # else the answer is there twice while its reader takes his time
        counted = min(len(body), waiting // SHARE) if len(body) > PIECE else 0
        try:
            with places.take(ASKER.get() or Asked(PUBLIC), counted):
                await _send(request, sent, body, seconds + len(body) / PACE, dropped)
        except FullError:
            message = "Too many long answers wait for their readers; ask again in a moment, for less, or with a token."
            return ProblemError("busy", message).response(request.path)
        return sent

    return middleware


async def _send(
    request: web.Request, response: web.StreamResponse, body: bytes, seconds: float, dropped: Dropped
) -> None:
    try:
        async with asyncio.timeout(seconds):
            await response.prepare(request)
            for at in range(0, len(body), PIECE):
                await response.write(body[at : at + PIECE])
            await response.write_eof()
    except TimeoutError:
        log.info("answer.not_taken", path=request.path, bytes=len(body), seconds=round(seconds, 1))
        dropped("slow")
        if request.transport is not None:
            request.transport.abort()
    except ConnectionError:
        pass  # the reader left


def takes_gzip(request: web.Request) -> bool:
    """Whether a reader takes answers in gzip."""
    for part in request.headers.get("Accept-Encoding", "").split(","):
        coding, _, weight = part.partition(";")
        if coding.strip().lower() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
