"""What each head of a pull request makes of the files of interest, told from the object store alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from cache.model import MERGED, HeadFile, PullHead, PullHistory, PullRequest, RepositoryEvidence
from cache.projection.reach import Interest
from daemon.deadline import DeadlinePassedError
from daemon.failing.read_errors import ONE, ReadErrors, changes
from daemon.pull_timeline import dated
from daemon.timelines import Told
from gitea_client.differing import Compared, Pair, Sides, compare
from gitea_client.errors import ForgeError, GitFailed, TooMuch
from gitea_client.forks import Question, fork_points, meet
from gitea_client.git import TreeItem
from gitea_client.objects import ObjectStore


def objects_of(told: Mapping[int, Told], known: RepositoryEvidence | None) -> dict[int, frozenset[str]]:
    """The commits of each pull request that must be held: every head, and what was merged. Those known to be gone are
    not asked for."""
    before = known.histories if known is not None else {}
    wanted = {}
    for number, each in told.items():
        gone = {head.sha for head in before[number].heads if head.gone} if number in before else set()
        merged = _merged(each.pull)
        wanted[number] = frozenset({*(head.sha for head in each.heads), *([merged] if merged else [])} - gone)
    return wanted


def _merged(pull: PullRequest) -> str | None:
    return pull.merge_commit_sha if pull.merged else None


class _Work(Struct, frozen=True):
    """A pull request to be looked into: the questions for its heads' fork points."""

    told: Told
    questions: tuple[Question, ...]


async def histories(
    store: ObjectStore,
    evidence: RepositoryEvidence,
    known: RepositoryEvidence | None,
    last: RepositoryEvidence | None,
    interest: Interest,
    told: Mapping[int, Told],
    errors: ReadErrors,
) -> dict[int, PullHistory]:
    """The history of each pull request. What was known is taken where nothing can have changed it.

    `evidence` has the branches as they are now; the fork point of a forced head depends on the base. A head of which
    the store lacks what is needed is gone, and no error. A pull request that cannot be looked into (anybody may raise
    one, over whatever a tree can hold) stands as `last` has it, and `errors` tells of it; the others go on.
    """
    same = known if known is not None and known.interest == interest.canonical else None
    moved = await _moved(store, evidence, same) if same is not None else frozenset()
    made: dict[int, PullHistory] = {}
    work: dict[int, Told] = {}
    tried: set[int] = set()
    for number, now in told.items():
        before = same.histories.get(number) if same is not None else None
        if same is not None and before is not None and _stands(before, now, same.pulls.get(number), moved):
            fresh = replace(before, updated_at=now.updated_at, settled=now.settled, rewritten=now.rewritten)
            made[number] = before if fresh == before else fresh
        elif number not in errors.deadline.late and not errors.stands(changes(number), number, evidence.pull_heads):
            work[number] = now
    errors.deadline.next_step()
    together = tuple(work)
    for numbers in (together, *((number,) for number in together if len(together) > 1)):
        if not numbers or numbers[0] in tried:
            continue
        asked = {number: work[number] for number in numbers}
        try:
            async with errors.deadline.asking(*asked):
                found: Mapping[int, PullHistory | ForgeError] = await _look_into(store, evidence, interest, asked)
        except DeadlinePassedError:
            continue  # what was not asked for yet is late as well
        except ForgeError as error:
            if len(numbers) > 1:
                continue  # one by one, to find out which
            found = {numbers[0]: error}
        for number, history in found.items():
            tried.add(number)
            if isinstance(history, PullHistory):
                made[number] = history
                errors.read(changes(number))
            else:
                errors.add(changes(number), ONE, history, number)
    for number in told.keys() - made.keys():
        if last is not None and number in last.histories:
            made[number] = replace(last.histories[number], settled=False)
    before_all = same.histories if same is not None else {}
    return {n: before_all[n] if before_all.get(n) == made[n] else made[n] for n in sorted(made)}


