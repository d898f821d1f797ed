"""What tells the outside that something happened: feed items, webhook deliveries, timeline events.

Which operation moves which signal is written where the operation is (pushes.py, pulls.py, repositories.py).
"""

from __future__ import annotations

import json
from typing import Any

from .branch_filters import wants
from .deliveries import Deliveries
from .serialise import Json, Serialiser
from .state import Activity, Event, Hook, Label, Pull, Repository, User, World

PULL_EVENTS = (
    "pull_request", "pull_request_assign", "pull_request_label", "pull_request_milestone", "pull_request_comment",
    "pull_request_review_approved", "pull_request_review_rejected", "pull_request_review_comment",
    "pull_request_sync", "pull_request_review_request",
)  # fmt: skip
ALL_EVENTS = ("create", "delete", "fork", "push", *PULL_EVENTS, "repository", "release")
TOLD_EVENTS = (
    "create", "delete", "fork", "push", "issues", "issue_assign", "issue_label", "issue_milestone", "issue_comment",
    "pull_request", "pull_request_assign", "pull_request_label", "pull_request_milestone", "pull_request_comment",
    "pull_request_review_approved", "pull_request_review_rejected", "pull_request_review_comment", "pull_request_sync",
    "wiki", "repository", "release", "pull_request_review_request",
)  # fmt: skip
NO_RIGHTS = {"admin": False, "push": False, "pull": False}
ALL_RIGHTS = {"admin": True, "push": True, "pull": True}


def expand_events(events: list[str] | None) -> list[str]:
    """What a hook's `events` mean: none is push, `pull_request` is every kind, `pull_request_only` just the plain.

    In the order in which the servers tell them; what they do not know is dropped without a word.
    """
    if not events:
        return ["push"]
    chosen: list[str] = []
    for event in events:
        if event == "pull_request":
            chosen += PULL_EVENTS
        elif event == "pull_request_review":
            chosen += [e for e in PULL_EVENTS if "review_" in e and e != "pull_request_review_request"]
        else:
            chosen.append("pull_request" if event == "pull_request_only" else event)
    return [event for event in TOLD_EVENTS if event in chosen]


class Signals:
    """Writes into the world's feed and the delivery queue."""

    def __init__(self, world: World, serialiser: Serialiser, deliveries: Deliveries) -> None:
        self._world = world
        self._json = serialiser
        self._deliveries = deliveries

    def activity(
        self, operation: str, repository: Repository, actor: User, *, ref_name: str = "", content: str = "",
        pull: Pull | None = None, comment: Event | None = None, receivers: list[User] | None = None,
    ) -> None:  # fmt: skip
        """A feed item: one copy for the actor, one for the repository's owner (and for other `receivers`)."""
        everyone = [actor, repository.owner, *(receivers or [])]
        for receiver in dict.fromkeys(user.id for user in everyone):
            user = next(u for u in everyone if u.id == receiver)
            self._world.activities.append(
                Activity(
                    self._world.next_id("activity"), user, actor, operation, repository, self._world.now(), ref_name,
                    content, pull, comment,
                )
            )

    def pull_content(self, pull: Pull, text: str) -> str:
        """What the feed keeps of a pull request: its number and a text, written in two ways."""
        if self._world.forgejo:
            return json.dumps([str(pull.number), text], separators=(",", ":"), ensure_ascii=False)
        return f"{pull.number}|{text}"

    def event(
        self, pull: Pull, kind: str, user: User, *, body: str = "", label: Label | None = None, review_id: int = 0,
        **texts: str,
    ) -> Event:  # fmt: skip
        """A timeline event, which moves the pull request's updated_at; `texts` are its other fields."""
        now = self._world.now()
        event = Event(
            self._world.next_id("comment"), kind, user, now, now, body, label=label, review_id=review_id, **texts
        )
        pull.timeline.append(event)
        pull.updated = now
        return event

    def hook(self, repository: Repository, event_type: str, payload: Json) -> None:
        """Queue a delivery to every hook that wants it: the repository's, then its owner's."""
        for hook in list(self._world.hooks.values()):
            if wants(hook, event_type, payload) and self._covers(hook, repository):
                self._deliveries.queue(hook, event_type, payload)

    def test_hook(self, hook: Hook, payload: Json) -> None:
        self._deliveries.queue(hook, "push", payload)

    @staticmethod
    def _covers(hook: Hook, repository: Repository) -> bool:
        return hook.repository is repository if hook.repository else hook.owner is repository.owner

    async def pull_request(
        self, pull: Pull, action: str, doer: User, *, event_type: str = "pull_request", **more: Any
    ) -> None:
        """A pull_request delivery. `more` replaces or adds top-level fields (`changes`, `review`)."""
        if not self.listens(pull.repository, event_type):
            return
        payload: Json = {"action": action, "number": pull.number}
        if "changes" in more:
            no_labels = {"added_labels": None, "removed_labels": None} if self._world.rewrites else {}
            payload["changes"] = {**more.pop("changes"), **no_labels}
        payload |= {
            "pull_request": await self._json.pull(pull, doer), "requested_reviewer": None,
            "repository": self._json.repository(pull.repository, doer), "sender": self._json.user(doer),
            "commit_id": "", "review": None,
        }  # fmt: skip
        self.hook(pull.repository, event_type, payload | more)

    def listens(self, repository: Repository, event_type: str) -> bool:
        """Whether anybody listens: building a pull request's JSON costs git calls."""
        hooks = self._world.hooks.values()
        return any(h.active and event_type in h.events and self._covers(h, repository) for h in hooks)

    def repository(self, repository: Repository, action: str, doer: User) -> None:
        """A `repository` delivery: created or deleted; nothing tells of a rename, a transfer or a setting."""
        owner = repository.owner
        self.hook(
            repository, "repository",
            {
                "action": action, "repository": self._json.repository(repository, doer),
                "organization": self._json.user(owner) if owner.organization else None,
                "sender": self._json.user(doer),
            },
        )  # fmt: skip
