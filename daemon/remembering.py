"""What a lost or older `state.db` lacks, told again from the rows that `cache.db` still holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import cast

from cache.model import KeptRevision, PullHead, PullRequest
from cache.profile.collection import Block
from cache.projection.laying import published
from cache.projection.revisions import kept_key_of
from cache.pull_rows import PullHeadRow, PullHistoryRow
from cache.revision_rows import RevisionRow
from cache.rows import BranchRow, PullRow, Rows
from cache.world import BranchTombstone, KnownHeads, Published, PullTombstone, Tombstones


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


def unkept(rows: Rows, known: Published, blocks: Iterable[Block]) -> tuple[list[KeptRevision], list[RevisionRow]]:
    """The revisions that rows tell and `known` lacks, and the rows that it contradicts: those were of another file."""
    collections = {(block.name, c.name): c for block in blocks for c in block.collections}
    taken: dict[tuple[str, str, str], set[int]] = defaultdict(set)
    for group in known.values():
        for kept in group.values():
            taken[kept.block, kept.collection, kept.key].add(kept.version)
    lacking, contradicted = [], []
    for row in cast("list[RevisionRow]", list(rows[RevisionRow].values())):
        collection = collections.get((row.block, row.collection))
        if collection is None:
            continue
        kept = published(row, kept_key_of(collection, row))
        before = known.get((row.block, row.collection), {}).get((kept.key, kept.repository_id, kept.number))
        if before is None and row.version not in taken[kept.block, kept.collection, kept.key]:
            lacking.append(kept)
        elif before is None or not _agree(before, row):
            contradicted.append(row)
    return lacking, contradicted


def unkept_heads(rows: Rows, known: KnownHeads) -> Iterator[tuple[tuple[int, int], tuple[PullHead, ...]]]:
    """The heads of pull requests that rows tell and `known` lacks; of a former version's rows, which say no event, none
    are told.
    """
    heads: dict[tuple[int, int], list[PullHeadRow]] = defaultdict(list)
    for row in cast("list[PullHeadRow]", list(rows[PullHeadRow].values())):
        heads[row.repository_id, row.number].append(row)
    for history in cast("list[PullHistoryRow]", list(rows[PullHistoryRow].values())):
        at = history.repository_id, history.number
        if history.number in known.get(history.repository_id, {}) or any(r.told and not r.event for r in heads[at]):
            continue
        ordered = sorted(heads[at], key=lambda row: row.position)
        yield at, tuple(_head(row) for row in ordered)


def _head(row: PullHeadRow) -> PullHead:
    """A head as it was told, without what was found out about it."""
    return PullHead(
        row.position, row.sha, row.at, row.forced, row.told, row.commits, row.base, event=row.event, gap=row.gap,
        relisted=row.relisted, also=row.also,
    )  # fmt: skip


def _agree(kept: KeptRevision, row: RevisionRow) -> bool:
    return kept.version == row.version and all(
        there in (None, here) for there, here in ((row.content, kept.content), (row.frozen_at, kept.frozen_at))
    )
