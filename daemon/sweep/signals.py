"""Which repositories the signals of a quiet sweep say are worth a look.

They are lists by update time, changed pull requests, and the owner's activity feed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from cache.rows import OwnerRow
from daemon.book import Book
from daemon.convert import repository_of, utc
from daemon.sweep.listed import differs
from daemon.work.scope import Scope
from gitea_client import wire
from gitea_client.rest import RepositoryListing


def signalled(
    book: Book, overlap: timedelta, owner: OwnerRow, listing: RepositoryListing, hits: Iterable[wire.IssueHit],
    activities: Iterable[wire.Activity],
) -> Iterable[tuple[int, Scope]]:  # fmt: skip
    """The repositories within reach that changed since they were looked at, less `overlap`, and where to look."""

    def is_due(repository_id: int, changed_at: datetime | None) -> bool:
        looked_at = book.look(repository_id).looked_at
        return looked_at is None or changed_at is None or changed_at >= looked_at - overlap

    reached = book.reach.interests
    for item in listing.items:
        if item.id in reached and (
            is_due(item.id, utc(item.updated_at)) or differs(book.world, repository_of(item))
        ):
            yield item.id, Scope()
    for hit in hits:
        look = book.pull_look(hit.repository.id, hit.number)
        updated = utc(hit.updated_at)
        fresh = look is None or updated is None or updated >= look.looked_at - overlap
        if hit.repository.id in reached and fresh:
            yield hit.repository.id, Scope(pulls=frozenset({hit.number}))
    for activity in activities:
        known = owner.activity_id is not None and activity.repo_id in reached
        if known and is_due(activity.repo_id, utc(activity.created)):
            yield activity.repo_id, Scope()
