"""Open HTTP connections: how many there may be, and how long each may keep the server waiting.

A connection costs a descriptor and memory before it has said anything, so a stranger who opens many and stays silent
could take all of them. Here every connection has a phase, and each phase an end:

| phase | it waits for | ends after |
|---|---|---|
| silent | the first byte | `request_time` |
| head | the rest of a request's head | `request_time` |
| busy | us: a handler is at work | the handler's own limits |
| idle | the next request | `idle_time` |

Where all places are taken, a new connection takes that of the one that has kept us waiting longest: a silent one, then
one in its head, then an idle one. So a prober of `/healthz` gets in however many do nothing. A busy one is never ended;
where all are busy, the new one is answered 503 and closed, and before that, where three of four are, every request but
those for `always` (health, deliveries). One address has a share of the places, except where many
share it: loopback (a proxy on this machine) and `shared` networks.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import IntEnum
from typing import Final, cast

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from msgspec import Struct

from daemon.api.credentials import is_shared
from daemon.api.problems import ProblemError
from daemon.api.reads import ASKER

log = structlog.get_logger(__name__)

SHARE: Final = 4
"""One address may hold one in so many places."""

LONGEST_HEAD: Final = 64 * 1024
"""Bytes that the head of a request may have; no client of ours sends a tenth of that."""
LONGEST_LINE: Final = LONGEST_HEAD
"""Bytes of a request's first line, which may be most of its head: a filter may have 200 values."""
TOGETHER: Final = 4
"""Requests that begin in one round of the event loop."""
REFUSED: Final = 2.0
"""Seconds after which a stranger is told that there is no place: whoever asks without end asks less often so."""
HURRY: Final = 0.25
"""Seconds that a longer one is given to prove to be the beginning of a body."""

_ANSWER: Final = b"HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_UNAVAILABLE: Final = _ANSWER % b"503 Service Unavailable"
_LATE: Final = _ANSWER % b"408 Request Timeout"


class Phase(IntEnum):
    """What a connection waits for, in the order in which they give up their places."""

    SILENT = 0
    HEAD = 1
    IDLE = 2
    BUSY = 3


