"""Fork points over every style of merging, before the merge and after it, by real git."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from client_repos import Node, files, git, grow, make
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from gitea_client.errors import ObjectMissing
from gitea_client.forks import Question, boundary, choose, fork_point, fork_points, meet, own_commits, roots
from gitea_client.git import Commit
from gitea_client.objects import ObjectStore

# The base has commits 0 and 1, then 4; the topic leaves it at 1 and has 2 and 3.
FORK, FIRST, HEAD, MOVED = 1, 2, 3, 4
BEFORE = [
    Node((), files(a="0")),
    Node((0,), files(a="1")),
    Node((1,), files(a="1", t="2")),
    Node((2,), files(a="1", t="3")),
    Node((1,), files(a="4")),
]
STYLES = {
    # style: what the merge adds to the commits above, and the base's tip after it
    "merge": ([Node((MOVED, HEAD), files(a="4", t="3"))], 5),
    "rebase": ([Node((MOVED,), files(a="4", t="2")), Node((5,), files(a="4", t="3"))], 6),
    "rebase-merge": (
        [
            Node((MOVED,), files(a="4", t="2")),
            Node((5,), files(a="4", t="3")),
            Node((MOVED, 6), files(a="4", t="3"), message=b"merge"),
        ],
        7,
    ),
    "squash": ([Node((MOVED,), files(a="4", t="3"))], 5),
    "fast-forward-only": ([], HEAD),  # the base did not move: 4 is nowhere
    "manual": ([Node((HEAD, MOVED), files(a="4", t="3"))], 5),  # merged the other way round by a person, and pushed
}
UNDECIDABLE = {"fast-forward-only", "manual"}
"""Styles after which the base's own first-parent chain leads through the topic."""


def store_of(path: Path) -> ObjectStore:
    """A store that reads the objects of `path`, without a fetch."""
    make(path / "reader")
    return ObjectStore(path)


def chain(path: Path, tip: str) -> list[str]:
    return git(path, "rev-list", "--first-parent", tip).decode().split()


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("merged", [False, True], ids=["before", "after"])
async def test_an_ordinary_head_left_the_base_where_its_commits_begin(
    tmp_path: Path, style: str, merged: bool
) -> None:
    """Guards against today's merge base, which after a merge is the head itself: nothing would be touched."""
    added, after = STYLES[style]
    path = make(tmp_path / "r")
    ids = grow(path, [*BEFORE, *added])
    store = store_of(path)
    tip = ids[after if merged else (FORK if style == "fast-forward-only" else MOVED)]
    listed = {ids[FIRST], ids[HEAD]}
    assert await fork_point(store, tip, listed, ids[HEAD], forced=False) == ids[FORK]
    assert await fork_point(store, chain(path, tip), listed, ids[HEAD], forced=False) == ids[FORK]
    if merged and style in ("merge", "fast-forward-only", "manual"):
        assert await store.merge_base(tip, ids[HEAD]) == ids[HEAD]  # why this module is there


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("merged", [False, True], ids=["before", "after"])
async def test_a_forced_head_left_the_base_where_it_held_none_of_its_commits(
    tmp_path: Path, style: str, merged: bool
) -> None:
    """Guards the rule for `[old, new]`; only where the base was led through the topic, the forge can tell no more."""
    added, after = STYLES[style]
    path = make(tmp_path / "r")
    old = len(BEFORE) + len(added)
    ids = grow(path, [*BEFORE, *added, Node((FORK,), files(a="1", t="old"))])
    store = store_of(path)
    tip = ids[after if merged else (FORK if style == "fast-forward-only" else MOVED)]
    listed = {ids[old], ids[HEAD]}  # as a forced push tells; FIRST is told nowhere
    expected = FIRST if merged and style in UNDECIDABLE else FORK
    assert await fork_point(store, tip, listed, ids[HEAD], forced=True) == ids[expected]


@pytest.mark.parametrize("style", STYLES)
async def test_an_amended_head_keeps_its_fork_point_after_any_merge(tmp_path: Path, style: str) -> None:
    """Guards what earlier pushes told: only the last commit is new, so those below it are known as its own."""
    added, after = STYLES[style]
    path = make(tmp_path / "r")
    ids = grow(path, [*BEFORE, *added, Node((FIRST,), files(a="1", t="old"))])
    listed = {ids[FIRST], ids[-1], ids[HEAD]}
    assert await fork_point(store_of(path), ids[after], listed, ids[HEAD], forced=True) == ids[FORK]


