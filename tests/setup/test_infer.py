"""Profiles from the files that are there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from inferring import bound, inferred_from, records

from cache.profile.infer import infer, profile_name, read_seen
from cache.profile.infer_text import quoted, write_profile
from cache.profile.loader import read_profile
from cache.profile.nodes import Scalar, Table, read_yaml
from cache.profile.patterns import PatternError


def page(**fields: Any) -> str:
    """A file with front matter; JSON is YAML."""
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in fields.items()]
    return "---\n" + "\n".join(lines) + "\n---\n# A heading\n\nText.\n"


def fields_of(files: dict[str, str | bytes], below: str = "") -> dict[str, dict[str, Any]]:
    """The fields of the first collection as the profile says them."""
    _, text = inferred_from(files, below)
    spec = read_profile(text).spec
    (first, *_) = spec.collections.values()
    return {
        name: {
            "type": field.type, "required": field.required, "values": field.values, "of": field.of, "from": field.from_
        }
        for name, field in first.fields.items()
    }  # fmt: skip


def many(key: str, values: list[str]) -> dict[str, str | bytes]:
    """One file for each value, written as it stands."""
    return {f"docs/{n}.md": f"---\ntitle: T\n{key}: {value}\n---\n" for n, value in enumerate(values)}


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        (["true", "false", "true"], "boolean"),
        (["1", "20", "-3"], "integer"),
        (["1.5", "2", "0.25"], "number"),
        (["2026-01-02", "2025-12-31"], "date"),
        (["2026-01-02", "2026-01-02T10:00:00Z"], "datetime"),
        (["https://example.org/a", "http://example.org"], "url"),
        (["one thing", "another"], "string"),
        (["draft", "done", "draft", "draft"], "enum"),
        (["draft", "done"], "string"),
        (["007", "008"], "string"),
        (["1.10", "1.2"], "string"),
        (["2026-02-30", "2026-01-02"], "string"),
        (["'true'", "'false'"], "string"),
        (["99999999999999999999999", "1"], "string"),
    ],
)
def test_the_narrowest_type_that_holds_every_value(values: list[str], type_: str) -> None:
    """A type that one file breaks is a finding on the first day; one that loses `007` is wrong for ever."""
    assert fields_of(many("kind", values))["kind"]["type"] == type_


def test_an_enum_lists_its_values_and_the_comment_counts_them() -> None:
    """Who reads the profile decides whether three values are all there will ever be."""
    files = many("status", ["done", "draft", "done", "done"])
    assert fields_of(files)["status"]["values"] == ["done", "draft"]
    assert '"done" 3, "draft" 1' in inferred_from(files)[1]


def test_keys_that_name_people_are_logins() -> None:
    """`owners: [ada]` is a list of users, so that what belongs to a person is found by their login."""
    files: dict[str, str | bytes] = {
        "docs/a.md": page(title="A", author="ada", owners=["ada", "grace"]),
        "docs/b.md": page(title="B", author="grace", owners=[]),
    }
    fields = fields_of(files)
    assert fields["author"]["type"] == "user"
    assert (fields["owners"]["type"], fields["owners"]["of"]) == ("list", "user")
    files["docs/c.md"] = page(title="C", author="Grace Hopper", owners=[])
    assert fields_of(files)["author"]["type"] == "string"


def test_a_field_is_required_only_where_every_file_has_it() -> None:
    """An empty value counts as missing, as it does when the file is read."""
    files: dict[str, str | bytes] = {
        "docs/a.md": page(title="A", every="x", some="x", empty="x"),
        "docs/b.md": page(title="B", every="y", empty=" ", null=None),
    }
    fields = fields_of(files)
    assert {name for name, of in fields.items() if of["required"]} == {"title", "every"}


def test_a_title_is_the_heading_of_level_one_and_else_what_files_say() -> None:
    """Most Markdown has no front matter; its heading is what people call it."""
    files: dict[str, str | bytes] = {
        "docs/a.md": "# First\n",
        "docs/b.md": page(title="Second"),
        "docs/c.md": "---\ntitle: Third\n---\n## Install\n",
    }
    block = bound(inferred_from(files)[1])
    titles = {path: record.fields["title"] for path, (_, record) in records(block, files).items()}
    assert titles == {"docs/a.md": "First", "docs/b.md": "A heading", "docs/c.md": "Third"}


def test_values_of_several_kinds_stay_undeclared_and_are_kept() -> None:
    """`tags: a` in one file and `tags: [a]` in another: either type would refuse the other file."""
    files: dict[str, str | bytes] = {"docs/a.md": page(title="A", tags="x"), "docs/b.md": page(title="B", tags=["x"])}
    _, text = inferred_from(files)
    block = bound(text)
    assert "# tags is a list in 1, a single value in 1" in text
    assert records(block, files)["docs/b.md"][1].extra == {"tags": ["x"]}


def test_odd_and_reserved_keys_get_names_of_their_own() -> None:
    """`decision-makers` is no name, `path` and `limit` mean something already, `heading` would mean the first one."""
    odd = {"decision-makers": "a", "path": "b", "limit": "c", "heading": "d", "a__b": "e", "été": "f", "null": "g",
           "body": "h", "1st": "i", "a-b": "j", "a_b": "k"}  # fmt: skip
    files: dict[str, str | bytes] = {"docs/x.md": page(title="X", **odd)}
    block = bound(inferred_from(files)[1])
    (record,) = (record for _, record in records(block, files).values())
    assert not record.problems
    said = {**record.fields, **record.extra}
    assert set(odd.values()) <= set(said.values())
    assert said["decision_makers"] == "a"
    assert said["path_field"] == "b"


def test_pages_about_the_others_are_left_out_where_they_alone_have_no_front_matter() -> None:
    """A README beside forty entries is no entry; requiring nothing because of it would lose every required field."""
    files: dict[str, str | bytes] = {f"rfcs/{n}.md": page(title=str(n), state="idea") for n in range(5)}
    files["rfcs/README.md"] = "# About these\n"
    block = bound(inferred_from(files)[1])
    assert "rfcs/README.md" not in records(block, files)
    assert fields_of(files)["title"]["required"]


def test_a_plain_folder_keeps_its_readme() -> None:
    """Where no file has front matter the README is a page like the others."""
    files: dict[str, str | bytes] = {"docs/a.md": "# A\n", "docs/README.md": "# About\n"}
    assert set(records(bound(inferred_from(files)[1]), files)) == set(files)


def test_few_folders_are_collections_and_many_are_values() -> None:
    """Two folders are two kinds of thing; thirty are one kind, for thirty teams."""
    few: dict[str, str | bytes] = {"docs/guides/a.md": "# A", "docs/rules/b.md": "# B", "docs/rules/c.md": "# C"}
    block = bound(inferred_from(few)[1])
    assert {c.name: c.pattern.source for c in block.collections} == {
        "rules": "docs/rules/{slug}.md", "guides": "docs/guides/{slug}.md",
    }  # fmt: skip
    many: dict[str, str | bytes] = {f"teams/t{n}/notes/a.md": "# A" for n in range(30)}
    (only,) = bound(inferred_from(many)[1]).collections
    assert only.pattern.source == "teams/{folder}/{folder2}/{slug}.md"
    assert only.key == ("folder", "folder2", "slug")
    keys = [record.key for _, record in records(bound(inferred_from(many)[1]), many).values()]
    assert len(set(keys)) == len(many)


def test_a_key_of_the_files_and_a_capture_do_not_contradict() -> None:
    """`slug: other` in a file against {slug} from its path would be a finding in every file."""
    agreeing: dict[str, str | bytes] = {"docs/a.md": page(title="A", slug="a")}
    (first,) = bound(inferred_from(agreeing)[1]).collections
    assert first.key == ("slug",)
    assert "slug" not in [field.name for field in first.fields]
    other: dict[str, str | bytes] = {"docs/a.md": page(title="A", slug="the-a")}
    block = bound(inferred_from(other)[1])
    assert block.collections[0].key == ("slug2",)
    assert records(block, other)["docs/a.md"][1].problems == ()


def test_a_folder_that_is_asked_for_limits_what_is_described() -> None:
    """`profile infer acme/x data` looks at data and takes YAML and JSON there as well."""
    files: dict[str, str | bytes] = {
        "docs/a.md": "# A", "data/one.yaml": "name: one\nsize: 3\n", "data/two.yaml": "name: two\nsize: 4\n",
    }  # fmt: skip
    block = bound(inferred_from(files, below="data")[1])
    (only,) = block.collections
    assert (only.format, only.pattern.source) == ("yaml", "data/{slug}.yaml")
    assert set(records(block, files)) == {"data/one.yaml", "data/two.yaml"}
    with pytest.raises(PatternError, match="brace"):
        infer("x", [read_seen("da{ta/a.md", b"# A")], below="da{ta")


def test_what_no_profile_could_read_is_told_and_breaks_nothing() -> None:
    """YAML bombs, binary rubbish and endless files are somebody else's; they must not decide what a field is."""
    files: dict[str, str | bytes] = {
        "docs/good.md": page(title="Good", count=1),
        "docs/bomb.md": "---\na: &a [x]\nb: [*a, *a]\n---\n",
        "docs/deep.md": "---\nx: " + "[" * 50_000 + "\n---\n",
        "docs/binary.md": b"\x00\xff\xfe",
        "docs/unclosed.md": "---\ntitle: x\n",
        "docs/huge.md": b"x" * (1 << 20) + b"y",
    }
    inferred, text = inferred_from(files)
    (only,) = inferred.collections
    assert (only.files, len(only.unreadable), only.with_data) == (6, 5, 1)
    assert "and will be findings: docs/binary.md, docs/bomb.md, docs/deep.md and 2 more" in text
    record = records(bound(text), files)["docs/good.md"][1]
    assert record.valid
    assert record.fields["count"] == 1


