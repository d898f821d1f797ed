"""What was published of a revision, laid over what the forge tells of it today."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from cache.model import KeptRevision, PullHistory, PullRequest
from cache.projection.drafts import GONE, Draft, Head
from cache.projection.pulls import state_of
from cache.revision_rows import RevisionRow

_OWN = ("block", "collection", "key", "repository_id", "number", "version", "content", "frozen_at")
"""Columns that are kept by themselves."""
_NOT_KEPT = ("retold",)


class Raised(Struct, frozen=True):
    """A pull request as it stands, or stood before it was gone, and its heads where they are known."""

    pull: PullRequest
    gone: bool
    history: PullHistory | None = None


class Named(Struct, frozen=True):
    """Which revision this is."""

    block: str
    collection: str
    key: str
    repository_id: int
    number: int
    version: int


def laid_over(named: Named, draft: Draft | None, kept: KeptRevision | None, raised: Raised | None) -> RevisionRow:
    """The row of a revision; at least one of `draft` and `kept` is there."""
    row = _row(named, draft, kept, raised)
    if draft is None or draft.waiting or _rewritten(raised):
        return row  # a reading from nothing would not publish it now
    alone = _row(named, draft, None, raised if raised is None or not raised.gone else None)
    told = {name: value for name, value in asdict(alone).items() if name not in ("version", "key", *_NOT_KEPT)}
    return replace(row, retold=hashlib.sha256(msgspec.json.encode(told, order="deterministic")).hexdigest()[:32])


def _rewritten(raised: Raised | None) -> bool:
    """Whether the forge has forgotten heads that we know: it does not tell by itself what follows from them."""
    return raised is not None and raised.history is not None and raised.history.rewritten


def published(row: RevisionRow, kept_key: str) -> KeptRevision:
    """What is kept of a row before it is published."""
    data = {name: value for name, value in asdict(row).items() if name not in (*_OWN, *_NOT_KEPT)}
    return KeptRevision(
        row.block, row.collection, kept_key, row.repository_id, row.number, row.version, row.content, row.frozen_at,
        msgspec.to_builtins({**data, "key": row.key}),
    )  # fmt: skip


def _row(named: Named, draft: Draft | None, kept: KeptRevision | None, raised: Raised | None) -> RevisionRow:
    data = kept.data if kept is not None else {}
    told = _frozen(draft, kept)
    part, path = (draft.part, draft.path) if draft is not None else ("", "")
    state, merged_at, closed_at, branch = _standing(raised, data)
    merged_commit, merged_content = _merged(draft, data) if state == "merged" else (None, None)
    return RevisionRow(
        **asdict(named),
        entry_repository_id=data["entry_repository_id"] if draft is None else draft.entry_repository_id,
        rule=data.get("rule") or (draft.rule if draft is not None else ""),
        part=data.get("part") or part,
        path=told.path or data.get("path") or path,
        content=told.content,
        content_state=told.state,
        frozen_at=told.at,
        head_sha=told.sha,
        blob=told.blob,
        pr_state=state,
        pr_url=data.get("pr_url") or (draft.url if draft is not None else None),
        pr_branch=branch,
        merged_at=merged_at,
        closed_at=closed_at,
        merged_commit=merged_commit,
        merged_content=merged_content,
        amendments=_amendments(draft, kept, raised),
        retold=None,
    )


class _Frozen(Struct, frozen=True):
    content: str | None
    state: str
    at: datetime | None
    sha: str | None
    blob: str | None
    path: str | None


def _frozen(draft: Draft | None, kept: KeptRevision | None) -> _Frozen:
    """What was frozen: as published where that is a text, or a reason that holds for ever; else as it is told."""
    if kept is not None and (kept.data["content_state"] != GONE or draft is None):
        data = kept.data
        return _Frozen(
            kept.content, data["content_state"], kept.frozen_at, data["head_sha"], data["blob"], data["path"]
        )
    if draft is None:
        raise ValueError("a revision needs a draft, or to have been published")
    at = kept.frozen_at if kept is not None and kept.frozen_at is not None else draft.frozen_at
    return _Frozen(draft.said.content, draft.said.state, at, draft.head_sha, draft.blob, draft.path)


def _standing(
    raised: Raised | None, data: Mapping[str, Any]
) -> tuple[str, datetime | None, datetime | None, str]:
    """State, merged at, closed at and branch: of the pull request as it stands, or as it was last seen."""
    if raised is None:
        times = (_time(data.get(name)) for name in ("merged_at", "closed_at"))
        return data.get("pr_state") or "open", *times, data.get("pr_branch") or ""  # type: ignore[return-value]  # two
    pull = raised.pull
    merged_at = pull.merged_at if pull.merged else None
    return state_of(pull, gone=raised.gone), merged_at, pull.closed_at, pull.head_label


def _time(value: Any) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _merged(draft: Draft | None, data: Mapping[str, Any]) -> tuple[str | None, str | None]:
    if draft is not None and draft.merged_commit is not None:
        return draft.merged_commit, draft.merged.content if draft.merged is not None else None
    return data.get("merged_commit"), data.get("merged_content")


def _amendments(
    draft: Draft | None, kept: KeptRevision | None, raised: Raised | None
) -> tuple[dict[str, Any], ...]:
    """The heads after the frozen one at which the file was another than at the head before.

    Of a head whose objects are gone only what was published is known.
    """
    before = tuple(kept.data["amendments"]) if kept is not None else ()
    heads = _heads(draft, raised)
    if heads is None:
        return before
    if kept is not None and kept.data["head_sha"] is not None:
        start, blob = _after(heads, kept.data["head_sha"], kept.frozen_at), kept.data["blob"]
    elif draft is not None and draft.frozen is not None:
        start, blob = draft.frozen + 1, draft.blob
    else:
        return before
    known = {each["sha"]: each["blob"] for each in before}
    amendments = []
    for head in heads[start:]:
        if not head.known and head.sha not in known:
            continue
        now = head.blob if head.known else known[head.sha]
        if now != blob:
            amendments.append({"sha": head.sha, "at": msgspec.to_builtins(head.at), "blob": now})
            blob = now
    return tuple(amendments)


def _heads(draft: Draft | None, raised: Raised | None) -> Sequence[Head] | None:
    """The heads of the pull request; without a draft nothing is known of the file at any of them."""
    if draft is not None:
        return draft.heads
    if raised is None or raised.history is None:
        return None
    return [Head(head.sha, head.at, None, known=False) for head in raised.history.heads]


def _after(heads: Sequence[Head], sha: str, at: datetime | None) -> int:
    """Where the heads after a published one begin. It may be gone from the list: one that no push told of."""
    same = [place for place, head in enumerate(heads) if head.sha == sha]
    exact = [place for place in same if heads[place].at == at]
    if found := exact or same:
        return found[0] + 1
    return sum(1 for head in heads if at is not None and head.at <= at)


