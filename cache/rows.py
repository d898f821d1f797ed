"""The rows of `cache.db`, one frozen type a table. What a column means is said here and nowhere else.

Evidence tables hold what was read; projected tables follow from evidence, profile and tombstones, and are what the
digest covers. A type's `table` and `primary` name its table and its key; `cache.schema` builds the tables from
these types, so that a column is written down once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any, ClassVar

from cache.problem_rows import ContentProblemRow, UnreadableRow
from cache.pull_rows import HeadFileRow, PullHeadRow, PullHistoryRow, ReadErrorRow
from cache.revision_rows import ProposalRow, RevisionRow
from cache.row import Row as Row
from cache.row import Texts
from gitea_client.packed import Packed

# ------------------------------------------------------------------------------------------------- evidence


class RepositoryRow(Row, frozen=True):
    """A repository known to the forge's owners, mirrored (`depth` set) or only listed."""

    table = "repositories"
    primary = ("id",)
    id: int
    owner: str
    name: str
    full_name: str
    default_branch: str
    private: bool
    archived: bool
    empty: bool
    fork: bool
    mirror: bool
    description: str
    topics: tuple[str, ...]
    created_at: datetime | None
    object_format: str
    has_pull_requests: bool
    """Whether pull requests are switched on."""
    depth: str | None
    """`files`, `commits`, or None where no profile reaches it."""
    interest: str
    """The paths looked for, canonical JSON."""
    position: int
    """The first-parent position of the default branch's head; -1 where it was not read."""


class AliasRow(Row, frozen=True):
    """A name under which an entry knows a repository that the forge answers for under another name."""

    table = "aliases"
    primary = ("full_name",)
    full_name: str
    repository_id: int


class RefRow(Row, frozen=True):
    """A ref as `ls-refs` told it, full name; `HEAD` where the default branch is gone, at what was last read of it."""

    table = "refs"
    primary = ("repository_id", "name")
    repository_id: int
    name: str
    sha: str


class CommitRow(Row, frozen=True):
    """A commit that some row speaks of."""

    table = "commits"
    primary = ("repository_id", "sha")
    repository_id: int
    sha: str
    author_name: str
    author_email: str
    authored_at: datetime
    committer_name: str
    committer_email: str
    committed_at: datetime
    message: str
    parents: tuple[str, ...]


class FileVersionRow(Row, frozen=True):
    """One change of one path on the default branch's first-parent history."""

    table = "file_versions"
    primary = ("repository_id", "path", "position")
    repository_id: int
    path: str
    position: int
    landed: str
    commit: str
    blob: str | None
    mode: str
    added: str | None = None
    """The commit that added the file, where that is neither of the two."""


class BlobRow(Row, frozen=True):
    """The bytes of a file that a row is made of; null where too large or not given by the forge."""

    table = "blobs"
    primary = ("repository_id", "id")
    texts: ClassVar[Texts] = {"content": ()}
    repository_id: int
    id: str
    content: Packed | None


class PullRequestRow(Row, frozen=True):
    """A pull request as the API told it."""

    table = "pull_requests"
    primary = ("repository_id", "number")
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
    closed_at: datetime | None
    merged_at: datetime | None
    merge_commit_sha: str | None
    labels: tuple[str, ...]


class PersonRow(Row, frozen=True):
    """An e-mail address by which a pull request names a person, and whose it is on the forge."""

    table = "people"
    primary = ("address",)
    address: str
    """In lower case."""
    login: str
    """Empty where the forge knows nobody by it, or does not tell us."""


# ------------------------------------------------------------------------------------------------ projected


class EntryRow(Row, frozen=True):
    """An entry: the newest version of its file that reads well.

    `valid` is false where the file's newest version does not read well; the row is then the last good one, and a
    finding says what is wrong. `body` is the document's body where the entry has a document, else the entry's own.
    """

    table = "entries"
    primary = ("block", "collection", "key")
    texts: ClassVar[Texts] = {
        "entry_body": (("repository_id", "entry_sha"),), "document_body": (("document_repository_id", "document_sha"),),
    }  # fmt: skip
    block: str
    collection: str
    key: str
    repository_id: int
    path: str
    line: int
    """Line of a `jsonl` file, counted from 1; 0 for a file that is one entry."""
    title: str
    valid: bool
    fields: dict[str, Any]
    body: str | None
    entry_body: str | None
    entry_sha: str
    """Blob id of the file's version."""
    commit: str
    """The last commit that changed the file (`git log -1 -- path`)."""
    last_entry_commit_at: datetime
    landed: str
    landed_at: datetime
    """When that change arrived on the default branch."""
    created_at: datetime
    """When the file was added (the commit's date)."""
    updated_at: datetime
    """The newest of the entry's and its document's last commits."""
    document_repository_id: int | None = None
    document_path: str | None = None
    document_body: str | None = None
    document_sha: str | None = None
    document_commit: str | None = None
    document_commit_at: datetime | None = None
    home_repository_id: int | None = None
    """The entry's own repository, where its field names one that the forge has."""
    last_main_commit_at: datetime | None = None
    """Committer date of the head of the own repository's default branch."""


class HistoryRow(Row, frozen=True):
    """One change of an entry's file (`part` `entry`) or of its document (`part` `document`)."""

    table = "history"
    primary = ("block", "collection", "key", "part", "position")
    block: str
    collection: str
    key: str
    part: str
    position: int
    change: str
    """`added`, `modified` or `removed`."""
    repository_id: int
    path: str
    sha: str | None
    commit: str
    commit_at: datetime
    author_name: str
    author_email: str
    landed: str
    landed_at: datetime
    subject: str


