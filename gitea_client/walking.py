"""The first-parent chain of a branch, and what each of its commits changed, read while git says it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing

from msgspec import Struct

from gitea_client.errors import GitFailed, TooMuch
from gitea_client.git import TreeItem, check_object_id
from gitea_client.objects import ObjectStore, pathspecs
from gitea_client.parsing import path_of, sides_of


class Chain(Struct, frozen=True):
    """The first-parent commits of a branch, oldest first; `below` is the first parent of the oldest, if any."""

    shas: Sequence[str]
    merges: frozenset[str]
    below: str | None


class Change(Struct, frozen=True, gc=False):
    """What one commit of the chain made of a path, with what that was before; None where it is not there."""

    place: int
    path: str
    before: TreeItem | None
    after: TreeItem | None


class Walked(Struct, frozen=True):
    """The changes of paths of interest along a chain, oldest first.

    `within` has, for a path of interest that is a folder at times, the places of commits that changed what lies in it:
    `git log -- path` counts these as changes of the path.
    """

    changes: list[Change]
    within: Mapping[str, set[int]]


async def read_chain(store: ObjectStore, tip: str, after: str | None) -> Chain:
    """The first-parent commits from just after `after` to `tip`; from the root where `after` is None.

    Where `after` is not on the chain, what lies below the first one is another commit, or nothing.
    """
    revisions = [check_object_id(tip)]
    if after is not None and not await store.missing([after]):
        revisions.append("^" + check_object_id(after))
    shas: list[str] = []
    merges: set[str] = set()
    below: str | None = None
    async with aclosing(lines_of(store, ["rev-list", "--first-parent", "--parents", *revisions])) as lines:
        async for line in lines:
            sha, *parents = line.decode("ascii").split()
            shas.append(sha)
            if len(parents) > 1:
                merges.add(sha)
            below = parents[0] if parents else None
            if after is not None and below == after:
                break  # skewed dates can make git list more than was asked for
    return Chain(shas[::-1], frozenset(merges), below)


async def read_changes(
    store: ObjectStore, chain: Chain, wanted: Callable[[str], bool], below: Sequence[str] = ("",)
) -> Walked:
    """What the commits of a chain changed of the wanted paths, against their first parents.

    Only what lies within `below` (folders with a slash, whole paths, the empty one for everything) is asked for. Raises
    TooMuch where one commit changes more than `most_paths` of the store, or all of them more than `most_changes`.
    """
    if not chain.shas:
        return Walked([], {})
    revisions = [check_object_id(chain.shas[-1]), *(["^" + check_object_id(chain.below)] if chain.below else [])]
    options = ["--first-parent", "-m", "--raw", "--no-renames", "--no-abbrev", "-z", "--format=%H"]
    places = {sha: place for place, sha in enumerate(chain.shas)}
    paths = _Paths(wanted)
    changes: list[Change] = []
    within: dict[str, set[int]] = {}
    place: int | None = None
    counted = 0
    asked: list[str | bytes] = ["log", *options, *revisions, "--", *pathspecs(below)]
    async with aclosing(store.stream(asked)) as pieces:
        async for parts in raw_parts(pieces):
            for part in parts:
                if isinstance(part, bytes):
                    place = places.get(part.decode("ascii"))
                elif place is not None:
                    meta, raw = part
                    if (path := paths.named(raw)) is not None:
                        changes.append(Change(place, path, *sides_of(meta)))
                        counted = counted + 1 if changes[-2:-1] and changes[-2].place == place else 1
                        if counted > store.most_paths or len(changes) > store.most_changes:
                            changes.clear()  # whoever keeps the error keeps this frame with it
                            raise _too_much(store, chain.shas[place], counted)
                    for folder in paths.holding(raw):
                        within.setdefault(folder, set()).add(place)
    changes.sort(key=lambda change: change.place)  # git begins with the newest
    return Walked(changes, within)


def _too_much(store: ObjectStore, sha: str, changed: int) -> TooMuch:
    if changed > store.most_paths:
        return TooMuch(f"{sha} in {store.path.name}", f"changes more than {store.most_paths} paths", "tree_paths")
    amount = f"holds more than {store.most_changes} changes of the files that are looked for"
    return TooMuch(f"the history of {store.path.name}", amount, "repository_changes")


async def raw_parts(pieces: AsyncIterator[bytes]) -> AsyncIterator[list[bytes | tuple[bytes, bytes]]]:
    """What `-z --raw` says, by the piece: a header line as it is, a change as its meta line and its path."""
    rest, meta = b"", b""
    async for piece in pieces:
        chunks = (rest + piece).split(b"\0")
        rest = chunks.pop()
        parts: list[bytes | tuple[bytes, bytes]] = []
        for chunk in chunks:
            if meta:
                parts.append((meta, chunk))
                meta = b""
                continue
            for line in chunk.split(b"\n"):
                # Headers end with a line break or NUL, by the program; a path, which may hold anything, only follows.
                if line.startswith(b":"):
                    meta = line
                elif line:
                    parts.append(line)
        yield parts
    if meta:
        raise GitFailed(f"{meta[:80]!r} is no raw change")
    yield [line for line in rest.split(b"\n") if line]


class _Paths:
    """Which paths are wanted, each judged once while it is remembered."""

    MOST = 1 << 16

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        self._wanted = wanted
        self._known: dict[bytes, str] = {}
        self._others: set[bytes] = set()
        self._folders: dict[bytes, tuple[str, ...]] = {b"": ()}

    def named(self, raw: bytes) -> str | None:
        """The path, where it is wanted; one object for all its changes."""
        if raw in self._known:
            return self._known[raw]
        if raw in self._others:
            return None
        path = path_of(raw)
        if self._wanted(path):
            self._known[raw] = path
            return path
        if len(self._others) >= self.MOST:
            self._others.clear()
        self._others.add(raw)
        return None

    def holding(self, raw: bytes) -> tuple[str, ...]:
        """The wanted paths that are folders here, and hold this path."""
        folder = raw.rpartition(b"/")[0]
        if folder in self._folders:
            return self._folders[folder]
        if len(self._folders) >= self.MOST:
            self._folders = {b"": ()}
        unknown = []
        while folder not in self._folders:
            unknown.append(folder)
            folder = folder.rpartition(b"/")[0]
        above = self._folders[folder]
        for folder in reversed(unknown):
            path = self.named(folder)
            above = (*above, path) if path is not None else above
            self._folders[folder] = above
        return above


async def lines_of(store: ObjectStore, arguments: Sequence[str]) -> AsyncGenerator[bytes, None]:
    """What git says, line by line."""
    rest = b""
    async with aclosing(store.stream(arguments)) as pieces:
        async for piece in pieces:
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                yield line
