"""Answers about repositories, pull requests, findings, and Forgeglass itself."""

from __future__ import annotations

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.queries import findings as finding_queries
from cache.queries import proposals as proposal_queries
from cache.queries import pulls as pull_queries
from cache.queries import repositories as repository_queries
from cache.queries import revisions as revision_queries
from cache.queries.errors import QueryError
from cache.queries.freshness import freshness, of_ids, of_mirrored
from cache.queries.paging import Question, ask
from cache.viewer import Viewer
from daemon.api import sheets
from daemon.api.access import Asked
from daemon.api.answers import list_answer, one_answer, plain, told_by
from daemon.api.context import ApiContext
from daemon.api.formats import LISTED
from daemon.api.parameters import WAITING, Pairs, bodies, flag
from daemon.api.problems import ProblemError
from daemon.api.shapes import proposal_json, pull_json, repository_json, revision_json

MOST_REVISED = 1_000
"""Revisions that are told with a pull request; all of them are `/revisions` of it, in pages."""


async def repositories(context: ApiContext, request: web.Request, pairs: Pairs, asked: Asked) -> web.Response:
    """Every repository of the owners."""
    question = ask(pairs, repository_queries.columns(), sort=repository_queries.SORT, others=LISTED)
    sequence, now = context.sequence(), context.clock()
    async with context.database.read() as connection:
        page = await repository_queries.repository_list(connection, asked.viewer, question)
        everything = repository_queries.everything()
        fresh = await freshness(
            connection, asked.viewer, everything, now=now, interval=context.sweep_interval, listed=True
        )
    items = [repository_json(item) for item in page.items]
    return list_answer(request, items, page.next, sequence, fresh, told_by(context, asked), sheets.REPOSITORIES)


async def repository(context: ApiContext, request: web.Request, pairs: Pairs, asked: Asked) -> web.Response:
    """One repository, with how our looking at it goes."""
    only_waiting(pairs)
    full_name = f"{request.match_info['owner']}/{request.match_info['name']}"
    sequence, now = context.sequence(), context.clock()
    async with context.database.read() as connection:
        item = await repository_queries.one_repository(connection, asked.viewer, full_name)
        if item is None:
            raise ProblemError("not-found", f"There is no repository {full_name[:200]!r} here.")
        where = of_ids([item.id])
        fresh = await freshness(
            connection, asked.viewer, where, now=now, interval=context.sweep_interval, listed=True
        )
    return one_answer(request, repository_json(item), sequence, fresh, told_by(context, asked))


async def pulls(context: ApiContext, request: web.Request, pairs: Pairs, asked: Asked) -> web.Response:
    """Every pull request, with its places in collections."""
    question = ask(pairs, pull_queries.columns(), sort=pull_queries.SORT, others=LISTED)
    sequence, now = context.sequence(), context.clock()
    async with context.database.read() as connection:
        page = await pull_queries.pull_list(connection, asked.viewer, question)
        fresh = await freshness(connection, asked.viewer, of_mirrored(), now=now, interval=context.sweep_interval)
    items = [pull_json(item, context.forge_url) for item in page.items]
    return list_answer(request, items, page.next, sequence, fresh, told_by(context, asked), sheets.PULLS)


async def pull(context: ApiContext, request: web.Request, pairs: Pairs, asked: Asked) -> web.Response:
    """One pull request, with its places in collections, the revisions of the entries that it touches, and what it
    would make of them while it is open."""
    only_waiting(pairs)
    full_name = f"{request.match_info['owner']}/{request.match_info['name']}"
    viewer = asked.viewer
    sequence, now = context.sequence(), context.clock()
    async with context.database.read() as connection:
        item = await _pull(connection, viewer, full_name, request.match_info["number"])
        first = Question((), revision_queries.SORT_OF_PULL, MOST_REVISED)
        revised = await revision_queries.of_pull(connection, viewer, item.repository_id, item.number, first)
        proposed = await proposal_queries.of_pull(connection, viewer, full_name, item.number, context.page_bytes)
        where = of_ids([item.repository_id])
        fresh = await freshness(connection, viewer, where, now=now, interval=context.sweep_interval)
    told = pull_json(item, context.forge_url)
    told["revisions"] = [revision_json(each, context.forge_url) for each in revised.items]
    told["proposals"] = [proposal_json(each, context.forge_url, body=True) for each in proposed.items]
    told["complete"] = revised.next is None and proposed.next is None
    return one_answer(request, told, sequence, fresh, told_by(context, asked))


