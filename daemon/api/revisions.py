"""Answers about the revisions of an entry: their list, one of them, and what differs between two."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import msgspec
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.profile.collection import Collection
from cache.queries import entries, revisions
from cache.queries.comparing import Side, two_sides
from cache.queries.freshness import Where, freshness, of_collection, of_ids
from cache.queries.paging import ask
from cache.textdiff import compare
from cache.viewer import Viewer
from daemon.api import sheets
from daemon.api.access import Asked
from daemon.api.addresses import DIFF, REVISION, REVISIONS, Address
from daemon.api.answers import list_answer, one_answer, told_by
from daemon.api.context import ApiContext
from daemon.api.formats import LISTED
from daemon.api.lists import only_waiting
from daemon.api.parameters import Pairs
from daemon.api.problems import missing
from daemon.api.shapes import revision_json


async def listed(
    context: ApiContext, request: web.Request, pairs: Pairs, asked: Asked, address: Address
) -> web.Response:
    """The revisions of an entry, or of a key that only a pull request speaks of yet; the newest first."""
    collection, key = address.collection, address.key or ""
    question = ask(pairs, revisions.columns(asked.viewer), sort=revisions.SORT, others=LISTED)
    sequence, now = context.sequence(), context.clock()
    async with context.database.read() as connection:
        page = await revisions.revision_list(connection, asked.viewer, collection, key, question)
        where = await _where(connection, asked.viewer, collection, key, found=bool(page.items))
        fresh = await freshness(connection, asked.viewer, where, now=now, interval=context.sweep_interval)
    items = [revision_json(item, context.forge_url) for item in page.items]
    return list_answer(request, items, page.next, sequence, fresh, told_by(context, asked), sheets.REVISIONS)


async def single(
    context: ApiContext, request: web.Request, pairs: Pairs, asked: Asked, address: Address
) -> web.Response:
    """One revision with its text: by its version, or the one that was merged last."""
    only_waiting(pairs)
    collection, key = address.collection, address.key or ""
    sequence, now = context.sequence(), context.clock()
    async with context.database.read() as connection:
        item = await revisions.named_revision(connection, asked.viewer, collection, key, address.names[0])
        where = await _where(connection, asked.viewer, collection, key, found=True)
        fresh = await freshness(connection, asked.viewer, where, now=now, interval=context.sweep_interval)
    return one_answer(request, revision_json(item, context.forge_url), sequence, fresh, told_by(context, asked))


async def differing(
    context: ApiContext, request: web.Request, pairs: Pairs, asked: Asked, address: Address
) -> web.Response:
    """What differs between two revisions, or between one and the entry as it is now."""
    only_waiting(pairs)
    collection, key = address.collection, address.key or ""
    sequence, now = context.sequence(), context.clock()
    async with context.database.read() as connection:
        before, after = await two_sides(connection, asked.viewer, collection, key, address.names)
        where = await _where(connection, asked.viewer, collection, key, found=True)
        fresh = await freshness(connection, asked.viewer, where, now=now, interval=context.sweep_interval)
    names = f"{key} {before.name}", f"{key} {after.name}"

    def work(old: str, new: str, most: int) -> dict[str, object]:
        diff = compare(old, new, names, most)
        return {"unified": diff.unified, "lines": msgspec.Raw(msgspec.json.encode(diff.lines))}

    found = await context.comparing.run(before.text, after.text, work)
    item = {"from": _described(before), "to": _described(after), **found}
    return one_answer(request, item, sequence, fresh, told_by(context, asked))


def _described(side: Side) -> dict[str, object]:
    return {"name": side.name, "version": side.version, "told": side.told}


async def _where(
    connection: AsyncConnection, viewer: Viewer, collection: Collection, key: str, *, found: bool
) -> Where:
    """The repositories that could contribute. ProblemError: there is neither an entry nor a revision of this key."""
    ids = await entries.entry_repositories(connection, viewer, collection, key)
    if ids is None and not found and not await revisions.any_revision(connection, viewer, collection, key):
        raise missing(collection, key)
    return of_ids(ids) if ids is not None else of_collection(viewer, collection)


Handler = Callable[[ApiContext, web.Request, Pairs, Asked, Address], Awaitable[web.Response]]
OF_REVISIONS: Mapping[str, Handler] = {REVISIONS: listed, REVISION: single, DIFF: differing}
