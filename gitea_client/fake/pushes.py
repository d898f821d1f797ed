"""What a forge does after refs have changed: its branch table, the repository's time, pull requests, feed, hooks.

The order and the payloads follow services/repository/push.go and the recordings of both servers.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass

from .objects import NULL_ID
from .rewriting import Rewriting
from .serialise import Json
from .serialise_commits import CommitSerialiser
from .signals import ALL_RIGHTS, NO_RIGHTS, Signals
from .state import Pull, Repository, User, World

NEW_BRANCH_COMMITS = 10
"""Commits of a new branch, and of no other, that a push delivery looks for."""


@dataclass(frozen=True)
class RefChange:
    """One ref's move in a push; None stands for "not there"."""

    ref: str
    old: str | None
    new: str | None


def compare_refs(before: dict[str, str], after: dict[str, str]) -> list[RefChange]:
    """What a push changed, told from the refs before and after it, in the order of names."""
    names = sorted(before.keys() | after.keys())
    return [RefChange(n, before.get(n), after.get(n)) for n in names if before.get(n) != after.get(n)]


class Pushes:
    """Processes pushes, one ref after the other."""

    def __init__(self, world: World, serialiser: CommitSerialiser, signals: Signals) -> None:
        self._world = world
        self._json = serialiser
        self._signals = signals
        self.rewriting = Rewriting(signals)

    async def process(self, repository: Repository, changes: list[RefChange], doer: User) -> None:
        """Everything that follows a push. Refs outside heads and tags have no consequence at all."""
        for change in changes:
            if change.ref.startswith("refs/heads/"):
                await self._branch(repository, change, doer)
            elif change.ref.startswith("refs/tags/"):
                await self._tag(repository, change, doer)

    async def _branch(self, repository: Repository, change: RefChange, doer: User) -> None:
        name = change.ref.removeprefix("refs/heads/")
        if change.new is None:
            repository.branches.pop(name, None)
            self._signals.activity("delete_branch", repository, doer, ref_name=change.ref)
            self._deleted(repository, name, "branch", doer)
            repository.updated_at = self._world.now()
            await self._close_pulls(repository, name, doer)
            return
        was_empty = repository.empty
        if was_empty:
            repository.empty = False
            if repository.default_branch not in repository.git.branches():
                repository.default_branch = name
                repository.git.set_head(name)
        repository.branches[name] = change.new
        repository.updated_at = self._world.now()
        push = await self._payload(repository, change, doer, first=was_empty)
        if change.old is None:
            self._signals.activity("commit_repo", repository, doer, ref_name=change.ref)
            self._created(repository, name, "branch", change.new, doer)
        self._signals.activity("commit_repo", repository, doer, ref_name=change.ref, content=self._content(push))
        self._signals.hook(repository, "push", push)
        self._mentioned(repository, push, doer)
        await self._head_moved(repository, name, change, doer)

    async def _tag(self, repository: Repository, change: RefChange, doer: User) -> None:
        name = change.ref.removeprefix("refs/tags/")
        repository.updated_at = self._world.now()
        self._signals.hook(repository, "push", await self._payload(repository, change, doer))
        if change.new is None:
            repository.tags.pop(name, None)
            self._signals.activity("delete_tag", repository, doer, ref_name=change.ref)
            self._deleted(repository, name, "tag", doer)
            return
        repository.tags[name] = change.new
        self._signals.activity("push_tag", repository, doer, ref_name=change.ref)
        if change.old is None:
            self._created(repository, name, "tag", change.new, doer)

    def _created(self, repository: Repository, name: str, kind: str, sha: str, doer: User) -> None:
        self._signals.hook(
            repository, "create",
            {
                "sha": sha, "ref": name, "ref_type": kind,
                "repository": self._json.repository(repository, doer, permissions=NO_RIGHTS),
                "sender": self._json.user(doer),
            },
        )  # fmt: skip

    def _deleted(self, repository: Repository, name: str, kind: str, doer: User) -> None:
        self._signals.hook(
            repository, "delete",
            {
                "ref": name, "ref_type": kind, "pusher_type": "user",
                "repository": self._json.repository(repository, doer, permissions=ALL_RIGHTS),
                "sender": self._json.user(doer),
            },
        )  # fmt: skip

    def renamed(self, repository: Repository, old: str, new: str, doer: User) -> None:
        """A branch renamed by its API: a delete and a create delivery, and no push processing."""
        self._deleted(repository, old, "branch", doer)
        self._created(repository, new, "branch", repository.branches[new], doer)
        if self._world.forgejo:
            self._signals.activity("delete_branch", repository, doer, ref_name=f"refs/heads/{old}")
            self._signals.activity("commit_repo", repository, doer, ref_name=f"refs/heads/{new}")

    async def _payload(self, repository: Repository, change: RefChange, doer: User, *, first: bool = False) -> Json:
        """A push delivery. Its commit list is cut to 5 (Gitea) or 15 (Forgejo); `total_commits` is not."""
        git, page = repository.git, self._json.page(repository)
        base = repository.branches.get(repository.default_branch)
        total = 0
        ids: list[str] = []
        tag = change.ref.startswith("refs/tags/")
        if change.new is not None and not tag:
            if change.old is not None:
                ids = await git.between(change.old, change.new)
                total = len(ids)
            else:
                others = {tip for name, tip in git.branches().items() if f"refs/heads/{name}" != change.ref}
                beside = [] if first else [f"^{tip}" for tip in sorted(others)]
                ids = await git.rev_list(f"--max-count={NEW_BRANCH_COMMITS}", change.new, *beside)
                total = len(ids)
        ids = ids[: 15 if self._world.forgejo else 5]
        compare = f"{page}/compare/{change.old or base or NULL_ID}...{change.new or NULL_ID}"
        if first:
            compare = f"{self._json.root_url}/"
        elif change.old is None and not tag and not ids:
            compare = f"{page}/compare/{repository.default_branch}...{change.new}"
        listed = await self._commits(repository, ids)
        head = (await self._commits(repository, [change.new]))[0] if change.new else None
        return {
            "ref": change.ref, "before": change.old or NULL_ID, "after": change.new or NULL_ID,
            "compare_url": compare, "commits": listed, "total_commits": total, "head_commit": head,
            "repository": self._json.repository(repository, doer, permissions=ALL_RIGHTS),
            "pusher": self._json.user(doer), "sender": self._json.user(doer),
        }  # fmt: skip

    async def _commits(self, repository: Repository, ids: list[str]) -> list[Json]:
        git = repository.git
        if not ids:
            return []
        commits = await git.commits(ids)
        changes = await git.changes(list(commits)) if self._signals.listens(repository, "push") else {}
        return [self._json.payload_commit(repository, c, changes.get(sha, [])) for sha, c in commits.items()]

    def _content(self, push: Json) -> str:
        """What the feed keeps of a push, as JSON in a string."""
        def short(commit: Json) -> Json:
            message = str(commit["message"])
            extra = {"Signature": None, "Verification": None} if self._world.forgejo else {}
            return {
                "Sha1": commit["id"], "Message": message.split("\n")[0] if self._world.forgejo else message,
                "AuthorEmail": commit["author"]["email"], "AuthorName": commit["author"]["name"],
                "CommitterEmail": commit["committer"]["email"], "CommitterName": commit["committer"]["name"],
                **extra, "Timestamp": commit["timestamp"],
            }  # fmt: skip

        head = push["head_commit"]
        text = json.dumps(
            {
                "Commits": [short(c) for c in push["commits"]], "HeadCommit": short(head) if head else None,
                "CompareURL": str(push["compare_url"]).removeprefix(f"{self._json.root_url}/"),
                "Len": push["total_commits"],
            },
            separators=(",", ":"), ensure_ascii=False,
        )  # fmt: skip
        return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")

    def _mentioned(self, repository: Repository, push: Json, doer: User) -> None:
        """A commit whose message says #N leaves a mark in that pull request's timeline."""
        for commit in reversed(push["commits"]):
            for number in re.findall(r"#(\d+)", str(commit["message"])):
                pull = repository.pulls.get(int(number))
                if pull is not None:
                    link = f"/{repository.full_name}/commit/{commit['id']}"
                    subject = html.escape(str(commit["message"]).split("\n")[0]).replace("&#x27;", "&#39;")
                    body = f'<a href="{link}">{subject}</a>'
                    self._signals.event(pull, "commit_ref", doer, body=body, commit=str(commit["id"]))

    # Pull requests that a push touches

    async def _close_pulls(self, repository: Repository, branch: str, doer: User) -> None:
        """Deleting a head or a base branch closes the open pull requests that need it."""
        for pull in list(self._world.pulls()):
            is_head = pull.head_repository is repository and pull.head_branch == branch and not pull.agit
            is_base = pull.repository is repository and pull.base_branch == branch
            if pull.open and (is_head or is_base):
                await self.close(pull, doer)

    async def close(self, pull: Pull, doer: User) -> None:
        """Close an open pull request, with everything that tells of it."""
        pull.open = False
        pull.closed_at = self._world.now()
        self._signals.event(pull, "close", doer)
        self._signals.activity(
            "close_pull_request", pull.repository, doer, content=self._signals.pull_content(pull, pull.title)
        )
        await self._signals.pull_request(pull, "closed", doer)

    async def _head_moved(self, repository: Repository, branch: str, change: RefChange, doer: User) -> None:
        """Bring open pull requests from this branch up to date. Closed ones are left behind."""
        for pull in list(self._world.pulls()):
            if (
                pull.open and not pull.agit and change.new is not None
                and pull.head_repository is repository and pull.head_branch == branch
            ):  # fmt: skip
                await self.move_head(pull, change.old, change.new, doer)

    async def move_head(self, pull: Pull, old: str | None, new: str, doer: User) -> None:
        """Refresh refs/pull/N/head and write the pull_push event.

        No event is written when the old head never reached the base repository (a fork forced while the pull request
        was closed): the servers look both commits up there and give up.
        """
        git = pull.repository.git
        await fetch_head(pull, new)
        pull.merge_base = await self.merge_base(pull) or pull.merge_base
        if old is not None and await git.has(old):
            forced = not await git.is_ancestor(old, new)
            if forced and self._world.rewrites:
                await self.rewriting.forced(pull, old, new, doer)
            elif forced:
                self.push_event(pull, doer, [old, new], forced=True)
            else:
                base = git.ref(f"refs/heads/{pull.base_branch}")
                ids = await git.rev_list("--reverse", f"{old}..{new}", *([f"^{base}"] if base else []))
                if ids or not self._world.rewrites:
                    self.push_event(pull, doer, ids, forced=False)
        pull.updated = self._world.now()
        await self._signals.pull_request(pull, "synchronized", doer, event_type="pull_request_sync")

    def push_event(self, pull: Pull, doer: User, ids: list[str], *, forced: bool) -> None:
        body = json.dumps({"is_force_push": forced, "commit_ids": ids}, separators=(",", ":"))
        self._signals.event(pull, "pull_push", doer, body=body)

    async def retarget(self, pull: Pull, base: str, doer: User) -> None:
        """Give a pull request another base."""
        old, pull.base_branch = pull.base_branch, base
        pull.merge_base = await self.merge_base(pull)
        self._signals.event(pull, "change_target_branch", doer, old_ref=old, new_ref=base)
        if self._world.rewrites:
            await self.rewriting.retargeted(pull, doer)

    async def merge_base(self, pull: Pull) -> str:
        git = pull.repository.git
        base, head = git.ref(f"refs/heads/{pull.base_branch}"), git.ref(pull.ref)
        return await git.merge_base(base, head) if base and head else ""


async def fetch_head(pull: Pull, sha: str) -> None:
    """Point refs/pull/N/head at `sha`, bringing its objects over from a fork."""
    git, home = pull.repository.git, pull.head_repository
    if home is not None and home is not pull.repository:
        await git.run("fetch", "-q", "--no-tags", "--no-write-fetch-head", str(home.git.path), sha)
    await git.update_refs({pull.ref: sha})

