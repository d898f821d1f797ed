"""The values that flow from reading to rows: all frozen, none does I/O.

*Evidence* is what was read of a forge, unjudged. *Rows* (in `cache.rows`) are what follows from it. Times are
aware datetimes in UTC and come from Git or the forge, never from the local clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from gitea_client.git import Blob, Commit, FileVersion

__all__ = [
    "Blob",
    "Commit",
    "ContentProblem",
    "FileVersion",
    "HeadFile",
    "KeptRevision",
    "PullHead",
    "PullHistory",
    "PullRequest",
    "ReadError",
    "Repository",
    "RepositoryEvidence",
]  # fmt: skip


class Repository(Struct, frozen=True):
    """A repository as the forge's API tells it, keyed by the forge's numeric id."""

    id: int
    owner: str
    name: str
    default_branch: str = ""
    private: bool = False
    archived: bool = False
    empty: bool = False
    fork: bool = False
    mirror: bool = False
    description: str = ""
    topics: tuple[str, ...] = ()
    created_at: datetime | None = None
    object_format: str = "sha1"
    """What its object ids are made with: `sha1` or `sha256`."""
    has_pull_requests: bool = True
    """Whether pull requests are switched on."""

    @property
    def full_name(self) -> str:
        """`owner/name`, as the forge spells it today."""
        return f"{self.owner}/{self.name}"


class PullRequest(Struct, frozen=True):
    """A pull request as the forge's API tells it, less what the forge recomputes by itself.

    `head_label` is the branch's name even after the branch is gone (`head.ref` then reads `refs/pull/N/head`);
    it is empty for AGit pull requests. `head_repository_id` is None once a fork was deleted. Who merged it is left
    out: both servers tell it of a single pull request and leave it out of lists (seen on Gitea 1.23 and Forgejo 11).
    """

    repository_id: int
    number: int
    title: str
    body: str
    user: str
    state: str
    draft: bool
    merged: bool
    head_label: str
    head_repository_id: int | None
    base_ref: str
    created_at: datetime
    closed_at: datetime | None = None
    merged_at: datetime | None = None
    merge_commit_sha: str | None = None
    labels: tuple[str, ...] = ()


class PullHead(Struct, frozen=True):
    """A head that a pull request had, in the order in which it had them.

    `at` is when the forge told of it; of a head that no push told of (`told` is false) the committer's date, held
    between its neighbours. `commits` are those that its push told: what it added, or the old and the new head of a
    forced one. `base` is the branch that it was raised against where the pull request has another one now. `fork_point`
    is the commit that it is compared with, None where it shares nothing with the base. Of a head that is `gone` the
    forge does not give the objects any more, and nothing else is known.

    `event` is the id of the timeline's event, 0 where none told; `also` are further events that tell nothing more.
    With `gap` the forge may have forgotten heads that came before this one. A `relisted` head's event was made when the
    pull request was given another base, and lists what lies between that base and the head, which may be more than the
    head brought.
    """

    position: int
    sha: str
    at: datetime
    forced: bool = False
    told: bool = True
    commits: tuple[str, ...] = ()
    base: str | None = None
    fork_point: str | None = None
    gone: bool = False
    event: int = 0
    gap: bool = False
    relisted: bool = False
    also: tuple[int, ...] = ()


MERGED = -1
"""Where a `HeadFile` stands that says what the merge made of a file."""


class HeadFile(Struct, frozen=True):
    """A file of interest at one head of a pull request (`position`), or as it was merged (`MERGED`).

    A path that any head changes stands at every head that is not gone. `changed` says whether it differs from the
    fork point of this head, where it was `before`. Both blobs are None where the file is not there.
    """

    position: int
    path: str
    blob: str | None
    mode: str
    changed: bool = True
    before: str | None = None


class PullHistory(Struct, frozen=True):
    """The heads of one pull request, and what each makes of the files of interest.

    `updated_at` is the pull request's own time when its timeline was read; `settled` says that the forge's clock was
    well beyond it by then, so that the same time later means that nothing came since. `merge_commit` is the commit
    whose files stand at `MERGED`, None where there is none, or where the forge does not give it. `rewritten` says that
    the forge has taken events out of the timeline: read for the first time now, it would tell fewer heads.
    """

    number: int
    updated_at: datetime | None
    settled: bool
    merge_commit: str | None = None
    heads: tuple[PullHead, ...] = ()
    files: tuple[HeadFile, ...] = ()
    rewritten: bool = False


class ReadError(Struct, frozen=True):
    """A part of a repository that could not be read: what was known of it stands, and everything else goes on.

    `number` is the pull request's where the part is one, else 0. `rule` is that of the finding that tells of it.
    `retry` says that the next look tries it again.
    """

    about: str
    rule: str
    message: str
    number: int = 0
    retry: bool = False


class KeptRevision(Struct, frozen=True):
    """One revision as published: of the entry `(block, collection, key)`, by pull request `number`.

    Where a key begins with its repository, that stands here by its id: a name may change.
    """

    block: str
    collection: str
    key: str
    repository_id: int
    number: int
    version: int
    content: str | None
    """None where the head's objects were gone before they were read."""
    frozen_at: datetime | None
    data: Mapping[str, Any] = {}
    """The other columns, as JSON values; these may change."""


class ContentProblem(Struct, frozen=True, order=True):
    """What a repository holds that could not be read as it is: the rule that it breaks, the path that it concerns or
    nothing for the whole repository, and a message for people. It follows from the content and the configuration alone.
    """

    rule: str
    path: str
    message: str


class RepositoryEvidence(Struct, frozen=True):
    """Everything read of one mirrored repository, at one moment.

    `branches` maps a branch's short name to its head, `pull_heads` a pull request's number to `refs/pull/N/head`.
    `versions` maps a path of interest to its changes, oldest first. `unreadable` maps an object id that the forge
    lists and does not give to where it was named. `read_errors` are what could not be read, by what it is about.
    `last_head` is the commit that was last read of a default branch that is not there now.
    """

    repository: Repository
    depth: str
    interest: str
    """What was looked for in the tree, canonical; a different interest means reading again from the store."""
    position: int = -1
    """How many first-parent commits the default branch has, less one; -1 where nothing was read of it."""
    branches: Mapping[str, str] = {}
    pull_heads: Mapping[int, str] = {}
    commits: Mapping[str, Commit] = {}
    versions: Mapping[str, tuple[FileVersion, ...]] = {}
    blobs: Mapping[str, Blob] = {}
    pulls: Mapping[int, PullRequest] = {}
    unreadable: Mapping[str, str] = {}
    histories: Mapping[int, PullHistory] = {}
    """The heads of pull requests, by number; only where something follows from them."""
    read_errors: Mapping[str, ReadError] = {}
    last_head: str | None = None
    problems: tuple[ContentProblem, ...] = ()
    """What the default branch holds that could not be read as it is, sorted; one of a rule and a path."""

    @property
    def head(self) -> str | None:
        """The commit at the default branch, as it is or as it was last read; None where there is none."""
        return self.branches.get(self.repository.default_branch, self.last_head)
