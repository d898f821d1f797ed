"""Merging a pull request in the five styles that the servers offer."""

from __future__ import annotations

from .bare import BareRepository
from .objects import Commit, Person, StandInError
from .pushes import Pushes, RefChange
from .signals import Signals
from .state import Pull, User, World
from .writing import Conflict, commit_tree, merge_trees, rebase

STYLES = ("merge", "rebase", "rebase-merge", "squash", "fast-forward-only")


class Refusal(StandInError):
    """The forge declines, with an HTTP status and a message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Merging:
    """Merges, and tells of it as the servers do: pull_request closed, push, and delete for the head branch."""

    def __init__(self, world: World, signals: Signals, pushes: Pushes) -> None:
        self._world = world
        self._signals = signals
        self._pushes = pushes

    async def merge(self, pull: Pull, style: str, by: User, *, delete_branch: bool, message: str = "") -> None:
        """Merge; raises Refusal 405 when the state or a conflict forbids it.

        What is merged is the head branch as it stands, even where refs/pull/N/head is stale.
        """
        if style not in STYLES:
            raise Refusal(422, f"merge style {style!r}: it is one of {', '.join(STYLES)}")
        if not pull.open or pull.draft:
            raise Refusal(405, "Please try again later" if not pull.draft else "Work in progress PRs cannot be merged")
        repository, git, home = pull.repository, pull.repository.git, pull.head_repository
        base = git.ref(f"refs/heads/{pull.base_branch}")
        tip = home.git.ref(f"refs/heads/{pull.head_branch}") if home and not pull.agit else None
        head = tip or git.ref(pull.ref)
        if base is None or head is None:
            raise Refusal(405, "the head or the base is gone")
        if home is not None and home is not repository:
            await git.run("fetch", "-q", "--no-tags", "--no-write-fetch-head", str(home.git.path), head)
        try:
            merged = await self._merged(git, pull, style, base, head, by, message)
        except Conflict as conflict:
            raise Refusal(409, f"merge failed because of conflict: {conflict}") from conflict
        await git.update_refs({f"refs/heads/{pull.base_branch}": merged})
        now = self._world.now()
        pull.open, pull.closed_at, pull.merged_at, pull.merged_by, pull.merge_commit = False, now, now, by, merged
        self._signals.event(pull, "merge_pull", by)
        self._signals.activity(
            "merge_pull_request", repository, by, content=self._signals.pull_content(pull, pull.title)
        )
        await self._signals.pull_request(pull, "closed", by)
        delete = delete_branch and tip is not None and home is not None and pull.head_branch != home.default_branch
        if delete and self._world.retargets and home is repository:
            for other in repository.pulls.values():
                if other.open and other.base_branch == pull.head_branch:
                    await self._pushes.retarget(other, pull.base_branch, by)
        if delete:  # told at once, while pushes wait their turn
            self._signals.event(pull, "delete_branch", by, old_ref=pull.head_branch)
        await self._pushes.process(repository, [RefChange(f"refs/heads/{pull.base_branch}", base, merged)], by)
        if delete and home is not None:
            await home.git.update_refs({f"refs/heads/{pull.head_branch}": None})
            await self._pushes.process(home, [RefChange(f"refs/heads/{pull.head_branch}", tip, None)], by)

    async def _merged(
        self, git: BareRepository, pull: Pull, style: str, base: str, head: str, by: User, message: str
    ) -> str:
        """The commit that the base branch moves to."""
        committer = Person(by.login, by.email, int(self._world.now().timestamp()))
        joined = f"Merge pull request '{pull.title}' (#{pull.number}) from {pull.head_branch} into {pull.base_branch}\n"
        if style == "merge":
            tree = await merge_trees(git, base, head)
            return await commit_tree(git, tree, [base, head], message or joined, committer, committer)
        if style == "squash":
            tree = await merge_trees(git, base, head)
            author = await self._author(git, base, head, committer)
            text = message or f"{pull.title} (#{pull.number})\n"
            return await commit_tree(git, tree, [base], text, author, committer)
        if await git.is_ancestor(base, head):
            replayed = head
        elif style == "fast-forward-only":
            raise Refusal(409, "the base branch has moved on: this is no fast-forward")
        else:
            commits = await self._commits(git, base, head)
            replayed = await rebase(git, commits, base, committer)
        if style == "rebase-merge":
            tip = (await git.commits([replayed]))[replayed]
            return await commit_tree(git, tip.tree, [base, replayed], message or joined, committer, committer)
        return replayed

    @staticmethod
    async def _commits(git: BareRepository, base: str, head: str) -> list[Commit]:
        """The commits of the head that the base lacks, oldest first, without merges."""
        ids = await git.rev_list("--reverse", "--topo-order", "--no-merges", f"{base}..{head}")
        return list((await git.commits(ids)).values())

    async def _author(self, git: BareRepository, base: str, head: str, otherwise: Person) -> Person:
        """A squashed commit is signed by whoever wrote the first of the commits in it."""
        commits = await self._commits(git, base, head)
        if not commits:
            return otherwise
        first = commits[0].author
        return Person(first.name, first.email, otherwise.date)
