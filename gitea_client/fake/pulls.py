"""What people do with pull requests, each with the signals that the servers give (and those that they do not)."""

from __future__ import annotations

from .merging import Merging, Refusal
from .pushes import Pushes, fetch_head
from .serialise import Serialiser
from .signals import Signals
from .state import Event, Label, Pull, Repository, Review, Unknown, User, World


class Pulls:
    """Operations on pull requests. They take rows and users, not names."""

    def __init__(self, world: World, serialiser: Serialiser, signals: Signals, pushes: Pushes) -> None:
        self._world = world
        self._json = serialiser
        self._signals = signals
        self._pushes = pushes
        self.merging = Merging(world, signals, pushes)

    async def open(
        self, repository: Repository, home: Repository, head: str, base: str, title: str, body: str, by: User
    ) -> Pull:  # fmt: skip
        """Raise a pull request. Its first pull_push event lists the commits it was opened with, oldest first."""
        if base not in repository.branches:
            raise Unknown(f"{repository.full_name} has no branch {base!r}")
        sha = home.branches.get(head)
        if sha is None:
            raise Unknown(f"{home.full_name} has no branch {head!r}")
        for other in repository.pulls.values():
            same = other.head_repository is home and (other.head_branch, other.base_branch) == (head, base)
            if other.open and same:
                raise Refusal(409, f"pull request already exists for these targets [issue_id: {other.id}]")
        pull = self._new(repository, home, head, base, title, body, by)
        await self._opened(pull, sha, by)
        return pull

    async def open_agit(self, repository: Repository, sha: str, topic: str, base: str, title: str, by: User) -> Pull:
        """What a push to refs/for/{base} makes: a pull request without a branch, known by its topic."""
        if base not in repository.branches:
            raise Unknown(f"{repository.full_name} has no branch {base!r}")
        pull = self._new(repository, repository, f"{by.login}/{topic}", base, title, "", by)
        pull.agit = True
        await self._opened(pull, sha, by)
        return pull

    def _new(
        self, repository: Repository, home: Repository, head: str, base: str, title: str, body: str, by: User
    ) -> Pull:
        now = self._world.now()
        repository.last_number += 1
        pull = Pull(
            self._world.next_id("issue"), repository.last_number, repository, by, title, body, base, head, home,
            now, now,
        )  # fmt: skip
        repository.pulls[pull.number] = pull
        return pull

    async def _opened(self, pull: Pull, sha: str, by: User) -> None:
        git = pull.repository.git
        await fetch_head(pull, sha)
        pull.merge_base = await self._pushes.merge_base(pull)
        ids = await git.rev_list("--reverse", sha, f"^{git.ref(f'refs/heads/{pull.base_branch}')}")
        if ids:
            self._pushes.push_event(pull, by, ids, forced=False)
        self._signals.activity(
            "create_pull_request", pull.repository, by, content=self._signals.pull_content(pull, pull.title)
        )
        await self._signals.pull_request(pull, "opened", by)

    async def close(self, pull: Pull, by: User) -> None:
        self._not_merged(pull)
        if pull.open:
            await self._pushes.close(pull, by)

    async def reopen(self, pull: Pull, by: User, *, refresh: bool) -> None:
        """Open it again. The web refreshes refs/pull/N/head, the API does not (it stays stale for good)."""
        self._not_merged(pull)
        if pull.open:
            return
        home = pull.head_repository
        tip = home.git.ref(f"refs/heads/{pull.head_branch}") if home else None
        if not pull.agit and (tip is None or not pull.repository.git.ref(f"refs/heads/{pull.base_branch}")):
            raise Refusal(409 if self._world.forgejo else 500, "the head or base branch is gone")
        pull.open, pull.closed_at = True, None
        if refresh and tip:
            await fetch_head(pull, tip)
        self._signals.event(pull, "reopen", by)
        self._signals.activity(
            "reopen_pull_request", pull.repository, by, content=self._signals.pull_content(pull, pull.title)
        )
        await self._signals.pull_request(pull, "reopened", by)

    def _not_merged(self, pull: Pull) -> None:
        if pull.merged:
            raise Refusal(412, "cannot change state of this pull request, it was already merged")

    async def edit(self, pull: Pull, by: User, *, title: str | None, body: str | None, base: str | None) -> None:
        """Retitle, rewrite, retarget: each its own delivery. Retargeting adds no head."""
        if title is not None and title != pull.title:
            old, pull.title = pull.title, title
            self._signals.event(pull, "change_title", by, old_title=old, new_title=title)
            await self._signals.pull_request(pull, "edited", by, changes={"title": {"from": old}})
        if body is not None and body != pull.body:
            old, pull.body = pull.body, body
            pull.updated = self._world.now()
            await self._signals.pull_request(pull, "edited", by, changes={"body": {"from": old}})
        if base is not None and base != pull.base_branch:
            self._not_merged(pull)
            if base not in pull.repository.branches:
                raise Refusal(404, "the target branch does not exist")
            await self._pushes.retarget(pull, base, by)
            # Both servers put the new name where the old one belongs.
            await self._signals.pull_request(pull, "edited", by, changes={"ref": {"from": base}})

    async def label(self, pull: Pull, name: str, by: User) -> Label:
        """Put a label on; the repository gets it if it has none of that name."""
        repository = pull.repository
        label = next((known for known in repository.labels if known.name == name), None)
        if label is None:
            label = Label(self._world.next_id("label"), name)
            repository.labels.append(label)
        if label not in pull.labels:
            pull.labels.append(label)
            self._signals.event(pull, "label", by, body="1", label=label)
            await self._signals.pull_request(pull, "label_updated", by, event_type="pull_request_label")
        return label

    async def unlabel(self, pull: Pull, name: str, by: User) -> None:
        label = next((known for known in pull.labels if known.name == name), None)
        if label is None:
            raise Unknown(f"no label {name!r} on {pull.repository.full_name}#{pull.number}")
        pull.labels.remove(label)
        self._signals.event(pull, "label", by, label=label)
        await self._signals.pull_request(pull, "label_updated", by, event_type="pull_request_label")

    def comment(self, pull: Pull, body: str, by: User) -> Event:
        """Comment. On this Gitea the API stores it and then fails, before any delivery; Forgejo delivers."""
        event = self._signals.event(pull, "comment", by, body=body)
        content = self._signals.pull_content(pull, body)
        self._signals.activity("comment_pull", pull.repository, by, content=content, pull=pull, comment=event)
        if self._world.forgejo:
            self._signals.hook(
                pull.repository, "pull_request_comment",
                {
                    "action": "created", "issue": self._json.issue(pull), "comment": self._json.comment(pull, event),
                    "repository": self._json.repository(pull.repository, by), "sender": self._json.user(by),
                    "is_pull": True,
                },
            )  # fmt: skip
        return event

    def edit_comment(self, pull: Pull, comment: int, body: str) -> None:
        """Change a comment's text: the pull request's updated_at stays, and nothing tells of it."""
        event = next((e for e in pull.timeline if e.id == comment), None)
        if event is None:
            raise Unknown(f"no comment {comment}")
        event.body, event.updated = body, self._world.now()

    async def review(self, pull: Pull, state: str, body: str, by: User) -> Review:
        """Approve, reject or comment (`state` APPROVED, REQUEST_CHANGES or COMMENT)."""
        kind = {"APPROVED": "approved", "REQUEST_CHANGES": "rejected"}.get(state, "comment")
        number = self._world.next_id("review")
        event = self._signals.event(pull, "review", by, body=body, review_id=number)
        sha = pull.repository.git.ref(pull.ref) or ""
        review = Review(number, by, state, body, sha, event.created, event.id)
        pull.reviews.append(review)
        operation = {"approved": "approve_pull_request", "rejected": "reject_pull_request"}.get(kind, "comment_pull")
        content = self._signals.pull_content(pull, body)
        self._signals.activity(operation, pull.repository, by, content=content, pull=pull, comment=event)
        event_type = f"pull_request_review_{kind}"
        await self._signals.pull_request(
            pull, "reviewed", by, event_type=event_type, review={"type": event_type, "content": body},
            requested_reviewer=self._json.user(by),
        )
        return review

    async def delete(self, pull: Pull) -> None:
        """Remove it with its ref. Nothing tells of it: no time, no feed item, no delivery."""
        del pull.repository.pulls[pull.number]
        await pull.repository.git.update_refs({pull.ref: None})
