"""Recorded answers of live servers, and the comparison of ours with them.

Ids, times and commit ids differ from run to run. Commit ids are compared by correspondence: wherever the recording
has one id, ours must have one id, the same one everywhere. Everything else must be equal, field by field: a field
that is missing or too many is a difference.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

RECORDINGS = Path(__file__).parent.parent / "recordings"
FILES = {"gitea": "gitea-1.23.json", "forgejo": "forgejo-15.0.json"}

FREE = {
    "id", "user_id", "act_user_id", "repo_id", "review_id", "size", "email", "avatar_url", "language", "created_at",
    "updated_at", "created", "closed_at", "merged_at", "submitted_at", "last_commit_when", "watchers_count",
    "ssh_url", "wiki_ssh_url", "last_login", "active", "is_admin", "permissions", "open_pr_counter", "verification",
    "has_packages",     "mergeable", "default_max_blob_size", "version", "forks_count", "comment", "has_actions",
    "compare_url", "comment_id", "archived_at", "added", "removed", "modified", "payload", "date", "timestamp",
}  # fmt: skip
"""Fields whose values are the server's own business, or differ by moment; they must be there all the same."""

ANY_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
COMMIT = re.compile(r"\b[0-9a-f]{40}\b")


def load(flavour: str) -> dict[str, Any]:
    """One server's recording, with the names of its administrator and of an author made those of the scenario."""
    text = (RECORDINGS / FILES[flavour]).read_text()
    text = re.sub(r"\bAda\b", "ada", text.replace("labadmin", "root1"))
    found: dict[str, Any] = json.loads(text)
    return found


class Comparison:
    """Collects differences between a recorded answer and ours."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._theirs_to_ours: dict[str, str] = {}
        self._ours_to_theirs: dict[str, str] = {}
        self.differences: list[str] = []

    def same(self, where: str, theirs: Any, ours: Any, field: str = "") -> None:
        """Compare two JSON values."""
        if field == "permissions":
            ours = dict.fromkeys(ours, None) if isinstance(ours, dict) else ours
            theirs = dict.fromkeys(theirs, None) if isinstance(theirs, dict) else theirs
        if isinstance(theirs, dict) and isinstance(ours, dict):
            if theirs.keys() != ours.keys():
                lacks, adds = sorted(theirs.keys() - ours.keys()), sorted(ours.keys() - theirs.keys())
                self._differ(where, f"lacks {lacks}, adds {adds}")
            for key in theirs.keys() & ours.keys():
                self.same(f"{where}.{key}", theirs[key], ours[key], key)
        elif isinstance(theirs, list) and isinstance(ours, list) and field not in FREE:
            if len(theirs) != len(ours):
                self._differ(where, f"{len(theirs)} items, ours {len(ours)}")
            for number, (one, other) in enumerate(zip(theirs, ours, strict=False)):
                self.same(f"{where}[{number}]", one, other, field)
        elif field in FREE:
            self._same_kind(where, theirs, ours)
        elif isinstance(theirs, str) and isinstance(ours, str):
            self._same_text(where, theirs, ours)
        elif theirs != ours or type(theirs) is not type(ours):
            self._differ(where, f"{theirs!r}, ours {ours!r}")

    def _same_kind(self, where: str, theirs: Any, ours: Any) -> None:
        """A free field must still be of the recorded type, and a time be a time."""
        times = [isinstance(value, str) and bool(TIME.match(value)) for value in (theirs, ours)]
        if type(theirs) is not type(ours) or times[0] != times[1]:
            self._differ(where, f"{theirs!r}, ours {ours!r}: another kind")

    def _same_text(self, where: str, theirs: str, ours: str) -> None:
        theirs = theirs.replace("http://gitea.example.org", "HOST")
        ours = ours.replace(self._url, "HOST")
        theirs, ours = ANY_TIME.sub("TIME", theirs), ANY_TIME.sub("TIME", ours)
        ids, our_ids = COMMIT.findall(theirs), COMMIT.findall(ours)
        if COMMIT.sub("ID", theirs) != COMMIT.sub("ID", ours) or len(ids) != len(our_ids):
            if not theirs.startswith("HOST/") or "#issuecomment" not in theirs:
                self._differ(where, f"{theirs!r}, ours {ours!r}")
            return
        for one, other in zip(ids, our_ids, strict=True):
            there, back = self._theirs_to_ours.setdefault(one, other), self._ours_to_theirs.setdefault(other, one)
            if (there, back) != (other, one):
                self._differ(where, f"{one} corresponds to another commit than {other}")

    def _differ(self, where: str, what: str) -> None:
        self.differences.append(f"{where}: {what}")
