"""The stand-in's Python interface: everything that people do to a forge, by name."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Literal

from .hooks import make_hook
from .merging import Refusal
from .pulls import Pulls
from .pushes import Pushes
from .repositories import Repositories
from .signals import ALL_EVENTS
from .state import Hook, Label, Pull, Repository, User, World

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

    def create_token(self, login: str, scopes: Sequence[str]) -> str:
        """Another token of this user that may do less: `scopes` such as read:repository, write:issue, all. What it
        may not do is answered 403."""
        token = f"{self._random.getrandbits(160):040x}"
        self.world.tokens[token] = (self._person(login), tuple(scopes))
        return token

    def revoke_token(self, login: str) -> None:
        """Make the user's tokens invalid."""
        user = self.world.user(login)
        user.token = ""
        self.world.tokens = {token: held for token, held in self.world.tokens.items() if held[0] is not user}

    def add_collaborator(self, full_name: str, login: str) -> None:
        """Let somebody read and write the repository."""
        self.repository(full_name).collaborators.add(self._person(login).login)

    def add_hook(
        self, scope: str, url: str, secret: str, events: Sequence[str] = ALL_EVENTS, content_type: str = "json",
        authorization_header: str | None = None, branch_filter: str = "", kind: str = "gitea",
    ) -> Hook:  # fmt: skip
        """An active webhook of an organization or user (`acme`) or of a repository (`acme/meta`)."""
        repository = self.repository(scope) if "/" in scope else None
        owner = None if repository else self.world.user(scope)
        return make_hook(
            self.world, owner, repository, url=url, secret=secret, events=list(events), content_type=content_type,
            active=True, authorization_header=authorization_header or "", branch_filter=branch_filter, kind=kind,
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

    async def switch_pull_requests(self, full_name: str, on: bool) -> None:
        """Switch the pull requests of a repository on or off: off, the API answers 404, and their refs stay in Git."""
        async with self.lock:
            repository = self.repository(full_name)
            repository.has_pull_requests = on
            repository.updated_at = self.world.now()

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
