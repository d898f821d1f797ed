"""What differs between commits, beside what plain git says of each pair."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from client_repos import Node, files, git, graphs, grow, make, plant_blob, plant_bomb, plant_commit, plant_tree
from examples import examples
from hypothesis import HealthCheck, given, settings

from gitea_client import differing
from gitea_client.differing import DEEPEST, Pair, Sides, compare, differences
from gitea_client.errors import ObjectMissing, TooMuch
from gitea_client.git import EMPTY_TREE
from gitea_client.objects import ObjectStore
from gitea_client.parsing import path_of, sides_of
from gitea_client.treeobjects import Entry, changed


def store_of(path: Path) -> ObjectStore:
    make(path / "reader")
    return ObjectStore(path)


async def test_each_pair_has_its_own_paths_with_both_sides(tmp_path: Path) -> None:
    """Guards against mixing up pairs that share a commit or a tree: git tells only trees in its headers."""
    path = make(tmp_path / "r")
    one, two, three, again = grow(
        path,
        [
            Node((), files(a="1", b="1")), Node((0,), files(a="2", b="1")), Node((0,), files(b="1", c="1")),
            Node((1,), files(a="1", b="1")),
        ],
    )  # fmt: skip
    blob = {text: git(path, "hash-object", "--stdin", stdin=text.encode()).decode().strip() for text in "12"}
    found = await differences(store_of(path), {(one, two), (one, three), (one, again), (again, one), (None, one)})
    ids = {
        pair: {name: tuple(side and side.id for side in sides) for name, sides in paths.items()}
        for pair, paths in found.items()
    }
    assert ids == {
        (one, two): {"a": (blob["1"], blob["2"])},
        (one, three): {"a": (blob["1"], None), "c": (None, blob["1"])},
        (one, again): {},
        (again, one): {},
        (None, one): {"a": (None, blob["1"]), "b": (None, blob["1"])},
    }


async def test_trees_are_compared_beside_the_event_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pull request of anybody with ten thousand folders held everybody up for 400 ms, at each sweep."""
    path = make(tmp_path / "r")
    one, two = grow(path, [Node((), files(a="1")), Node((0,), files(a="2"))])
    threads: set[threading.Thread] = set()

    def noting(before: bytes, after: bytes, width: int) -> Mapping[bytes, tuple[Entry | None, Entry | None]]:
        threads.add(threading.current_thread())
        return changed(before, after, width)

    monkeypatch.setattr(differing, "changed", noting)
    assert (await differences(store_of(path), {(one, two)}))[one, two].keys() == {"a"}
    assert threads
    assert threading.main_thread() not in threads


async def test_a_commit_that_is_not_held_is_an_error(tmp_path: Path) -> None:
    """Guards against taking a commit that gc took for one that changes nothing."""
    path = make(tmp_path / "r")
    (one,) = grow(path, [Node((), files(a="1"))])
    with pytest.raises(ObjectMissing, match="1" * 40):
        await differences(store_of(path), {(one, "1" * 40)})


async def test_nothing_asked_runs_nothing(tmp_path: Path) -> None:
    """Guards against starting git for no pair at all."""
    assert await differences(ObjectStore(tmp_path / "absent"), set()) == {}


@settings(max_examples=examples(25, 500), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graphs())
async def test_what_differs_is_what_git_says(nodes: list[Node]) -> None:
    """Guards the comparison of trees: each pair beside `git diff-tree`, files that become folders included."""
    with tempfile.TemporaryDirectory() as directory:
        path = make(Path(directory) / "r")
        ids = grow(path, nodes)
        pairs: set[Pair] = {*pairwise(ids), *((None, one) for one in ids), (ids[-1], ids[0])}
        assert await differences(store_of(path), pairs) == {pair: by_git(path, *pair) for pair in pairs}


