"""Rows that follow from the heads of pull requests: what an entry said when one was raised."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from cache.row import Row, Texts


class RevisionRow(Row, frozen=True):
    """What an entry said when a pull request was raised: of each entry and pull request there is one.

    `content` and `frozen_at` never change once they have a value (a trigger sees to it), nor does `version`.
    """

    table = "revisions"
    primary = ("block", "collection", "key", "repository_id", "number")
    texts: ClassVar[Texts] = {
        "content": (("repository_id", "blob"), ("entry_repository_id", "blob")), "merged_content": (),
    }  # fmt: skip
    block: str
    collection: str
    key: str
    repository_id: int
    """The pull request's repository; below zero for one that is not known, by the address that the entry gives."""
    number: int
    entry_repository_id: int
    """The repository of the entry's own file."""
    version: int
    rule: str
    """`pull_request` or `field`."""
    part: str
    """`entry`, or `document` where the pull request is about the entry's document."""
    path: str
    content: str | None
    """The whole text of the file at the first head that touches it; by the rule `field` the body at the commit."""
    content_state: str
    """`text`, or `earliest-known` for the text at the earliest known push where the forge may have forgotten earlier
    ones; or why there is none: `removed`, `not_text`, `not_a_file`, `too_large`, `gone`."""
    frozen_at: datetime | None
    """When the forge told of that head, or when that commit landed; None where that is gone."""
    head_sha: str | None
    """That head or commit."""
    blob: str | None
    """What the file was there."""
    pr_state: str
    """`open`, `merged` or `closed`."""
    pr_url: str | None
    """The address that the entry gave, by the rule `field`."""
    pr_branch: str
    merged_at: datetime | None
    closed_at: datetime | None
    merged_commit: str | None
    merged_content: str | None
    """The text of the file as it was merged."""
    amendments: tuple[dict[str, Any], ...]
    """The later heads that changed the file again: `sha`, `at`, `blob` (None where they removed it)."""
    retold: str | None
    """A hash of what the forge alone tells of it today; None where it tells nothing any more."""


class ProposalRow(Row, frozen=True):
    """What an open pull request would make of an entry, by its newest head."""

    table = "proposals"
    primary = ("repository_id", "number", "block", "collection", "key")
    texts: ClassVar[Texts] = {"body": (("repository_id", "blob"),)}
    repository_id: int
    number: int
    block: str
    collection: str
    key: str
    change: str
    """`added`, `changed` or `removed`, beside the entry as it is now."""
    part: str
    """`entry`, or `document` where it is the entry's document that would change."""
    path: str
    line: int
    """Line of a `jsonl` file, counted from 1; 0 for a file that is one entry."""
    title: str
    valid: bool
    """Whether it would read well."""
    fields: dict[str, Any]
    """The fields as they would be, as far as they can be read; of one removed as they are."""
    body: str | None
    findings: tuple[dict[str, Any], ...]
    """What would be wrong with it: `rule`, `severity`, `message`, `line`, `field`."""
    head_sha: str
    blob: str | None
