"""Which commit made what a merge brought: `git log -1 -- path`, for many paths in one walk over the graph.

Git's rule (History Simplification in git-log(1)): a commit that left the path as one of its parents has it is passed
over towards the first such parent; the first commit that differs from all its parents is the answer.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec import Struct

from gitea_client.git import EMPTY_TREE, check_object_id
from gitea_client.objects import ObjectStore
from gitea_client.parsing import path_bytes, raw_changes
from gitea_client.walking import Landing, read_landings

Question = tuple[str, str]
"""A commit and a path."""
Edge = tuple[str, str]
"""The trees of a parent and of its child."""

FEW = 8
"""Up to so many questions git is asked one by one; beyond, one reading of the whole graph is cheaper."""
_LONGEST_ARGUMENTS = 64 * 1024


class Node(Struct, frozen=True):
    """A commit in the graph."""

    tree: str
    parents: tuple[str, ...]


async def find_origins(
    store: ObjectStore, tip: str, questions: Collection[Question], landings: Sequence[Landing] | None, *, few: int = FEW
) -> dict[Question, str]:
    """The commit that `git log -1 -- path` gives at each commit asked for.

    All commits asked for are on the first-parent chain of `tip`, which `landings` holds from its root where it is
    known. No answer where the path is the same all the way down a history that never had it: `git log` is silent then
    too.
    """
    if len(questions) <= few:
        return await _ask_git(store, questions)
    chain = await read_landings(store, tip, None) if landings is None else landings
    graph = await _read_graph(store, tip)
    paths = {path for _, path in questions}
    on_chain = {landing.sha: touched((path for path, _ in landing.changes), paths) for landing in chain}
    edges = set(_edges(graph, on_chain))
    walk = _Walk(graph, chain, on_chain, await _read_edges(store, edges, paths))
    found = {(commit, path): walk.origin(commit, path) for commit, path in questions}
    return {question: origin for question, origin in found.items() if origin is not None}


async def _ask_git(store: ObjectStore, questions: Collection[Question]) -> dict[Question, str]:
    answers: dict[Question, str] = {}
    for commit, path in sorted(questions):
        options = ["log", "-1", "--format=%H", check_object_id(commit), "--"]
        if origin := (await store.read([*options, path_bytes(path)])).decode().strip():
            answers[commit, path] = origin
    return answers


async def _read_graph(store: ObjectStore, tip: str) -> dict[str, Node]:
    lines = (await store.read(["log", "--format=%H %T %P", check_object_id(tip)])).decode("ascii").splitlines()
    rows = (line.split() for line in lines)
    return {sha: Node(tree, tuple(parents)) for sha, tree, *parents in rows}


def _edges(graph: Mapping[str, Node], on_chain: Mapping[str, set[str]]) -> Iterable[Edge]:
    """The comparisons that the walk may need and the chain does not tell."""
    for sha, node in graph.items():
        told = len(node.parents) if on_chain.get(sha) == set() else 1 if sha in on_chain else 0
        parents = (node.parents or ("",))[told:]
        yield from ((tree_of(graph, parent, node), node.tree) for parent in parents)


def tree_of(graph: Mapping[str, Node], parent: str, child: Node) -> str:
    """A parent's tree; the empty one for the parent that a root does not have."""
    return graph[parent].tree if parent else EMPTY_TREE[len(child.tree)]


async def _read_edges(store: ObjectStore, edges: Collection[Edge], paths: set[str]) -> dict[Edge, set[str]]:
    """Which of `paths` differ between the trees of each edge."""
    raw = [path_bytes(path) for path in sorted(paths)]
    only = raw if sum(map(len, raw)) <= _LONGEST_ARGUMENTS else []
    lines = "".join(f"{a} {b}\n" for a, b in sorted(edges) if a != b)
    arguments: list[str | bytes] = ["diff-tree", "--stdin", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--"]
    changed: dict[Edge, list[str]] = {edge: [] for edge in edges}
    current: list[str] = []
    for part in raw_changes(await store.read([*arguments, *only], stdin=lines.encode())):
        if isinstance(part, tuple):
            current.append(part[0])
        else:
            a, b = part.decode("ascii").split()
            current = changed[a, b]
    return {edge: touched(found, paths) for edge, found in changed.items()}


def touched(changed: Iterable[str], paths: set[str]) -> set[str]:
    """Those of `paths` that changed, themselves or, where one is a directory at times, below themselves."""
    found: set[str] = set()
    for path in changed:
        while path:
            if path in paths:
                found.add(path)
            path = path.rpartition("/")[0]
    return found


class _Walk:
    """Follows one path at a time from commit to commit, in memory."""

    def __init__(
        self,
        graph: Mapping[str, Node],
        chain: Sequence[Landing],
        on_chain: Mapping[str, set[str]],
        edges: Mapping[Edge, set[str]],
    ) -> None:
        self._graph = graph
        self._chain = chain
        self._on_chain = on_chain
        self._edges = edges
        self._place = {landing.sha: place for place, landing in enumerate(chain)}
        self._places: dict[str, list[int]] = defaultdict(list)
        for place, landing in enumerate(chain):
            for path in on_chain[landing.sha]:
                self._places[path].append(place)

    def origin(self, commit: str, path: str) -> str | None:
        """The commit that made `path` what it is at `commit`."""
        at: str | None = commit
        while at is not None:
            if at in self._place:
                # On the chain, straight to the last commit that changed the path: all between leave it alone.
                places = self._places[path]
                before = bisect_right(places, self._place[at])
                if not before:
                    return None
                at = self._chain[places[before - 1]].sha
            same = [parent for index, parent in enumerate(self._parents(at)) if not self._differs(at, index, path)]
            if not same:
                return at
            at = same[0] or None
        return None

    def _parents(self, sha: str) -> tuple[str, ...]:
        return self._graph[sha].parents or ("",)

    def _differs(self, sha: str, index: int, path: str) -> bool:
        if index == 0 and sha in self._on_chain:
            return path in self._on_chain[sha]
        node = self._graph[sha]
        edge = (tree_of(self._graph, self._parents(sha)[index], node), node.tree)
        return edge[0] != edge[1] and path in self._edges[edge]
