"""From a branch's history to the versions of its files: when each landed on the branch, and which commit made it.

Two questions with two answers, both Git's own: `landed` is what `git log -1 --first-parent -m -- path` says at that
place, `commit` what `git log -1 -- path` says there. They differ for merged side branches. Of a file that a merge
brought there is a third: which commit added it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from gitea_client.adders import find_adders
from gitea_client.doubled import compared_anew, doubled_at, odd_places
from gitea_client.git import FileVersion, TreeItem
from gitea_client.objects import ObjectStore
from gitea_client.origins import Touched, find_origins
from gitea_client.walking import Walked, read_chain, read_changes

REMOVED = (None, "000000")
"""The blob and the mode of a file that was removed, as raw diffs tell them."""


class Changes(Struct, frozen=True):
    """What a branch brought, oldest first.

    `tip_position` counts first-parent commits from the root, which is 0. `rewound` says that the branch no longer holds
    the commit after which was to be read, and that `versions` therefore begins at the root. `doubled` are wanted paths
    that stand twice in a tree at the tip; of these the first entry is what counts.
    """

    versions: list[FileVersion]
    tip_position: int
    rewound: bool
    doubled: frozenset[str] = frozenset()


class Known(Struct, frozen=True):
    """What was read up to a commit: what each wanted path is there, and the paths that stand twice."""

    item: Callable[[str], TreeItem | None]
    doubled: frozenset[str] = frozenset()


async def first_parent_changes(
    store: ObjectStore,
    tip: str,
    *,
    after: str | None,
    wanted: Callable[[str], bool],
    start_position: int = 0,
    below: Sequence[str] = ("",),
    known: Known | None = None,
) -> Changes:
    """The versions of the wanted files that landed on the branch at `tip` after the commit `after`.

    `start_position` is the place of the first commit after `after`: one more than the last `tip_position`. Where
    `after` is no first-parent ancestor of `tip` (a forced push), everything is read from the root and `rewound` is set.
    All wanted paths lie within `below`: folders with their slash, or whole paths. Modes 120000 and 160000 are told like
    any other. `known` is what was read up to `after`. Raises GitFailed where the store lacks a commit or a tree.
    """
    if tip == after:
        doubled = known.doubled if known is not None else frozenset()
        return Changes([], start_position - 1, rewound=False, doubled=doubled)
    chain = await read_chain(store, tip, after)
    rewound = after is not None and (not chain.shas or chain.below != after)
    if rewound:
        chain = await read_chain(store, tip, None)
    whole = after is None or rewound
    first = 0 if whole else start_position
    walked = await read_changes(store, chain, wanted, below)
    start = Known(lambda _: None) if whole else known
    places, odd = odd_places(walked.changes, start.item if start else None, start.doubled if start else ())
    if places:
        mended = await compared_anew(store, chain, walked.changes, places, wanted, below)
        walked = Walked(mended, walked.within)
    doubled = await doubled_at(store, tip, wanted, below) if odd else frozenset()
    # What landed by an ordinary commit was made by it; only a merge brings what others made.
    # In the order of the chain: neighbours share trees, which git then has at hand.
    landings = ((chain.shas[change.place], change.path) for change in walked.changes)
    questions = list(dict.fromkeys(landing for landing in landings if landing[0] in chain.merges))
    touched = _touched(chain.shas, walked) if whole else None
    answers = await find_origins(store, tip, questions, touched, after=None if whole else after) if questions else {}
    fresh = [(chain.shas[c.place], c.path) for c in walked.changes if c.before is None and c.after is not None]
    new = [landing for landing in fresh if landing[0] in chain.merges]
    adders = await find_adders(store, chain.shas, new, None if whole else after, below) if new else {}
    versions = []
    for change in walked.changes:
        landed = chain.shas[change.place]
        commit = answers.get((landed, change.path), landed)
        blob, mode = (change.after.id, change.after.mode) if change.after is not None else REMOVED
        added = adders.get((landed, change.path)) if change.before is None else None
        added = None if added == commit else added
        versions.append(FileVersion(change.path, first + change.place, landed, commit, blob, mode, added))
    return Changes(versions, first + len(chain.shas) - 1, rewound, doubled)


def _touched(shas: Sequence[str], walked: Walked) -> Touched:
    places: dict[str, list[int]] = {}
    for change in walked.changes:
        at = places.setdefault(change.path, [])
        if at[-1:] != [change.place]:
            at.append(change.place)
    for path, more in walked.within.items():
        places[path] = sorted({*places.get(path, ()), *more})
    return Touched(shas, places)
