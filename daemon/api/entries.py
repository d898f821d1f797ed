"""Answers about a collection's entries."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.profile.collection import Collection
from cache.queries import branches, entries, history, pulls
from cache.queries.freshness import Freshness, freshness, of_collection, of_ids
from cache.queries.paging import ask
from cache.viewer import Viewer
from daemon.api import sheets
from daemon.api.access import Asked
from daemon.api.addresses import ROOT, Address, resolve
from daemon.api.answers import list_answer, one_answer, told_by
from daemon.api.context import ApiContext
from daemon.api.formats import LISTED
from daemon.api.lists import only_waiting
from daemon.api.parameters import Pairs, bodies, one
from daemon.api.problems import ProblemError, missing
from daemon.api.revisions import OF_REVISIONS
from daemon.api.shapes import entry_json, pull_json

LIST_WORDS = (*LISTED, "q", "include")


async def collection_address(
    context: ApiContext, request: web.Request, pairs: Pairs, asked: Asked
) -> web.Response:
    """A collection, an entry, or a list that belongs to one."""
    raw_path = request.rel_url.raw_path.removeprefix(f"{ROOT}/")
    address = resolve(raw_path, context.blocks(), context.address(ROOT))
    if address.key is None:
        return await _list(context, request, pairs, asked, address.collection)
    if address.part is None:
        return await _entry(context, request, pairs, asked, address.collection, address.key)
    if address.part in OF_REVISIONS:
        return await OF_REVISIONS[address.part](context, request, pairs, asked, address)
    return await _part(context, request, pairs, asked, address)


async def _list(
    context: ApiContext, request: web.Request, pairs: Pairs, asked: Asked, collection: Collection
) -> web.Response:
    question = ask(pairs, entries.columns(collection), sort="key", others=LIST_WORDS)
    q, body = one(pairs, "q"), bodies(pairs)
    if q is not None and not q.strip():
        raise ProblemError("bad-value", "q is empty; write a word to search for, or leave it out.", parameter="q")
    sequence = context.sequence()
    async with context.database.read() as connection:
        limit = context.page_bytes if body else 0
        page = await entries.entry_list(connection, asked.viewer, collection, question, q=q, body=limit)
        fresh = await _fresh(context, connection, asked.viewer, of_collection(asked.viewer, collection))
    items = [entry_json(item, body=body) for item in page.items]
    sheet = sheets.of_entries(collection, body=body)
    return list_answer(request, items, page.next, sequence, fresh, told_by(context, asked), sheet)


async def _entry(
    context: ApiContext, request: web.Request, pairs: Pairs, asked: Asked, collection: Collection, key: str
) -> web.Response:
    only_waiting(pairs)
    sequence = context.sequence()
    async with context.database.read() as connection:
        item = await entries.one_entry(connection, asked.viewer, collection, key)
        if item is None:
            raise missing(collection, key)
        fresh = await _fresh(context, connection, asked.viewer, of_ids(item.repository_ids))
    return one_answer(request, entry_json(item, body=True), sequence, fresh, told_by(context, asked))


async def _part(
    context: ApiContext, request: web.Request, pairs: Pairs, asked: Asked, address: Address
) -> web.Response:
    collection, key, part = address.collection, address.key or "", address.part
    subject = {"branches": branches, "pulls": pulls, "history": history}[part or ""]
    question = ask(pairs, subject.columns(), sort=subject.SORT, others=LISTED)
    sequence = context.sequence()
    items: list[Any]
    async with context.database.read() as connection:
        ids = await entries.entry_repositories(connection, asked.viewer, collection, key)
        if ids is None:
            raise missing(collection, key)
        if part == "branches":
            found = await branches.branch_list(connection, asked.viewer, collection, key, question)
            items, cursor = list(found.items), found.next
        elif part == "history":
            changes = await history.history_list(connection, asked.viewer, collection, key, question)
            items, cursor = list(changes.items), changes.next
        else:
            raised = await pulls.pull_list(connection, asked.viewer, question, collection=collection, key=key)
            items, cursor = [pull_json(item, context.forge_url) for item in raised.items], raised.next
        contributing = of_collection(asked.viewer, collection) if part == "pulls" else of_ids(ids)
        fresh = await _fresh(context, connection, asked.viewer, contributing)
    sheet = {"branches": sheets.BRANCHES, "pulls": sheets.PULLS, "history": sheets.HISTORY}[part or ""]
    return list_answer(request, msgspec.to_builtins(items), cursor, sequence, fresh, told_by(context, asked), sheet)


async def _fresh(context: ApiContext, connection: AsyncConnection, viewer: Viewer, where: Any) -> Freshness:
    return await freshness(connection, viewer, where, now=context.clock(), interval=context.sweep_interval)
