"""Test deliveries: does the address that hooks are given lead to this very process?

Whoever wants to know makes up a nonce, registers it here, and has something sent to the hook's address with
`?probe=NONCE`. A request with a nonce that is registered is checked for its signature like any delivery, noted, and
answered; it is never stored nor counted. One with any other nonce is an ordinary delivery.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from aiohttp import web
from aiohttp.typedefs import Middleware
from msgspec import Struct

PARAMETER = "probe"
MOST = 16
"""Nonces that may be registered together."""

_NONCE = re.compile(r"[0-9a-f]{32}", re.ASCII)
_LONGEST_PATH = 200


class Seen(Struct, frozen=True):
    """One request that bore the nonce. `signed` says whether one of our secrets signed it; None where it arrived at
    `path`, which is not where deliveries are received."""

    path: str
    signed: bool | None


class TooManyError(Exception):
    """More probes at once than anybody needs."""


class Probes:
    """The nonces that are awaited, and what arrived for each."""

    def __init__(self) -> None:
        self._awaited: dict[str, list[Seen]] = {}
        self._news: dict[str, asyncio.Event] = {}

    @contextmanager
    def expecting(self, nonce: str) -> Iterator[Callable[[], Awaitable[Seen]]]:
        """Register a nonce (32 hex digits) for as long as the context lasts; gives what waits for its arrival.

        A rightly signed arrival counts more than a wrong one, and that more than one at a wrong path, as long as
        nobody has waited yet. Raises ValueError for anything else than a nonce, TooManyError beyond MOST.
        """
        if not _NONCE.fullmatch(nonce):
            raise ValueError("a probe's nonce is 32 hex digits")
        if len(self._awaited) >= MOST:
            raise TooManyError(f"{MOST} test deliveries are awaited already; try again in a minute")
        arrived, news = self._awaited.setdefault(nonce, []), self._news.setdefault(nonce, asyncio.Event())

        async def wait() -> Seen:
            await news.wait()
            return max(arrived, key=lambda seen: (seen.signed is not None, seen.signed or False))

        try:
            yield wait
        finally:
            self._awaited.pop(nonce, None)
            self._news.pop(nonce, None)

    def of(self, request: web.Request) -> str | None:
        """The registered nonce that the request bears, or None."""
        nonce = request.query.get(PARAMETER, "")
        return nonce if nonce in self._awaited else None

    def note(self, nonce: str, path: str, signed: bool | None) -> None:
        """Note one arrival."""
        if nonce in self._awaited:
            self._awaited[nonce].append(Seen(path[:_LONGEST_PATH], signed))
            self._news[nonce].set()

    def strays(self, path: str) -> Middleware:
        """A middleware that notes probes which arrive at another path than `path`: a proxy has changed it."""

        @web.middleware
        async def middleware(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            if request.path != path and (nonce := self.of(request)) is not None:
                self.note(nonce, request.path, None)
            return await handler(request)

        return middleware
