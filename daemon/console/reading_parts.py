"""Pages of what belongs to one entry or one pull request, read from the cache."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from cache.profile.collection import Collection
from cache.queries import branches, entries, history, proposed, pulls, revisions
from cache.queries.freshness import Freshness, freshness, of_collection, of_ids
from cache.queries.paging import Question
from cache.viewer import Viewer
from daemon.api.context import ApiContext


class PartView(Struct, frozen=True):
    """Some of what belongs to something, and the cursor of the next ones."""

    fresh: Freshness
    items: tuple[Any, ...]
    next: str | None


async def of_entry(
    context: ApiContext, viewer: Viewer, collection: Collection, key: str, part: str, question: Question
) -> PartView | None:
    """Branches, history or proposals of an entry, or proposals of a key without one; None where there is neither.

    QueryError: `bad-cursor`, `cursor-mismatch`.
    """
    page: branches.BranchPage | history.HistoryPage | proposed.ProposedPage
    async with context.database.read() as connection:
        if part == "branches":
            page = await branches.branch_list(connection, viewer, collection, key, question)
        elif part == "history":
            page = await history.history_list(connection, viewer, collection, key, question)
        else:
            page = await proposed.of_entry(connection, viewer, collection, key, question)
        ids = await entries.entry_repositories(connection, viewer, collection, key)
        if ids is None and not page.items:
            return None
        where = of_ids(ids) if ids is not None else of_collection(viewer, collection)
        fresh = await freshness(connection, viewer, where, now=context.clock(), interval=context.sweep_interval)
        return PartView(fresh, page.items, page.next)


async def of_pull(
    context: ApiContext, viewer: Viewer, full_name: str, number: int, part: str, question: Question
) -> PartView | None:
    """Proposals or revisions of a pull request; None where there is none of this name.

    QueryError: `bad-cursor`, `cursor-mismatch`.
    """
    page: proposed.ProposedPage | revisions.RevisionPage
    async with context.database.read() as connection:
        item = await pulls.one_pull(connection, viewer, full_name, number)
        if item is None:
            return None
        read = proposed.of_pull if part == "proposals" else revisions.of_pull
        page = await read(connection, viewer, item.repository_id, item.number, question)
        where = of_ids([item.repository_id])
        fresh = await freshness(connection, viewer, where, now=context.clock(), interval=context.sweep_interval)
        return PartView(fresh, page.items, page.next)


