"""What differs between commits, many pairs in one reading.

Trees are compared here and not by `git diff-tree`, which collects all that differs before it says anything: a dozen
tree objects can be made to hold more paths than any memory, in a pull request of anybody. Read folder by folder, a
pair that holds too much is given up by itself, and the others are read as ever.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from gitea_client.batches import objects
from gitea_client.errors import GitFailed, ObjectMissing, TooMuch
from gitea_client.git import EMPTY_TREE, TreeItem, check_object_id
from gitea_client.objects import ObjectStore
from gitea_client.parsing import path_bytes, path_of
from gitea_client.treeobjects import Entry, changed

Pair = tuple[str | None, str]
"""A commit, and the one to compare it with before; None stands for nothing at all."""
Sides = tuple[TreeItem | None, TreeItem | None]
"""A path's item before and after; None where it is not there."""
Edge = tuple[str, str]
"""The trees of a pair."""

TOGETHER = 64
"""Pairs whose folders are read at once."""
DEEPEST = 256
"""Folders in folders; no checkout could hold more with names of a few letters."""
LARGEST_TREE = 16 << 20
"""Bytes of one tree object: some 400,000 names."""


class Compared(Struct, frozen=True):
    """For each pair of commits every path that differs; or why that cannot be said of it."""

    found: Mapping[Pair, Mapping[str, Sides]]
    failed: Mapping[Pair, GitFailed]


async def differences(
    store: ObjectStore, pairs: Collection[Pair], *, below: Sequence[str] = ("",), most: int | None = None
) -> dict[Pair, Mapping[str, Sides]]:
    """For each pair of commits every path that differs, as `compare` finds them.

    Raises ObjectMissing for a commit not held, TooMuch for a pair that differs in more than `most`, and GitFailed.
    """
    compared = await compare(store, pairs, below=below, most=most)
    for error in compared.failed.values():
        raise error
    return dict(compared.found)


async def compare(
    store: ObjectStore, pairs: Collection[Pair], *, below: Sequence[str] = ("",), most: int | None = None
) -> Compared:
    """What differs within each pair of commits, each judged by itself.

    Only paths within `below` are looked at: folders with their slash, whole paths, or the empty one for everything. A
    pair that differs in more than `most` paths and folders (by default as many as the store allows), or whose trees are
    not held or damaged, is in `failed`.
    Raises ObjectMissing for a commit not held, and GitFailed where the store cannot be read.
    """
    trees = await _trees(store, sorted({commit for pair in pairs for commit in pair if commit is not None}))
    edges = {pair: _edge(pair, trees) for pair in pairs}
    reader = _Reader(store, tuple(map(path_bytes, below)), store.most_paths if most is None else most)
    unlike = sorted({edge for edge in edges.values() if edge[0] != edge[1]})
    for start in range(0, len(unlike), TOGETHER):
        await reader.read(unlike[start : start + TOGETHER])
    found = {pair: reader.found.get(edge, {}) for pair, edge in edges.items() if edge not in reader.failed}
    return Compared(found, {pair: reader.failed[edge] for pair, edge in edges.items() if edge in reader.failed})


class _Folder(NamedTuple):
    """A folder that differs: of which edge, its path with a slash, its trees."""

    edge: Edge
    path: bytes
    before: str | None
    after: str | None


class _Crowded(Exception):
    """Several pairs hold too much together: they are to be read in smaller groups."""


