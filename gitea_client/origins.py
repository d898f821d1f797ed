"""Which commit made what a merge brought: `git log -1 -- path`, for many paths in one walk over the graph.

Git's rule (History Simplification in git-log(1)): a commit that left the path as one of its parents has it is passed
over towards the first such parent; the first commit that differs from all its parents is the answer.

The walk asks only for what it reaches, many paths at a time: where a path goes along first parents, a stretch of
commits at once; where it meets a merge, the other parents of that merge for this path alone.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import NamedTuple

from msgspec import Struct

from gitea_client.edges import Edge, differing, plain
from gitea_client.git import EMPTY_TREE, check_object_id
from gitea_client.objects import ObjectStore
from gitea_client.parsing import path_bytes
from gitea_client.walking import lines_of

Question = tuple[str, str]
"""A commit and a path."""

FEW = 8
"""Up to so many questions git is asked one by one; beyond, one reading of the graph is cheaper."""
FIRST_STRETCH, LONGEST_STRETCH = 4, 1024
"""Commits along first parents that are looked at together: most side branches are short, some are not."""
MOST_EDGES = 1024
"""Comparisons that are asked for at once."""


PAUSE = 1024
"""After so many questions the event loop has its turn."""

_Asked = dict[str, list[Question]]
"""The paths of walks that are at one place, and the questions that each answers."""


class Touched(Struct, frozen=True):
    """What is known of a chain of first parents, from its root: its commits, and where each path was changed."""

    shas: Sequence[str]
    places: Mapping[str, Sequence[int]]


class Node(NamedTuple):
    """A commit in the graph."""

    tree: str
    parents: tuple[str, ...]


class _Stand(NamedTuple):
    """Where a walk is. `changed`: the paths are known to differ from the first parent there; else so many commits along
    first parents are looked at next."""

    commit: str
    changed: bool
    stretch: int


async def find_origins(
    store: ObjectStore,
    tip: str,
    questions: Collection[Question],
    chain: Touched | None,
    *,
    after: str | None = None,
    few: int | None = None,
) -> dict[Question, str]:
    """The commit that `git log -1 -- path` gives at each commit asked for.

    All commits asked for are reachable from `tip`. `chain` is its first-parent chain, where that is known for every
    path asked for. `after` is a commit below which a walk seldom gets: the graph is read down to it at first. No answer
    where the path is the same all the way down a history that never had it: `git log` is silent then too.
    """
    if len(questions) <= (FEW if few is None else few) and all(plain(path) for _, path in questions):
        return await _ask_git(store, questions)
    walk = _Walk(store, chain)
    await walk.read_graph(tip, after)
    return await walk.run(questions)


async def _ask_git(store: ObjectStore, questions: Collection[Question]) -> dict[Question, str]:
    answers: dict[Question, str] = {}
    for commit, path in sorted(questions):
        options = ["log", "-1", "--format=%H", check_object_id(commit), "--"]
        if origin := (await store.read([*options, path_bytes(path)])).decode().strip():
            answers[commit, path] = origin
    return answers


class _Walk:
    """Follows many paths from commit to commit, those that are at one place together."""

    def __init__(self, store: ObjectStore, chain: Touched | None) -> None:
        self._store = store
        self._chain = chain
        self._place = {sha: place for place, sha in enumerate(chain.shas)} if chain is not None else {}
        self._graph: dict[str, Node] = {}
        self._trees: dict[str, str] = {}
        """Those of commits just below the graph as far as it was read."""
        self._without: str | None = None
        self._stands: dict[_Stand, _Asked] = {}
        self._answers: dict[Question, str] = {}

    async def read_graph(self, tip: str, without: str | None) -> None:
        """Read the commits that `tip` reaches, down to those that `without` reaches."""
        revisions = [check_object_id(tip), *(["^" + check_object_id(without)] if without is not None else [])]
        names: dict[str, str] = {}
        lines = lines_of(self._store, ["log", "--boundary", "--format=%m %H %T %P", *revisions])
        async with aclosing(lines):
            async for line in lines:
                mark, sha, tree, *parents = line.decode("ascii").split()
                if mark == "-":
                    self._trees[sha] = tree
                    continue
                known = names.setdefault(sha, sha)
                self._graph[known] = Node(tree, tuple(names.setdefault(parent, parent) for parent in parents))
        self._without = without

    async def run(self, questions: Iterable[Question]) -> dict[Question, str]:
        """The answers."""
        for number, (commit, path) in enumerate(questions):
            if number % PAUSE == 0:
                await asyncio.sleep(0)
            self._move({path: [(commit, path)]}, commit, FIRST_STRETCH)
        while self._stands:
            if self._without is not None and any(stand.commit not in self._graph for stand in self._stands):
                await self.read_graph(self._without, None)
            now = self._some()
            asked: dict[Edge, Collection[str]] = {}
            for stand, paths in now.items():
                for edge in self._edges(stand):
                    asked[edge] = {*asked[edge], *paths} if edge in asked else paths.keys()
            differ = await differing(self._store, asked)
            for stand, paths in now.items():
                if stand.changed:
                    self._choose(stand, paths, differ)
                else:
                    self._go_along(stand, paths, differ)
        return self._answers

    def _some(self) -> dict[_Stand, _Asked]:
        """As many of the places where walks are as may be asked about together, at least one."""
        taken: dict[_Stand, _Asked] = {}
        edges = 0
        for stand in list(self._stands):
            edges += len(self._graph[stand.commit].parents) if stand.changed else stand.stretch
            if taken and edges > MOST_EDGES:
                break
            taken[stand] = self._stands.pop(stand)
        return taken

    # ---- what a place asks for

    def _edges(self, stand: _Stand) -> Iterator[Edge]:
        if stand.changed:
            node = self._graph[stand.commit]
            edges = [(self._tree(parent), node.tree) for parent in node.parents[1:]]
        else:
            edges = [edge for _, edge in self._stretch(stand)[0]]
        return (edge for edge in edges if edge[0] != edge[1])

    def _stretch(self, stand: _Stand) -> tuple[list[tuple[str, Edge]], str | None]:
        """The commits along first parents, each with what it is to be compared with, and the commit after the last."""
        steps: list[tuple[str, Edge]] = []
        at: str | None = stand.commit
        while at is not None and len(steps) < stand.stretch and at in self._graph and at not in self._place:
            node = self._graph[at]
            parent = node.parents[0] if node.parents else None
            before = self._tree(parent) if parent is not None else EMPTY_TREE[len(node.tree)]
            steps.append((at, (before, node.tree)))
            at = parent
        return steps, at

    def _tree(self, commit: str) -> str:
        node = self._graph.get(commit)
        return node.tree if node is not None else self._trees[commit]

    # ---- what follows from an answer

    def _choose(self, stand: _Stand, paths: _Asked, differ: Mapping[Edge, Collection[str]]) -> None:
        """On to the first parent beside the first one that has the path as it is here; where none has, this made it."""
        node = self._graph[stand.commit]
        ways: dict[str | None, _Asked] = defaultdict(dict)
        edges = [(parent, (self._tree(parent), node.tree)) for parent in node.parents[1:]]
        for path, questions in paths.items():
            same = (parent for parent, edge in edges if edge[0] == edge[1] or path not in differ.get(edge, ()))
            ways[next(same, None)][path] = questions
        for parent, going in ways.items():
            if parent is None:
                self._answer(going, stand.commit)
            else:
                self._move(going, parent, stand.stretch)

    def _go_along(self, stand: _Stand, paths: _Asked, differ: Mapping[Edge, Collection[str]]) -> None:
        steps, beyond = self._stretch(stand)
        pending = dict(paths)
        for commit, edge in steps:
            found = {path: pending.pop(path) for path in differ.get(edge, ()) if path in pending}
            if found:
                self._changed(found, commit, stand.stretch)
        if pending and beyond is not None:
            self._move(pending, beyond, min(4 * stand.stretch, LONGEST_STRETCH))

    def _move(self, paths: _Asked, commit: str, stretch: int) -> None:
        """Go on at a commit; on the known chain, at the last one that changed the path: all between leave it alone."""
        if self._chain is None or commit not in self._place:
            self._put(_Stand(commit, False, stretch), paths)
            return
        for path, questions in paths.items():
            places = self._chain.places.get(path, ())
            before = bisect_right(places, self._place[commit])
            if before:
                self._changed({path: questions}, self._chain.shas[places[before - 1]], stretch)

    def _changed(self, paths: _Asked, commit: str, stretch: int) -> None:
        if len(self._graph[commit].parents) > 1:
            self._put(_Stand(commit, True, stretch), paths)
        else:
            self._answer(paths, commit)

    def _put(self, stand: _Stand, paths: _Asked) -> None:
        held = self._stands.setdefault(stand, {})
        for path, questions in paths.items():
            held.setdefault(path, []).extend(questions)

    def _answer(self, paths: _Asked, commit: str) -> None:
        for questions in paths.values():
            for question in questions:
                self._answers[question] = commit
