"""From what was seen to blocks: whose repositories, which profile, under which names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.profile.block import bind, load_profile
from cache.profile.infer import read_seen
from daemon.setup.propose import DECISIONS, MOST_BLOCKS, Proposal, Sight, named, numbers, propose, shapes_of

DECISION = ("docs/adr/0001-use-x.md", "docs/adr/0002-use-y.md")
CODE = ("main.go", "go.mod", "README.md")
PAGES = ("docs/use.md", "docs/care.md")
DOCS = {"path": "docs"}


def sight(name: str, *paths: str, owner: str = "acme", topics: tuple[str, ...] = (), **contents: str) -> Sight:
    """A repository with these files; `rfcs_a="…"` is the text of rfcs/a.md."""
    samples = {f"{key.replace('_', '/', 1)}.md": text for key, text in contents.items()}
    seen = tuple(read_seen(path, text.encode()) for path, text in samples.items())
    return Sight(owner, name, topics, (*paths, *samples), seen)


def rfc(state: str = "idea", title: str = "T") -> str:
    return f"---\ntitle: {title}\nstate: {state}\n---\n"


def uses(*sights: Sight) -> list[tuple[str, dict[str, str]]]:
    return [(block.use, dict(block.parameters)) for block in propose(sights)]


def test_the_same_in_every_repository_is_one_block_for_the_owner() -> None:
    """Thirty services with decision records are one team's habit, not thirty blocks."""
    services = [sight(f"svc-{n}", *DECISION, *CODE) for n in range(30)]
    (block,) = propose([*services, sight("website", "index.html")])
    assert (block.use, block.parameters) == ("adr", {"owner": "acme"})
    assert (len(block.found), block.files) == (30, 60)


def test_one_repository_is_named() -> None:
    """Others of the owner would be mirrored for nothing."""
    others = [sight(name, *CODE) for name in "bc"]
    assert uses(sight("a", *PAGES), *others) == [("markdown", {"repository": "acme/a", **DOCS})]


def test_some_repositories_are_chosen_by_a_topic_or_a_glob_that_fits_exactly() -> None:
    """Both go on fitting when a repository is added; a list of names does not."""
    others = [sight(f"other{n}", *CODE) for n in range(9)]
    tagged = [sight(name, *PAGES, topics=("records", "go")) for name in ("one", "two")]
    assert uses(*tagged, *others) == [("markdown", {"owner": "acme", "topic": "go", **DOCS})]
    prefixed = [sight(name, *PAGES) for name in ("team-a", "team-b")]
    assert uses(*prefixed, *others) == [("markdown", {"owner": "acme", "repositories": "team-*", **DOCS})]
    suffixed = [sight(name, *PAGES) for name in ("a-records", "b-records")]
    assert uses(*suffixed, *others) == [("markdown", {"owner": "acme", "repositories": "*-records", **DOCS})]


def test_a_topic_or_prefix_that_others_have_too_chooses_nobody() -> None:
    """It would take in repositories that nobody meant."""
    others = [sight(f"team-{n}", *CODE, topics=("go",)) for n in range(9)]
    holders = [sight(name, *PAGES, topics=("go",)) for name in ("team-x", "team-y")]
    assert uses(*holders, *others) == [("markdown", {"repository": f"acme/team-{end}", **DOCS}) for end in "xy"]


def test_many_without_a_mark_of_their_own_are_chosen_by_their_owner() -> None:
    """A block each would be longer than what it saves."""
    holders = [sight(name, *PAGES) for name in ("alpha", "beta", "gamma", "delta")]
    assert uses(*holders, *[sight(f"o{n}", *CODE) for n in range(9)]) == [("markdown", {"owner": "acme", **DOCS})]


@pytest.mark.parametrize("topics", [(), ("records",)])
def test_records_are_chosen_by_their_owner_however_few_hold_them(topics: tuple[str, ...]) -> None:
    """The profile finds nothing where no records are; named one by one, next month's records would not be seen."""
    others = [sight(f"other{n}", *CODE) for n in range(9)]
    for names in (("one",), ("one", "two")):
        holders = [sight(name, *DECISION, topics=topics) for name in names]
        assert uses(*holders, *others) == [("adr", {"owner": "acme"})]


def test_each_owner_has_blocks_of_its_own() -> None:
    """A block names one owner."""
    sights = [sight(f"r{n}", *DECISION, owner=owner) for owner in ("acme", "beta") for n in range(2)]
    assert [parameters for _, parameters in uses(*sights)] == [{"owner": "acme"}, {"owner": "beta"}]
    assert [block.name for block in propose(sights)] == ["adr-acme", "adr-beta"]


