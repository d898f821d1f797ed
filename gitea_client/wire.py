"""The API's JSON as typed structs, spelled as Gitea and Forgejo spell it; only the fields that are read.

Shapes: https://docs.gitea.com/api/ and, where the servers differ from it, recorded answers of Gitea 1.23 and Forgejo
15. Unknown fields are ignored. See `decode` for what null, missing and empty mean.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Raw, Struct

from gitea_client import allowed
from gitea_client.decoding import Unusable, decode, decode_each
from gitea_client.errors import Malformed

__all__ = [
    "Activity", "ApiSettings", "Comment", "Hook", "IssueHit", "Label", "Organization", "PullBranch", "PullRequest",
    "PushEvent", "Repository", "RepositoryRef", "SearchResults", "ServerVersion", "Unusable", "User", "UserResults",
    "Version", "decode", "decode_each",
]  # fmt: skip

# What is stored as an integer must fit SQLite's. -1 is the id of a repository or user that is gone, and users of the
# server's own (`gitea-actions`, -2) lie below.
Id = Annotated[int, Meta(ge=-allowed.LARGEST, le=allowed.LARGEST)]
Number = Annotated[int, Meta(ge=1, le=allowed.LARGEST)]
RepositoryId = Number

Time = Annotated[datetime, Meta(tz=True)]

# What becomes part of a path, a command line or a file: see `allowed`. Where the servers leave a text empty, so may we.
Owner = Annotated[str, Meta(pattern=allowed.OWNER)]
RepositoryName = Annotated[str, Meta(pattern=allowed.REPOSITORY_NAME)]
FullName = Annotated[str, Meta(pattern=allowed.FULL_NAME)]
Login = Annotated[str, Meta(pattern=allowed.or_empty(allowed.LOGIN))]
ObjectId = Annotated[str, Meta(pattern=allowed.or_empty(allowed.OBJECT_ID))]
ObjectFormat = Annotated[str, Meta(pattern=allowed.or_empty(allowed.OBJECT_FORMAT))]
RefName = Annotated[str, Meta(pattern=allowed.or_empty(allowed.REF_NAME))]


class User(Struct, frozen=True):
    """A user or an organisation in its role as owner.

    `visibility` is `public`, `limited` (to those who are signed in) or `private` (to members).
    """

    id: Id
    login: Login
    full_name: str = ""
    email: str = ""
    visibility: str = ""


class RepositoryOwner(User, frozen=True):
    """Whose a repository is: the first part of its path, so never without a name."""

    login: Owner


class Organization(Struct, frozen=True):
    """An organisation; its id is the owner id of its repositories."""

    id: Id
    name: Login = ""
    username: Login = ""

    @property
    def login(self) -> str:
        """The name in paths; older servers only fill `username`."""
        return self.name or self.username


class Repository(Struct, frozen=True):
    """A repository. `updated_at` is a hint only: branch renames and archiving by hand do not move it."""

    id: RepositoryId
    name: RepositoryName
    full_name: FullName
    owner: RepositoryOwner
    description: str = ""
    empty: bool = False
    private: bool = False
    internal: bool = False
    """Not private itself, and yet of an owner whose repositories only members see."""
    fork: bool = False
    mirror: bool = False
    archived: bool = False
    default_branch: RefName = ""
    topics: tuple[str, ...] = ()
    object_format_name: ObjectFormat = "sha1"
    """Empty where an old server knows only SHA-1."""
    has_pull_requests: bool = True
    html_url: str = ""
    created_at: Time | None = None
    updated_at: Time | None = None


class RepositoryRef(Struct, frozen=True):
    """The short form of a repository inside a search result."""

    id: Id
    full_name: FullName
    name: str = ""


class Label(Struct, frozen=True):
    """A label by its name."""

    name: str


class PullBranch(Struct, frozen=True):
    """One end of a pull request.

    `label` keeps the branch's name after the branch is gone, when `ref` reads `refs/pull/N/head`; it is empty for
    AGit. `repo_id` is -1 once the fork was deleted. `sha` of a head is the branch's tip of today, also
    long after the merge: the pull request's own head is in `refs/pull/N/head`.
    """

    label: str = ""
    ref: RefName = ""
    sha: ObjectId = ""
    repo_id: Id = -1


class PullRequest(Struct, frozen=True):
    """A pull request as `/pulls` and `/pulls/{number}` tell it."""

    id: Id
    number: Number
    title: str
    state: str
    head: PullBranch
    base: PullBranch
    user: User | None = None
    body: str = ""
    draft: bool = False
    merged: bool = False
    merged_at: Time | None = None
    merge_commit_sha: ObjectId | None = None
    merged_by: User | None = None
    html_url: str = ""
    labels: tuple[Label, ...] = ()
    created_at: Time | None = None
    updated_at: Time | None = None
    closed_at: Time | None = None


class PushEvent(Struct, frozen=True):
    """The body of a `pull_push` comment.

    Not forced: the commits that were added, oldest first (none where the base already had them). Forced: `[old, new]`.
    """

    is_force_push: bool = False
    commit_ids: tuple[str, ...] = ()


class Comment(Struct, frozen=True):
    """An item of a pull request's timeline."""

    id: Id
    type: str
    created_at: Time
    body: str = ""
    updated_at: Time | None = None
    user: User | None = None
    old_ref: str = ""
    new_ref: str = ""
    old_title: str = ""
    new_title: str = ""
    ref_commit_sha: str = ""

    @property
    def push_event(self) -> PushEvent | None:
        """What was pushed; None for any other type. Raises Malformed where the body does not say it."""
        if self.type != "pull_push":
            return None
        what = f"timeline event {self.id}"
        event = decode(PushEvent, self.body.encode("utf-8", "surrogatepass"), what)
        if not all(allowed.is_object_id(commit) for commit in event.commit_ids):
            raise Malformed(f"{what}: commit_ids holds something that is no object id")
        if event.is_force_push and len(event.commit_ids) not in (0, 2):
            raise Malformed(f"{what}: a forced push names {len(event.commit_ids)} commits, not the old and the new")
        return event


