"""Links by file name as relations: a record names another by the path to its file."""

from __future__ import annotations

import pytest
from worlds import Forge, block

from cache.profile.block import bind, load_profile
from cache.profile.problems import ProfileError
from cache.projection.links import linked_path
from cache.rows import EntryRow

ADR = bind(load_profile("adr"), parameters={"owner": "acme"})


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("slug.md", "docs/adr/slug.md"), ("./slug.md", "docs/adr/slug.md"), ("../adr/0003-x.md", "docs/adr/0003-x.md"),
        ("a/../slug.md#status", "docs/adr/slug.md"), ("use%20x.md", "docs/adr/use x.md"), ("/docs/x.md", "docs/x.md"),
        ("slug.md?plain=1", "docs/adr/slug.md"), ("../../README.md", "README.md"), ("%2e%2e/x.md", "docs/x.md"),
        ("../../../etc/passwd", None), ("https://example.org/slug.md", None), ("//example.org/x.md", None),
        ("mailto:a@b.c", None), ("#status", None), ("", None), ("..", "docs"), ("../..", None),
    ],
)  # fmt: skip
def test_an_address_is_a_path_as_seen_from_the_file(address: str, path: str | None) -> None:
    assert linked_path("docs/adr/0001-a.md", address) == path


@pytest.mark.parametrize(
    "link",
    ["[slug](slug.md)", "[slug](./slug.md)", "[slug](../adr/slug.md#context)", "[Use it](<slug.md>)",
     "[ADR-9](slug.md)", '[slug](slug.md "Slug")', "[3. Slug](slug.md)",
     "[slug](/docs/adr/slug.md)", "[slug](sl%75g.md)"],
)  # fmt: skip
@pytest.mark.parametrize(
    "form",
    ["# T\n\n* Status: superseded by {}\n", "# T\n\n## Status\n\nSuperseded by {}\n",
     "---\nstatus: 'superseded by {}'\n---\n"],
)  # fmt: skip
def test_a_record_is_superseded_by_the_file_that_a_link_names(form: str, link: str) -> None:
    """R8: a record without a number in its name was never found."""
    forge = Forge(ADR)
    forge.repository("acme/a").push({"docs/adr/0001-old.md": form.format(link), "docs/adr/slug.md": "# Slug\n"})
    told = forge.rows()
    assert told.entry("acme/a/docs/adr/0001-old.md", "decisions").fields["superseded_by"] == ["acme/a/docs/adr/slug.md"]
    (row,) = told.relations("acme/a/docs/adr/0001-old.md", "superseded_by")
    assert (row.target, row.resolved) == ("acme/a/docs/adr/slug.md", True)
    assert told.findings() == []


def test_a_bare_path_in_front_matter_is_a_link_too() -> None:
    forge = Forge(ADR)
    text = "---\nsuperseded-by: slug.md\nsupersedes: [../adr/0003-x.md, ADR-4]\n---\n# T\n"
    forge.repository("acme/a").push(
        {"docs/adr/0001-old.md": text, **{f"docs/adr/{name}.md": "# X\n" for name in ("slug", "0003-x", "0004-y")}}
    )
    fields = forge.rows().entry("acme/a/docs/adr/0001-old.md", "decisions").fields
    assert fields["superseded_by"] == ["acme/a/docs/adr/slug.md"]
    assert fields["supersedes"] == ["acme/a/docs/adr/0003-x.md", "acme/a/docs/adr/0004-y.md"]


def test_a_link_into_another_folder_is_not_the_same_number_of_this_one() -> None:
    """By number alone `../other/0003-x.md` was taken for this folder's number 3."""
    forge = Forge(ADR)
    forge.repository("acme/a").push(
        {
            "a/adr/0001-old.md": "# T\n\nStatus: superseded by [three](../../b/adr/0003-x.md)\n",
            "a/adr/0003-x.md": "# Here\n", "b/adr/0003-x.md": "# There\n",
        }
    )  # fmt: skip
    fields = forge.rows().entry("acme/a/a/adr/0001-old.md", "decisions").fields
    assert fields["superseded_by"] == ["acme/a/b/adr/0003-x.md"]


def test_a_link_settles_which_of_two_with_one_number() -> None:
    forge = Forge(ADR)
    forge.repository("acme/a").push(
        {
            "adr/0001-old.md": "# T\n\nStatus: superseded by [3](0003-b.md)\n",
            "adr/0003-a.md": "# A\n", "adr/0003-b.md": "# B\n",
        }
    )  # fmt: skip
    assert forge.rows().entry("acme/a/adr/0001-old.md", "decisions").fields["superseded_by"] == ["acme/a/adr/0003-b.md"]


def test_a_link_to_a_file_that_was_renamed_still_leads_by_its_number() -> None:
    forge = Forge(ADR)
    forge.repository("acme/a").push(
        {"adr/0001-old.md": "# T\n\nStatus: superseded by [x](0003-old-name.md)\n", "adr/0003-new-name.md": "# X\n"}
    )
    fields = forge.rows().entry("acme/a/adr/0001-old.md", "decisions").fields
    assert fields["superseded_by"] == ["acme/a/adr/0003-new-name.md"]


def test_what_leads_nowhere_stays_as_it_is_written() -> None:
    forge = Forge(ADR)
    forge.repository("acme/a").push(
        {"adr/0001-old.md": "# T\n\nStatus: superseded by [x](gone.md), [y](https://example.org/y.md)\n"}
    )
    told = forge.rows()
    assert told.entry("acme/a/adr/0001-old.md", "decisions").fields["superseded_by"] == ["gone.md"]
    assert told.findings() == []


NOTES = """
format: 1
profile: notes
collections:
  notes:
    files: {repository: {owner: acme}, path: "**/{slug}.md"}
    key: [repository, path]
    fields: {see: {type: list, of: {type: ref, to: notes, match: path}}}
"""


def test_any_profile_may_match_by_path_and_a_link_is_never_found_in_another_repository() -> None:
    forge = Forge(block(NOTES))
    text = "---\nsee:\n- two.md\n- ../three.md\n- '[4](four.md)'\n---\n"
    forge.repository("acme/a").push({"x/one.md": text, "x/two.md": "", "three.md": ""})
    forge.repository("acme/b").push({"x/four.md": ""})
    told = forge.rows()
    see = told.entry("acme/a/x/one.md", "notes").fields["see"]
    assert see == ["acme/a/x/two.md", "acme/a/three.md", "[4](four.md)"]
    found = told.finding("dangling")
    assert (found.line, found.field) == (5, "see")
    assert len(told.all(EntryRow)) == 4


def test_a_field_to_match_must_be_there() -> None:
    with pytest.raises(ProfileError, match="has no field 'paht'; did you mean 'path'"):
        block(NOTES.replace("match: path", "match: [path, paht]"))
