"""Trees that hold one name twice, along a history: read as git reads them, and well again with the next clean one."""

from __future__ import annotations

from pathlib import Path

import pytest
from client_repos import git, make, plant_blob, plant_commit, plant_tree

from gitea_client.git import FileVersion, TreeItem
from gitea_client.history import Known, first_parent_changes
from gitea_client.objects import ObjectStore

FILE = "100644"
SHAPES = ["1", "12", "21", "13", "2", "11", "", "123"]
"""What one path holds at a commit: the contents of its entries, in their order."""


def plant(path: Path, shapes: list[str]) -> list[str]:
    """A commit after another, each with these entries of `docs/a.md`, beside a file that stays."""
    ids: list[str] = []
    for shape in shapes:
        entries = [(FILE, b"a.md", plant_blob(path, text.encode())) for text in shape]
        inner = plant_tree(path, [*entries, (FILE, b"b.md", plant_blob(path, b"stays"))])
        ids.append(plant_commit(path, plant_tree(path, [("40000", b"docs", inner)]), *ids[-1:]))
    return ids


_shown: dict[str, list[str]] = {}


def shown_at(path: Path, shape: str, commit: str) -> list[str]:
    """What git shows of the path at a commit that has this shape, asked once for each: ids come of contents alone."""
    if shape not in _shown:
        _shown[shape] = git(path, "ls-tree", commit, "docs/a.md").decode().split()[2:3]
    return _shown[shape]


def known(versions: list[FileVersion], doubled: frozenset[str]) -> Known:
    last = {v.path: TreeItem(v.mode, "blob", v.blob) if v.blob is not None else None for v in versions}
    return Known(last.get, doubled)


@pytest.mark.parametrize("then", SHAPES)
@pytest.mark.parametrize("twice", ["12", "21", "11", "123"])
@pytest.mark.parametrize("first", ["1", "2", ""])
async def test_the_first_entry_counts_and_a_clean_commit_heals(
    tmp_path: Path, first: str, twice: str, then: str
) -> None:
    """S9: both servers take such a push. What git shows of the path at each commit is what is read, in one go and step
    by step; a path that still has an entry is never taken for removed."""
    path = make(tmp_path / "r")
    make(path / "reader")
    shapes = [first, twice, then, "3"]
    ids = plant(path, shapes)
    store = ObjectStore(path)
    whole = await first_parent_changes(store, ids[-1], after=None, wanted=lambda _: True, below=["docs/"])
    by_step: list[FileVersion] = []
    doubled: frozenset[str] = frozenset()
    for place, commit in enumerate(ids):
        read = await first_parent_changes(
            store, commit, after=ids[place - 1] if place else None, wanted=lambda _: True, start_position=place,
            below=["docs/"], known=known(by_step, doubled) if place else None,
        )  # fmt: skip
        by_step += read.versions
        doubled = read.doubled
        newest = {v.path: v.blob for v in by_step}
        shown = shown_at(path, shapes[place], commit)
        assert [blob for blob in [newest.get("docs/a.md")] if blob] == shown
        assert doubled == (frozenset(["docs/a.md"]) if len(shapes[place]) > 1 else frozenset())
    assert by_step == whole.versions
    assert whole.doubled == frozenset()
