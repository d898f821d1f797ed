"""How things look in JSON. No I/O."""

from __future__ import annotations

from typing import Any

import msgspec

from cache.queries.entries import EntryItem
from cache.queries.proposals import ProposalItem
from cache.queries.pulls import PullItem
from cache.queries.repositories import RepositoryItem
from cache.queries.revisions import RevisionItem

ENTRY_HIDDEN = ("parts", "repository_ids")
LOOK_HIDDEN = ("observed_at", "verified_at")
"""Times of looking stand beside an answer, never in what its ETag covers."""


def entry_json(item: EntryItem, *, body: bool) -> dict[str, Any]:
    """An entry: the parts of its key by their names beside its own members, its fields under `fields`."""
    own: dict[str, Any] = msgspec.to_builtins(item)
    for name in (*ENTRY_HIDDEN, *(() if body else ("body",))):
        del own[name]
    return {**item.parts, **own}


def pull_json(item: PullItem, forge_url: str) -> dict[str, Any]:
    """A pull request with its page's address by the repository's name of today; None where the page is gone."""
    own: dict[str, Any] = msgspec.to_builtins(item)
    there = item.repository is not None and not item.gone
    page = f"{forge_url.rstrip('/')}/{item.repository}/pulls/{item.number}" if there else None
    return {**own, "html_url": page}


def proposal_json(item: ProposalItem, forge_url: str, *, body: bool) -> dict[str, Any]:
    """A proposal with the page of its pull request."""
    own: dict[str, Any] = msgspec.to_builtins(item)
    if not body:
        del own["body"]
    page = f"{forge_url.rstrip('/')}/{item.repository}/pulls/{item.number}" if item.repository is not None else None
    return {**own, "html_url": page}


def revision_json(item: RevisionItem, forge_url: str) -> dict[str, Any]:
    """A revision with the address of its pull request: as its entry gave it, or by the repository's name of today."""
    own: dict[str, Any] = msgspec.to_builtins(item)
    if own["pr_url"] is None and item.repository is not None:
        own["pr_url"] = f"{forge_url.rstrip('/')}/{item.repository}/pulls/{item.number}"
    return own


def repository_json(item: RepositoryItem) -> dict[str, Any]:
    """A repository, with how our looking at it goes."""
    own: dict[str, Any] = msgspec.to_builtins(item)
    if own["look"] is not None:
        for name in LOOK_HIDDEN:
            del own["look"][name]
    return own
