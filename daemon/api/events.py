"""`/events`: the feed as server-sent events (html.spec.whatwg.org, "Server-sent events").

A stream holds no queue. Each reader has only a place in the feed and reads on from there at its own pace, so a slow
one costs no memory and misses nothing; one that falls behind what is kept is told to resync, and its stream ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.web import BaseRequest
from aiohttp_sse import EventSourceResponse, sse_response

from cache.queries.filters import Condition
from daemon.api import cors
from daemon.api.access import Asked
from daemon.api.answers import for_asker
from daemon.api.context import ApiContext
from daemon.api.credentials import credentials_of
from daemon.api.feed import LATEST, filters, starting_place
from daemon.api.parameters import FeedPlace, Pairs, one
from daemon.api.places import FullError, Places
from daemon.api.problems import ProblemError
from daemon.api.together import ReadsTogether

BATCH = 100
PATIENCE = 300.0
"""Seconds after which a quiet stream looks at the feed anyway; a signed-in reader's does with every sign of life."""
SEND_TIMEOUT = 60.0
RETRY = 2_000
"""Milliseconds after which a browser connects again."""


class _Stream(EventSourceResponse):
    """A stream that says whom it is for, as every answer does: its class sets headers of its own."""

    signed = True

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        """Send the headers."""
        if not self.prepared:
            self.headers.update(for_asker(self.headers, self.signed))
        return await super().prepare(request)


class _OpenStream(_Stream):
    """A stream of somebody who is not known."""

    signed = False


class Events:
    """The open streams."""

    def __init__(self) -> None:
        self._open: set[asyncio.Task[None]] = set()
        self._places: Places | None = None
        self._stopping = False
        self._reads = ReadsTogether()

    async def stream(
        self, context: ApiContext, request: web.Request, pairs: Pairs, asked: Asked
    ) -> web.StreamResponse:
        """Every change that fits, from `Last-Event-ID` or `after` on, else from now on."""
        if request.method != "GET":
            raise ProblemError("method-not-allowed", "A stream is only served to GET.", headers={"Allow": "GET"})
        conditions = filters(pairs, ())
        with self._place(context, asked):
            return await self._stream(context, request, pairs, asked, conditions)

    @contextmanager
    def _place(self, context: ApiContext, asked: Asked) -> Iterator[None]:
        self._places = self._places or Places(context.streams)
        try:
            if self._stopping:
                raise FullError
            with self._places.take(asked):
                yield
        except FullError:
            message = f"{self._places.taken} streams are open; close one, come again later, or use /changes."
            raise ProblemError("too-many-streams", message) from None

    async def _stream(
        self, context: ApiContext, request: web.Request, pairs: Pairs, asked: Asked, conditions: tuple[Condition, ...]
    ) -> web.StreamResponse:
        said = request.headers.get("Last-Event-ID") or None
        begin = pairs if said is not None or one(pairs, "after") is not None else (*pairs, ("after", LATEST))
        place = await starting_place(context, begin, said)
        allowed = cors.answer_headers(context.cors_origins, request.headers.get("Origin"))
        headers = {"X-Content-Type-Options": "nosniff", **allowed}  # they are sent before the stream ends
        signed = credentials_of(request, context.access.proxy).given
        async with sse_response(
            request, headers=headers, ping_interval=context.heartbeat, send_timeout=SEND_TIMEOUT,
            response_cls=_Stream if signed else _OpenStream,
        ) as response:
            await self._run(response, asyncio.ensure_future(self._feed(context, asked, response, place, conditions)))
        return response

    async def _run(self, response: EventSourceResponse, feeding: asyncio.Task[None]) -> None:
        self._open.add(feeding)
        alive = asyncio.ensure_future(response.wait())  # ends when a sign of life finds the reader gone
        try:
            await asyncio.wait({feeding, alive}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._open.discard(feeding)
            for task in (feeding, alive):
                task.cancel()
            await asyncio.gather(feeding, alive, return_exceptions=True)

    async def _feed(
        self, context: ApiContext, asked: Asked, response: EventSourceResponse, place: FeedPlace,
        conditions: tuple[Condition, ...],
    ) -> None:
        # the place is told at once, so that a reader who saw no change yet can come back to it
        hello = msgspec.json.encode({"position": str(place), "epoch": place.epoch, "sequence": place.sequence})
        await response.send(hello.decode(), id=str(place), event="hello", retry=RETRY)
        while True:
            try:
                asked = await context.access.again(asked)  # a token that was revoked ends its streams
                batch = await self._reads.read(context, asked, place, BATCH, conditions)
            except ProblemError as problem:
                if problem.kind in ("busy", "too-slow"):
                    await asyncio.sleep(RETRY / 1000)
                    continue
                told = msgspec.json.encode(problem.members(context.address("/api/v1/events")))
                await response.send(told.decode(), event="resync" if problem.kind == "resync" else "refused")
                return
            for change in batch.changes:
                await response.send(change.text, id=change.position, event="change")
            place = batch.place
            if place.sequence >= batch.upto:
                # whoever is known may be known no more, and what is on their screen stays there until they are told
                await context.news.wait(place.sequence, PATIENCE if asked.credential is None else context.heartbeat)

    async def stop(self) -> None:
        """End every stream, and begin no other."""
        self._stopping = True
        streams = list(self._open)
        for task in streams:
            task.cancel()
        await asyncio.gather(*streams, return_exceptions=True)
