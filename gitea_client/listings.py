"""What the two kinds of watermark reads stop at: pure decisions over pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from gitea_client.wire import Activity, Repository, Unusable

FEED_SLACK = timedelta(seconds=10)
"""Feed items of one second come in any order, and a server may write them a moment late."""


def older_than(items: Sequence[Repository | Unusable], since: datetime) -> bool:
    """Whether a page, newest first, reaches below `since`. A repository without a time reaches nowhere."""
    last = items[-1] if items else None
    return isinstance(last, Repository) and last.updated_at is not None and last.updated_at < since


def reaches(read: Sequence[Activity], after_id: int) -> bool:
    """Whether everything newer than `after_id` is among what was read of a feed, newest first.

    Where the first page holds nothing new there is nothing. Otherwise seeing `after_id` itself is not enough: an item
    with a greater id and the same time may stand after it.
    """
    if read and all(item.id <= after_id for item in read):
        return True
    known = [item.created for item in read if item.id <= after_id]
    return bool(known) and read[-1].created < known[0] - FEED_SLACK
