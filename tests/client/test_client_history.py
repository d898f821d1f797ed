"""History is Git's own: what `git log` says, for every shape of graph, by one reading instead of one per file."""

from __future__ import annotations

import re
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from client_repos import Node, Tree, files, git, graphs, grow, make, stale_branches
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitea_client import adders, edges, origins, streaming
from gitea_client.errors import TooMuch
from gitea_client.git import FileVersion
from gitea_client.history import Changes, first_parent_changes
from gitea_client.objects import ObjectStore
from gitea_client.origins import find_origins
from gitea_client.parsing import path_bytes

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def store_of(path: Path) -> ObjectStore:
    """A store that reads the objects of `path`, without a fetch."""
    store = ObjectStore(path)
    make(path / "reader")
    return store


def log(path: Path, *arguments: str | bytes) -> str:
    return git(path, "log", "-1", "--format=%H", *arguments).decode().strip()


def adder(path: Path, version: FileVersion, parents: Sequence[str]) -> str | None:
    """The commit that added a file which a merge brought, where it is not the last that changed it."""
    if len(parents) < 2 or version.blob is None:
        return None
    before = git(path, "ls-tree", parents[0], "--", path_bytes(version.path)).split(b" ")[1:2]
    if before not in ([], [b"tree"]):  # it may have been a folder
        return None
    options = ("--no-merges", "--full-history", "--diff-filter=A", "--no-renames", f"{parents[0]}..{version.landed}")
    found = log(path, *options, "--", path_bytes(version.path))
    return found if found and found != version.commit else None


def assert_as_git_says(path: Path, tip: str, changes: Changes) -> None:
    """Each version against `git log`, and no version missing or too many."""
    lines = git(path, "log", "--first-parent", "--reverse", "--format=%H %T %P", tip).decode().splitlines()
    chain, trees, *_ = zip(*(line.split() for line in lines), strict=False)
    parents = {commit: rest for commit, _, *rest in map(str.split, lines)}
    assert changes.tip_position == len(chain) - 1
    for version in changes.versions:
        assert version.landed == chain[version.position]
        assert version.commit == (log(path, version.landed, "--", path_bytes(version.path)) or version.landed)
        assert version.added == adder(path, version, parents[version.landed])
    for name in {v.path for v in changes.versions}:
        # more than those: a path also means what lies below it, where it was a folder
        landed = git(path, "log", "--first-parent", "-m", "--format=%H", tip, "--", path_bytes(name))
        assert {v.landed for v in changes.versions if v.path == name} <= set(landed.decode().split())
    for position, raw in enumerate(differing(path, [*pairwise((EMPTY_TREE, *trees))])):
        told = {path_bytes(v.path) for v in changes.versions if v.position == position}
        assert told == set(raw.split(b"\0")[:-1])


def differing(path: Path, pairs: Sequence[tuple[str, str]]) -> list[bytes]:
    """What one `git diff-tree` says of each pair of trees: the names that differ, each with a null byte behind it."""
    asked = "".join(f"{before} {after}\n" for before, after in pairs)
    raw = git(path, "diff-tree", "--stdin", "-r", "-z", "--name-only", "--no-renames", stdin=asked.encode())
    _, *said = re.split(rb"[0-9a-f]{40} [0-9a-f]{40}\n", raw)
    assert len(said) == len(pairs)
    return said


@pytest.mark.parametrize("few", [0, 1000], ids=["one walk", "asking git"])
async def test_a_merged_side_branch_has_two_commits(tmp_path: Path, few: int) -> None:
    """Guards the rule that a merge lands a change and does not make it."""
    path = make(tmp_path / "r")
    base, side, other, merge = grow(
        path,
        [
            Node((), files(a="1", b="1")),
            Node((0,), files(a="2", b="1")),
            Node((0,), files(a="1", b="2")),
            Node((2, 1), files(a="2", b="2")),
        ],
    )
    found = await find_origins(store_of(path), merge, {(merge, "a"), (other, "b"), (base, "a")}, None, few=few)
    assert found == {(merge, "a"): side, (other, "b"): other, (base, "a"): base}


@pytest.mark.parametrize("few", [0, 1000], ids=["one reading", "asking git"])
async def test_the_commit_that_added_a_file_is_told_also_where_a_merge_brought_it(tmp_path: Path, few: int) -> None:
    """R8: whoever changed a file last before the merge was said to have added it."""
    path = make(tmp_path / "r")
    base, add, edit, gone, again, other, merge = grow(
        path,
        [
            Node((), files(x="1")),
            Node((0,), files(x="1", new="1", twice="1", same="1")),
            Node((1,), files(x="1", new="2", twice="2", same="1")),
            Node((2,), files(x="1", new="2", same="1")),
            Node((3,), files(x="1", new="2", twice="3", same="1")),
            Node((0,), files(x="2")),
            Node((5, 4), files(x="2", new="2", twice="3", same="1")),
        ],
    )
    with patch.object(adders, "FEW", few):
        whole = await first_parent_changes(store_of(path), merge, after=None, wanted=lambda _: True)
        later = await first_parent_changes(
            store_of(path), merge, after=other, wanted=lambda _: True, start_position=2, below=("new", "twice", "same")
        )
    brought = {v.path: (v.commit, v.added) for v in whole.versions if v.landed == merge}
    assert brought == {"new": (edit, add), "twice": (again, None), "same": (add, None)}
    assert {v.path: (v.commit, v.added) for v in later.versions} == brought
    assert {v.added for v in whole.versions if v.landed in (base, other)} == {None}
    assert gone not in {v.commit for v in whole.versions}