async def _look_into(
    store: ObjectStore, evidence: RepositoryEvidence, interest: Interest, told: Mapping[int, Told]
) -> dict[int, PullHistory | GitFailed]:
    """The histories of pull requests, made from the store, or why one cannot be. Raises GitFailed where that is not
    known to be of one alone.
    """
    work = [_Work(each, tuple([q async for q in _questions(store, each, evidence)])) for each in told.values()]
    points = await fork_points(store, {question for each in work for question in each.questions})
    pairs = {(points[q], q.head) for each in work for q in each.questions if q in points}
    merged = await _held(store, (_merged(each.told.pull) for each in work))
    pairs |= set(_beside(work, points, merged))
    compared = await compare(store, pairs, below=_below(interest))
    committed = await store.commits({q.head for each in work for q in each.questions if q in points})
    dates = {sha: commit.committed_at for sha, commit in committed.items()}
    made: dict[int, PullHistory | GitFailed] = {}
    for each in work:
        now = each.told
        heads = tuple(
            replace(head, gone=q not in points, fork_point=points.get(q))
            for head, q in zip(dated(now.heads, dates, now.pull), each.questions, strict=True)
        )
        commit = _merged(now.pull)
        merge = commit if commit in merged else None
        bare = PullHistory(now.pull.number, now.updated_at, now.settled, merge, heads, rewritten=now.rewritten)
        try:
            files = await _files(store, now.pull, bare, interest, compared)
        except GitFailed as error:
            made[now.pull.number] = error
        else:
            made[now.pull.number] = replace(bare, files=files)
    return made


def _below(interest: Interest) -> tuple[str, ...]:
    """The folders and paths in which a pull request can touch something of interest."""
    return tuple(sorted({*(pattern.prefix for pattern in interest.patterns), *interest.documents}))


async def _questions(store: ObjectStore, told: Told, evidence: RepositoryEvidence) -> AsyncIterator[Question]:
    """What is asked of each head. Of one whose event lists what lies between a later base and it, those commits count
    that the base of its time does not hold; where that is all of them, nothing is known to be its own.
    """
    forced = False
    listed: set[str] = set()
    for head in told.heads:
        base = _base(evidence, told.pull, head)
        if head.relisted:
            own = await _above(store, base, head.commits)
            forced = forced or head.sha not in own
            listed |= own or set(head.commits)
        else:
            listed |= set(head.commits)
        forced = forced or head.forced
        yield Question(head.sha, frozenset(listed), forced or not head.told, base)


async def _above(store: ObjectStore, base: str | None, commits: Collection[str]) -> set[str]:
    """Those of some commits that a base does not hold; all of them where it is not known."""
    held = await store.commits({*commits, *([base] if base is not None else [])})
    if base is None or base not in held or not set(commits) <= held.keys():
        return set(commits)
    asked = "".join(f"{sha}\n" for sha in (*commits, f"^{base}")).encode()
    return set((await store.read(["rev-list", "--stdin"], stdin=asked)).decode("ascii").split()) & set(commits)


def _base(evidence: RepositoryEvidence, pull: PullRequest, head: PullHead) -> str | None:
    """The tip that a forced head is compared with: that of the base branch which the pull request had then.

    Where that is gone, the head of the pull request that was raised from it last before this one, which the forge
    keeps: of stacked pull requests the lower one's. Compared with the default branch, the upper one would seem to
    bring the lower one's work wherever that was merged as other commits. Where there is none, the default branch's.
    """
    ref = head.base or pull.base_ref
    tip = evidence.branches.get(ref)
    if tip is None:
        tip = evidence.pull_heads.get(_raised_from(evidence, pull, ref))
    return tip or evidence.head


def _raised_from(evidence: RepositoryEvidence, pull: PullRequest, ref: str) -> int:
    """The pull request whose head was the base of another; 0 where there was none."""
    from_it = [
        other.number
        for other in evidence.pulls.values()
        if other.head_label == ref and other.head_repository_id == pull.repository_id
    ]
    return max((number for number in from_it if number < pull.number), default=min(from_it, default=0))


def _stands(before: PullHistory, told: Told, pull: PullRequest | None, moved: Collection[int]) -> bool:
    """Whether a history would be made the same again."""
    now = told.pull
    return (
        pull is not None
        and _place(pull) == _place(now)
        and _merged(pull) == _merged(now)
        and (before.merge_commit is not None or _merged(now) is None)
        and [_said(head) for head in before.heads] == [_said(head) for head in told.heads]
        and all(ours.at == theirs.at for ours, theirs in zip(before.heads, told.heads, strict=True) if ours.told)
        and not any(head.gone for head in before.heads)
        and now.number not in moved
    )


def _said(head: PullHead) -> tuple[object, ...]:
    return head.sha, head.told, head.commits, head.base, head.event, head.gap, head.relisted, head.also


def _place(pull: PullRequest) -> tuple[str, int | None, str]:
    return pull.head_label, pull.head_repository_id, pull.base_ref


def _depends(history: PullHistory) -> bool:
    """Whether a fork point was found by the base, as it is then: without all commits told, or over several."""
    return any(head.forced or head.relisted or not head.told or len(head.commits) > 1 for head in history.heads)


