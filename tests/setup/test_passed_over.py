"""What nothing is proposed for is told, with the reason: silence looks like a fault of the reader's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.setup.propose import MOST_BLOCKS, Sight, beyond, passed_over, propose
from daemon.setup.shapes import is_page, judge


def passed(*paths: str) -> list[tuple[str, int, str]]:
    return [(one.folder, one.files, one.why) for one in passed_over([Sight("acme", "r", (), paths)])]


@pytest.mark.parametrize(
    ("paths", "folder", "files", "word"),
    [
        (("main.go", "go.mod"), "", 0, "no Markdown"),
        (("main.go", "README.md", "CHANGELOG.md"), "", 2, "READMEs and the like alone"),
        (("docs/only.md", "src/a.py"), "docs", 1, "a single page; it takes 2"),
        (("src/a.py", "src/b.py", "src/c.py", "src/d.py", "src/x/a.md", "src/x/b.md"), "src", 2, "2 of 6 files"),
        (("we{ird/a.md", "we{ird/b.md"), "we{ird", 2, "no profile can say"),
        ((".github/a.md", ".github/b.md"), ".github", 2, "hidden"),
        (("node_modules/x/a.md", "a.js"), "node_modules", 1, "no text of the team's"),
        (("guide.md", "main.go", "go.mod"), "", 1, "one page about the repository"),
        (("a.md", "b.md", "main.go"), "", 2, "2 at the top"),
    ],
)  # fmt: skip
def test_each_folder_that_is_passed_over_has_its_reason(
    paths: tuple[str, ...], folder: str, files: int, word: str
) -> None:
    found = [one for one in passed(*paths) if one[0] == folder]
    assert [(one[0], one[1]) for one in found] == [(folder, files)]
    assert word in found[0][2]


def test_what_is_proposed_is_not_passed_over() -> None:
    assert passed("docs/a.md", "docs/b.md", "README.md") == []
    assert passed("docs/adr/0001-x.md", "main.go") == []


def test_folders_that_hold_only_a_readme_are_pages() -> None:
    """R6: `rfd/0001/README.md` and its like were dropped, and nothing said so."""
    paths = tuple(f"rfd/{n:04d}/README.md" for n in range(6))
    (block,) = propose([Sight("acme", "r", (), paths)])
    assert (block.use, block.parameters, block.files) == ("markdown", {"repository": "acme/r", "path": "rfd"}, 6)
    code = tuple(f"packages/p{n}/{name}" for n in range(6) for name in ("README.md", "main.go", "go.mod"))
    assert propose([Sight("acme", "r", (), code)]) == ()


def test_blocks_beyond_the_number_are_told() -> None:
    sights = [Sight(f"o{n}", "r", (), ("docs/a.md", "docs/b.md")) for n in range(MOST_BLOCKS + 3)]
    assert len(propose(sights)) == MOST_BLOCKS
    assert len(beyond(sights)) == 3


_parts = st.sampled_from(["docs", "adr", "we{ird", ".git", "node_modules", "src", "ü"])
_files = st.sampled_from(["0001-a.md", "b.md", "README.md", "c.png", "d.py", "e.MD", "f.markdown"])
_paths = st.builds(lambda parts, file: "/".join([*parts, file]), st.lists(_parts, max_size=3), _files)


@given(st.sets(_paths, max_size=12))
def test_every_page_is_proposed_or_passed_over(paths: set[str]) -> None:
    sight = Sight("acme", "r", (), tuple(sorted(paths)))
    found, over = judge(sight)
    named = {one.folder for one in over}
    whole = any(shape.use == "markdown" and shape.folder == "" for shape in found)
    for path in paths:
        top = path.partition("/")[0] if "/" in path else ""
        if is_page(path) and not whole:
            decision = path.split("/")[-2:-1] == ["adr"]
            assert top in named or decision or any(shape.folder == top for shape in found), path
    assert over or found or not paths