async def test_an_evil_merge_is_its_own_origin(tmp_path: Path) -> None:
    """Guards against `git log --raw` without -m, which says nothing of what a merge itself changed."""
    path = make(tmp_path / "r")
    *_, merge = grow(
        path, [Node((), files(a="1")), Node((0,), files(a="2")), Node((0,), files(a="3")), Node((2, 1), files(a="4"))]
    )
    changes = await first_parent_changes(store_of(path), merge, after=None, wanted=lambda p: p == "a")
    assert [v.commit for v in changes.versions][-1] == merge
    assert [v.position for v in changes.versions] == [0, 1, 2]


async def test_reading_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Guards the incremental read: the same versions as in one go, at the same places."""
    path = make(tmp_path / "r")
    ids = grow(path, [Node((), files(a="0")), *(Node((i,), files(a=str(i + 1))) for i in range(6))])
    store = store_of(path)
    whole = await first_parent_changes(store, ids[6], after=None, wanted=lambda _: True)
    begun = await first_parent_changes(store, ids[3], after=None, wanted=lambda _: True)
    rest = await first_parent_changes(
        store, ids[6], after=ids[3], wanted=lambda _: True, start_position=begun.tip_position + 1
    )
    assert not rest.rewound
    assert begun.versions + rest.versions == whole.versions
    again = await first_parent_changes(store, ids[6], after=ids[6], wanted=lambda _: True, start_position=7)
    assert again == Changes([], 6, rewound=False)


@pytest.mark.parametrize("gone", [0, 1, 2], ids=["reset to an older commit", "another line", "unknown to the store"])
async def test_a_forced_push_is_read_from_the_root(tmp_path: Path, gone: int) -> None:
    """Guards against appending to a history that the branch no longer has."""
    path = make(tmp_path / "r")
    old, tip, forced = grow(path, [Node((), files(a="0")), Node((0,), files(a="1")), Node((0,), files(a="2"))])
    new, after = [(old, tip), (forced, tip), (tip, "ab" * 20)][gone]
    changes = await first_parent_changes(store_of(path), new, after=after, wanted=lambda _: True, start_position=99)
    assert changes.rewound
    assert_as_git_says(path, new, changes)


async def test_removal_symbolic_link_and_submodule_are_told_as_they_are(tmp_path: Path) -> None:
    """Guards the caller's means to skip what is no file, and to see an end."""
    path = make(tmp_path / "r")
    odd: Tree = {b"link": ("120000", b"a"), b"sub": ("160000", b"ab" * 20), b"gone": ("100644", b"x")}
    ids = grow(path, [Node((), odd), Node((0,), {k: v for k, v in odd.items() if k != b"gone"})])
    changes = await first_parent_changes(store_of(path), ids[1], after=None, wanted=lambda _: True)
    told = {(v.path, v.position): (v.mode, v.blob is None) for v in changes.versions}
    assert told == {
        ("link", 0): ("120000", False), ("sub", 0): ("160000", False), ("gone", 0): ("100644", False),
        ("gone", 1): ("000000", True),
    }  # fmt: skip


@settings(max_examples=examples(40, 1_000), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graphs(), st.data())
async def test_history_is_what_git_log_says(nodes: list[Node], data: st.DataObject) -> None:
    """The property that all else rests on, for both ways of finding an origin, named to git or told of everything, and
    for reading in two parts."""
    few, narrow, stretch = (data.draw(st.sampled_from(choice)) for choice in ([0, 8], [0, 1, 32], [1, 4]))
    with (
        tempfile.TemporaryDirectory() as directory,
        patch.multiple(origins, FEW=few, FIRST_STRETCH=stretch),
        patch.object(edges, "NARROW", narrow),
        patch.object(adders, "FEW", few),
    ):
        path = make(Path(directory) / "r")
        ids = grow(path, nodes)
        tip = ids[-1]
        store = store_of(path)
        changes = await first_parent_changes(store, tip, after=None, wanted=lambda _: True)
        assert_as_git_says(path, tip, changes)

        questions = {(v.landed, v.path) for v in changes.versions}
        by_walk = await find_origins(store, tip, questions, None, few=0)
        by_git = await find_origins(store, tip, questions, None, few=len(questions))
        assert by_walk == by_git

        after = data.draw(st.sampled_from(ids))
        chain = git(path, "rev-list", "--first-parent", "--reverse", tip).decode().split()
        place = chain.index(after) + 1 if after in chain else 0
        rest = await first_parent_changes(store, tip, after=after, wanted=lambda _: True, start_position=place)
        assert rest.rewound == (after not in chain)
        assert rest.versions == [v for v in changes.versions if v.position >= place]
        assert rest.tip_position == changes.tip_position

        some = [path for path in ("a", "d", "d/x") if data.draw(st.booleans())]
        part = await first_parent_changes(store, tip, after=None, wanted=lambda p: p in some, below=some)
        assert part.versions == [v for v in changes.versions if v.path in some]


