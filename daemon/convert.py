"""From what the forge's API says, in Gitea's words, to the cache's evidence."""

from __future__ import annotations

from datetime import UTC, datetime

from cache.model import PullRequest, Repository
from gitea_client import wire

HIDDEN = ("limited", "private")
"""How an owner is visible whose repositories the forge shows to nobody who is not signed in, public or not."""


def repository_of(item: wire.Repository) -> Repository:
    """A repository as evidence; what the forge recomputes by itself is left out.

    Private is whatever the forge does not show to everyone.
    """
    return Repository(
        id=item.id,
        owner=item.owner.login,
        name=item.name,
        default_branch=item.default_branch,
        private=item.private or item.internal or item.owner.visibility in HIDDEN,
        archived=item.archived,
        empty=item.empty,
        fork=item.fork,
        mirror=item.mirror,
        description=item.description,
        topics=tuple(sorted(item.topics)),
        created_at=utc(item.created_at),
        object_format=item.object_format_name or "sha1",
        has_pull_requests=item.has_pull_requests,
    )


def pull_request_of(item: wire.PullRequest, repository_id: int) -> PullRequest:
    """A pull request as evidence. A deleted fork has repository id -1 on the wire and None here."""
    return PullRequest(
        repository_id=repository_id,
        number=item.number,
        title=item.title,
        body=item.body,
        user=item.user.login if item.user else "",
        state=item.state,
        draft=item.draft,
        merged=item.merged,
        head_label=item.head.label,
        head_repository_id=item.head.repo_id if item.head.repo_id > 0 else None,
        base_ref=item.base.ref,
        created_at=utc(item.created_at) or datetime.fromtimestamp(0, UTC),
        closed_at=utc(item.closed_at),
        merged_at=utc(item.merged_at),
        merge_commit_sha=item.merge_commit_sha or None,
        labels=tuple(sorted(label.name for label in item.labels)),
    )


def utc(value: datetime | None) -> datetime | None:
    """An instant in UTC; the server's zero times (year 1, and 1970) mean that there is none."""
    if value is None or value.year <= 1970:
        return None
    return value.astimezone(UTC)
