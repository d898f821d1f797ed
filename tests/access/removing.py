"""The cache as it would be if hidden repositories had never been there: written apart from the queries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from cache.revision_rows import ProposalRow, RevisionRow
from cache.rows import (
    BranchRow,
    EntryRow,
    FindingRow,
    HistoryRow,
    LookRow,
    OwnerRow,
    PullEntryRow,
    PullRow,
    RepositoryRow,
    Row,
)
from cache.viewer import Viewer


def sees(viewer: Viewer, row: RepositoryRow) -> bool:
    """Whether a repository is among what a viewer without scopes of collections may see."""
    return (
        (viewer.private or not row.private)
        and (viewer.owners is None or row.owner.lower() in viewer.owners)
        and (viewer.repositories is None or row.full_name.lower() in viewer.repositories)
    )


def removed(rows: Iterable[Row], viewer: Viewer) -> list[Row]:
    """The rows without what comes of repositories that the viewer does not see."""
    rows = list(rows)
    if viewer.everything:
        return rows
    seen = {row.id for row in rows if isinstance(row, RepositoryRow) and sees(viewer, row)}
    entries = [row for row in rows if isinstance(row, EntryRow)]
    hidden = {(row.block, row.collection, row.key) for row in entries if row.repository_id not in seen}
    hidden_keys = {(block, key) for block, _, key in hidden}
    kept: list[Row] = []
    for row in rows:
        match row:
            case RepositoryRow():
                if row.id in seen:
                    kept.append(row)
            case OwnerRow():
                kept.append(row)
            case EntryRow():
                if row.repository_id in seen:
                    kept.append(_narrowed(row, seen))
            case PullEntryRow():
                if row.repository_id in seen and (row.block, row.collection, row.key) not in hidden:
                    audit = row.actor_source == "audit" and (row.block, row.actor_evidence) in hidden_keys
                    kept.append(replace(row, actor=None, actor_source=None, actor_evidence=None) if audit else row)
            case ProposalRow():
                if row.repository_id in seen and (row.block, row.collection, row.key) not in hidden:
                    kept.append(row)
            case RevisionRow():
                if {row.repository_id, row.entry_repository_id} <= seen:
                    kept.append(row)
            case BranchRow() | HistoryRow() | FindingRow():
                if row.repository_id in seen and (row.block, row.collection, row.key) not in hidden:
                    kept.append(row)
            case PullRow() | LookRow():
                if row.repository_id in seen:
                    kept.append(row)
            case _:
                raise AssertionError(row)
    return kept


def _narrowed(row: EntryRow, seen: set[int]) -> EntryRow:
    values: dict[str, Any] = {}
    if row.document_repository_id is not None and row.document_repository_id not in seen:
        names = [name for name in EntryRow.__struct_fields__ if name.startswith("document_")]
        values |= dict.fromkeys(names) | {"body": row.entry_body, "updated_at": row.last_entry_commit_at}
    if row.home_repository_id is not None and row.home_repository_id not in seen:
        values |= {"home_repository_id": None, "last_main_commit_at": None}
    return replace(row, **values)
