"""What differs between commits, beside what plain git says of each pair."""

from __future__ import annotations

from pathlib import Path

import pytest
from client_repos import Node, files, git, grow, make

from gitea_client.differing import differences
from gitea_client.errors import ObjectMissing
from gitea_client.objects import ObjectStore


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


async def test_a_commit_that_is_not_held_is_an_error(tmp_path: Path) -> None:
    """Guards against taking a commit that gc took for one that changes nothing."""
    path = make(tmp_path / "r")
    (one,) = grow(path, [Node((), files(a="1"))])
    with pytest.raises(ObjectMissing, match="1" * 40):
        await differences(store_of(path), {(one, "1" * 40)})


async def test_nothing_asked_runs_nothing(tmp_path: Path) -> None:
    """Guards against starting git for no pair at all."""
    assert await differences(ObjectStore(tmp_path / "absent"), set()) == {}
