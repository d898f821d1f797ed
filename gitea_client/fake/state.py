"""What the stand-in remembers beside Git: the rows that a forge keeps in its database.

Times are whole seconds in UTC, as the API tells them. Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from .bare import BareRepository
from .objects import StandInError

DRAFT_PREFIXES = ("wip:", "[wip]")
"""A title that begins with one of these makes a draft (repository.pull-request.WORK_IN_PROGRESS_PREFIXES)."""


@dataclass
class User:
    """A person or an organization: they share one number space and one name space."""

    id: int
    login: str
    created: datetime
    organization: bool = False
    admin: bool = False
    token: str = ""
    hides_address: bool = False

    @property
    def email(self) -> str:
        return f"{self.login}@example.org"

    def may_be_known(self, viewer: User | None) -> bool:
        """Whether somebody is told all about this user: the user itself and administrators are."""
        return viewer is not None and (viewer is self or viewer.admin)


@dataclass
class Event:
    """A line of a pull request's timeline."""

    id: int
    type: str
    user: User
    created: datetime
    updated: datetime
    body: str = ""
    old_title: str = ""
    new_title: str = ""
    old_ref: str = ""
    new_ref: str = ""
    label: Label | None = None
    review_id: int = 0
    commit: str = ""


@dataclass
class Label:
    id: int
    name: str
    color: str = "00ff00"


@dataclass
class Review:
    id: int
    user: User
    state: str
    body: str
    commit_id: str
    submitted: datetime
    comment_id: int


@dataclass
class Pull:
    """A pull request. `head_repository` is None once the fork is gone; `agit` ones never had a branch."""

    id: int
    number: int
    repository: Repository
    poster: User
    title: str
    body: str
    base_branch: str
    head_branch: str
    head_repository: Repository | None
    created: datetime
    updated: datetime
    merge_base: str = ""
    open: bool = True
    closed_at: datetime | None = None
    merged_at: datetime | None = None
    merge_commit: str | None = None
    merged_by: User | None = None
    agit: bool = False
    labels: list[Label] = field(default_factory=list)
    timeline: list[Event] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)

    @property
    def merged(self) -> bool:
        return self.merged_at is not None

    @property
    def ref(self) -> str:
        return f"refs/pull/{self.number}/head"

    @property
    def draft(self) -> bool:
        return self.title.lower().startswith(DRAFT_PREFIXES)

    @property
    def comments(self) -> int:
        return sum(event.type == "comment" for event in self.timeline)


@dataclass
class Repository:
    """A repository's row. `branches` is what the forge has processed, which lags behind `git` (the directory)."""

    id: int
    owner: User
    name: str
    git: BareRepository
    default_branch: str
    created_at: datetime
    updated_at: datetime
    private: bool = False
    archived: bool = False
    archived_at: datetime | None = None
    empty: bool = True
    description: str = ""
    topics: list[str] = field(default_factory=list)
    parent: Repository | None = None
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    pulls: dict[int, Pull] = field(default_factory=dict)
    labels: list[Label] = field(default_factory=list)
    collaborators: set[str] = field(default_factory=set)
    has_pull_requests: bool = True
    last_number: int = 0

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    @property
    def path(self) -> Path:
        return self.git.path

    def may_write(self, user: User | None) -> bool:
        return user is not None and (user.admin or user is self.owner or user.login in self.collaborators)

    def may_read(self, user: User | None) -> bool:
        return not self.private or self.may_write(user)

    def may_administer(self, user: User | None) -> bool:
        return user is not None and (user.admin or user is self.owner)


@dataclass
class Activity:
    """One user's copy of a feed item: the actor gets one, and the repository's owner another with the next id."""

    id: int
    receiver: User
    actor: User
    operation: str
    repository: Repository
    created: datetime
    ref_name: str = ""
    content: str = ""
    pull: Pull | None = None
    comment: Event | None = None


@dataclass
class Hook:
    """A webhook of an owner (organization or user) or of a repository."""

    id: int
    owner: User | None
    repository: Repository | None
    url: str
    secret: str
    events: list[str]
    content_type: str
    active: bool
    created: datetime
    updated: datetime
    authorization_header: str = ""
    branch_filter: str = ""
    type: str = "gitea"


class Unknown(StandInError):
    """A name that the stand-in does not have."""


FLAVOURS = ("gitea", "gitea-1.26", "forgejo")
"""Gitea 1.23, Gitea 1.26, Forgejo 15."""


class World:
    """Everything, and the counters that hand out ids."""

    def __init__(self, flavour: str, clock: Callable[[], datetime] | None) -> None:
        if flavour not in FLAVOURS:
            raise ValueError(f"flavour {flavour!r}: it is one of {', '.join(FLAVOURS)}")
        self.flavour = flavour
        self._clock = clock
        self.users: dict[str, User] = {}
        self.tokens: dict[str, tuple[User, tuple[str, ...]]] = {}
        """Tokens that were made beside a user's own, with their scopes."""
        self.repositories: dict[int, Repository] = {}
        self.old_names: dict[str, int] = {}
        self.activities: list[Activity] = []
        self.hooks: dict[int, Hook] = {}
        self._counters: dict[str, Iterator[int]] = {}

    @property
    def forgejo(self) -> bool:
        return self.flavour == "forgejo"

    @property
    def rewrites(self) -> bool:
        """Whether a timeline is rewritten by a forced push and by another base."""
        return self.flavour == "gitea-1.26"

    @property
    def retargets(self) -> bool:
        """Whether what is stacked on a pull request gets its base when that is merged and its branch deleted."""
        return self.flavour != "gitea"

    def now(self) -> datetime:
        """The present, cut to whole seconds: no time in the API is finer."""
        moment = self._clock() if self._clock else datetime.now(UTC)
        return moment.astimezone(UTC).replace(microsecond=0)

    def next_id(self, kind: str) -> int:
        return next(self._counters.setdefault(kind, count(1)))

    def user(self, login: str) -> User:
        """The user or organization, whatever the case of the letters; raises Unknown."""
        found = self.users.get(login.lower())
        if found is None:
            raise Unknown(f"no user or organization {login!r}")
        return found

    def repository(self, full_name: str) -> Repository:
        """The repository that bears this name now; raises Unknown."""
        found = self.find(full_name)
        if found is None:
            raise Unknown(f"no repository {full_name!r}")
        return found

    def find(self, full_name: str) -> Repository | None:
        wanted = full_name.lower()
        return next((r for r in self.repositories.values() if r.full_name.lower() == wanted), None)

    def moved(self, full_name: str) -> Repository | None:
        """The repository that a former name leads to, while nobody else took the name."""
        return self.repositories.get(self.old_names.get(full_name.lower(), 0))

    def pull(self, full_name: str, number: int) -> Pull:
        found = self.repository(full_name).pulls.get(number)
        if found is None:
            raise Unknown(f"no pull request {full_name}#{number}")
        return found

    def pulls(self) -> Iterator[Pull]:
        for repository in self.repositories.values():
            yield from repository.pulls.values()
