"""`/changes`: the feed, a page at a time, waiting for news where a reader asks for it."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from cache.queries.paging import DEFAULT_LIMIT, limit_of
from cache.viewer import Viewer
from daemon.api import sheets
from daemon.api.access import Asked
from daemon.api.answers import LIST_VARY, csv_answer, next_link, plain
from daemon.api.context import ApiContext
from daemon.api.feed import PLACING, Batch, FeedSource, filters, newest, read, starting_place
from daemon.api.formats import form
from daemon.api.parameters import Pairs, duration, one
from daemon.api.problems import ProblemError

MAX_WAIT = 60.0
WORDS = ("limit", "wait", "last", "format")


async def changes(context: ApiContext, request: web.Request, pairs: Pairs, asked: Asked) -> web.Response:
    """The changes after a position. With `wait=SECONDS` an empty answer waits for the first that fits."""
    wanted = form(pairs, request.headers.get("Accept", ""))
    wait = one(pairs, "wait")
    loop = asyncio.get_running_loop()
    until = loop.time() + (0.0 if wait is None else duration("wait", wait, MAX_WAIT))
    batch = await page(context, asked.viewer, pairs)
    while not batch.items and (left := until - loop.time()) > 0:
        if not await context.news.wait(max(batch.place.sequence, batch.upto), left):
            break
        others = [(name, value) for name, value in pairs if name not in (*PLACING, "last")]
        asked = await context.access.again(asked)
        batch = await page(context, asked.viewer, [*others, ("after", str(batch.place))])
    place = batch.place
    headers = {
        "Cache-Control": "no-store",
        "Forgeglass-Sequence": str(max(place.sequence, batch.upto)),
        "Forgeglass-Position": str(place),
        "Vary": LIST_VARY,
    }
    if place.sequence < batch.upto:
        headers["Link"] = next_link(request, after=str(place))
    if wanted == "csv":
        return csv_answer(request, sheets.CHANGES, batch.items, headers)
    return plain(request, told(batch), headers)


async def page(source: FeedSource, viewer: Viewer, pairs: Pairs) -> Batch:
    """The changes that a query asks for, as they are now.

    ProblemError: `bad-value`, `bad-position`, `resync`. QueryError: as `cache.queries.filters.parse`.
    """
    conditions = filters(pairs, WORDS)
    last, limit = one(pairs, "last"), one(pairs, "limit")
    if last is None:
        count = DEFAULT_LIMIT if limit is None else limit_of(limit)
        place = await starting_place(source, pairs)
        try:
            return await read(source, viewer, place, count, conditions)
        except ProblemError as problem:
            if problem.kind != "resync" or one(pairs, "after") is not None:
                raise
            # between the two reads; whoever gave no position has none that could be wrong
            raise ProblemError("cache-unavailable", "The feed began anew just now; ask again.") from None
    if limit is not None:
        limit_of(limit)  # passed over: last says how many
    count, after = limit_of(last, "last"), one(pairs, "after")
    begin = await starting_place(source, pairs) if after is not None else None
    return await newest(source, viewer, count, conditions, begin)


def told(batch: Batch) -> dict[str, Any]:
    """A page as JSON tells it."""
    place = batch.place
    return {"items": batch.items, "next": str(place), "epoch": place.epoch, "sequence": place.sequence}
