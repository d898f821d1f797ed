"""What each page shows, read from the cache: the one place of the console that asks it anything."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from cache.profile.collection import Collection
from cache.queries import (
    branches,
    changes,
    comparing,
    counting,
    entries,
    findings,
    history,
    proposals,
    proposed,
    pulls,
    repositories,
    revisions,
)
from cache.queries.filters import Condition
from cache.queries.freshness import Freshness, Where, freshness, of_collection, of_ids, of_mirrored
from cache.queries.paging import MAX_LIMIT, Question
from cache.viewer import Viewer
from daemon.api.context import ApiContext
from daemon.console.views import (
    ChangesView,
    CollectionView,
    DiffView,
    EntryView,
    FindingsView,
    KeyView,
    Overview,
    ProposalView,
    PullsView,
    PullView,
    RepositoriesView,
    RevisionsView,
    RevisionView,
)

SHOWN = 50
"""How many of each that belongs to something its own page shows; the rest is in pages (`daemon.console.parts`)."""
CHANGED_SHOWN = 200
"""How many entries that a pull request would change its page shows."""
ATTENTION = 8
"""How many repositories in trouble the overview names."""


async def overview(context: ApiContext, viewer: Viewer, since: datetime) -> Overview:
    """The overview; changes by hour from `since` on."""
    troubled = Question((Condition("failures", "gte", (1,)),), "-failures", ATTENTION)
    async with context.database.read() as connection:
        return Overview(
            await _fresh(context, connection, viewer, of_mirrored()),
            await counting.entries_by_collection(connection, viewer),
            await findings.rule_counts(connection, viewer, Question()),
            await counting.pulls_waiting(connection, viewer, context.clock()),
            await repositories.repository_list(connection, viewer, troubled),
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
            await entries.value_counts(connection, viewer, collection, question, pills, q=q) if pills else {},
        )


async def entry_view(
    context: ApiContext, viewer: Viewer, collection: Collection, key: str
) -> EntryView | KeyView | None:
    """An entry, or what there is of a key without one; None where there is nothing of this key."""
    async with context.database.read() as connection:
        item = await entries.one_entry(connection, viewer, collection, key)
        if item is None:
            return await _key_view(context, connection, viewer, collection, key)
        own = Question((), branches.SORT, SHOWN)
        branched = await branches.branch_list(connection, viewer, collection, key, own) if collection.branches else None
        wrong = item.counts.findings or not item.valid
        told, left = await _findings_of(connection, viewer, collection, item) if wrong else ((), False)
        changed = await history.history_list(connection, viewer, collection, key, Question((), history.SORT, SHOWN))
        return EntryView(
            await _fresh(context, connection, viewer, of_ids(item.repository_ids)),
            item,
            told,
            branched or branches.BranchPage((), None),
            await pulls.pull_list(connection, viewer, _RAISED, collection=collection, key=key),
            await _added(connection, viewer, collection, item, changed),
            changed,
            await proposed.of_entry(connection, viewer, collection, key, _PROPOSED),
            left,
            item.revision_count,
        )


_RAISED, _PROPOSED = Question((), pulls.SORT, SHOWN), Question((), proposals.SORT, SHOWN)


async def _added(
    connection: AsyncConnection, viewer: Viewer, collection: Collection, item: entries.EntryItem,
    shown: history.HistoryPage,
) -> history.HistoryItem | None:  # fmt: skip
    """The change that added the entry, also where it is older than those shown."""
    changes_of = shown.items
    if shown.next is not None:
        wanted = (Condition("change", "eq", ("added",)), Condition("part", "eq", ("entry",)))
        oldest = Question(wanted, history.SORT.removeprefix("-"), MAX_LIMIT)
        changes_of = (await history.history_list(connection, viewer, collection, item.key, oldest)).items
    adding = (one for one in changes_of if one.change == "added" and one.part == "entry")
    return next((one for one in adding if one.commit_at == item.created_at), None)


async def _key_view(
    context: ApiContext, connection: AsyncConnection, viewer: Viewer, collection: Collection, key: str
) -> KeyView | None:
    page = await pulls.pull_list(connection, viewer, _RAISED, collection=collection, key=key)
    would = await proposed.of_entry(connection, viewer, collection, key, _PROPOSED)
    number = await revisions.revision_count(connection, viewer, collection, key)
    wrong = await findings.finding_list(connection, viewer, _about_key(collection, key))
    if not (number or would.items or page.items or wrong.items):
        return None
    fresh = await _fresh(context, connection, viewer, of_collection(viewer, collection))
    return KeyView(fresh, page, would, wrong.items, wrong.next is not None, number)


def _about_key(collection: Collection, key: str) -> Question:
    names = {"block": collection.block, "collection": collection.name, "key": key}
    conditions = tuple(Condition(name, "eq", (value,)) for name, value in names.items())
    return Question(conditions, findings.SORT, MAX_LIMIT)


async def _findings_of(
    connection: AsyncConnection, viewer: Viewer, collection: Collection, item: entries.EntryItem
) -> tuple[tuple[findings.FindingItem, ...], bool]:
    """Those about the entry, and those about its files: of a `jsonl` file only those of its line; and whether there may
    be more."""
    paths = {path for path in (item.path, item.document_path) if path is not None}
    keyed = _about_key(collection, item.key)
    of_files = Question(
        (*keyed.conditions[:-1], Condition("key", "isnull", (1,)), Condition("path", "in", tuple(sorted(paths)))),
        findings.SORT, MAX_LIMIT,
    )  # fmt: skip
    own = await findings.finding_list(connection, viewer, keyed)
    others = await findings.finding_list(connection, viewer, of_files)
    places = {(item.repository, item.path), (item.document_repository, item.document_path)}
    fitting = (one for one in others.items if (one.repository, one.path) in places and item.line in (0, one.line))
    return (*own.items, *fitting), own.next is not None or others.next is not None


async def pulls_view(context: ApiContext, viewer: Viewer, question: Question) -> PullsView:
    """A page of pull requests. QueryError: `bad-cursor`, `cursor-mismatch`."""
    async with context.database.read() as connection:
        page = await pulls.pull_list(connection, viewer, question)
        return PullsView(
            await _fresh(context, connection, viewer, of_mirrored()),
            page,
            await counting.pulls_waiting(connection, viewer, context.clock(), question.conditions),
            await proposed.of_pulls(connection, viewer, [_place(item) for item in page.items if item.state == "open"]),
        )


async def pull_view(context: ApiContext, viewer: Viewer, full_name: str, number: int) -> PullView | None:
    """A pull request; None where there is none of this name."""
    async with context.database.read() as connection:
        item = await pulls.one_pull(connection, viewer, full_name, number)
        if item is None:
            return None
        would = await proposed.of_pulls(connection, viewer, [_place(item)], CHANGED_SHOWN)
        return PullView(
            await _fresh(context, connection, viewer, of_ids([item.repository_id])),
            item,
            await revisions.of_pull(connection, viewer, *_place(item), Question((), revisions.SORT_OF_PULL, SHOWN)),
            would.get(_place(item), proposed.OfPull((), 0)),
        )


async def proposal_view(
    context: ApiContext, viewer: Viewer, collection: Collection, key: str, full_name: str, number: int
) -> ProposalView | None:
    """What a pull request would make of an entry; None where it would change nothing about it."""
    async with context.database.read() as connection:
        found = await proposed.one(connection, viewer, collection, key, full_name, number)
        if found is None:
            return None
        return ProposalView(await _fresh(context, connection, viewer, of_ids([found.item.repository_id])), found)


def _place(item: pulls.PullItem | revisions.RevisionItem) -> tuple[int, int]:
    return item.repository_id, item.number


async def revisions_view(
    context: ApiContext, viewer: Viewer, collection: Collection, key: str, cursor: str | None
) -> RevisionsView | None:
    """A page of revisions, the newest first; None where there is neither an entry nor a revision of this key.

    QueryError: `bad-cursor`, `cursor-mismatch`.
    """
    question = Question((), revisions.SORT, SHOWN, cursor)
    async with context.database.read() as connection:
        page = await revisions.revision_list(connection, viewer, collection, key, question)
        ids = await entries.entry_repositories(connection, viewer, collection, key)
        if ids is None and not page.items:
            return None
        return RevisionsView(
            await _fresh(context, connection, viewer, _about(viewer, collection, ids)),
            page,
            await pulls.by_number(connection, viewer, [_place(item) for item in page.items]),
        )


async def revision_view(
    context: ApiContext, viewer: Viewer, collection: Collection, key: str, name: str
) -> RevisionView:
    """One revision with its text. NothingThere: there is none of this name."""
    async with context.database.read() as connection:
        item = await revisions.named_revision(connection, viewer, collection, key, name)
        ids = await entries.entry_repositories(connection, viewer, collection, key)
        raised = await pulls.by_number(connection, viewer, [_place(item)])
        return RevisionView(
            await _fresh(context, connection, viewer, _about(viewer, collection, ids)),
            item,
            raised.get(_place(item)),
            await revisions.neighbours(connection, viewer, collection, key, item.version),
            ids is not None,
        )


async def diff_view(
    context: ApiContext, viewer: Viewer, collection: Collection, key: str, names: Sequence[str]
) -> DiffView:
    """Two texts of an entry. NothingThere: one of them is not there, or is no text."""
    async with context.database.read() as connection:
        before, after = await comparing.two_sides(connection, viewer, collection, key, names)
        ids = await entries.entry_repositories(connection, viewer, collection, key)
        return DiffView(await _fresh(context, connection, viewer, _about(viewer, collection, ids)), before, after)


def _about(viewer: Viewer, collection: Collection, ids: tuple[int, ...] | None) -> Where:
    """The repositories that could contribute to what is told of an entry, or of a key without one."""
    return of_ids(ids) if ids is not None else of_collection(viewer, collection)


async def findings_view(context: ApiContext, viewer: Viewer, question: Question, *, cleared: bool) -> FindingsView:
    """A page of findings. QueryError: `bad-cursor`, `cursor-mismatch`."""
    async with context.database.read() as connection:
        return FindingsView(
            await _fresh(context, connection, viewer, of_mirrored()),
            await findings.finding_list(connection, viewer, question, cleared=cleared),
            await findings.rule_counts(connection, viewer, question, cleared=cleared),
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
