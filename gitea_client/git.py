"""The values that are read from Git objects: frozen, in no way bound to where they were read."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct

from gitea_client.allowed import check_object_id
from gitea_client.packed import Packed

__all__ = ["EMPTY_TREE", "LATEST", "Blob", "Commit", "FileVersion", "TreeItem", "check_object_id"]

EMPTY_TREE = {
    40: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    64: "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
"""The tree without files, by the length of object ids; Git knows it without having it."""


LATEST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""Stands for every date beyond it, which Git can hold and neither Python nor RFC 3339 can."""


class Commit(Struct, frozen=True, gc=False):
    """A commit as Git tells it; dates in UTC."""

    sha: str
    author_name: str
    author_email: str
    authored_at: datetime
    committer_name: str
    committer_email: str
    committed_at: datetime
    message: str
    parents: tuple[str, ...] = ()


class FileVersion(Struct, frozen=True, gc=False):
    """One change of one path along the first-parent history of the default branch.

    `position` counts first-parent commits from the root (the root is 0). `landed` is the commit with which the
    change arrived on the branch, `commit` the one that made it (`git log -1 -- path` at `landed`); the two differ
    for merged side branches. `blob` is None where the path was removed; `mode` is `000000` then. `added` is the commit
    that added a file where that is neither: a merge brought it, and it was changed again before.
    """

    path: str
    position: int
    landed: str
    commit: str
    blob: str | None
    mode: str
    added: str | None = None


class Blob(Struct, frozen=True, gc=False):
    """The bytes of a file; `content` is None where it was too large to fetch or the forge does not give it.

    Blobs are kept for as long as their file stands, and there are many: they are held packed.
    """

    id: str
    packed: Packed | None

    @classmethod
    def of(cls, object_id: str, content: bytes | None) -> Blob:
        """The blob of an id."""
        return cls(object_id, None if content is None else Packed(content))

    @property
    def content(self) -> bytes | None:
        """The bytes."""
        return None if self.packed is None else self.packed.content


class TreeItem(Struct, frozen=True, gc=False):
    """A file of a tree: `mode` 100644, 100755, 120000 (symbolic link) or 160000 (submodule); `kind` blob or commit."""

    mode: str
    kind: str
    id: str
