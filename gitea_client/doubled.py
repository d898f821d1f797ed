"""Trees that hold one name twice: servers take them, `git fsck` refuses them, and raw differences of them mislead.

Such a path is told twice of one commit, or appears while it is there already, and one of the two vanishes later while
the other stays. What does not follow from what was before is therefore compared folder by folder, where the first
entry of a name counts, as in `git show commit:path`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from itertools import groupby

from gitea_client.differing import Pair, differences
from gitea_client.errors import TooMuch
from gitea_client.git import TreeItem, check_object_id
from gitea_client.objects import ObjectStore, pathspecs
from gitea_client.parsing import path_of
from gitea_client.walking import Chain, Change


def odd_places(
    changes: Sequence[Change], before: Callable[[str], TreeItem | None] | None, doubled: Collection[str]
) -> tuple[set[int], set[str]]:
    """The places of commits whose changes do not follow from what was before, and the paths because of which.

    `changes` are in the order of the chain. `before` tells what a path was where they begin (None: nothing is known of
    it); `doubled` are paths that stood twice there.
    """
    state: dict[str, TreeItem | None] = {}
    places: set[int] = set()
    odd = set(doubled)
    for place, of_commit in groupby(changes, key=lambda change: change.place):
        seen: set[str] = set()
        for change in of_commit:
            path = change.path
            known = path in state or before is not None
            was = state[path] if path in state else before(path) if before is not None else None
            if path in seen or path in odd or (known and was != change.before):
                odd.add(path)
                places.add(place)
            seen.add(path)
            state[path] = change.after
    return places, odd


async def compared_anew(
    store: ObjectStore,
    chain: Chain,
    changes: Sequence[Change],
    places: Collection[int],
    wanted: Callable[[str], bool],
    below: Sequence[str],
) -> list[Change]:
    """The same changes, those of the commits at `places` found by comparing trees."""
    pairs: dict[int, Pair] = {
        place: (chain.shas[place - 1] if place else chain.below, chain.shas[place]) for place in places
    }
    found = await differences(store, list(pairs.values()), below=below)
    mended = [change for change in changes if change.place not in places]
    for place, pair in pairs.items():
        sides: Mapping[str, tuple[TreeItem | None, TreeItem | None]] = found[pair]
        mended += [Change(place, path, *sides[path]) for path in sorted(sides) if wanted(path)]
    return sorted(mended, key=lambda change: change.place)


async def doubled_at(
    store: ObjectStore, commit: str, wanted: Callable[[str], bool], below: Sequence[str]
) -> frozenset[str]:
    """The wanted paths that stand more than once in a commit."""
    seen: set[bytes] = set()
    twice: set[bytes] = set()
    count, rest = 0, b""
    arguments: list[str | bytes] = ["ls-tree", "-r", "-z", "--name-only", "--full-tree", check_object_id(commit), "--"]
    async with aclosing(store.stream([*arguments, *pathspecs(below)])) as pieces:
        async for piece in pieces:
            *names, rest = (rest + piece).split(b"\0")
            count += len(names)
            if count > store.most_paths:
                amount = f"holds more than {store.most_paths} paths"
                raise TooMuch(f"{commit} in {store.path.name}", amount, "tree_paths")
            for name in names:
                (twice if name in seen else seen).add(name)
    return frozenset(path for path in map(path_of, twice) if wanted(path))
