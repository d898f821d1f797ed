"""Rows of what could not be read of a repository as it is."""

from __future__ import annotations

from cache.row import Row


class UnreadableRow(Row, frozen=True):
    """An object that the forge lists and does not give."""

    table = "unreadable"
    primary = ("repository_id", "object_id")
    repository_id: int
    object_id: str
    named_by: str


class ContentProblemRow(Row, frozen=True):
    """What a repository holds that could not be read as it is; `path` is empty where it concerns the whole."""

    table = "content_problems"
    primary = ("repository_id", "rule", "path")
    repository_id: int
    rule: str
    path: str
    message: str