def test_foreign_text_stays_inside_quotes_and_comments() -> None:
    """A value that ends the line would write the profile's next key itself."""
    nasty = "x\nformat: 2\n#\u2028\x85\"\\{}"
    said = {"title": "T", nasty: "v", "kind": nasty}
    files: dict[str, str | bytes] = {f"docs/{n}.md": page(**said) for n in range(4)}
    _, text = inferred_from(files)
    profile = read_profile(text)
    assert profile.spec.format == 1
    assert set(profile.spec.collections) == {"documents"}


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_quoted_text_reads_back_the_same(text: str) -> None:
    """In YAML; TOML's own test is with the writer of configurations."""
    node = read_yaml(f"a: {quoted(text)}\n")
    assert isinstance(node, Table)
    value = node.pairs["a"]
    assert isinstance(value, Scalar)
    assert value.text == text


@given(st.text(max_size=100), st.text(st.characters(exclude_characters="/"), min_size=1, max_size=100))
@example("sqlite", "documents")
@example("true", "null")
@example("x" * 70, "y" * 70)
def test_every_name_of_a_repository_and_a_folder_gives_a_profile_that_loads(text: str, folder: str) -> None:
    """`.github`, `UPPER`, `changes`, `sqlite`: names are theirs, and ours follow rules."""
    files = [read_seen(f"{at}/a.md", b"# A") for at in ("docs", folder, f"{folder}!", "docs/" + folder)]
    inferred = infer(text, files, repository="acme/x")
    assert bound(write_profile(inferred)).name == profile_name(text)