def by_git(path: Path, before: str | None, after: str) -> dict[str, Sides]:
    options = ["diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames"]
    empty = EMPTY_TREE[40]
    _, *said = git(path, *options, before or empty, after).split(b":")  # no path of ours holds a colon
    changes = [change.rstrip(b"\0").split(b"\0") for change in said]
    return {path_of(name): sides_of(b":" + meta) for meta, name in changes}


async def test_a_bomb_is_given_up_and_the_others_are_read(tmp_path: Path) -> None:
    """S8: ten thousand million paths in a dozen objects, as a fork's pull request brings them, cost that one alone."""
    path = make(tmp_path / "r")
    one, two = grow(path, [Node((), files(a="1")), Node((0,), files(a="2"))])
    bombs = [plant_commit(path, plant_bomb(path, 12, width), one) for width in (10, 11)]
    store = store_of(path)
    compared = await compare(store, {(one, two), *((one, bomb) for bomb in bombs)}, most=500)
    assert set(compared.found[one, two]) == {"a"}
    assert {pair: type(error) for pair, error in compared.failed.items()} == {(one, b): TooMuch for b in bombs}
    with pytest.raises(TooMuch, match=r"limits\.tree_paths"):
        await differences(store, {(one, two), (one, bombs[0])}, most=500)
    with pytest.raises(TooMuch, match=r"limits\.tree_paths"):
        await store.tree(bombs[0], most=500)


async def test_folders_without_files_and_long_trees_are_bounded_too(tmp_path: Path) -> None:
    """S8: what explodes need not be files: folders count, and so does how deep they lie."""
    path = make(tmp_path / "r")
    (one,) = grow(path, [Node((), files(a="1"))])
    tree = plant_tree(path, [])
    for _ in range(8):
        tree = plant_tree(path, [("40000", b"%d" % n, tree) for n in range(10)])
    hollow, deep = plant_commit(path, tree, one), plant_tree(path, [("100644", b"a", plant_blob(path, b"x"))])
    for _ in range(DEEPEST + 2):
        deep = plant_tree(path, [("40000", b"d", deep)])
    compared = await compare(store_of(path), {(one, hollow), (one, plant_commit(path, deep, one))}, most=500)
    assert [type(error) for error in compared.failed.values()] == [TooMuch, TooMuch]


async def test_only_what_lies_below_is_looked_at(tmp_path: Path) -> None:
    """S8: a profile that looks into one folder is not concerned by what another one holds."""
    path = make(tmp_path / "r")
    (one,) = grow(path, [Node((), files(a="1"))])
    blob = plant_blob(path, b"x")
    inner = plant_tree(path, [("100644", b"a.md", blob)])
    names = [
        ("40000", b"bomb", plant_bomb(path)),
        ("100644", b"a", blob),
        ("40000", b"rfc", inner),
        ("40000", b"rfcs", inner),
    ]
    two = plant_commit(path, plant_tree(path, names), one)
    found = await differences(store_of(path), {(one, two)}, below=["rfcs/", "a"], most=500)
    assert set(found[one, two]) == {"a", "rfcs/a.md"}


async def test_a_name_held_twice_is_its_first(tmp_path: Path) -> None:
    """S9: both servers take a tree that holds one name twice; it is read as `git show commit:path` reads it."""
    path = make(tmp_path / "r")
    first, second, third = (plant_blob(path, text) for text in (b"1", b"2", b"3"))
    clean = plant_commit(path, plant_tree(path, [("100644", b"a", first)]))
    twice = plant_commit(path, plant_tree(path, [("100644", b"a", first), ("100644", b"a", second)]), clean)
    other = plant_commit(path, plant_tree(path, [("100644", b"a", third), ("100644", b"a", second)]), twice)
    store = store_of(path)
    found = await differences(store, {(clean, twice), (twice, other), (None, twice)})
    ids = {pair: [tuple(side and side.id for side in sides) for sides in of.values()] for pair, of in found.items()}
    assert ids == {(clean, twice): [], (twice, other): [(first, third)], (None, twice): [(None, first)]}
    assert git(path, "rev-parse", f"{twice}:a").decode().strip() == first
    assert (await store.tree(twice))["a"].id == first
