"""The stand-in's Python interface: everything that people do to a forge, by name."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from .bare import GitError, Person
from .hooks import make_hook
from .merging import Refusal
from .pulls import Pulls
from .pushes import Pushes, RefChange, compare_refs
from .repositories import Repositories
from .signals import ALL_EVENTS
from .state import Hook, Label, Pull, Repository, User, World
from .writing import Content, write_commit

Style = Literal["merge", "rebase", "rebase-merge", "squash", "fast-forward-only"]


class Administration:
    """Operations by name. What they take as `by` or `author` is a login, made on first use."""

    world: World
    lock: asyncio.Lock
    _pulls: Pulls
    _pushes: Pushes
    _repositories: Repositories
    _random: random.Random

    # Looking

    def repository(self, full_name: str) -> Repository:
        """The row of the repository that bears this name; raises Unknown."""
        return self.world.repository(full_name)

    def pull(self, full_name: str, number: int) -> Pull:
        """The row of a pull request; raises Unknown."""
        return self.world.pull(full_name, number)

    def refs(self, full_name: str) -> dict[str, str]:
        """Every ref of the repository on disk."""
        return self.repository(full_name).git.refs()

    # People

    def create_user(self, login: str) -> User:
        """A person, with a token. Has no rights anywhere but in their own repositories."""
        return self._create(login, organization=False)

    def create_organization(self, name: str) -> int:
        """An organization; tells its id."""
        return self._create(name, organization=True).id

    def _create(self, login: str, *, organization: bool) -> User:
        if login.lower() in self.world.users:
            raise Refusal(422, f"user already exists [name: {login}]")
        token = "" if organization else f"{self._random.getrandbits(160):040x}"
        user = User(self.world.next_id("user"), login, self.world.now(), organization=organization, token=token)
        self.world.users[login.lower()] = user
        return user

    def _person(self, login: str) -> User:
        return self.world.users.get(login.lower()) or self.create_user(login)

    def token_of(self, login: str) -> str:
        """A user's token, which has all of their rights."""
        return self._person(login).token

    def revoke_token(self, login: str) -> None:
        """Make the user's token invalid."""
        self.world.user(login).token = ""

    def add_collaborator(self, full_name: str, login: str) -> None:
        """Let somebody read and write the repository."""
        self.repository(full_name).collaborators.add(self._person(login).login)

    def add_hook(
        self, scope: str, url: str, secret: str, events: Sequence[str] = ALL_EVENTS, content_type: str = "json",
        authorization_header: str | None = None,
    ) -> Hook:  # fmt: skip
        """An active webhook of an organization or user (`acme`) or of a repository (`acme/meta`)."""
        repository = self.repository(scope) if "/" in scope else None
        owner = None if repository else self.world.user(scope)
        return make_hook(
            self.world, owner, repository, url=url, secret=secret, events=list(events), content_type=content_type,
            active=True, authorization_header=authorization_header or "",
        )  # fmt: skip

    # Repositories

    async def create_repository(
        self, full_name: str, private: bool = False, default_branch: str = "main", by: str = "root1"
    ) -> int:
        """An empty repository; tells its id. The owner must exist."""
        owner, _, name = full_name.partition("/")
        async with self.lock:
            return self._repositories.create(
                self.world.user(owner), name, self._person(by), private=private, default_branch=default_branch
            ).id

    async def rename_repository(self, full_name: str, new_name: str, by: str = "root1") -> None:
        async with self.lock:
            self._repositories.rename(self.repository(full_name), new_name, self._person(by))

    async def transfer(self, full_name: str, new_owner: str, by: str = "root1") -> None:
        async with self.lock:
            self._repositories.transfer(self.repository(full_name), self.world.user(new_owner), self._person(by))

    async def delete_repository(self, full_name: str, by: str = "root1") -> None:
        async with self.lock:
            await self._repositories.delete(self.repository(full_name), self._person(by))

    async def fork(self, full_name: str, owner: str, name: str = "") -> str:
        """A fork that belongs to `owner`; tells its full name."""
        async with self.lock:
            person = self._person(owner)
            return self._repositories.fork(self.repository(full_name), person, person, name).full_name

    async def set_private(self, full_name: str, private: bool = True) -> None:
        async with self.lock:
            self._repositories.set_private(self.repository(full_name), private)

    async def set_default_branch(self, full_name: str, name: str) -> None:
        async with self.lock:
            self._repositories.set_default_branch(self.repository(full_name), name)

    async def archive(self, full_name: str, archived: bool = True, via: Literal["api", "web"] = "api") -> None:
        """Archive; through the web updated_at stays as it was."""
        async with self.lock:
            self._repositories.archive(self.repository(full_name), archived, silent=via == "web")

    def set_topics(self, full_name: str, topics: Sequence[str]) -> None:
        repository = self.repository(full_name)
        repository.topics = list(topics)
        repository.updated_at = self.world.now()

    def add_label(self, full_name: str, name: str, color: str = "00ff00") -> Label:
        """A label that the repository's pull requests may bear."""
        label = Label(self.world.next_id("label"), name, color)
        self.repository(full_name).labels.append(label)
        return label

    # Behind the forge's back

    async def gc(self, full_name: str) -> None:
        """Prune at once what no ref reaches: from then on it is "not our ref"."""
        async with self.lock:
            await self.repository(full_name).git.gc()

    async def damage(self, full_name: str) -> None:
        """Break the directory: git's routes then answer 200 with no bytes."""
        self.repository(full_name).git.damage()

    async def plant_ref(self, full_name: str, ref: str, sha: str) -> None:
        """Write a ref on disk, with no signal. The id may be missing, or garbage."""
        self.repository(full_name).git.plant(ref, sha)

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