class IssueHit(Struct, frozen=True):
    """A pull request as `/repos/issues/search` finds it: which one, and when it changed."""

    number: Number
    updated_at: Time
    repository: RepositoryRef
    state: str = ""


class Activity(Struct, frozen=True):
    """An item of an activity feed. Ids grow; the feed is ordered by whole seconds, so ids may swap within one."""

    id: Id
    op_type: str
    created: Time
    repo_id: Id = -1
    repo: RepositoryRef | None = None
    ref_name: str = ""
    content: str = ""


class Hook(Struct, frozen=True):
    """A webhook as the API tells it. The secret never comes back; the authorization header, a secret too, does."""

    id: Id
    type: str = ""
    active: bool = False
    config: dict[str, str] = {}
    events: tuple[str, ...] = ()
    branch_filter: str = ""
    authorization_header: str = ""
    created_at: Time | None = None


class ApiSettings(Struct, frozen=True):
    """`/settings/api`: `max_response_items` is the most that one page holds, whatever `limit` asks for."""

    max_response_items: Annotated[int, Meta(ge=1)] = 50
    default_paging_num: int = 30


class Version(Struct, frozen=True):
    """The answer of `/version`."""

    version: str


class SearchResults(Struct, frozen=True):
    """The answer of `/repos/search`; the repositories are decoded one by one."""

    ok: bool
    data: Raw = Raw(b"null")


class UserResults(Struct, frozen=True):
    """The answer of `/users/search`."""

    ok: bool
    data: tuple[User, ...] = ()


class ServerVersion(Struct, frozen=True):
    """Which server this is. `version` is verbatim: `1.23.4`, `1.24.0+dev-12-gabcdef`, `15.0.3+gitea-1.22.0`."""

    version: str
    forgejo: bool

    def at_least(self, *wanted: int) -> bool:
        """Whether the server's own version is `wanted` or newer; what follows `+` or `-` does not count."""
        found = re.match(r"v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?", self.version)
        return found is not None and tuple(int(part or 0) for part in found.groups()) >= wanted
