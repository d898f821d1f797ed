"""From a branch's history to the versions of its files: when each landed on the branch, and which commit made it.

Two questions with two answers, both Git's own: `landed` is what `git log -1 --first-parent -m -- path` says at that
place, `commit` what `git log -1 -- path` says there. They differ for merged side branches.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from gitea_client.git import FileVersion
from gitea_client.objects import ObjectStore
from gitea_client.origins import find_origins
from gitea_client.walking import read_landings

REMOVED = (None, "000000")
"""The blob and the mode of a file that was removed, as raw diffs tell them."""


class Changes(Struct, frozen=True):
    """What a branch brought, oldest first.

    `tip_position` counts first-parent commits from the root, which is 0. `rewound` says that the branch no longer holds
    the commit after which was to be read, and that `versions` therefore begins at the root.
    """

    versions: list[FileVersion]
    tip_position: int
    rewound: bool


async def first_parent_changes(
    store: ObjectStore,
    tip: str,
    *,
    after: str | None,
    wanted: Callable[[str], bool],
    start_position: int = 0,
) -> Changes:
    """The versions of the wanted files that landed on the branch at `tip` after the commit `after`.

    `start_position` is the place of the first commit after `after`: one more than the last `tip_position`. Where
    `after` is no first-parent ancestor of `tip` (a forced push), everything is read from the root and `rewound` is set.
    Modes 120000 and 160000 are told like any other. Raises GitFailed where the store lacks a commit or a tree.
    """
    if tip == after:
        return Changes([], start_position - 1, rewound=False)
    landings = await read_landings(store, tip, after)
    rewound = after is not None and (not landings or landings[0].parents[:1] != (after,))
    if rewound:
        landings = await read_landings(store, tip, None)
    whole = after is None or rewound
    first = 0 if whole else start_position
    versions = [
        FileVersion(path, first + index, landing.sha, landing.sha, *((item.id, item.mode) if item else REMOVED))
        for index, landing in enumerate(landings)
        for path, item in landing.changes
        if wanted(path)
    ]
    # What landed by an ordinary commit was made by it; only a merge brings what others made.
    merges = {landing.sha for landing in landings if len(landing.parents) > 1}
    questions = {(version.landed, version.path) for version in versions if version.landed in merges}
    answers = await find_origins(store, tip, questions, landings if whole else None)
    versions = [replace(v, commit=answers.get((v.landed, v.path), v.commit)) for v in versions]
    return Changes(versions, first + len(landings) - 1, rewound)