async def revisions_of_pull(context: ApiContext, request: web.Request, pairs: Pairs, asked: Asked) -> web.Response:
    """The revisions of the entries that a pull request touches, without their texts."""
    full_name = f"{request.match_info['owner']}/{request.match_info['name']}"
    viewer = asked.viewer
    columns, sort = revision_queries.columns_of_pull(viewer), revision_queries.SORT_OF_PULL
    question = ask(pairs, columns, sort=sort, others=LISTED)
    sequence, now = context.sequence(), context.clock()
    async with context.database.read() as connection:
        item = await _pull(connection, viewer, full_name, request.match_info["number"])
        page = await revision_queries.of_pull(connection, viewer, item.repository_id, item.number, question)
        where = of_ids([item.repository_id])
        fresh = await freshness(connection, viewer, where, now=now, interval=context.sweep_interval)
    items = [revision_json(each, context.forge_url) for each in page.items]
    return list_answer(request, items, page.next, sequence, fresh, told_by(context, asked), sheets.REVISIONS)


async def _pull(
    connection: AsyncConnection, viewer: Viewer, full_name: str, number: str
) -> pull_queries.PullItem:
    known = number.isascii() and number.isdecimal() and len(number) < 19
    item = await pull_queries.one_pull(connection, viewer, full_name, int(number)) if known else None
    if item is None:
        raise ProblemError("not-found", f"There is no pull request {number[:20]!r} of {full_name[:200]!r} here.")
    return item


async def proposals(context: ApiContext, request: web.Request, pairs: Pairs, asked: Asked) -> web.Response:
    """What open pull requests would make of entries."""
    viewer = asked.viewer
    question = ask(pairs, proposal_queries.columns(viewer), sort=proposal_queries.SORT, others=(*LISTED, "include"))
    body = bodies(pairs)
    sequence, now = context.sequence(), context.clock()
    async with context.database.read() as connection:
        limit = context.page_bytes if body else 0
        page = await proposal_queries.proposal_list(connection, viewer, question, body=limit)
        fresh = await freshness(connection, viewer, of_mirrored(), now=now, interval=context.sweep_interval)
    items = [proposal_json(item, context.forge_url, body=body) for item in page.items]
    sheet = sheets.of_proposals(body=body)
    return list_answer(request, items, page.next, sequence, fresh, told_by(context, asked), sheet)


async def findings(context: ApiContext, request: web.Request, pairs: Pairs, asked: Asked) -> web.Response:
    """The findings that stand; with `cleared=true` those that do no longer."""
    cleared = flag(pairs, "cleared")
    sort = finding_queries.CLEARED_SORT if cleared else finding_queries.SORT
    question = ask(pairs, finding_queries.columns(cleared=cleared), sort=sort, others=(*LISTED, "cleared"))
    sequence, now = context.sequence(), context.clock()
    async with context.database.read() as connection:
        page = await finding_queries.finding_list(connection, asked.viewer, question, cleared=cleared)
        fresh = await freshness(connection, asked.viewer, of_mirrored(), now=now, interval=context.sweep_interval)
    return list_answer(request, page.items, page.next, sequence, fresh, told_by(context, asked), sheets.FINDINGS)


async def status(context: ApiContext, request: web.Request, pairs: Pairs, asked: Asked) -> web.Response:
    """How Forgeglass itself is."""
    only_waiting(pairs)
    return plain(request, await context.status(asked.viewer), {"Cache-Control": "no-store"})


def only_waiting(pairs: Pairs) -> None:
    """Refuse every parameter but those that each read knows. QueryError: `unknown-parameter`."""
    for name, _ in pairs:
        if name not in WAITING:
            known = ", ".join(WAITING)
            raise QueryError("unknown-parameter", f"there is no {name[:100]!r} here; there are {known}", name[:100])
