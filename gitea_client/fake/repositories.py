"""What people do with repositories and branches, each with its signals (and its silences)."""

from __future__ import annotations

from concurrent.futures import Executor
from pathlib import Path

from .bare import BareRepository
from .merging import Refusal
from .pushes import Pushes, RefChange
from .serialise import Serialiser
from .signals import Signals
from .state import Repository, Unknown, User, World


class Repositories:
    """Operations on repositories. Directories are named by id, so a rename moves nothing on disk."""

    def __init__(
        self, world: World, serialiser: Serialiser, signals: Signals, pushes: Pushes, root: Path, executor: Executor
    ) -> None:
        self._world = world
        self._json = serialiser
        self._signals = signals
        self._pushes = pushes
        self._root = root
        self._executor = executor

    def _new(
        self, owner: User, name: str, *, private: bool, default_branch: str, parent: Repository | None
    ) -> Repository:
        full_name = f"{owner.login}/{name}"
        if self._world.find(full_name) is not None:
            raise Refusal(409, f"The repository with the same name already exists: {full_name}")
        now = self._world.now()
        number = self._world.next_id("repository")
        git = BareRepository(self._root / f"{number}.git", self._executor)
        repository = Repository(number, owner, name, git, default_branch, now, now, private=private, parent=parent)
        self._world.repositories[number] = repository
        self._world.old_names.pop(full_name.lower(), None)  # a name taken again no longer redirects
        return repository

    def create(self, owner: User, name: str, by: User, *, private: bool, default_branch: str) -> Repository:
        repository = self._new(owner, name, private=private, default_branch=default_branch, parent=None)
        repository.git.create(default_branch)
        self._signals.activity("create_repo", repository, by)
        self._signals.repository(repository, "created", by)
        return repository

    def fork(self, origin: Repository, owner: User, by: User, name: str = "") -> Repository:
        fork = self._new(
            owner, name or origin.name, private=origin.private, default_branch=origin.default_branch, parent=origin
        )
        fork.git.copy_from(origin.git)
        fork.empty, fork.branches, fork.tags = origin.empty, dict(origin.branches), dict(origin.tags)
        self._signals.activity("create_repo", fork, by)
        self._signals.hook(
            origin, "fork",
            {
                "forkee": self._json.repository(origin, by), "repository": self._json.repository(fork, by),
                "sender": self._json.user(by),
            },
        )  # fmt: skip
        return fork

    async def delete(self, repository: Repository, by: User) -> None:
        """Remove it. Pull requests raised from it are closed, and have no head repository from then on."""
        for pull in list(self._world.pulls()):
            if pull.head_repository is repository and pull.repository is not repository:
                if pull.open:
                    await self._pushes.close(pull, by)
                pull.head_repository = None
        for fork in self._world.repositories.values():
            if fork.parent is repository:
                fork.parent = None
        self._signals.repository(repository, "deleted", by)
        del self._world.repositories[repository.id]
        world = self._world
        world.activities = [item for item in world.activities if item.repository is not repository]
        world.hooks = {key: hook for key, hook in world.hooks.items() if hook.repository is not repository}
        repository.git.remove()

    def rename(self, repository: Repository, name: str, by: User) -> None:
        """Rename: updated_at and the feed tell of it, no delivery does. The old name redirects."""
        old = repository.full_name
        if self._world.find(f"{repository.owner.login}/{name}") not in (None, repository):
            raise Refusal(409, f"repository already exists [uname: {repository.owner.login}, name: {name}]")
        repository.name = name
        self._moved(repository, old)
        self._signals.activity("rename_repo", repository, by, content=old.split("/")[1])

    def transfer(self, repository: Repository, owner: User, by: User) -> None:
        """Give to another owner. On Forgejo the former owner's feed hears of it, on Gitea only the new one's."""
        old, former = repository.full_name, repository.owner
        if self._world.find(f"{owner.login}/{repository.name}") is not None:
            raise Refusal(422, "The new owner has a repository of that name")
        repository.owner = owner
        self._moved(repository, old)
        receivers = [former] if self._world.forgejo else []
        self._signals.activity("transfer_repo", repository, by, content=old, receivers=receivers)

    def _moved(self, repository: Repository, old: str) -> None:
        self._world.old_names[old.lower()] = repository.id
        self._world.old_names.pop(repository.full_name.lower(), None)
        repository.updated_at = self._world.now()

    def set_private(self, repository: Repository, private: bool) -> None:
        repository.private = private
        repository.updated_at = self._world.now()

    def set_default_branch(self, repository: Repository, name: str) -> None:
        if not repository.empty and name not in repository.branches:
            raise Refusal(404, "the branch does not exist")
        repository.default_branch = name
        repository.git.set_head(name)
        repository.updated_at = self._world.now()

    def archive(self, repository: Repository, archived: bool, *, silent: bool) -> None:
        """Archive or unarchive. In the web this leaves updated_at alone (`silent`)."""
        repository.archived = archived
        repository.archived_at = self._world.now() if archived else None
        if not silent:
            repository.updated_at = self._world.now()

    # Branches

    async def create_branch(self, repository: Repository, name: str, start: str, by: User) -> None:
        sha = repository.branches.get(start) or await repository.git.resolve(start)
        if sha is None:
            raise Unknown(f"{repository.full_name} has no {start!r}")
        if name in repository.branches:
            raise Refusal(409, "The branch already exists.")
        await repository.git.update_refs({f"refs/heads/{name}": sha})
        await self._pushes.process(repository, [RefChange(f"refs/heads/{name}", None, sha)], by)

    async def delete_branch(self, repository: Repository, name: str, by: User) -> None:
        sha = repository.git.ref(f"refs/heads/{name}")
        if sha is None:
            raise Unknown(f"{repository.full_name} has no branch {name!r}")
        if name == repository.default_branch:
            raise Refusal(403, "can not delete default branch")
        await repository.git.update_refs({f"refs/heads/{name}": None})
        await self._pushes.process(repository, [RefChange(f"refs/heads/{name}", sha, None)], by)

    async def rename_branch(self, repository: Repository, old: str, new: str, by: User) -> None:
        """Rename without push processing: updated_at stays unless it is the default branch; pull requests that
        name the branch and are not merged follow silently. Only Forgejo's feed tells of it."""
        sha = repository.branches.get(old)
        if sha is None:
            raise Unknown(f"{repository.full_name} has no branch {old!r}")
        if new in repository.branches:
            raise Refusal(409 if self._world.forgejo else 422, f"branch {new} exists already")
        await repository.git.update_refs({f"refs/heads/{old}": None})
        await repository.git.update_refs({f"refs/heads/{new}": sha})
        repository.branches[new] = repository.branches.pop(old)
        for pull in self._world.pulls():
            if pull.merged:
                continue
            if pull.head_repository is repository and pull.head_branch == old:
                pull.head_branch = new
            if pull.repository is repository and pull.base_branch == old:
                pull.base_branch = new
        if repository.default_branch == old:
            self.set_default_branch(repository, new)
        self._pushes.renamed(repository, old, new, by)
