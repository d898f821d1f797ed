"""Where the history of a pull request leaves that of its base: what it touches is what differs from there.

Today's merge base is not the answer: after a merge or a fast-forward it is the head itself, and the pull request would
touch nothing. What is taken instead are the commits that the forge told with each push (the `commit_ids` of the
timeline's `pull_push` events): they are the pull request's own, whatever became of the base since.

- A head to which every push was ordinary has its own commits told in full. The fork point is their boundary: the
  parents that are not among them. On live servers that was the original fork point in 24 of 24 cases over six merge
  styles, before the merge and after it.
- A forced push tells `[old, new]`, and not what lies below the new head. The fork point then is the merge base with
  the newest first-parent commit of the base that holds none of the own commits that are known.

Where the base was fast-forwarded to a forced head, the commits below the head look like the base's own: the forge
cannot tell them apart any more, and the fork point is the newest of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress

from msgspec import Struct

from gitea_client.errors import ObjectMissing
from gitea_client.git import Commit, check_object_id
from gitea_client.objects import ObjectStore

Parents = Mapping[str, Sequence[str]]


def own_commits(head: str, listed: Collection[str], parents: Parents) -> frozenset[str]:
    """The listed commits that reach down from `head` without a gap, and `head` itself.

    What was listed before a forced push and is not below the new head is not the head's. KeyError: a commit of which
    `parents` knows nothing.
    """
    among = set(listed)
    own, waiting = {head}, [head]
    while waiting:
        for parent in parents[waiting.pop()]:
            if parent in among and parent not in own:
                own.add(parent)
                waiting.append(parent)
    return frozenset(own)


def boundary(own: Collection[str], parents: Parents) -> tuple[str, ...]:
    """The parents of own commits that are not own, sorted. Empty where the history begins with one."""
    return tuple(sorted({parent for commit in own for parent in parents[commit]}.difference(own)))


def roots(own: Collection[str], parents: Parents) -> tuple[str, ...]:
    """The own commits whose parents are not own, sorted: whatever holds any own commit holds one of them."""
    return tuple(sorted(commit for commit in own if not set(parents[commit]) & set(own)))


def choose(candidates: Collection[Commit], chain: Sequence[str]) -> str | None:
    """One of several best common ancestors, none of which holds another.

    The newest on the base's first-parent `chain` (newest first), since that is what the base said; where none is on it,
    the one committed last, and of two at one time the smaller id. None where there are none.
    """
    places = {sha: place for place, sha in enumerate(chain)}

    def rank(commit: Commit) -> tuple[int, float, str]:
        return places.get(commit.sha, len(chain)), -commit.committed_at.timestamp(), commit.sha

    return min(candidates, key=rank).sha if candidates else None


async def fork_point(
    store: ObjectStore, base: Sequence[str] | str, listed: Collection[str], head: str, forced: bool
) -> str | None:
    """The commit from which `head` is to be compared, None where there is none (it shares nothing with the base).

    `base` are the first-parent commits of the base branch, newest first, or its tip; it may be today's. `listed` are
    the ids that all pushes up to this head told, the first among them. `forced` is to be set where one of these pushes
    was forced, and where no push told of this head (it was made while the pull request was closed). A head that is not
    listed and not forced was in the base already when it was pushed (an event with empty `commit_ids`): it is its own
    fork point, and touches nothing.

    Raises ObjectMissing where the store lacks the head or a commit told for it, and GitFailed.
    """
    if not forced and head not in listed:
        await _held(store, {head})
        return head
    known = await store.commits({*listed, head})
    parents = {sha: commit.parents for sha, commit in known.items()}
    try:
        own = own_commits(head, listed, parents)
    except KeyError as error:
        raise ObjectMissing(error.args[0], "fork point") from None
    if not forced:
        return await _best(store, await _independent(store, boundary(own, parents)), base)
    chain = await _chain(store, base)
    newest = await _newest_without(store, chain, roots(own, parents))
    return None if newest is None else await _best(store, await _merge_bases(store, newest, head), chain)


class Question(Struct, frozen=True):
    """A head whose fork point is asked for; `base` is the tip of the base branch, None where there is none."""

    head: str
    listed: frozenset[str]
    forced: bool
    base: str | None


async def fork_points(store: ObjectStore, questions: Collection[Question]) -> dict[Question, str | None]:
    """The fork points of many heads, as `fork_point` gives them, in few readings of the store.

    Of a head that cannot be told, since the store lacks it or a commit told for it, there is no answer.
    """
    known = await store.commits({sha for question in questions for sha in (*question.listed, question.head)})
    parents = {sha: commit.parents for sha, commit in known.items()}
    simple = {question: _only(question, parents) for question in questions}
    lost = await store.missing({point for point in simple.values() if point})
    found: dict[Question, str | None] = {}
    chains: dict[str, Sequence[str]] = {}
    for question, point in simple.items():
        if point is not None and point not in lost:
            found[question] = point
            continue
        if question.base is not None and question.base not in chains:
            chains[question.base] = await store.ancestors(question.base, first_parent=True)
        chain = chains[question.base] if question.base is not None else ()
        with suppress(ObjectMissing):
            found[question] = await fork_point(store, chain, question.listed, question.head, question.forced)
    return found


def _only(question: Question, parents: Parents) -> str | None:
    """The fork point of a head that was never forced, where its own commits have one parent that is not their own."""
    if question.forced or question.head not in question.listed:
        return None
    try:
        points = boundary(own_commits(question.head, question.listed, parents), parents)
    except KeyError:
        return None
    return points[0] if len(points) == 1 else None


async def meet(store: ObjectStore, before: str, now: str, heads: Collection[str]) -> bool:
    """Whether what a base branch gained by moving from `before` to `now` is part of one of `heads`.

    Only then can the fork point of a forced head be another than before. Commits that are not held count as met.
    """
    if await store.missing({before, now, *heads}):
        return True
    own = (await store.read(["rev-list", "--stdin"], stdin=_revisions(heads, before))).split()
    gained = (await store.read(["rev-list", "--stdin"], stdin=_revisions([now], before))).split()
    return not set(own).isdisjoint(gained) or not await store.is_ancestor(before, now)


def _revisions(tips: Collection[str], without: str) -> bytes:
    return "".join(f"{sha}\n" for sha in (*map(check_object_id, tips), "^" + check_object_id(without))).encode()


async def _best(store: ObjectStore, candidates: Sequence[str], base: Sequence[str] | str) -> str | None:
    if len(candidates) < 2:
        return candidates[0] if candidates else None
    return choose(list((await _held(store, set(candidates))).values()), await _chain(store, base))


async def _chain(store: ObjectStore, base: Sequence[str] | str) -> Sequence[str]:
    return await store.ancestors(base, first_parent=True) if isinstance(base, str) else base


async def _held(store: ObjectStore, wanted: set[str]) -> Mapping[str, Commit]:
    held = await store.commits(wanted)
    for absent in sorted(wanted - held.keys()):
        raise ObjectMissing(absent, "fork point")
    return held


async def _independent(store: ObjectStore, commits: Sequence[str]) -> Sequence[str]:
    """Those of `commits` that no other of them holds: a pull request that took in its base has older ones beside."""
    if len(commits) < 2:
        if commits:
            await _held(store, set(commits))
        return commits
    await _held(store, set(commits))
    return (await store.read(["merge-base", "--independent", *commits])).decode().split()


async def _merge_bases(store: ObjectStore, one: str, other: str) -> Sequence[str]:
    if await store.merge_base(one, other) is None:  # says so without an error where there is none
        return []
    return (await store.read(["merge-base", "--all", check_object_id(one), check_object_id(other)])).decode().split()


async def _newest_without(store: ObjectStore, chain: Sequence[str], lowest: Iterable[str]) -> str | None:
    """The newest commit of the chain that holds none of `lowest`. Those that hold one are the newest, without a gap."""
    if not chain:
        return None
    holding: set[str] = set()
    for commit in lowest:
        range_ = [f"^{check_object_id(commit)}", check_object_id(chain[0])]
        holding.update((await store.read(["rev-list", "--ancestry-path", *range_])).decode().split(), [commit])
    return next((commit for commit in chain if commit not in holding), None)