async def _moved(store: ObjectStore, evidence: RepositoryEvidence, known: RepositoryEvidence) -> frozenset[int]:
    """The pull requests whose base moved so that fork points found by it may be others now."""
    heads: dict[tuple[str | None, str | None], set[str]] = defaultdict(set)
    bases: dict[int, set[tuple[str | None, str | None]]] = defaultdict(set)
    for number, history in known.histories.items():
        pull = evidence.pulls.get(number)
        if pull is None or not _depends(history):
            continue
        for head in history.heads:
            before, now = _base(known, pull, head), _base(evidence, pull, head)
            if before != now and not head.gone:
                bases[number].add((before, now))
                heads[before, now].add(head.sha)
    moved = {
        (before, now)
        for (before, now), shas in heads.items()
        if before is None or now is None or await _meet(store, before, now, shas)
    }
    return frozenset(number for number, pairs in bases.items() if pairs & moved)


async def _meet(store: ObjectStore, before: str, now: str, heads: Collection[str]) -> bool:
    """As `meet`; where that cannot be told, they do: what follows is told pull request by pull request."""
    try:
        return await meet(store, before, now, heads)
    except ForgeError:
        return True


async def _held(store: ObjectStore, commits: Iterable[str | None]) -> frozenset[str]:
    wanted = {sha for sha in commits if sha is not None}
    return frozenset((await store.commits(wanted)).keys())


def _anchor(each: _Work, points: Mapping[Question, str | None]) -> str | None:
    """The first head that is not gone: what the others are compared with."""
    return next((question.head for question in each.questions if question in points), None)


def _beside(work: Iterable[_Work], points: Mapping[Question, str | None], merged: Collection[str]) -> Iterator[Pair]:
    """The comparisons that tell what a path is at every head, whichever of them changed it."""
    for each in work:
        anchor = _anchor(each, points)
        if anchor is None:
            continue
        yield from ((anchor, q.head) for q in each.questions if q in points and q.head != anchor)
        commit = _merged(each.told.pull)
        if commit is not None and commit in merged:
            yield anchor, commit


async def _files(
    store: ObjectStore, pull: PullRequest, history: PullHistory, interest: Interest, compared: Compared
) -> tuple[HeadFile, ...]:
    """The files of interest that any head changes, and those that the branch names: at every head, and as merged.

    Raises GitFailed where they cannot be told, and TooMuch where they are more than one listing may hold.
    """
    heads = [head for head in history.heads if not head.gone]
    if not heads:
        return ()
    anchor = heads[0].sha
    changed = {head.position: _found(compared, (head.fork_point, head.sha)) for head in heads}
    places = {head.position: head.sha for head in heads}
    if history.merge_commit is not None:
        places[MERGED] = history.merge_commit
    beside = {sha: _found(compared, (anchor, sha)) if sha != anchor else {} for sha in places.values()}
    paths = {path for sides in changed.values() for path in sides if interest.holds(path)}
    at_anchor: dict[str, TreeItem | None] = {}
    if interest.branches:
        at_anchor |= await _named(store, pull, anchor, interest)
        paths |= {path for sides in beside.values() for path in sides if interest.named(pull, path)} | at_anchor.keys()
    if len(paths) * len(places) > store.most_paths:
        what = f"pull request {pull.number}"
        raise TooMuch(what, f"changes {len(paths)} files over {len(places)} pushes", "tree_paths")
    for head in heads:
        for path, (_, after) in changed[head.position].items():
            at_anchor[path] = beside[head.sha][path][0] if path in beside[head.sha] else after
    for sides in beside.values():
        at_anchor |= {path: sides[path][0] for path in paths & sides.keys()}
    files = []
    for position, sha in sorted(places.items()):
        for path in sorted(paths):
            item = beside[sha][path][1] if path in beside[sha] else at_anchor[path]
            files.append(_file(position, path, item, changed.get(position, {})))
    return tuple(files)


def _found(compared: Compared, pair: Pair) -> Mapping[str, Sides]:
    if pair in compared.failed:
        raise compared.failed[pair]
    return compared.found[pair]


def _file(position: int, path: str, item: TreeItem | None, changed: Mapping[str, Sides]) -> HeadFile:
    before = changed[path][0] if path in changed else None
    mode = item.mode if item is not None else "000000"
    blob = item.id if item is not None else None
    return HeadFile(position, path, blob, mode, path in changed, before.id if before is not None else None)


async def _named(store: ObjectStore, pull: PullRequest, commit: str, interest: Interest) -> dict[str, TreeItem | None]:
    """The files of the entry that the branch of a pull request names."""
    folders = [branches.pattern.prefix for branches in interest.branches if branches.concerns(pull)]
    if not folders:
        return {}
    listed = await store.tree(commit, folders)
    return {path: item for path, item in listed.items() if interest.named(pull, path)}