async def test_stale_branches_cost_what_they_bring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R1: branches merged long after they were begun differ from main in everything; nobody asks for that.

    Told of every merge in full, git says pages × branches lines; what the walk reaches is one path of each merge.
    """
    pages, branches = 300, 60
    path = make(tmp_path / "r")
    git(path, "fast-import", "--quiet", stdin=stale_branches(pages, branches))
    asked: list[str] = []
    said = 0
    through = streaming.stream

    async def counting(arguments: Sequence[str | bytes], *, stdin: bytes = b"", **rest: Any) -> AsyncIterator[bytes]:
        nonlocal said
        async with aclosing(through(arguments, stdin=stdin, **rest)) as pieces:
            async for piece in pieces:
                if "diff-tree" in arguments:
                    said += len(piece)
                yield piece
        asked.extend(stdin.decode().splitlines())

    monkeypatch.setattr(streaming, "stream", counting)
    tip = git(path, "rev-parse", "refs/heads/main").decode().strip()
    changes = await first_parent_changes(store_of(path), tip, after=None, wanted=lambda _: True, below=["pages/"])
    assert len(changes.versions) == 2 * pages + branches
    assert {v.commit == v.landed for v in changes.versions if "side" in v.path} == {False}
    assert len(asked) <= 2 * branches  # the other parent of each merge, and the commit of the side
    assert said <= 400 * branches  # an edge, and paths asked for with it; in full a merge is 300 paths and more


async def test_what_was_merged_later_is_walked_from_what_came_since(tmp_path: Path) -> None:
    """R1: a push is not answered by reading the whole graph; a walk that gets below what was known still ends right."""
    path = make(tmp_path / "r")
    nodes = [Node((), files(a="1", b="1")), Node((0,), files(a="2", b="1")), Node((0,), files(a="1", b="2"))]
    nodes += [Node((1, 2), files(a="1", b="2"))]  # takes back what the first parent made of `a`
    ids = grow(path, nodes)
    found = await find_origins(store_of(path), ids[3], {(ids[3], "a"), (ids[3], "b")}, None, after=ids[1], few=0)
    assert found == {(ids[3], "a"): ids[0], (ids[3], "b"): ids[2]}
    assert found == await find_origins(store_of(path), ids[3], set(found), None, few=2)


@pytest.mark.parametrize(
    ("paths", "changes", "limit"), [(5, 100, "tree_paths"), (100, 12, "repository_changes"), (6, 18, None)]
)
async def test_a_commit_and_a_history_that_change_too_much(
    tmp_path: Path, paths: int, changes: int, limit: str | None
) -> None:
    """S8: a dozen objects may hold a million paths; what is over a limit is given up at once, and names the limit."""
    path = make(tmp_path / "r")
    trees = [files(**{f"f{number}": f"{turn}" for number in range(6)}) for turn in range(3)]
    *_, tip = grow(path, [Node(() if not turn else (turn - 1,), tree) for turn, tree in enumerate(trees)])
    store = ObjectStore(path, most_paths=paths, most_changes=changes)
    make(path / "reader")
    if limit is None:
        assert len((await first_parent_changes(store, tip, after=None, wanted=lambda _: True)).versions) == 18
        return
    with pytest.raises(TooMuch, match=rf"limits\.{limit}"):
        await first_parent_changes(store, tip, after=None, wanted=lambda _: True)


@pytest.mark.parametrize("others", [20, 200])
async def test_what_lies_outside_the_folders_of_interest_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others: int
) -> None:
    """C9: of a monorepo git tells as much as changed below the literal beginning of the patterns, and the ids of its
    commits; all of it stood still for seconds where profiles look into one folder.
    """
    path = make(tmp_path / "r")
    tree, nodes = {}, [Node((), files(a="0"))]
    for number in range(others + 3):
        tree = {f"docs/{number}.md" if number % (others // 2) == 0 else f"src/{number}.c": f"{number}", **tree}
        nodes.append(Node((number,), files(**tree)))
    *_, tip = grow(path, nodes)
    told: list[bytes] = []
    through = streaming.stream

    async def counting(arguments: Sequence[str | bytes], **rest: Any) -> AsyncIterator[bytes]:
        async with aclosing(through(arguments, **rest)) as pieces:
            async for piece in pieces:
                if "log" in arguments:
                    told.append(piece)
                yield piece

    monkeypatch.setattr(streaming, "stream", counting)
    found = await first_parent_changes(store_of(path), tip, after=None, wanted=lambda _: True, below=["docs/"])
    assert [version.path for version in found.versions] == [f"docs/{n}.md" for n in (0, others // 2, others)]
    assert b"src/" not in b"".join(told)
    assert len(b"".join(told)) < 3 * 400, "three commits, whatever else there is"
