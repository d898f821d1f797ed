"""The sample cache: two blocks, three repositories, some entries, branches, pull requests and findings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache as remembered
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cache.profile.block import Block, bind, load_profile
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

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

NOTES = """
format: 1
profile: notes
title: Notes
collections:
  notes:
    files: {repository: acme/notes, path: "notes/{year}/{name}.md"}
    key: [year, name]
    body: text
    fields:
      title: {type: string}
      weight: {type: integer}
      score: {type: number}
      done: {type: boolean}
      due: {type: date}
      seen: {type: datetime}
      level: {type: enum, values: [low, high]}
      tags: {type: list, of: string}
      meta: {type: object}
    indexes: [[level], [weight], [level, weight], [seen]]
  changes:
    files: {repository: acme/notes, path: "changes/{name}.md"}
    key: [name]
    fields:
      title: {type: string}
"""


@remembered
def sample_blocks() -> tuple[Block, ...]:
    """`rfc` as it is shipped, and `notes` with a field of every type and a collection named like a route."""
    rfc = bind(load_profile("rfc"), parameters={"meta": "acme/meta", "bot": "rfcbot"})
    return rfc, notes_block()


def notes_block(name: str = "notes", view_prefix: str = "") -> Block:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "notes.yaml"
        path.write_text(NOTES)
        return bind(load_profile(str(path)), name, view_prefix)


def sha(number: int) -> str:
    return f"{number:040x}"


def repository(number: int, full_name: str, **values: Any) -> RepositoryRow:
    owner, name = full_name.split("/")
    own: dict[str, Any] = {
        "default_branch": "main", "private": False, "archived": False, "empty": False, "fork": False,
        "mirror": False, "has_pull_requests": True, "description": "", "topics": (), "created_at": EPOCH,
        "object_format": "sha1",
        "depth": "files", "interest": "[]", "position": 1,
    }  # fmt: skip
    return RepositoryRow(id=number, owner=owner, name=name, full_name=full_name, **{**own, **values})


def entry(key: str, *, block: str = "rfc", collection: str = "rfcs", at: datetime = EPOCH, **values: Any) -> EntryRow:
    fields = values.pop("fields", {"title": key.title(), "state": "idea", "owners": [], "tags": []})
    if collection == "rfcs":
        names = (field.name for field in sample_blocks()[0].collection("rfcs").fields)
        fields = {**dict.fromkeys(names), **fields}  # a projection gives every field, null where there is no value
    own: dict[str, Any] = {
        "repository_id": 1, "path": f"rfcs/{key}.md", "line": 0, "title": str(fields.get("title") or key),
        "valid": True, "fields": fields, "body": f"About {key}.", "entry_body": f"About {key}.",
        "entry_sha": sha(7), "commit": sha(8), "last_entry_commit_at": at, "landed": sha(9), "landed_at": at,
        "created_at": at, "updated_at": at,
    }  # fmt: skip
    return EntryRow(block=block, collection=collection, key=key, **{**own, **values})


def note(key: str, at: datetime = EPOCH, *, body: str | None = None, **fields: Any) -> EntryRow:
    """An entry of `notes`; fields that are not given have no value, as a projection writes them."""
    names = ("title", "weight", "score", "done", "due", "seen", "level", "tags", "meta")
    whole = {**dict.fromkeys(names), **fields}
    return entry(key, block="notes", collection="notes", at=at, fields=whole, repository_id=4,
                 path=f"notes/{key}.md", body=body, entry_body=body)  # fmt: skip


def branch(key: str, name: str, **values: Any) -> BranchRow:
    own: dict[str, Any] = {"sha": sha(20), "state": "open", "last_commit_at": EPOCH, "is_default": name == "main"}
    return BranchRow(block="rfc", collection="rfcs", key=key, repository_id=2, name=name, **{**own, **values})


def pull(number: int, repository_id: int = 1, **values: Any) -> PullRow:
    own: dict[str, Any] = {
        "title": f"Pull {number}", "description": "", "state": "open", "draft": False, "user": "ada",
        "opened_at": EPOCH + number * DAY, "merged_at": None, "closed_at": None,
        "merge_commit_sha": None, "head_branch": f"edit/{number}", "head_repository_id": repository_id,
        "from_fork": False, "base_branch": "main", "head_sha": sha(30 + number),
        "labels": (), "gone": False,
    }  # fmt: skip
    return PullRow(repository_id=repository_id, number=number, **{**own, **values})


def place(number: int, key: str, kind: str = "idea", repository_id: int = 1, actor: str = "ada") -> PullEntryRow:
    return PullEntryRow(repository_id, number, "rfc", "rfcs", key, kind, actor, "opener", actor)


def revision(version: int, key: str = "alpha", **values: Any) -> RevisionRow:
    own: dict[str, Any] = {
        "repository_id": 1, "number": 10 + version, "entry_repository_id": 1, "rule": "pull_request",
        "part": "entry", "path": f"rfcs/{key}.md", "content": f"Version {version}.\n", "content_state": "text",
        "frozen_at": EPOCH + version * DAY, "head_sha": sha(70 + version), "blob": sha(80 + version),
        "pr_state": "open", "pr_url": None, "pr_branch": f"edit/{key}/{version}", "merged_at": None,
        "closed_at": None, "merged_commit": None, "merged_content": None, "amendments": (), "retold": None,
    }  # fmt: skip
    return RevisionRow(block="rfc", collection="rfcs", key=key, version=version, **{**own, **values})


def proposal(key: str, change: str = "added", number: int = 1, **values: Any) -> ProposalRow:
    wrong = {"rule": "missing-field", "severity": "error", "message": "Add it.", "line": 1, "field": "state"}
    own: dict[str, Any] = {
        "repository_id": 1, "part": "entry", "path": f"rfcs/{key}.md", "line": 0, "title": key.title(),
        "valid": False, "fields": {"title": key.title()}, "body": f"About {key}.", "findings": (wrong,),
        "head_sha": sha(90), "blob": sha(91),
    }  # fmt: skip
    return ProposalRow(number=number, block="rfc", collection="rfcs", key=key, change=change, **{**own, **values})


def finding(name: str, **values: Any) -> FindingRow:
    own: dict[str, Any] = {
        "rule": "missing-field", "severity": "error", "message": "'title' is required; add it.", "block": "rfc",
        "collection": "rfcs", "key": None, "repository_id": 1, "path": "rfcs/beta.md", "line": 1, "field": "title",
        "commit": sha(8), "since": EPOCH,
    }  # fmt: skip
    return FindingRow(id=name, **{**own, **values})


def change(position: int, part: str = "entry", **values: Any) -> HistoryRow:
    own: dict[str, Any] = {
        "change": "added" if position == 0 else "modified", "repository_id": 1, "path": "rfcs/alpha.md",
        "sha": sha(position), "commit": sha(40 + position), "commit_at": EPOCH, "author_name": "Ada",
        "author_email": "ada@example.org", "landed": sha(50 + position), "landed_at": EPOCH + position * DAY,
        "subject": f"Change {position}",
    }  # fmt: skip
    return HistoryRow(block="rfc", collection="rfcs", key="alpha", part=part, position=position, **{**own, **values})


def look(repository_id: int, **values: Any) -> LookRow:
    seen = {"observed_at": NOW - timedelta(seconds=30), "verified_at": NOW - timedelta(seconds=40)}
    return LookRow(repository_id, **{**seen, **values})


def sample_rows() -> Sequence[Row]:
    """`alpha` is active with a document, branches and pulls; `beta` has a finding; `gamma` is withdrawn."""
    rfc = {"owners": ["ada"], "tags": ["core"], "arbiters": [], "proposed_at": "2026-01-05"}
    return (
        repository(1, "acme/meta"), repository(2, "acme/alpha"), repository(3, "acme/idle", depth=None),
        repository(4, "acme/notes"),
        look(1), look(2), look(4),
        OwnerRow("acme", 1, True, swept_at=NOW - timedelta(seconds=50)),
        entry(
            "alpha", at=EPOCH + 3 * DAY, home_repository_id=2, document_repository_id=2, document_path="RFC.md",
            document_body="The whole of alpha.", body="The whole of alpha.", document_sha=sha(11),
            document_commit=sha(12), document_commit_at=EPOCH + 4 * DAY, updated_at=EPOCH + 4 * DAY,
            last_main_commit_at=EPOCH + 4 * DAY,
            fields={**rfc, "title": "Alpha", "state": "active", "repo": "acme/alpha", "odd": [1]},
        ),
        entry("beta", at=EPOCH + DAY, valid=False),
        entry("gamma", at=EPOCH + 2 * DAY, fields={**rfc, "title": "Gamma rays", "state": "withdrawn"}),
        branch("alpha", "main"), branch("alpha", "draft"), branch("alpha", "old", state="deleted"),
        pull(1, title="Propose beta"), place(1, "beta"),
        pull(2, state="merged", merged_at=EPOCH + 9 * DAY), place(2, "alpha", "meta_claim"),
        pull(1, 2, title="Write alpha", draft=True, user="rfcbot"), place(1, "alpha", "rfc_branch", 2, "bob"),
        change(0), change(1), change(0, "document", repository_id=2, path="RFC.md", landed_at=EPOCH + 4 * DAY),
        finding("f1"),
        finding("f2", rule="dangling", severity="warning", key="gamma", path="rfcs/gamma.md", since=None),
    )  # fmt: skip


def revision_rows() -> Sequence[Row]:
    """Two revisions of `alpha`: the first was merged by pull request 2, the second was amended and is open; and what
    pull request 1 proposes."""
    amended: dict[str, Any] = {"sha": sha(60), "at": "2026-01-04T00:00:00Z", "blob": None}
    merged = {"pr_state": "merged", "merged_at": EPOCH + 9 * DAY, "merged_content": "One, as merged.\n"}
    return (
        revision(1, number=2, content="One.\n", **merged),
        revision(2, content="One.\nTwo.\n", amendments=(amended,)),
        proposal("beta", "changed"),
        proposal("delta"),
    )
