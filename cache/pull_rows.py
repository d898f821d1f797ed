"""Rows about the heads of pull requests: evidence, as it was read."""

from __future__ import annotations

from datetime import datetime

from cache.row import Row


class PullHistoryRow(Row, frozen=True):
    """A pull request whose timeline was read, and how it stood then."""

    table = "pull_histories"
    primary = ("repository_id", "number")
    repository_id: int
    number: int
    updated_at: datetime | None
    """The pull request's own time when its timeline was read."""
    settled: bool
    """Whether the forge's clock was well beyond that time."""
    merge_commit: str | None
    """The commit whose files stand at position -1."""
    rewritten: bool
    """Whether the forge has taken events out of the timeline."""


class PullHeadRow(Row, frozen=True):
    """A head that a pull request had."""

    table = "pull_heads"
    primary = ("repository_id", "number", "position")
    repository_id: int
    number: int
    position: int
    sha: str
    at: datetime
    """When the forge told of it; where no push did, the committer's date, held between its neighbours."""
    forced: bool
    told: bool
    """Whether a push in the timeline tells of it; otherwise only the ref does."""
    commits: tuple[str, ...]
    """What its push told: the commits it added, or the old and the new head."""
    base: str | None
    """The branch that it was raised against, where the pull request has another one now."""
    fork_point: str | None
    gone: bool
    """Whether the forge does not give its objects any more."""
    event: int
    """The id of the timeline's event; 0 where none told of it."""
    gap: bool
    """Whether the forge may have forgotten heads before it."""
    relisted: bool
    """Whether its event was made anew for another base."""
    also: tuple[int, ...]
    """Ids of further events that tell nothing more."""


class HeadFileRow(Row, frozen=True):
    """A file of interest at a head of a pull request; at position -1, as it was merged."""

    table = "head_files"
    primary = ("repository_id", "number", "position", "path")
    repository_id: int
    number: int
    position: int
    path: str
    blob: str | None
    mode: str
    changed: bool
    """Whether it differs from the head's fork point."""
    before: str | None
    """The blob at the fork point."""


class ReadErrorRow(Row, frozen=True):
    """A part of a repository that could not be read; what was known of it stands."""

    table = "read_errors"
    primary = ("repository_id", "about")
    repository_id: int
    about: str
    rule: str
    message: str
    number: int
    """The pull request's where it is about one, else 0."""
    retry: bool
    """Whether the next look tries it again."""
