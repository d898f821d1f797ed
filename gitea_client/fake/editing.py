"""The stand-in's Python interface to what changes most: commits, branches and pull requests, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from .administration import Administration
from .merging import Refusal
from .objects import GitError, Person
from .pushes import RefChange, compare_refs
from .state import Repository, User
from .writing import Content, write_commit

Style = Literal["merge", "rebase", "rebase-merge", "squash", "fast-forward-only"]


class Editing(Administration):
    """Operations by name, each with every signal that the servers give."""

    # Commits and branches

    async def commit(
        self, full_name: str, files: Mapping[str, Content], branch: str | None = "main", message: str = "Change", *,
        author: str = "ada", date: datetime | None = None, author_date: datetime | None = None,
        parents: Sequence[str] | None = None, force: bool = False, start: str | None = None, by: str | None = None,
    ) -> str:  # fmt: skip
        """Commit and push; tells the new id.

        `files` maps paths to content: text or bytes, None to delete, Symlink, Submodule or Executable. The commit
        stands on `parents`, else on `start` (a branch or an id, for a new branch), else on the branch's tip, else on
        the default branch's; its files are those of the first parent, changed. A branch that would lose commits needs
        `force`. `by` pushes (default: the author). With `branch` None the commit is written and nothing is pushed:
        `push_refs` may do so.
        """
        async with self.lock:
            repository, person = self.repository(full_name), self._person(author)
            git, ref = repository.git, f"refs/heads/{branch}" if branch else "refs/drafts/one"
            old = git.ref(ref)
            if parents is None:
                parents = await self._start(repository, old, start)
            committed = int((date or self.world.now()).astimezone(UTC).timestamp())
            written = int((author_date or date or self.world.now()).astimezone(UTC).timestamp())
            ahead = old is None or old in parents or force
            if not ahead and not any([await git.is_ancestor(str(old), parent) for parent in parents]):
                raise Refusal(422, f"{full_name}: {branch} would lose commits (use force=True)")
            sha = await write_commit(
                git, ref, files, message=message if message.endswith("\n") else f"{message}\n",
                author=Person(person.login, person.email, written),
                committer=Person(person.login, person.email, committed), parents=parents,
            )  # fmt: skip
            if branch is None:
                await git.update_refs({ref: None})
            elif sha != old:
                await self.pushed(repository, [RefChange(ref, old, sha)], self._person(by or author))
            return sha

    async def _start(self, repository: Repository, tip: str | None, start: str | None) -> list[str]:
        if start is not None:
            sha = await repository.git.resolve(start)
            if sha is None:
                raise GitError(f"{repository.full_name} has no {start!r}")
            return [sha]
        sha = tip or repository.git.ref(f"refs/heads/{repository.default_branch}")
        return [sha] if sha else []

    async def pushed(self, repository: Repository, changes: list[RefChange], by: User) -> None:
        """What follows a push."""
        raise NotImplementedError

    async def push_refs(self, full_name: str, refs: Mapping[str, str | None], by: str = "ada") -> None:
        """Set (None: delete) full refs in one push. The ids must be in the repository."""
        async with self.lock:
            repository = self.repository(full_name)
            before = repository.git.refs()
            default = f"refs/heads/{repository.default_branch}"
            if default in before and refs.get(default, "") is None:
                raise Refusal(403, f"branch {repository.default_branch} is the default branch and cannot be deleted")
            await repository.git.update_refs({r: s for r, s in refs.items() if s is not None or r in before})
            await self.pushed(repository, compare_refs(before, repository.git.refs()), self._person(by))

    async def create_branch(self, full_name: str, name: str, start: str | None = None, by: str = "ada") -> None:
        """A branch through the API, from a branch or an id (default: the default branch)."""
        async with self.lock:
            repository = self.repository(full_name)
            await self._repositories.create_branch(
                repository, name, start or repository.default_branch, self._person(by)
            )

    async def delete_branch(
        self, full_name: str, name: str, via: Literal["api", "push"] = "api", by: str = "ada"
    ) -> None:
        if via == "push":
            await self.push_refs(full_name, {f"refs/heads/{name}": None}, by)
            return
        async with self.lock:
            await self._repositories.delete_branch(self.repository(full_name), name, self._person(by))

    async def rename_branch(self, full_name: str, old: str, new: str, by: str = "ada") -> None:
        async with self.lock:
            await self._repositories.rename_branch(self.repository(full_name), old, new, self._person(by))

    # Pull requests

    async def open_pull(
        self, full_name: str, head: str, base: str = "main", title: str = "Change", body: str = "", by: str = "ada",
        draft: bool = False,
    ) -> int:  # fmt: skip
        """Raise a pull request from `branch` or `owner:branch`; tells its number."""
        async with self.lock:
            repository = self.repository(full_name)
            home, branch = self._head(repository, head)
            title = f"WIP: {title}" if draft else title
            return (await self._pulls.open(repository, home, branch, base, title, body, self._person(by))).number

    def _head(self, repository: Repository, head: str) -> tuple[Repository, str]:
        owner, colon, branch = head.partition(":")
        if not colon:
            return repository, head
        if owner.lower() == repository.owner.login.lower():
            return repository, branch
        for fork in self.world.repositories.values():
            if fork.parent is repository and fork.owner.login.lower() == owner.lower():
                return fork, branch
        raise Refusal(404, f"{owner} has no fork of {repository.full_name}")

    async def open_agit_pull(
        self, full_name: str, sha: str, topic: str, base: str = "main", title: str = "Change", by: str = "ada"
    ) -> int:
        """A pull request as a push to refs/for/{base} makes it; `sha` must be in the repository."""
        async with self.lock:
            repository = self.repository(full_name)
            return (await self._pulls.open_agit(repository, sha, topic, base, title, self._person(by))).number

    async def push_agit(self, full_name: str, number: int, sha: str, by: str = "ada") -> None:
        """Push again to an AGit pull request: only its own updated_at tells of it."""
        async with self.lock:
            pull = self.pull(full_name, number)
            await self._pushes.move_head(pull, pull.repository.git.ref(pull.ref), sha, self._person(by))

    async def merge(
        self, full_name: str, number: int, style: Style = "merge", delete_branch: bool = False, by: str = "ada",
        message: str = "",
    ) -> str:  # fmt: skip
        """Merge; tells the merge commit's id. Raises Refusal when it cannot be merged."""
        async with self.lock:
            pull = self.pull(full_name, number)
            await self._pulls.merging.merge(
                pull, style, self._person(by), delete_branch=delete_branch, message=message
            )
            return str(pull.merge_commit)

    async def close(self, full_name: str, number: int, by: str = "ada") -> None:
        async with self.lock:
            await self._pulls.close(self.pull(full_name, number), self._person(by))

    async def reopen(self, full_name: str, number: int, via: Literal["api", "web"] = "api", by: str = "ada") -> None:
        """Open it again; only the web brings refs/pull/N/head up to date."""
        async with self.lock:
            await self._pulls.reopen(self.pull(full_name, number), self._person(by), refresh=via == "web")

    async def edit_pull(
        self, full_name: str, number: int, title: str | None = None, body: str | None = None, base: str | None = None,
        by: str = "ada",
    ) -> None:  # fmt: skip
        async with self.lock:
            await self._pulls.edit(self.pull(full_name, number), self._person(by), title=title, body=body, base=base)

    async def label(self, full_name: str, number: int, name: str, by: str = "ada", remove: bool = False) -> None:
        async with self.lock:
            change = self._pulls.unlabel if remove else self._pulls.label
            await change(self.pull(full_name, number), name, self._person(by))

    async def comment(self, full_name: str, number: int, body: str, by: str = "ada") -> int:
        """Comment; tells the comment's id."""
        async with self.lock:
            return self._pulls.comment(self.pull(full_name, number), body, self._person(by)).id

    async def edit_comment(self, full_name: str, number: int, comment: int, body: str) -> None:
        """Change a comment: no signal tells of it."""
        async with self.lock:
            self._pulls.edit_comment(self.pull(full_name, number), comment, body)

    async def review(
        self, full_name: str, number: int, state: str = "APPROVED", body: str = "", by: str = "ada"
    ) -> None:
        async with self.lock:
            await self._pulls.review(self.pull(full_name, number), state, body, self._person(by))

    async def delete_pull(self, full_name: str, number: int) -> None:
        """Delete it for good: no signal tells of it."""
        async with self.lock:
            await self._pulls.delete(self.pull(full_name, number))
