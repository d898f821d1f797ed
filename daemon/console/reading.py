"""What each page shows, read from the cache: the one place of the console that asks it anything."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.profile.collection import Collection
from cache.queries import branches, changes, counting, entries, findings, history, pulls, repositories
from cache.queries.counting import RuleCount, Waiting
from cache.queries.filters import Condition
from cache.queries.freshness import Freshness, Where, freshness, of_collection, of_ids, of_mirrored
from cache.queries.paging import MAX_LIMIT, Question
from cache.viewer import Viewer
from daemon.api.context import ApiContext

HISTORY_SHOWN = 50
ATTENTION = 8
"""How many repositories in trouble the overview names."""


class Overview(Struct, frozen=True):
    """Everything at once. `entries` gives for each collection its number of entries and how many are not valid."""

    fresh: Freshness
    entries: Mapping[tuple[str, str], tuple[int, int]]
    findings: tuple[RuleCount, ...]
    waiting: tuple[Waiting, ...]
    troubled: tuple[repositories.RepositoryItem, ...]
    changes: Mapping[datetime, int]


class CollectionView(Struct, frozen=True):
    """A page of a collection; `values` counts what its entries have in the field that gives the pills."""

    fresh: Freshness
    page: entries.EntryPage
    values: Mapping[str, int]


class EntryView(Struct, frozen=True):
    """An entry with what belongs to it; `revisions` is the number of its revisions."""

    fresh: Freshness
    item: entries.EntryItem
    findings: tuple[findings.FindingItem, ...]
    branches: branches.BranchPage
    pulls: pulls.PullPage
    history: history.HistoryPage
    revisions: int = 0


class PullsView(Struct, frozen=True):
    """Pull requests, and how many of which kind and age wait."""

    fresh: Freshness
    page: pulls.PullPage
    waiting: tuple[Waiting, ...]


class FindingsView(Struct, frozen=True):
    """Findings, and how many of which rule stand."""

    fresh: Freshness
    page: findings.FindingPage
    rules: tuple[RuleCount, ...]


class RepositoriesView(Struct, frozen=True):
    """Repositories, with how our looking at each goes."""

    fresh: Freshness
    page: repositories.RepositoryPage


class ChangesView(Struct, frozen=True):
    """The newest changes before a place in the feed, newest first; `before` is the place of the next ones."""

    fresh: Freshness
    items: tuple[changes.ChangeItem, ...]
    before: int | None


async def overview(context: ApiContext, viewer: Viewer, since: datetime) -> Overview:
    """The overview; changes by hour from `since` on."""
    troubled = Question((Condition("failures", "gte", (1,)),), "-failures", ATTENTION)
    async with context.database.read() as connection:
        return Overview(
            await _fresh(context, connection, viewer, of_mirrored()),
            await counting.entries_by_collection(connection, viewer),
            await counting.findings_by_rule(connection, viewer),
            await counting.pulls_waiting(connection, viewer, context.clock()),
            (await repositories.repository_list(connection, viewer, troubled)).items,
            await counting.changes_by_hour(connection, viewer, since),
        )


async def collection_view(
    context: ApiContext, viewer: Viewer, collection: Collection, question: Question, q: str | None, pills: str | None
) -> CollectionView:
    """A page of a collection. QueryError: `bad-cursor`, `cursor-mismatch`."""
    async with context.database.read() as connection:
        return CollectionView(
            await _fresh(context, connection, viewer, of_collection(viewer, collection)),
            await entries.entry_list(connection, viewer, collection, question, q=q),
            await counting.values_of(connection, viewer, collection, pills) if pills is not None else {},
        )


async def entry_view(context: ApiContext, viewer: Viewer, collection: Collection, key: str) -> EntryView | None:
    """An entry; None where there is none of this key."""
    async with context.database.read() as connection:
        item = await entries.one_entry(connection, viewer, collection, key)
        if item is None:
            return None
        rows = Question((), history.SORT, HISTORY_SHOWN)
        raised = Question((), pulls.SORT, HISTORY_SHOWN)
        own = Question((), branches.SORT, MAX_LIMIT)
        branched = await branches.branch_list(connection, viewer, collection, key, own) if collection.branches else None
        return EntryView(
            await _fresh(context, connection, viewer, of_ids(item.repository_ids)),
            item,
            await _findings_of(connection, viewer, collection, item) if item.counts.findings or not item.valid else (),
            branched or branches.BranchPage((), None),
            await pulls.pull_list(connection, viewer, raised, collection=collection, key=key),
            await history.history_list(connection, viewer, collection, key, rows),
        )


async def _findings_of(
    connection: AsyncConnection, viewer: Viewer, collection: Collection, item: entries.EntryItem
) -> tuple[findings.FindingItem, ...]:
    """Those about the entry, and those about its files: of a `jsonl` file only those of its line."""
    paths = {path for path in (item.path, item.document_path) if path is not None}
    about = (
        Condition("block", "eq", (collection.block,)),
        Condition("collection", "eq", (collection.name,)),
    )
    keyed = Question((*about, Condition("key", "eq", (item.key,))), findings.SORT, MAX_LIMIT)
    of_files = Question(
        (*about, Condition("key", "isnull", (1,)), Condition("path", "in", tuple(sorted(paths)))),
        findings.SORT, MAX_LIMIT,
    )  # fmt: skip
    own = (await findings.finding_list(connection, viewer, keyed)).items
    others = (await findings.finding_list(connection, viewer, of_files)).items
    places = {(item.repository, item.path), (item.document_repository, item.document_path)}
    fitting = (one for one in others if (one.repository, one.path) in places and item.line in (0, one.line))
    return (*own, *fitting)


async def pulls_view(context: ApiContext, viewer: Viewer, question: Question) -> PullsView:
    """A page of pull requests. QueryError: `bad-cursor`, `cursor-mismatch`."""
    async with context.database.read() as connection:
        return PullsView(
            await _fresh(context, connection, viewer, of_mirrored()),
            await pulls.pull_list(connection, viewer, question),
            await counting.pulls_waiting(connection, viewer, context.clock()),
        )


async def findings_view(context: ApiContext, viewer: Viewer, question: Question, *, cleared: bool) -> FindingsView:
    """A page of findings. QueryError: `bad-cursor`, `cursor-mismatch`."""
    async with context.database.read() as connection:
        return FindingsView(
            await _fresh(context, connection, viewer, of_mirrored()),
            await findings.finding_list(connection, viewer, question, cleared=cleared),
            await counting.findings_by_rule(connection, viewer),
        )


async def repositories_view(context: ApiContext, viewer: Viewer, question: Question) -> RepositoriesView:
    """A page of repositories. QueryError: `bad-cursor`, `cursor-mismatch`."""
    async with context.database.read() as connection:
        return RepositoriesView(
            await _fresh(context, connection, viewer, repositories.everything(), listed=True),
            await repositories.repository_list(connection, viewer, question),
        )


async def changes_view(
    context: ApiContext, viewer: Viewer, before: int | None, conditions: tuple[Condition, ...], limit: int
) -> ChangesView:
    """The newest changes that fit; those before a place where one is given."""
    async with context.database.read() as connection:
        begin = before if before is not None else (await _end(connection)) + 1
        items = await changes.changes_before(connection, viewer, begin, limit, conditions)
        fresh = await _fresh(context, connection, viewer, of_mirrored())
    return ChangesView(fresh, items, items[-1].sequence if len(items) == limit else None)


async def _end(connection: AsyncConnection) -> int:
    return (await changes.extent(connection)).last or 0


async def _fresh(
    context: ApiContext, connection: AsyncConnection, viewer: Viewer, where: Where, **more: Any
) -> Freshness:
    return await freshness(connection, viewer, where, now=context.clock(), interval=context.sweep_interval, **more)
