"""What Gitea 1.24 and newer do to the pushes that a timeline told so far, after services/pull/comment.go and pull.go.

Held to the recording of Gitea 1.26.3. Older Gitea and Forgejo only ever add events.
"""

from __future__ import annotations

import json
from typing import Any

from .signals import Signals
from .state import Event, Pull, User


class Rewriting:
    """Rewrites timelines."""

    def __init__(self, signals: Signals) -> None:
        self._signals = signals

    async def forced(self, pull: Pull, old: str, new: str, doer: User) -> None:
        """Take out of the pushes what is not below the new head, tell the rest of its commits, then the forced push."""
        git = pull.repository.git
        base = git.ref(f"refs/heads/{pull.base_branch}")
        start = await git.merge_base(base, new) if base else ""
        listed = await git.rev_list("--reverse", new, *([f"^{start}"] if start else []))
        for event in self._pushes(pull):
            body = json.loads(event.body)
            if body["is_force_push"]:
                continue
            left = [sha for sha in body["commit_ids"] if sha in listed]
            if left:
                event.body = _body(left, forced=False)
                listed = [sha for sha in listed if sha not in left]
            else:
                pull.timeline.remove(event)
        if listed:
            self._signals.event(pull, "pull_push", doer, body=_body(listed, forced=False))
        self._signals.event(pull, "pull_push", doer, body=_body([old, new], forced=True))

    async def retargeted(self, pull: Pull, doer: User) -> None:
        """Delete every push told so far, and tell what lies between the new base and the head."""
        for event in self._pushes(pull):
            pull.timeline.remove(event)
        git = pull.repository.git
        base, head = git.ref(f"refs/heads/{pull.base_branch}"), git.ref(pull.ref)
        ids = await git.rev_list("--reverse", head, *([f"^{base}"] if base else [])) if head else []
        if ids:
            self._signals.event(pull, "pull_push", doer, body=_body(ids, forced=False))

    @staticmethod
    def _pushes(pull: Pull) -> list[Event]:
        return [event for event in pull.timeline if event.type == "pull_push"]


def _body(ids: list[str], *, forced: bool) -> str:
    said: dict[str, Any] = {"is_force_push": forced, "commit_ids": ids}
    return json.dumps(said, separators=(",", ":"))