def test_an_rfc_repository_is_told_by_what_its_files_say() -> None:
    """A folder called rfcs may hold anything; the profile wants a title and one of three states."""
    assert uses(sight("meta", rfcs_a=rfc(), rfcs_b=rfc("active"))) == [("rfc", {"meta": "acme/meta"})]
    other = sight("meta", rfcs_a=rfc("accepted"), rfcs_b=rfc("rejected"))
    assert uses(other) == [("markdown", {"repository": "acme/meta", "path": "rfcs"})]
    mixed = sight("meta", rfcs_a=rfc(), rfcs_b=rfc("broken"), rfcs_c=rfc("withdrawn"))
    assert uses(mixed) == [("rfc", {"meta": "acme/meta"})]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (DECISION, {"adr": None}),
        (("doc/architecture/decisions/0001-x.md",), {"adr": None}),
        (("adr/README.md", "adr/template.md"), {}),
        (("decisions/how-we-decide.md", "decisions/who.md"), {"markdown": "decisions"}),
        (("docs/a.md", "docs/b/c.md", "docs/b/d.png"), {"markdown": "docs"}),
        (("docs/only.md", "src/a.py"), {}),
        (("src/a.py", "src/b.py", "src/c.py", "src/x/a.md", "src/x/b.md"), {}),
        (("a.md", "b.md", "c.md", "LICENSE"), {"markdown": ""}),
        (("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"), {}),
        ((".github/a.md", ".github/b.md"), {}),
        (("node_modules/x/a.md", "node_modules/x/b.md"), {}),
        (("we{ird/a.md", "we{ird/b.md"), {}),
        (('qu"ote/a.md', 'qu"ote/b.md'), {}),
        ((), {}),
    ],
)  # fmt: skip
def test_what_a_repository_holds(paths: tuple[str, ...], expected: dict[str, str | None]) -> None:
    """A folder of text is worth a block; a README, a template or somebody else's code is not."""
    assert {shape.use: shape.folder for shape in shapes_of(Sight("acme", "r", (), paths))} == expected


def test_front_matter_is_a_reason_for_a_profile_of_ones_own() -> None:
    """The comment in the file names the keys, and the repository to infer from."""
    bare = sight("bare", "docs/x.md", "docs/y.md")
    rich = sight("rich", docs_a="---\ntitle: A\nstatus: x\ntags: [a]\n---\n", docs_b="---\nstatus: y\n---\n")
    (block,) = propose([bare, rich])
    assert (block.keys, block.example) == (("status", "tags"), "acme/rich")


def test_blocks_of_one_profile_have_names_and_views_of_their_own() -> None:
    """Two blocks of one name, or two SQL views of one name, are refused when the configuration is read."""
    def draft(**parameters: str) -> Proposal:
        return Proposal("markdown", None, "", parameters, (), 0)

    blocks = named([draft(repository="a/x"), draft(repository="b/x"), draft(repository="a/x", path="docs"),
                    draft(owner="a", path="docs"), draft(owner="b", path="docs"), draft(repository="a/changes"),
                    draft(repository="a/1st")])  # fmt: skip
    assert [block.name for block in blocks] == [
        "x", "b-x", "x-docs", "markdown-docs", "markdown-b-docs", "my-changes", "1st"
    ]  # fmt: skip
    assert len({block.view_prefix for block in blocks}) == len(blocks)
    for block in blocks:
        bind(load_profile(block.use), block.name, block.view_prefix, block.parameters)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("all", (1, 2, 3)), ("", (1, 2, 3)), ("2", (2,)), (" 3, 1,3 ", (3, 1)), ("4", None), ("0", None), ("x", None),
     ("1,,2", None), ("-1", None)],
)  # fmt: skip
def test_blocks_are_picked_by_number(text: str, expected: tuple[int, ...] | None) -> None:
    assert numbers(text, 3) == expected


_names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,12}", fullmatch=True)
_parts = st.sampled_from(["docs", "adr", "decisions", "rfcs", "a b", "we{ird", "x\ny", ".git", "ü", '"', "src"])
_files = st.sampled_from(["0001-a.md", "b.md", "README.md", "c.png", "d.py", "\x00.md", "e{.md", "f.MD", "*.md"])
_paths = st.builds(lambda parts, file: "/".join([*parts, file]), st.lists(_parts, max_size=3), _files)
_sights = st.builds(
    Sight, st.sampled_from(["acme", "Beta", "x.y"]), _names, st.lists(_names, max_size=2).map(tuple),
    st.lists(_paths, max_size=8).map(tuple),
    st.just((read_seen("rfcs/b.md", b"---\ntitle: A\nstate: idea\n---\n"),)),
)  # fmt: skip


@given(st.lists(_sights, max_size=20, unique_by=lambda one: one.full_name.lower()))
def test_whatever_was_seen_every_proposed_block_binds(sights: list[Sight]) -> None:
    """A configuration that does not load is worse than none; names from a forge are anybody's."""
    blocks = propose(sights)
    assert len(blocks) <= MOST_BLOCKS
    for block in blocks:
        bind(load_profile(block.use), block.name, block.view_prefix, block.parameters)
    names = [block.name or block.use for block in blocks]
    assert len(set(names)) == len(names)
    assert propose(reversed(sights)) == blocks


def test_folders_of_records_are_those_that_the_profile_finds_by_itself() -> None:
    """A block without `path` must find what was counted for it, and what it finds must not be proposed twice."""
    (collection,) = bind(load_profile("adr"), parameters={"repository": "acme/x"}).collections
    for folder in ("adr", "ADR", "adrs", "decision", "decisions", "decision-records", "decision_record", "decision-log",
                   "architecture-decisions", "architecture-decision-records", "architectural-decision-records",
                   "adr-tools", "docs", "decided", "records"):  # fmt: skip
        path = f"docs/{folder}/0001-x.md"
        found = collection.pattern.match(path) is not None
        assert (DECISIONS.fullmatch(folder) is not None) == found, folder