def test_each_collection_has_a_view_with_its_fields_as_columns() -> None:
    """The quickest way to a table is SQL; names differ by more than case, lists are JSON."""
    said = {"title": "T", "Title": "U", "tags": ["x"], "path": "p"}
    _, text = inferred_from({"docs/a.md": page(**said), "handbook/b.md": page(title="B")})
    views = read_profile(text).spec.views
    assert set(views) == {"handbook_documents", "handbook_entries"}
    columns = views["handbook_documents"].columns
    assert list(columns) == ["slug", "title", "path_field", "tags", "path", "created_at", "updated_at", "body"]


# By property: whatever well-formed files there are, the profile loads, binds and has no finding about any of them.

_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
_scalars = st.one_of(
    _text, st.integers(-5, 5), st.booleans(), st.none(), st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.sampled_from(["2026-01-02", "2026-01-02T03:04:05Z", "ada", "draft", "https://example.org", "acme/x", "007", ""]),
)  # fmt: skip
_values = st.one_of(
    _scalars, st.lists(_scalars, max_size=3), st.dictionaries(_text, _scalars, max_size=2),
    st.lists(st.lists(_scalars, max_size=2), max_size=2),
)  # fmt: skip
_keys = st.one_of(
    st.sampled_from([
        "title", "slug", "folder", "status", "owners", "path", "limit", "heading", "body", "key", "decision-makers",
        "repository", "a-b", "a_b", "null", "name", "x_by",
    ]),
    _text.filter(lambda text: text != "<<"),
)  # fmt: skip
_front = st.dictionaries(_keys, _values, max_size=5)
_folders = st.lists(st.sampled_from(["docs", "rules", "a b", "we{ird", "*", "ümlaut", "pulls", "0"]), max_size=3)
_names = st.sampled_from(["one", "two", "three", "README", "index", "x.y", "{slug}", "ö", "0001-first"])
_paths = st.builds(lambda folders, name, end: "/".join([*folders, name + end]), _folders, _names,
                   st.sampled_from([".md", ".md", ".markdown", ".MD"]))  # fmt: skip
_contents = st.one_of(_front.map(lambda front: page(**front)), _text.filter(lambda text: "---" not in text))


@given(st.dictionaries(_paths, _contents, max_size=12))
def test_an_inferred_profile_finds_nothing_wrong_with_the_files_it_came_from(files: dict[str, str | bytes]) -> None:
    """The promise to a stranger: what is there is right until you say otherwise."""
    readable = {path: text for path, text in files.items() if read_seen(path, str(text).encode()).problem is None}
    inferred, text = inferred_from(readable)
    if not inferred.collections:
        return
    found = records(bound(text), readable)
    assert {path: record.problems for path, (_, record) in found.items() if record.problems} == {}
    keys = [(name, record.key) for name, record in found.values()]
    assert len(set(keys)) == len(keys)
    assert sum(collection.files for collection in inferred.collections) == len(found)