class RelationRow(Row, frozen=True):
    """A value of a field that names something else: a repository, a user or an entry."""

    table = "relations"
    primary = ("block", "collection", "key", "field", "position")
    block: str
    collection: str
    key: str
    field: str
    position: int
    kind: str
    target: str
    target_id: int | None
    """The repository's id, where it is known."""
    resolved: bool


class BranchRow(Row, frozen=True):
    """A branch of an entry's own repository; `state` is `open`, or `deleted` for a tombstone."""

    table = "branches"
    primary = ("block", "collection", "key", "repository_id", "name")
    block: str
    collection: str
    key: str
    repository_id: int
    name: str
    sha: str
    state: str
    last_commit_at: datetime | None
    is_default: bool


class PullRow(Row, frozen=True):
    """A pull request of a repository that a profile reaches; `gone` marks a tombstone."""

    table = "pulls"
    primary = ("repository_id", "number")
    repository_id: int
    number: int
    title: str
    description: str
    state: str
    """`open`, `merged` or `closed`."""
    draft: bool
    user: str
    opened_at: datetime
    merged_at: datetime | None
    closed_at: datetime | None
    merge_commit_sha: str | None
    head_branch: str
    head_repository_id: int | None
    from_fork: bool
    base_branch: str
    head_sha: str | None
    labels: tuple[str, ...]
    gone: bool


class PullEntryRow(Row, frozen=True):
    """A pull request's place in a collection: its kind, the key it speaks of, and who is behind it."""

    table = "pull_entries"
    primary = ("repository_id", "number", "block", "collection")
    repository_id: int
    number: int
    block: str
    collection: str
    key: str
    kind: str
    actor: str | None
    actor_source: str | None
    """`opener`, `audit`, `trailer` or `bot`."""
    actor_evidence: str | None
    """What the actor was read from: a login, an audit entry's key, a trailer line."""


class FindingRow(Row, frozen=True):
    """Something that is wrong, where, since when. `since` is the date of the commit that brought it."""

    table = "findings"
    primary = ("id",)
    id: str
    rule: str
    severity: str
    message: str
    block: str | None
    collection: str | None
    key: str | None
    repository_id: int | None
    path: str | None
    line: int | None
    field: str | None
    commit: str | None
    since: datetime | None


# ---------------------------------------------------------------------------------------------- operational


class LookRow(Row, frozen=True):
    """Our looking at one repository. Times are this machine's, except where they say the forge's."""

    table = "looks"
    primary = ("repository_id",)
    repository_id: int
    observed_at: datetime | None = None
    """Last read through, or found unchanged by a sweep of its owner."""
    verified_at: datetime | None = None
    """Last look at the refs themselves."""
    looked_at: datetime | None = None
    """The beginning of the last look, by the forge's clock."""
    delivered_at: datetime | None = None
    """The last delivery that spoke of it."""
    due_at: datetime | None = None
    """When a sweep found that it had to be looked at and went on before that was done; None once it is."""
    failures: int = 0
    next_look_at: datetime | None = None
    """When the back-off ends at the latest; None where there is none."""
    last_error: str | None = None
    last_error_at: datetime | None = None
    remedy: str | None = None


class PullLookRow(Row, frozen=True):
    """When a pull request was last read, by the forge's clock."""

    table = "pull_looks"
    primary = ("repository_id", "number")
    repository_id: int
    number: int
    looked_at: datetime


class OwnerRow(Row, frozen=True):
    """What the sweeps remember of one owner. Watermarks are the forge's own times and only choose where to look."""

    table = "owners"
    primary = ("name",)
    name: str
    id: int
    organization: bool
    total: int | None = None
    """`X-Total-Count` of the repository list when it was last read."""
    listed_at: datetime | None = None
    """The last complete list, by this machine's clock."""
    repositories_since: datetime | None = None
    pulls_since: datetime | None = None
    activity_id: int | None = None
    swept_at: datetime | None = None
    """The beginning of the last sweep of this owner that ended without an error, by this machine's clock."""
    last_error: str | None = None


EVIDENCE: tuple[type[Row], ...] = (
    RepositoryRow, AliasRow, RefRow, CommitRow, FileVersionRow, BlobRow, PullRequestRow, UnreadableRow,
    ContentProblemRow, PersonRow, PullHistoryRow, PullHeadRow, HeadFileRow, ReadErrorRow,
)  # fmt: skip
PROJECTED: tuple[type[Row], ...] = (
    EntryRow, HistoryRow, RelationRow, BranchRow, PullRow, PullEntryRow, RevisionRow, ProposalRow, FindingRow,
)  # fmt: skip
OPERATIONAL: tuple[type[Row], ...] = (LookRow, PullLookRow, OwnerRow)

_identities = {kind: attrgetter(*kind.primary) for kind in (*EVIDENCE, *PROJECTED, *OPERATIONAL)}


def identity(row: Row) -> Any:
    """A row's key within its table."""
    return _identities[type(row)](row)


Rows = Mapping[type[Row], Mapping[Any, Row]]
"""Every row, by its type and its key."""


def tabulate(rows: Iterable[Row], kinds: Iterable[type[Row]]) -> dict[type[Row], dict[Any, Row]]:
    """Sort rows into their tables; a later row with a key already seen is an error of ours."""
    tables: dict[type[Row], dict[Any, Row]] = {kind: {} for kind in kinds}
    for row in rows:
        table, key = tables[type(row)], identity(row)
        if key in table:
            raise ValueError(f"two rows claim {type(row).table} {key!r}")
        table[key] = row
    return tables
