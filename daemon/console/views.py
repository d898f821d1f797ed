"""What each page shows, as it was read. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from cache.queries import branches, changes, entries, findings, history, pulls, repositories, revisions
from cache.queries.comparing import Side
from cache.queries.counting import Waiting
from cache.queries.freshness import Freshness
from cache.queries.proposed import OfPull, Proposed, ProposedPage


class Overview(Struct, frozen=True):
    """Everything at once. `entries` gives for each collection its number of entries and how many are not valid."""

    fresh: Freshness
    entries: Mapping[tuple[str, str], tuple[int, int]]
    findings: tuple[findings.RuleCount, ...]
    waiting: tuple[Waiting, ...]
    troubled: repositories.RepositoryPage
    changes: Mapping[datetime, int]


class CollectionView(Struct, frozen=True):
    """A page of a collection; `values` counts what its entries that fit have in the field that gives the pills,
    whatever is asked of that field."""

    fresh: Freshness
    page: entries.EntryPage
    values: Mapping[str, int]


class EntryView(Struct, frozen=True):
    """An entry with the first of what belongs to it; `revisions` is the number of its revisions, `proposed` what open
    pull requests would make of it, `added` the change that brought it. `findings_left` says that there are more."""

    fresh: Freshness
    item: entries.EntryItem
    findings: tuple[findings.FindingItem, ...]
    branches: branches.BranchPage
    pulls: pulls.PullPage
    added: history.HistoryItem | None
    history: history.HistoryPage
    proposed: ProposedPage
    findings_left: bool = False
    revisions: int = 0


class KeyView(Struct, frozen=True):
    """A key without an entry, of which revisions, pull requests, proposals or findings speak all the same."""

    fresh: Freshness
    pulls: pulls.PullPage
    proposed: ProposedPage
    findings: tuple[findings.FindingItem, ...]
    findings_left: bool
    revisions: int


class RevisionsView(Struct, frozen=True):
    """Revisions of an entry, with their pull requests by (repository id, number), as far as those are known."""

    fresh: Freshness
    page: revisions.RevisionPage
    pulls: Mapping[tuple[int, int], pulls.PullItem]


class RevisionView(Struct, frozen=True):
    """A revision, its pull request, and what it can be held against."""

    fresh: Freshness
    item: revisions.Revision
    pull: pulls.PullItem | None
    around: revisions.Neighbours
    entry: bool
    """Whether there is an entry as it is now."""


class DiffView(Struct, frozen=True):
    """Two texts of an entry."""

    fresh: Freshness
    before: Side
    after: Side


class PullsView(Struct, frozen=True):
    """Pull requests, what each would change while it is open, and how many that fit of which kind and age wait."""

    fresh: Freshness
    page: pulls.PullPage
    waiting: tuple[Waiting, ...]
    proposed: Mapping[tuple[int, int], OfPull]


class PullView(Struct, frozen=True):
    """A pull request, the first revisions of the entries that it touches, and of what it would change."""

    fresh: Freshness
    item: pulls.PullItem
    revisions: revisions.RevisionPage
    proposed: OfPull


class ProposalView(Struct, frozen=True):
    """What a pull request would make of an entry."""

    fresh: Freshness
    proposed: Proposed


class FindingsView(Struct, frozen=True):
    """Findings, and how many that fit there are of which rule."""

    fresh: Freshness
    page: findings.FindingPage
    rules: tuple[findings.RuleCount, ...]


class RepositoriesView(Struct, frozen=True):
    """Repositories, with how our looking at each goes."""

    fresh: Freshness
    page: repositories.RepositoryPage


class ChangesView(Struct, frozen=True):
    """The newest changes before a place in the feed, newest first; `before` is the place of the next ones."""

    fresh: Freshness
    items: tuple[changes.ChangeItem, ...]
    before: int | None