class _Reader:
    def __init__(self, store: ObjectStore, below: Sequence[bytes], most: int) -> None:
        self._store = store
        self._below = below
        self._most = most
        self.found: dict[Edge, dict[str, Sides]] = {}
        self.failed: dict[Edge, GitFailed] = {}

    async def read(self, edges: Sequence[Edge]) -> None:
        """Compare some pairs of trees; what comes of it is in `found` and `failed`."""
        try:
            found, failed = await self._read(edges)
        except _Crowded:
            half = len(edges) // 2
            await self.read(edges[:half])
            await self.read(edges[half:])
        else:
            self.found |= found
            self.failed |= failed

    async def _read(self, edges: Sequence[Edge]) -> tuple[dict[Edge, dict[str, Sides]], dict[Edge, GitFailed]]:
        found: dict[Edge, dict[str, Sides]] = {edge: {} for edge in edges}
        failed: dict[Edge, GitFailed] = {}
        amounts: Counter[Edge] = Counter()
        folders = [_Folder(edge, b"", *edge) for edge in edges]
        while folders:
            trees = await self._contents({tree for folder in folders for tree in folder[2:] if tree is not None})
            # beside the event loop: a bomb's trees are compared for half a second before they are too much
            folders = await asyncio.to_thread(self._level, folders, trees, found, failed, amounts)
            if len(edges) > 1 and amounts.total() + sum(map(len, found.values())) > self._most:
                raise _Crowded
        return found, failed

    def _level(
        self,
        folders: Sequence[_Folder],
        trees: Mapping[str, bytes | None],
        found: Mapping[Edge, dict[str, Sides]],
        failed: dict[Edge, GitFailed],
        amounts: Counter[Edge],
    ) -> list[_Folder]:
        """Compare folders; the folders in them that differ. Adds to `found`, `failed` and `amounts`."""
        inner: list[_Folder] = []
        for folder in folders:
            if folder.edge in failed:
                continue
            try:
                more = list(self._compare(folder, trees, found[folder.edge]))
                amounts[folder.edge] += len(more)
                self._judge(folder, amounts[folder.edge] + len(found[folder.edge]))
            except GitFailed as error:
                failed[folder.edge] = error
                found[folder.edge].clear()
                continue
            inner += more
        return inner

    def _judge(self, folder: _Folder, amount: int) -> None:
        what = f"{folder.edge[1]} in {self._store.path.name}"
        if amount > self._most:
            raise TooMuch(what, f"differs in more than {self._most} paths", "tree_paths")
        if folder.path.count(b"/") > DEEPEST:
            raise TooMuch(what, f"holds folders more than {DEEPEST} deep", "tree_paths")

    async def _contents(self, ids: set[str]) -> Mapping[str, bytes | None]:
        ids = {tree for tree in ids if tree != EMPTY_TREE[len(tree)]}
        told = objects(self._store, sorted(ids), most=LARGEST_TREE)
        return {tree: content async for tree, kind, content in told if kind == "tree"}

    def _compare(
        self, folder: _Folder, trees: Mapping[str, bytes | None], found: dict[str, Sides]
    ) -> Iterator[_Folder]:
        """Put the files that differ into `found`, and give the folders that do."""
        width = len(folder.edge[1]) // 2
        sides = changed(self._raw(folder.before, trees), self._raw(folder.after, trees), width)
        for name, (before, after) in sides.items():
            path = folder.path + name
            old, new = _file(before), _file(after)
            if old != new and self._within(path):
                found[path_of(path)] = old, new
            into = _tree(before), _tree(after)
            if into[0] != into[1] and self._leads(path + b"/"):
                yield _Folder(folder.edge, path + b"/", *into)

    def _raw(self, tree: str | None, trees: Mapping[str, bytes | None]) -> bytes:
        if tree is None or tree == EMPTY_TREE[len(tree)]:
            return b""
        if tree not in trees:
            raise ObjectMissing(tree, f"a tree in {self._store.path.name}")
        content = trees[tree]
        if content is None:
            raise TooMuch(f"tree {tree} in {self._store.path.name}", "is too long", "tree_paths")
        return content

    def _within(self, path: bytes) -> bool:
        return any(path.startswith(p) if not p or p.endswith(b"/") else path == p for p in self._below)

    def _leads(self, folder: bytes) -> bool:
        """Whether anything that is looked at can lie in a folder."""
        return any(p.startswith(folder) or folder.startswith(p) if not p or p.endswith(b"/") else p.startswith(folder)
                   for p in self._below)  # fmt: skip


def _file(entry: Entry | None) -> TreeItem | None:
    if entry is None or entry.is_tree:
        return None
    return TreeItem(entry.mode, "commit" if entry.mode == "160000" else "blob", entry.id)


def _tree(entry: Entry | None) -> str | None:
    return entry.id if entry is not None and entry.is_tree else None


def _edge(pair: Pair, trees: Mapping[str, str]) -> Edge:
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