async def test_a_head_that_took_in_its_base_is_compared_with_what_it_took_in(tmp_path: Path) -> None:
    """Guards against calling the base's own work part of a pull request that was brought up to date."""
    path = make(tmp_path / "r")
    ids = grow(path, [*BEFORE, Node((HEAD, MOVED), files(a="4", t="3")), Node((MOVED, 5), files(a="4", t="3"))])
    listed = {ids[FIRST], ids[HEAD], ids[5]}
    for tip in (MOVED, 6):  # before it was merged, and after
        assert await fork_point(store_of(path), ids[tip], listed, ids[5], forced=False) == ids[MOVED]


async def test_a_stacked_head_rebased_onto_what_was_below_it(tmp_path: Path) -> None:
    """Guards against going by commits listed long ago that the base holds by now: they are not the new head's own."""
    path = make(tmp_path / "r")
    ids = grow(
        path,
        [
            *BEFORE,
            Node((MOVED, FIRST), files(a="4", t="2")),  # 5: the lower pull request (2) is merged
            Node((5,), files(a="4", t="3")),  # 6: the upper one (3) is rebased onto that
        ],
    )
    listed = {ids[FIRST], ids[HEAD], ids[6]}
    assert await fork_point(store_of(path), ids[5], listed, ids[6], forced=True) == ids[5]


async def test_a_head_that_was_in_the_base_already_touches_nothing(tmp_path: Path) -> None:
    """Guards the event with empty commit_ids: a branch brought forward to what the base has."""
    path = make(tmp_path / "r")
    ids = grow(path, BEFORE)
    listed = {ids[FIRST], ids[HEAD]}
    assert await fork_point(store_of(path), ids[MOVED], listed, ids[MOVED], forced=False) == ids[MOVED]


@pytest.mark.parametrize("forced", [False, True])
async def test_a_history_of_its_own_has_no_fork_point(tmp_path: Path, forced: bool) -> None:
    """Guards against an error where two histories share nothing: everything is touched."""
    path = make(tmp_path / "r")
    ids = grow(path, [*BEFORE, Node((), files(z="1")), Node((5,), files(z="2"))])
    assert await fork_point(store_of(path), ids[MOVED], {ids[5], ids[6]}, ids[6], forced=forced) is None


async def test_a_base_that_is_gone_says_nothing_of_a_forced_head(tmp_path: Path) -> None:
    """Guards against a guess where the base branch was deleted; an ordinary head needs no base."""
    path = make(tmp_path / "r")
    ids = grow(path, BEFORE)
    listed = {ids[FIRST], ids[HEAD]}
    assert await fork_point(store_of(path), [], listed, ids[HEAD], forced=True) is None
    assert await fork_point(store_of(path), [], listed, ids[HEAD], forced=False) == ids[FORK]


@pytest.mark.parametrize("forced", [False, True])
async def test_a_head_whose_objects_are_gone_is_an_error_and_no_guess(tmp_path: Path, forced: bool) -> None:
    """Guards against taking a head that gc took for one that touches nothing."""
    path = make(tmp_path / "r")
    ids = grow(path, BEFORE)
    gone = "1" * 40
    for listed in ({gone}, {ids[FIRST], gone}, set()):
        with pytest.raises(ObjectMissing, match=gone):
            await fork_point(store_of(path), ids[MOVED], listed, gone, forced=forced)


def test_what_was_forced_away_is_not_the_heads_own() -> None:
    """Guards the pure part: a listed commit counts only where it is below the head without a gap."""
    parents = {"h": ["b", "x"], "b": ["a"], "a": ["f"], "old": ["f"], "x": ["g"], "g": ["c"], "c": ["f"]}
    own = own_commits("h", {"a", "b", "h", "old", "c"}, parents)
    assert own == {"h", "b", "a"}  # c lies behind x, which is not listed
    assert boundary(own, parents) == ("f", "x")
    assert roots(own, parents) == ("a",)