class ConnectionLimits(Struct, frozen=True):
    """`most` connections at once; `request_time` and `idle_time` in seconds."""

    most: int
    request_time: float
    idle_time: float

    @property
    def busy(self) -> int:
        """How many of them may be busy before all but the most important is refused."""
        return max(1, 3 * self.most // 4)

    @property
    def by_address(self) -> int:
        """How many of them one address may have."""
        return max(1, self.most // SHARE)


class Connections:
    """All open connections. `watched` wraps a protocol's factory, `middleware` says when a handler is at work.

    `shared` are networks whose addresses many people share, `always` paths that are answered however many are busy;
    `dropped` is told why a connection was ended by us: `silent`, `head`, `idle`, `full`.
    """

    def __init__(
        self,
        limits: ConnectionLimits,
        shared: Iterable[str] = (),
        always: Iterable[str] = (),
        dropped: Callable[[str], None] = lambda _why: None,
    ) -> None:
        self.limits = limits
        self._shared = tuple(shared)
        self._always = frozenset(always)
        self._dropped = dropped
        self._stopping = asyncio.Event()
        self._turns: deque[asyncio.Future[None]] = deque()
        self._open: dict[asyncio.BaseProtocol, _Connection] = {}
        # Each in the order in which they entered their phase: whom a newcomer replaces is found without a search.
        self._by_phase: dict[Phase, dict[_Connection, None]] = {phase: {} for phase in Phase}
        self._by_address: dict[str, set[_Connection]] = {}

    def __len__(self) -> int:
        return len(self._open)

    @property
    def open(self) -> frozenset[asyncio.BaseProtocol]:
        """The protocols inside the connections that have a place."""
        return frozenset(self._open)

    def watched(self, factory: Callable[[], asyncio.Protocol]) -> Callable[[], asyncio.Protocol]:
        """The factory of a server, whose connections are counted and timed."""
        return lambda: _Connection(self, factory())

    @property
    def middleware(self) -> Middleware:
        """Tells a connection that its request is being answered; the outermost middleware of the application.

        A reader who leaves has its question stopped; what is sent to us (a delivery) is worked on all the same.
        """

        @web.middleware
        async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
            connection = self._open.get(request.protocol)
            if connection is None:
                return await handler(request)
            if request.path not in self._always and self._crowded():
                log.warning("requests.full", open=len(self._open))
                problem = ProblemError("busy", "Too many requests are under way; ask again in a moment.")
                return problem.response(request.path)
            connection.enter(Phase.BUSY)
            connection.reading = asyncio.current_task() if request.method in ("GET", "HEAD") else None
            try:
                if request.path not in self._always:
                    await self._turn()
                response = await handler(request)
                if response.status == 503 and not response.prepared and _is_stranger():
                    connection.enter(Phase.IDLE)  # whoever is refused comes again at once: not before a moment
                    await self._refused()
                return response
            finally:
                connection.reading = None
                connection.enter(Phase.IDLE)

        return middleware

    async def _refused(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(REFUSED):
                await self._stopping.wait()

    def stop(self) -> None:
        """The daemon stops: nobody is kept waiting any more."""
        self._stopping.set()

    async def _turn(self) -> None:
        """Begin few requests in one round of the event loop, so that a health check never waits behind hundreds."""
        turn = asyncio.get_running_loop().create_future()
        self._turns.append(turn)
        if len(self._turns) == 1:
            turn.get_loop().call_soon(self._begin)
        await turn

    def _begin(self) -> None:
        for _ in range(min(TOGETHER, len(self._turns))):
            turn = self._turns.popleft()
            if not turn.done():
                turn.set_result(None)
        if self._turns:
            self._turns[0].get_loop().call_soon(self._begin)

    def admit(self, connection: _Connection) -> bool:
        """Take a new connection, in the place of another where there is none left; False where all are busy."""
        address = connection.address
        own = self._by_address.get(address, ())
        if len(own) >= self.limits.by_address and not is_shared(address, self._shared):
            waiting = [one for one in own if one.phase is not Phase.BUSY]
            if not self._replace(min(waiting, key=lambda one: (one.phase, one.since), default=None)):
                return False
        if len(self._open) >= self.limits.most and not self._replace(self._longest_waiting()):
            return False
        self._open[connection.inner] = connection
        self._by_address.setdefault(address, set()).add(connection)
        self._by_phase[connection.phase][connection] = None
        return True

    def _longest_waiting(self) -> _Connection | None:
        waiting = (next(iter(self._by_phase[phase]), None) for phase in Phase if phase is not Phase.BUSY)
        return next((one for one in waiting if one is not None), None)

    def _replace(self, one: _Connection | None) -> bool:
        if one is None:
            log.warning("connections.full", open=len(self._open))
            return False
        one.drop("full")
        return True

    def _crowded(self) -> bool:
        return len(self._by_phase[Phase.BUSY]) >= self.limits.busy

    def moved(self, connection: _Connection, before: Phase) -> None:
        """An open connection entered another phase, or the same anew."""
        if connection in self._by_phase[before]:
            del self._by_phase[before][connection]
            self._by_phase[connection.phase][connection] = None

    def forget(self, connection: _Connection) -> None:
        """The connection is closed."""
        if self._open.pop(connection.inner, None) is None:
            return
        self._by_phase[connection.phase].pop(connection, None)
        own = self._by_address[connection.address]
        own.discard(connection)
        if not own:
            del self._by_address[connection.address]

    def note(self, why: str) -> None:
        """We ended one."""
        self._dropped(why)


def _is_stranger() -> bool:
    asked = ASKER.get()
    return asked is None or asked.credential is None


class _Connection(asyncio.Protocol):
    """One connection: passes everything on to the protocol inside, and watches the time."""

    def __init__(self, all_of_them: Connections, inner: asyncio.Protocol) -> None:
        self.inner = inner
        self.phase = Phase.SILENT
        self.address = ""
        self.reading: asyncio.Task[object] | None = None
        """The task that answers a reader."""
        self._all = all_of_them
        self._loop = asyncio.get_running_loop()
        self.since = self._loop.time()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._admitted = False
        self._head = 0

    def enter(self, phase: Phase) -> None:
        """Go over to a phase; its time begins."""
        before, self.phase, self.since = self.phase, phase, self._loop.time()
        self._all.moved(self, before)
        limits = self._all.limits
        self._end_within(
            None if phase is Phase.BUSY else limits.idle_time if phase is Phase.IDLE else limits.request_time
        )

    def _end_within(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        wanted = seconds is not None and self._transport is not None
        self._timer = self._loop.call_later(seconds or 0.0, self._over) if wanted else None

    def _over(self) -> None:
        if self.phase is Phase.HEAD and self._transport is not None:
            self._transport.write(_LATE)
        self.drop(self.phase.name.lower())

    def drop(self, why: str) -> None:
        """End it: what the other end has not read by now is lost."""
        self._all.forget(self)
        self._all.note(why)
        if self._transport is not None:
            if self._transport.get_write_buffer_size():
                self._transport.abort()
            else:
                self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first byte, or refuse where there is no place."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if isinstance(peer, tuple) else ""
        if not self._all.admit(self):
            self._all.note("full")
            self._transport.write(_UNAVAILABLE)
            transport.close()
            return
        self._admitted = True
        self.inner.connection_made(transport)
        self.enter(Phase.SILENT)

    def data_received(self, data: bytes) -> None:
        """Pass bytes on; the first ones of a request begin its head."""
        if not self._admitted:
            return
        if self.phase in (Phase.SILENT, Phase.IDLE):
            self._head = 0
            self.enter(Phase.HEAD)
        before, self._head = self._head, self._head + len(data)
        if self.phase is Phase.HEAD and before <= LONGEST_HEAD < self._head:
            self._end_within(HURRY)  # with the first bytes of a body it may be right; then a handler begins at once
        self.inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass the end on."""
        return self.inner.eof_received() if self._admitted else None

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        if self._timer is not None:
            self._timer.cancel()
        self._transport = None
        self._all.forget(self)
        if self._admitted:
            self.inner.connection_lost(exc)
        if self.reading is not None:
            self.reading.cancel()

    def pause_writing(self) -> None:
        """The other end does not read."""
        if self._admitted:
            self.inner.pause_writing()

    def resume_writing(self) -> None:
        """The other end reads again."""
        if self._admitted:
            self.inner.resume_writing()
