"""The first-parent chain of a branch, and what each of its commits changed."""

from __future__ import annotations

from msgspec import Struct

from gitea_client.git import TreeItem, check_object_id
from gitea_client.objects import ObjectStore
from gitea_client.parsing import raw_changes


class Landing(Struct, frozen=True):
    """One first-parent commit, and what it changed against its first parent (a root: all that it holds)."""

    sha: str
    parents: tuple[str, ...]
    changes: tuple[tuple[str, TreeItem | None], ...]


async def read_landings(store: ObjectStore, tip: str, after: str | None) -> list[Landing]:
    """The first-parent commits from just after `after` to `tip`, oldest first; from the root where `after` is None.

    Where `after` is not on the chain, the first one's first parent is another commit, or the list is empty.
    """
    revisions = [check_object_id(tip)]
    if after is not None and not await store.missing([after]):
        revisions.append("^" + check_object_id(after))
    options = ["--first-parent", "-m", "--raw", "--no-renames", "--no-abbrev", "-z", "--format=%H %P"]
    landings: list[Landing] = []
    changes: list[tuple[str, TreeItem | None]] = []
    for part in raw_changes(await store.read(["log", *options, *revisions])):
        if isinstance(part, tuple):
            changes.append(part)
            continue
        if landings:
            landings[-1] = Landing(landings[-1].sha, landings[-1].parents, tuple(changes))
            changes = []
            if landings[-1].parents[:1] == (after,):
                return landings[::-1]  # skewed dates can make git list more than was asked for
        sha, *parents = part.decode("ascii").split()
        landings.append(Landing(sha, tuple(parents), ()))
    if landings:
        landings[-1] = Landing(landings[-1].sha, landings[-1].parents, tuple(changes))
    return landings[::-1]