def test_of_several_best_ancestors_the_bases_own_comes_first() -> None:
    """Guards one answer for criss-cross merges, on every machine the same."""
    def commit(sha: str, day: int) -> Commit:
        at = datetime(2025, 1, day, tzinfo=UTC)
        return Commit(sha, "", "", at, "", "", at, "")

    older, newer, twin = commit("b", 1), commit("c", 2), commit("a", 2)
    assert choose([older, newer], ["t", "b", "r"]) == "b"
    assert choose([older, newer], ["t", "b", "c"]) == "b"
    assert choose([older, newer], ["t"]) == "c"
    assert choose([older, newer, twin], []) == "a"
    assert choose([], ["t"]) is None


@st.composite
def histories(draw: st.DrawFn) -> list[Node]:
    """Any graph over one root, merges included."""
    nodes = [Node((), files(a="0"))]
    for index in range(1, draw(st.integers(2, 10))):
        among = st.lists(st.integers(0, index - 1), min_size=1, max_size=2, unique=True)
        nodes.append(Node(tuple(draw(among)), files(a=str(index)), date=1_700_000_000 + index))
    return nodes


@settings(max_examples=examples(20, 500))
@given(nodes=histories(), data=st.data())
async def test_any_history_tells_later_what_the_merge_base_was_then(nodes: list[Node], data: st.DataObject) -> None:
    """Guards the rules for any graph: of what a reading at that time would have found, one is found today."""
    base = data.draw(st.integers(0, len(nodes) - 1))
    head = data.draw(st.integers(0, len(nodes) - 1))
    with tempfile.TemporaryDirectory() as place:
        path = make(Path(place) / "r")
        later = len(nodes)
        ids = grow(path, [*nodes, Node((base, head), files(a="m")), Node((later,), files(a="n"))])
        store = store_of(path)
        listed = git(path, "rev-list", ids[head], f"^{ids[base]}").decode().split()
        bases = git(path, "merge-base", "--all", ids[base], ids[head]).decode().split()
        for tip in (base, later, later + 1):  # as it was, merged, and moved on
            found = await fork_point(store, ids[tip], listed, ids[head], forced=False)
            assert found in bases
            if listed:
                assert await fork_point(store, ids[tip], listed, ids[head], forced=True) in bases


@settings(max_examples=examples(20, 500))
@given(nodes=histories(), data=st.data())
async def test_many_heads_at_once_are_told_as_one_by_one(nodes: list[Node], data: st.DataObject) -> None:
    """Guards the shortcuts of the reading for many; a head that is not there has no answer, and harms no other."""
    with tempfile.TemporaryDirectory() as place:
        path = make(Path(place) / "r")
        ids = grow(path, nodes)
        store = store_of(path)
        some = st.sampled_from([*ids, "1" * 40])
        asked = [
            Question(head, frozenset(listed), forced, base)
            for head, listed, forced, base in data.draw(
                st.lists(st.tuples(some, st.lists(some, max_size=4), st.booleans(), st.sampled_from(ids) | st.none()))
            )
        ]
        found = await fork_points(store, asked)
        for question in asked:
            base = question.base if question.base is not None else []
            try:
                alone = await fork_point(store, base, question.listed, question.head, question.forced)
            except ObjectMissing:
                assert question not in found
            else:
                assert found[question] == alone


@settings(max_examples=examples(15, 500))
@given(nodes=histories(), data=st.data())
async def test_a_base_that_moved_elsewhere_leaves_every_fork_point_where_it_was(
    nodes: list[Node], data: st.DataObject
) -> None:
    """Guards the one look that spares comparing every forced head again with each push to the base."""
    with tempfile.TemporaryDirectory() as place:
        path = make(Path(place) / "r")
        ids = grow(path, nodes)
        store = store_of(path)
        before, now, head = (ids[data.draw(st.integers(0, len(ids) - 1))] for _ in range(3))
        listed = {head, *data.draw(st.lists(st.sampled_from(ids), max_size=3))}
        if not await meet(store, before, now, {head}):
            told = [await fork_point(store, base, listed, head, forced=True) for base in (before, now)]
            assert told[0] == told[1]
