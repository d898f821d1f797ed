"""Names: how they are written, and the words that mean something else already."""

from __future__ import annotations

import re
from difflib import get_close_matches

PROFILE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)
COLLECTION_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}", re.ASCII)
SQL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}", re.ASCII)
VIEW_PREFIX = re.compile(r"([a-z_][a-z0-9_]{0,30})?", re.ASCII)
PARAMETER = re.compile(r"\{param\.([A-Za-z_][A-Za-z0-9_]*)\}")
FIELD = re.compile(r"\{field\.([A-Za-z_][A-Za-z0-9_]*)\}")

ROUTES = frozenset({
    "repositories", "pulls", "findings", "changes", "events", "status", "openapi", "openapi.json", "reports",
    "proposals", "docs", "schema", "tokens",
})  # fmt: skip
"""What stands beside the blocks below /api/v1/; a block of that name would hide it or be hidden."""

QUERY_WORDS = frozenset({
    "limit", "cursor", "sort", "order", "q", "wait_for", "timeout", "next", "items", "sequence", "observed_at", "stale",
    "include", "format",
})  # fmt: skip
"""What a query says about the list itself."""

ENTRY_WORDS = frozenset({
    "key", "block", "collection", "path", "line", "repository", "repository_id", "commit", "landed", "landed_at",
    "verified_at", "valid", "problems", "body_sha", "entry_body", "entry_sha", "document_body", "document_sha",
    "last_entry_commit_at", "last_main_commit_at", "heading", "counts", "fields", "home_repository",
})  # fmt: skip
"""What every entry carries of its own, beside its fields."""

CONFIGURATION_KEYS = frozenset({"use", "name", "view_prefix", "profile", "parameters"})
"""What a block of a configuration says beside its parameters."""

VIEW_SOURCES = frozenset({"branches", "pulls", "revisions"})
"""Rows that belong to entries, and so can be the rows of a view."""

ATTRIBUTES: dict[str, frozenset[str]] = {
    "entries": frozenset({
        "key", "title", "body", "body_sha", "entry_body", "entry_sha", "document_body", "document_sha",
        "document_commit_at", "path", "repository", "commit", "landed", "landed_at", "created_at", "updated_at",
        "last_entry_commit_at", "last_main_commit_at", "valid",
    }),
    "branches": frozenset({"key", "repository", "name", "sha", "state", "last_commit_at", "is_default"}),
    "pulls": frozenset({
        "key", "repository", "number", "kind", "title", "description", "state", "draft", "actor", "actor_source",
        "user", "opened_at", "merged_at", "closed_at", "merge_commit_sha", "head_branch", "base_branch",
        "head_sha", "from_fork",
    }),
    "revisions": frozenset({
        "id", "key", "repository", "number", "version", "part", "path", "content", "content_state", "pr_url",
        "pr_branch", "pr_state", "frozen_at", "head_sha", "merged_at", "closed_at", "merged_content",
    }),
}  # fmt: skip
"""What a column of a view may show beside `key.PART` and, of entries, their fields."""


def near(word: str, known: frozenset[str] | set[str] | list[str], otherwise: str = ".") -> str:
    """The end of a sentence about an unknown word: '; did you mean …?' where a known one is close."""
    close = get_close_matches(word, sorted(known), 1)
    return f"; did you mean {close[0]!r}?" if close else otherwise
