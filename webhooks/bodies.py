"""Bodies that arrive: how many bytes of them wait, over all requests, and how long.

A body is read before anybody knows who sent it, so strangers who send slowly could fill the memory, or take the places
of the forge. Whoever is slow makes room: where a place or bytes are lacking, the body that has been arriving longest
is given up. The forge sends within milliseconds what it sends, and so gets in.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from msgspec import Struct

SMALL = 64 * 1024
"""A body up to here is not counted among the bytes: most deliveries are smaller."""
MOST = 64
"""So many bodies arrive or are worked on at once."""


class BodyLimits(Struct, frozen=True):
    """`most` bytes of one body, `waiting` bytes of all larger ones together, `seconds` for one to arrive."""

    most: int
    waiting: int
    seconds: float


class CrowdedError(Exception):
    """This body was given up for others."""


class TooLargeError(Exception):
    """The body is larger than one may be."""


class _Body:
    """One body: what arrived, and, while it does, what stops its reading."""

    def __init__(self) -> None:
        self.size = 0
        self.reading: asyncio.Timeout | None = None
        self.given_up = False

    @property
    def counted(self) -> int:
        return self.size if self.size > SMALL else 0


class Bodies:
    """The bodies of requests that are arriving or being worked on."""

    def __init__(self, limits: BodyLimits) -> None:
        self.limits = limits
        self._open: list[_Body] = []

    @property
    def waiting(self) -> int:
        """Bytes that count."""
        return sum(one.counted for one in self._open if not one.given_up)

    @asynccontextmanager
    async def read(self, request: web.Request) -> AsyncIterator[bytes]:
        """The body of a request; its bytes count until the context ends.

        Raises TooLargeError, CrowdedError, TimeoutError where it does not arrive in time, and what aiohttp raises of
        one that is cut.
        """
        if (request.content_length or 0) > self.limits.most:
            raise TooLargeError
        body = _Body()
        if sum(not one.given_up for one in self._open) >= MOST and not self._give_up(self._open):
            raise CrowdedError
        self._open.append(body)
        try:
            yield await self._arrived(request, body)
        finally:
            self._open.remove(body)

    async def _arrived(self, request: web.Request, body: _Body) -> bytes:
        chunks = []
        try:
            async with asyncio.timeout(self.limits.seconds) as body.reading:
                async for chunk in request.content.iter_any():
                    body.size += len(chunk)
                    if body.size > self.limits.most:
                        raise TooLargeError
                    self._fit(body)
                    chunks.append(chunk)
        except TimeoutError:
            if body.given_up:
                raise CrowdedError from None
            raise
        finally:
            body.reading = None
        return b"".join(chunks)

    def _fit(self, body: _Body) -> None:
        while body.counted and self.waiting > self.limits.waiting:
            if not self._give_up([one for one in self._open if one.counted and one is not body]):
                raise CrowdedError

    def _give_up(self, among: list[_Body]) -> bool:
        """Stop reading the oldest of them that is still arriving; False where there is none."""
        oldest = next((one for one in among if one.reading is not None and not one.given_up), None)
        if oldest is None or oldest.reading is None:
            return False
        oldest.given_up = True
        oldest.reading.reschedule(asyncio.get_running_loop().time())
        return True
