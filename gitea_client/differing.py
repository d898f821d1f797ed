"""What differs between commits, many pairs in one reading."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from gitea_client.errors import GitFailed, ObjectMissing
from gitea_client.git import EMPTY_TREE, TreeItem, check_object_id
from gitea_client.objects import ObjectStore
from gitea_client.parsing import both_sides

Pair = tuple[str | None, str]
"""A commit, and the one to compare it with before; None stands for nothing at all."""
Sides = tuple[TreeItem | None, TreeItem | None]
"""A path's item before and after; None where it is not there."""

_DIFF = ("diff-tree", "--stdin", "-r", "-z", "--raw", "--no-abbrev", "--no-renames")


async def differences(store: ObjectStore, pairs: Collection[Pair]) -> dict[Pair, Mapping[str, Sides]]:
    """For each pair of commits every path that differs. Raises ObjectMissing for a commit not held, and GitFailed."""
    trees = await _trees(store, sorted({commit for pair in pairs for commit in pair if commit is not None}))
    edges = {pair: _edge(pair, trees) for pair in pairs}
    found: dict[tuple[str, str], dict[str, Sides]] = {edge: {} for edge in edges.values()}
    lines = "".join(f"{before} {after}\n" for before, after in sorted(found) if before != after)
    current: dict[str, Sides] = {}
    for part in both_sides(await store.read(_DIFF, stdin=lines.encode())) if lines else ():
        if isinstance(part, tuple):
            current[part[0]] = part[1], part[2]
        else:
            before, after = part.decode("ascii").split()
            current = found[before, after]
    return {pair: found[edge] for pair, edge in edges.items()}


def _edge(pair: Pair, trees: Mapping[str, str]) -> tuple[str, str]:
    after = trees[pair[1]]
    return trees[pair[0]] if pair[0] is not None else EMPTY_TREE[len(after)], after


async def _trees(store: ObjectStore, commits: Sequence[str]) -> dict[str, str]:
    """The trees of commits."""
    if not commits:
        return {}
    asked = "".join(f"{check_object_id(commit)}^{{tree}}\n" for commit in commits)
    lines = (await store.read(["cat-file", "--batch-check"], stdin=asked.encode())).decode("ascii").splitlines()
    if len(lines) != len(commits):
        raise GitFailed(f"{store.path.name}: cat-file told of {len(lines)} trees, not of {len(commits)}")
    trees = {}
    for commit, line in zip(commits, lines, strict=True):
        fields = line.split(" ")
        if len(fields) != 3 or fields[1] != "tree":
            raise ObjectMissing(commit, f"the tree of a commit in {store.path.name}")
        trees[commit] = fields[0]
    return trees
