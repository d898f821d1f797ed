"""How things look in JSON. No I/O."""

from __future__ import annotations

from typing import Any

import msgspec

from cache.queries.entries import EntryItem
from cache.queries.pulls import PullItem
from cache.queries.repositories import RepositoryItem

_HIDDEN = ("parts", "repository_ids")


def entry_json(item: EntryItem, *, body: bool) -> dict[str, Any]:
    """An entry: the parts of its key by their names beside its own members, its fields under `fields`."""
    own: dict[str, Any] = msgspec.to_builtins(item)
    for name in (*_HIDDEN, *(() if body else ("body",))):
        del own[name]
    return {**item.parts, **own}


def pull_json(item: PullItem, forge_url: str) -> dict[str, Any]:
    """A pull request with its page's address."""
    own: dict[str, Any] = msgspec.to_builtins(item)
    path = own.pop("html_path").lstrip("/")
    return {**own, "html_url": f"{forge_url.rstrip('/')}/{path}"}


def repository_json(item: RepositoryItem) -> dict[str, Any]:
    """A repository; the times of looking at it stand beside the answer, not in what its ETag covers."""
    own: dict[str, Any] = msgspec.to_builtins(item)
    if own["look"] is not None:
        for name in ("observed_at", "verified_at"):
            del own["look"][name]
    return own
