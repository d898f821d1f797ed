"""Which commit added a file that a merge brought: whoever wrote it, and not whoever changed it last before the merge.

`git log -1 --diff-filter=A -- path` among what the merge brought. Where the side branch took the file away and added it
again, the later addition counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import aclosing

from gitea_client.git import check_object_id
from gitea_client.objects import ObjectStore, pathspecs
from gitea_client.parsing import path_of
from gitea_client.walking import lines_of, raw_parts

Question = tuple[str, str]
"""A merge and a path that it brought."""

FEW = 8
"""Up to so many merges git is asked of one by one; beyond, one reading of all additions is cheaper."""
_ADDITIONS = ("--full-history", "--no-merges", "--diff-filter=A", "--raw", "--no-renames", "--no-abbrev", "-z")


async def find_adders(
    store: ObjectStore,
    chain: Sequence[str],
    questions: Collection[Question],
    after: str | None,
    below: Sequence[str],
) -> dict[Question, str]:
    """The commits that added the paths; no answer where there is none: a merge itself may have added a file.

    `chain` are the first-parent commits after `after` (None: from the root), oldest first, the merges among them; all
    paths lie within `below`.
    """
    by_merge: dict[str, set[str]] = defaultdict(set)
    for merge, path in questions:
        by_merge[merge].add(path)
    if len(by_merge) <= FEW:
        return await _ask_each(store, by_merge, below)
    brought = await _brought(store, chain, after)
    wanted = {path for _, path in questions}
    found: dict[Question, list[str]] = defaultdict(list)
    async for sha, path in _additions(store, _since(chain[-1], after), below):
        if path in wanted and sha in brought:
            found[chain[brought[sha]], path].append(sha)
    answers = {at: found[at][0] for at in questions if len(found[at]) == 1}
    contested: dict[str, set[str]] = defaultdict(set)
    for merge, path in questions:
        if len(found[merge, path]) > 1:
            contested[merge].add(path)
    return answers | await _ask_each(store, contested, below)


async def _ask_each(
    store: ObjectStore, by_merge: Mapping[str, Collection[str]], below: Sequence[str]
) -> dict[Question, str]:
    answers: dict[Question, str] = {}
    for merge, paths in by_merge.items():
        sha = check_object_id(merge)
        async for made, path in _additions(store, [f"{sha}^1..{sha}"], sorted(paths)):
            if path in paths:
                answers.setdefault((merge, path), made)  # git begins with the newest
    return answers


async def _additions(
    store: ObjectStore, revisions: Iterable[str], below: Sequence[str]
) -> AsyncIterator[tuple[str, str]]:
    """Each commit that is no merge, with each path that it added, as `git log` orders them."""
    sha = ""
    asked: list[str | bytes] = ["log", *_ADDITIONS, "--format=%H", *revisions, "--", *pathspecs(below)]
    async with aclosing(store.stream(asked)) as pieces:
        async for parts in raw_parts(pieces):
            for part in parts:
                if isinstance(part, bytes):
                    sha = part.decode("ascii")
                else:
                    yield sha, path_of(part[1])


async def _brought(store: ObjectStore, chain: Sequence[str], after: str | None) -> dict[str, int]:
    """The place in the chain of the commit that brought each commit."""
    parents: dict[str, tuple[str, ...]] = {}
    async with aclosing(lines_of(store, ["rev-list", "--parents", *_since(chain[-1], after)])) as lines:
        async for line in lines:
            sha, *above = line.decode("ascii").split()
            parents[sha] = tuple(above)
    brought: dict[str, int] = {}
    for place, sha in enumerate(chain):
        work = [sha]
        while work:
            one = work.pop()
            if one in parents and one not in brought:
                brought[one] = place
                work += parents[one]
    return brought


def _since(tip: str, after: str | None) -> list[str]:
    return [check_object_id(tip), *(["^" + check_object_id(after)] if after is not None else [])]
