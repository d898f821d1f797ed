"""Which of some paths differ between two trees, for many pairs of trees, each with paths of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import aclosing

from gitea_client.errors import GitFailed
from gitea_client.objects import ObjectStore
from gitea_client.parsing import path_bytes

Edge = tuple[str, str]
"""The trees of a parent and of its child."""

NARROW = 16
"""Up to so many paths are named to git, which then looks at nothing else. Each name of a
tree is compared with each path: over folders of 4,000 files 8 to 16 cost least, 64 four times as much. Where more are
asked for of one pair, being told of all that differs costs less."""
LONGEST = 64 * 1024
"""Bytes of all paths that are named at once."""


async def differing(store: ObjectStore, asked: Mapping[Edge, Collection[str]]) -> dict[Edge, set[str]]:
    """Those paths of each edge that differ, themselves or, where one is a folder at times, below themselves.

    A branch that was begun long ago differs from what it is merged into in everything that happened since; what comes
    of that is never held. Raises GitFailed.
    """
    found: dict[Edge, set[str]] = {}
    for edges, named in _batches(asked):
        alike = {id(asked[edge]): asked[edge] for edge in edges}  # many edges share one collection
        wanted = {path_bytes(path): path for paths in alike.values() for path in paths}
        async for edge, raw in _changes(store, edges, named):
            for path in _touched(raw, wanted):
                if path in asked[edge]:
                    found.setdefault(edge, set()).add(path)
    return found


def plain(path: str) -> bool:
    """Whether git takes a path as an argument for what it is; a tree may hold names that no path has."""
    return all(part not in ("", ".", "..") for part in path.split("/"))


def _batches(asked: Mapping[Edge, Collection[str]]) -> Iterator[tuple[list[Edge], list[bytes]]]:
    """Edges to be read in one run of git, with the paths to be named, none where all that differs is to be told."""
    wide = [edge for edge, paths in asked.items() if len(paths) > NARROW or not all(map(plain, paths))]
    edges: list[Edge] = []
    named: dict[str, bytes] = {}
    for edge, paths in asked.items():
        if len(paths) > NARROW or not all(map(plain, paths)):
            continue
        more = {path: path_bytes(path) for path in paths}
        together = named | more
        if edges and (len(together) > NARROW or sum(map(len, together.values())) > LONGEST):
            yield edges, sorted(named.values())
            edges, together = [], more
        if sum(map(len, more.values())) > LONGEST:
            wide.append(edge)
            continue
        edges.append(edge)
        named = together
    if edges:
        yield edges, sorted(named.values())
    if wide:
        yield wide, []


async def _changes(
    store: ObjectStore, edges: Sequence[Edge], named: Sequence[bytes]
) -> AsyncIterator[tuple[Edge, bytes]]:
    """Each path that differs, with its edge, as `diff-tree` says them: a line for the edge, then status and path."""
    arguments: list[str | bytes] = ["diff-tree", "--stdin", "-r", "-z", "--name-status", "--no-renames", "--", *named]
    lines = "".join(f"{before} {after}\n" for before, after in edges).encode()
    rest, status, edge = b"", True, None
    async with aclosing(store.stream(arguments, stdin=lines)) as pieces:
        async for piece in pieces:
            chunks = (rest + piece).split(b"\0")
            rest = chunks.pop()
            for chunk in chunks:
                if not status:
                    if edge is None:
                        raise GitFailed(f"{store.path.name}: diff-tree told of {chunk[:80]!r} before any tree")
                    yield edge, chunk
                elif len(chunk) > 1:  # lines for edges, the last one with changes, before the letter
                    before, _, after = chunk.split(b"\n")[-2].decode("ascii").partition(" ")
                    edge = before, after
                status = not status


def _touched(raw: bytes, wanted: Mapping[bytes, str]) -> Iterator[str]:
    while raw:
        if raw in wanted:
            yield wanted[raw]
        raw = raw.rpartition(b"/")[0]
