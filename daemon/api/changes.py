"""`/changes`: the feed, a page at a time, waiting for news where a reader asks for it."""

from __future__ import annotations

import asyncio

from aiohttp import web

from cache.queries.paging import DEFAULT_LIMIT, limit_of
from daemon.api.answers import plain
from daemon.api.context import ApiContext
from daemon.api.feed import filters, read, starting_place
from daemon.api.parameters import Pairs, duration, one

MAX_WAIT = 60.0


async def changes(context: ApiContext, request: web.Request, pairs: Pairs) -> web.Response:
    """The changes after a position. With `wait=SECONDS` an empty answer waits for the first that fits."""
    conditions = filters(pairs, ("limit", "wait"))
    text, wait = one(pairs, "limit"), one(pairs, "wait")
    limit = DEFAULT_LIMIT if text is None else limit_of(text)
    loop = asyncio.get_running_loop()
    until = loop.time() + (0.0 if wait is None else duration("wait", wait, MAX_WAIT))
    place = await starting_place(context, pairs)
    while True:
        batch = await read(context, place, limit, conditions)
        place = batch.place
        left = until - loop.time()
        if batch.items or left <= 0 or not await context.news.wait(max(place.sequence, batch.upto), left):
            break
    body = {"items": batch.items, "next": str(place), "epoch": place.epoch, "sequence": place.sequence}
    headers = {"Cache-Control": "no-store", "Forgeglass-Sequence": str(max(place.sequence, batch.upto))}
    return plain(request, body, headers)
