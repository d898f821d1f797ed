"""Tombstones that a lost or older `state.db` lacks, told again from the rows that `cache.db` still holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from cache.model import PullRequest
from cache.rows import BranchRow, PullRow, Rows
from cache.world import BranchTombstone, PullTombstone, Tombstones


def forgotten(rows: Rows, known: Tombstones) -> Iterator[BranchTombstone | PullTombstone]:
    """The tombstones of branches and pull requests that rows say are gone and `known` lacks."""
    for branch in cast("list[BranchRow]", list(rows[BranchRow].values())):
        if branch.state == "deleted" and (branch.repository_id, branch.name) not in known.branches:
            yield BranchTombstone(branch.repository_id, branch.name, branch.sha, branch.last_commit_at)
    for pull in cast("list[PullRow]", list(rows[PullRow].values())):
        if pull.gone and (pull.repository_id, pull.number) not in known.pulls:
            yield PullTombstone(_as_read(pull), pull.head_sha)


def _as_read(row: PullRow) -> PullRequest:
    """What the API once told of a pull request, as far as rows follow from it."""
    merged = row.state == "merged"
    return PullRequest(
        repository_id=row.repository_id,
        number=row.number,
        title=row.title,
        body=row.description,
        user=row.user,
        state="closed",
        draft=row.draft,
        merged=merged,
        head_label=row.head_branch,
        head_repository_id=row.head_repository_id,
        base_ref=row.base_branch,
        created_at=row.opened_at,
        closed_at=row.closed_at,
        merged_at=row.merged_at,
        merge_commit_sha=row.merge_commit_sha,
        labels=row.labels,
    )
