"""Changes in words, for people: feed readers and terminals. No I/O.

What a repository says (keys, names) is hostile: a letter that a terminal or a reader might act on is written as its
escape.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TYPE = "urn:forgeglass:problem:"
"""What the `type` of every problem begins with; the word after it is stable."""
SHORT_COMMIT = 10

_FOLLOWS = frozenset({
    "commit", "landed", "history", "sha", "head_sha", "entry_sha", "entry_body", "document_sha", "document_commit",
    "document_body", "merged_content", "merged_commit", "retold",
})  # fmt: skip
"""Columns that change with whatever else changed, and tell a person nothing; so do times and ids."""


def harmless(text: str) -> str:
    """The text with every letter escaped that cannot be seen: control characters, line ends, reversed writing."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def subject(change: Mapping[str, Any]) -> str:
    """What changed: `rfc/rfcs open-hub`, `pull request acme/meta#12 of rfc/rfcs open-hub`, `repository acme/meta`."""
    place = f"{change['block']}/{change['collection']}" if change["collection"] else ""
    entry = f"{place} {change['key']}" if place and change["key"] is not None else place
    repository = change["repository"] or f"repository {change['repository_id']}"
    match change["kind"]:
        case "entry":
            said = entry
        case "branch":
            said = f"branch {change['name']} of {entry or repository}"
        case "pull":
            said = f"pull request {repository}#{change['number']}" + (f" of {entry}" if entry else "")
        case "revision":
            said = f"revision {change['name']} of {entry}"
        case "proposal":
            said = f"proposal of {repository}#{change['number']} for {entry}"
        case "finding":
            said = f"finding about {entry or repository}"
        case _:
            said = f"repository {change['name'] or repository}"
    return harmless(said)


def sentence(change: Mapping[str, Any]) -> str:
    """What happened: `rfc/rfcs open-hub updated: state, title`."""
    columns = (one for one in change["columns"] if one not in _FOLLOWS and not one.endswith(("_at", "_id")))
    what = ", ".join(columns)
    return f"{subject(change)} {change['operation']}" + (harmless(f": {what}") if what else "")


def origin(change: Mapping[str, Any]) -> str:
    """Where it happened: `acme/meta 1a2b3c4d5e`; empty where the change names no commit."""
    if not change["commit"]:
        return ""
    return harmless(f"{change['repository'] or ''} {change['commit'][:SHORT_COMMIT]}".strip())


def line(change: Mapping[str, Any]) -> str:
    """A change in one line: when it was applied (UTC), what happened, where."""
    place, at = origin(change), f"{harmless(change['at'])[:19]}Z"
    return f"{at}  {sentence(change)}" + (f"  ({place})" if place else "")
