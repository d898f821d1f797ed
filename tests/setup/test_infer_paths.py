"""The shapes in which repositories keep their files: each is one collection, and every file is described or named."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inferring import bound, inferred_from, records

from cache.profile.infer import Inferred, infer, read_seen
from cache.profile.infer_paths import UNASKED
from cache.profile.infer_text import write_profile

Files = dict[str, str | bytes]


def shapes(files: Mapping[str, str | bytes], below: str = "") -> dict[str, tuple[str, ...]]:
    """The paths of the collections, with their keys. Every file that is described is read without a finding."""
    inferred, text = inferred_from(files, below)
    block = bound(text)
    found = records(block, files)
    assert {path: record.problems for path, (_, record) in found.items() if record.problems} == {}
    keys = [(name, record.key) for name, record in found.values()]
    assert len(set(keys)) == len(keys)
    named = {path for group in inferred.left_out for path in group.paths}
    about = {path for path in files for one in inferred.collections if path.rpartition("/")[2][:-3] in one.left_out}
    assert set(files) == {*found, *named, *about}
    return {each.template.source: each.template.key for each in inferred.collections}


def pages(*paths: str) -> Files:
    return {path: f"# {path}\n" for path in paths}


@pytest.mark.parametrize("below", ["", "rfd"])
@pytest.mark.parametrize("count", [2, 6, 30])
def test_folders_that_are_entries_are_one_collection(below: str, count: int) -> None:
    """R6: six folders `rfd/000N/README.md` gave six collections, or were dropped for holding only a README."""
    files = pages(*(f"rfd/{n:04d}/README.md" for n in range(count)))
    assert shapes(files, below) == {"rfd/{number}/README.md": ("number",)}


def test_folders_at_the_top_are_entries_too() -> None:
    assert shapes(pages("0001/README.md", "0002/README.md", "0003/README.md")) == {"{number}/README.md": ("number",)}
    assert shapes(pages("one/index.md", "two/index.md", "README.md")) == {"{slug}/index.md": ("slug",)}


def test_what_else_lies_in_such_folders_is_a_collection_of_its_own() -> None:
    files = pages(*(f"rfd/{n:04d}/README.md" for n in range(9)), "rfd/0001/notes.md", "rfd/0002/sizes.md")
    assert shapes(files) == {
        "rfd/{number}/README.md": ("number",),
        "rfd/0001/{slug:(?!(?:README)[.](?:md)$)[^/]+?}.md": ("slug",),
        "rfd/0002/{slug:(?!(?:README)[.](?:md)$)[^/]+?}.md": ("slug",),
    }


def test_folders_of_several_levels_are_entries() -> None:
    files = pages(*(f"keps/sig-{s}/{n}-name/README.md" for s in "abc" for n in range(4)))
    assert shapes(files) == {"keps/{folder}/{slug}/README.md": ("folder", "slug")}
    files |= pages(*(f"keps/sig-{s}/sub/{n}-name/README.md" for s in "abc" for n in range(4)))
    assert shapes(files) == {"keps/**/{slug}/README.md": ("path",)}
    files = pages(*(f"text/{n}/README.md" for n in range(3)), *(f"text/old/x/y/{n}/README.md" for n in range(3)))
    assert shapes(files) == {"text/**/{number}/README.md": ("path",)}


def test_two_endings_in_one_folder_are_one_collection() -> None:
    """R6: `.md` and `.markdown` were two."""
    files = pages("docs/a.md", "docs/b.markdown", "docs/c.MD")
    assert shapes(files) == {"docs/{slug}.{ending:(?:MD|markdown|md)}": ("slug",)}
    files |= pages("docs/a.markdown")
    assert shapes(files) == {"docs/{slug}.{ending:(?:MD|markdown|md)}": ("slug", "ending")}


def test_yaml_and_yml_are_one_collection_and_json_is_another() -> None:
    files: Files = {"data/a.yaml": "n: 1\n", "data/b.yml": "n: 2\n", "data/c.json": '{"n": 3}'}
    assert shapes(files, "data") == {"data/{slug}.{ending:(?:yaml|yml)}": ("slug",), "data/{slug}.json": ("slug",)}
    _, text = inferred_from(files, "data")
    assert [each.format for each in bound(text).collections] == ["yaml", "json"]


def test_a_tree_of_several_depths_is_one_collection() -> None:
    """R6: each depth was one of its own."""
    files = pages("docs/a.md", "docs/x/b.md", "docs/x/y/c.md", "docs/x/y/z/d.md", "docs/w/e.md", "docs/w/y/f.md")
    assert shapes(files) == {"docs/**/{slug}.md": ("path",)}
    assert shapes(files, "docs") == {"docs/**/{slug}.md": ("path",)}
    assert shapes(pages("docs/a.md", "docs/x/b.md")) == {"docs/**/{slug}.md": ("path",)}


def test_a_folder_within_another_whose_files_say_other_things_is_of_its_own_kind() -> None:
    record, page = "---\nstatus: x\ndate: 2020-01-01\n---\n", "---\nweight: 1\n---\n"
    files: Files = {"docs/a.md": page, "docs/b.md": page, "docs/adr/1.md": record, "docs/adr/2.md": record}
    assert shapes(files) == {"docs/adr/{slug}.md": ("slug",), "docs/{slug}.md": ("slug",)}


def test_a_key_that_files_use_themselves_names_no_capture() -> None:
    """A tree is known by its path; where files say `path` of their own, that would contradict them."""
    places = ("docs", "docs/x", "docs/x/y", "docs/z", "docs/z/y")
    said = "---\npath: /elsewhere\nslug: x\n---\n"
    files: Files = {f"{place}/{n}.md": said for place in places for n in (1, 2)}
    names = ("docs/{slug2}.md", "docs/{folder}/{slug2}.md", "docs/{folder}/{folder2}/{slug2}.md")
    assert set(shapes(files)) == set(names)


def left_out(inferred: Inferred) -> dict[str, tuple[str, ...]]:
    return {group.reason: group.paths for group in inferred.left_out}


def test_every_file_that_is_not_described_is_named_with_the_reason() -> None:
    """R6: "Not described: 4 files elsewhere" told neither which nor why."""
    good = {path: read_seen(path, b"# Page\n") for path in ("docs/a.md", "docs/b.md", "README.md", "src/README.md")}
    odd = {path: read_seen(path, b"# Page\n") for path in ("we{ird/c.md",)}
    others = ["main.go", "lib/x.go", "logo.png", ".github/PULL.md", "data.yaml", "Makefile"]
    inferred = infer("x", [*good.values(), *odd.values()], repository="acme/x", others=others)
    assert [each.template.source for each in inferred.collections] == ["docs/{slug}.md"]
    said = left_out(inferred)
    assert said.pop("of another kind") == ("Makefile", "lib/x.go", "logo.png", "main.go")
    assert said.pop("hidden") == (".github/PULL.md",)
    assert said.pop(UNASKED) == ("data.yaml",)
    assert said.pop("about the repository, or about their folder") == ("README.md", "src/README.md")
    ((reason, paths),) = said.items()
    assert (paths, "brace" in reason) == (("we{ird/c.md",), True)
    assert inferred.elsewhere == 3
    head = write_profile(inferred).partition("format: 1")[0]
    for word in (".go 2, .png, Makefile", ".github/PULL.md", "data.yaml", "README.md, src/README.md", "we{ird/c.md"):
        assert word in head


def test_what_goes_beyond_the_number_of_collections_is_named() -> None:
    files = pages(*(f"top{n:02d}/{name}.md" for n in range(15) for name in "ab"))
    inferred, _ = inferred_from(files)
    assert len(inferred.collections) == 12
    ((reason, paths),) = left_out(inferred).items()
    assert (reason, len(paths)) == ("beyond the 12 collections of a first profile", 6)


def test_symbolic_links_are_named() -> None:
    seen = [read_seen("docs/a.md", b"# A\n"), read_seen("docs/b.md", b"# B\n")]
    from cache.profile.infer import SeenFile

    inferred = infer("x", [*seen, SeenFile("other/link.md", problem="symlink")], repository="acme/x")
    assert left_out(inferred) == {"symbolic links, which are never followed": ("other/link.md",)}


def values(*written: str) -> Files:
    return {f"docs/{n:02d}.md": f"---\nkind: {value}\n---\n" for n, value in enumerate(written)}


@pytest.mark.parametrize(
    ("good", "odd", "type_"),
    [
        ("2026-01-0{}", "soon", "date"), ("{}", "many", "integer"), ("1.5{}", "high", "number"),
        ("[a{}]", "a", "list"), ("https://example.org/{}", "none yet", "url"), ("{{a: {}}}", "b", "object"),
        ("2026-01-0{}T10:00:00Z", "never", "datetime"),
    ],
)  # fmt: skip
def test_one_outlier_is_a_comment_with_file_and_line_and_not_another_type(good: str, odd: str, type_: str) -> None:
    """R6: one file of thirty made text of a date."""
    files = values(*(good.format(n) for n in range(1, 8)), odd)
    inferred, text = inferred_from(files)
    field = next(field for field in inferred.collections[0].fields if field.source == "kind")
    assert field.type == type_
    line = next(line for line in text.splitlines() if "kind:" in line)
    assert "on_bad: warn" in line
    assert "docs/07.md:2 says" in line
    read = {path: record for path, (_, record) in records(bound(text), files).items()}
    assert all(record.valid for record in read.values())
    assert {path for path, record in read.items() if record.problems} == {"docs/07.md"}


def test_two_of_a_few_are_no_outliers() -> None:
    assert inferred_from(values("1", "2", "3", "4", "x", "y"))[0].collections[0].fields[-1].type == "string"
    assert inferred_from(values("1", "2", "3", "x"))[0].collections[0].fields[-1].type == "string"


def test_dates_in_other_forms_are_dates() -> None:
    files = values("5 Feb 2018", "February 6, 2018", "2018-02-07")
    _, text = inferred_from(files)
    assert "type: date, forms: any" in text
    read = records(bound(text), files)
    assert [record.fields["kind"] for _, record in read.values()] == ["2018-02-05", "2018-02-06", "2018-02-07"]


_folders = st.lists(st.sampled_from(["docs", "0001", "0002", "x", "y", "a b", "we{ird"]), max_size=4)
_names = st.sampled_from(["README", "index", "one", "1", "2"])
_ends = st.sampled_from([".md", ".md", ".markdown", ".MD", ".yaml", ".yml"])
_paths = st.builds(lambda folders, name, end: "/".join([*folders, name + end]), _folders, _names, _ends)


@given(st.sets(_paths, max_size=25), st.sampled_from(["", "docs", "x"]))
def test_whatever_the_tree_every_file_is_described_or_named(paths: set[str], below: str) -> None:
    files: Files = {path: "a: 1\n" if path.endswith(("yaml", "yml")) else "# T\n" for path in paths}
    looked_at = {path: text for path, text in files.items() if not below or path.startswith(f"{below}/")}
    seen = [read_seen(path, str(text).encode()) for path, text in looked_at.items()]
    inferred = infer("x", seen, below=below, repository="acme/x", others=looked_at.keys())
    if inferred.collections:
        block = bound(write_profile(inferred))
        found = records(block, looked_at)
        keys = [(name, record.key) for name, record in found.values()]
        assert len(set(keys)) == len(keys)
        named = {path for group in inferred.left_out for path in group.paths}
        assert set(looked_at) <= {*found, *named}
