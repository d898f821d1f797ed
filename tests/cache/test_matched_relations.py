"""References that do not say the key of what they mean but something that stands in it, as the number of a record."""

from __future__ import annotations

import pytest
from worlds import Forge, block

from cache.profile.block import bind, load_profile
from cache.rows import EntryRow

ADR = bind(load_profile("adr"), parameters={"owner": "acme"})
WITHIN = """
format: 1
profile: tasks
collections:
  tasks:
    files: {repository: {owner: acme}, path: "**/{slug}.md"}
    key: [repository, path]
    fields:
      id: {type: integer}
      after: {type: ref, to: tasks, match: id, within: WITHIN}
"""


def record(number: int, status: str = "Accepted") -> dict[str, str]:
    return {f"docs/adr/{number:04d}-x.md": f"# {number}. Title\n\n## Status\n\n{status}\n"}


def test_a_record_leads_to_the_one_that_supersedes_it_in_its_own_repository() -> None:
    """Guards: number 2 of another team's repository taken for ours."""
    forge = Forge(ADR)
    for name in ("acme/one", "acme/two"):
        hub = forge.repository(name)
        hub.push({**record(1, "Superseded by ADR-0002"), **record(2, "Accepted\n\nSupersedes ADR-1")})
    told = forge.rows()
    for name in ("acme/one", "acme/two"):
        first, second = (f"{name}/docs/adr/000{number}-x.md" for number in (1, 2))
        assert told.entry(first, "decisions").fields["superseded_by"] == [second]
        assert told.entry(second, "decisions").fields["supersedes"] == [first]
        (row,) = told.relations(first, "superseded_by")
        assert (row.kind, row.target, row.resolved) == ("ref", second, True)


def test_a_record_that_is_not_there_is_told_as_it_was_written_and_is_no_finding() -> None:
    forge = Forge(ADR)
    hub = forge.repository("acme/one")
    hub.push(record(1, "Superseded by ADR-0123"))
    told = forge.rows()
    assert told.findings() == []
    assert [(row.target, row.resolved) for row in told.relations("acme/one/docs/adr/0001-x.md", "superseded_by")] == [
        ("123", False)
    ]
    hub.push(record(123))
    assert forge.rows().entry("acme/one/docs/adr/0001-x.md", "decisions").fields["superseded_by"] == [
        "acme/one/docs/adr/0123-x.md"
    ]


@pytest.mark.parametrize(
    ("within", "found"),
    [("folder", "acme/a/x/two.md"), ("repository", None), ("block", None)],
)
def test_what_fits_several_entries_is_a_finding_and_never_a_guess(within: str, found: str | None) -> None:
    forge = Forge(block(WITHIN.replace("WITHIN", within)))
    forge.repository("acme/a").push(
        {"x/one.md": "---\nafter: 2\n---\n", "x/two.md": "---\nid: 2\n---\n", "y/two.md": "---\nid: 2\n---\n"}
    )
    told = forge.rows()
    assert told.entry("acme/a/x/one.md", "tasks").fields["after"] == (found or "2")
    assert [finding.rule for finding in told.findings()] == ([] if found else ["dangling"])
    if not found:
        assert "several entries" in told.finding("dangling").message


@pytest.mark.parametrize(("within", "found"), [("repository", "2"), ("block", "acme/b/two.md")])
def test_a_match_looks_as_far_as_it_says(within: str, found: str) -> None:
    forge = Forge(block(WITHIN.replace("WITHIN", within)))
    forge.repository("acme/a").push({"one.md": "---\nafter: 2\n---\n"})
    forge.repository("acme/b").push({"two.md": "---\nid: 2\n---\n"})
    assert forge.rows().entry("acme/a/one.md", "tasks").fields["after"] == found


@pytest.mark.parametrize(
    ("of_one", "of_other", "found"),
    [
        (False, True, "2"), (False, False, "acme/b/two.md"), (True, True, "acme/b/two.md"),
        (True, False, "acme/b/two.md"),
    ],
)  # fmt: skip
def test_the_fields_of_a_public_entry_do_not_tell_the_key_of_a_private_one(
    of_one: bool, of_other: bool, found: str
) -> None:
    """Guards: a stranger reading, beside the number that somebody wrote, where the hidden entry is that has it."""
    forge = Forge(block(WITHIN.replace("WITHIN", "block")))
    forge.repository("acme/a", private=of_one).push({"one.md": "---\nafter: 2\n---\n"})
    forge.repository("acme/b", private=of_other).push({"two.md": "---\nid: 2\n---\n"})
    told = forge.rows()
    assert told.entry("acme/a/one.md", "tasks").fields["after"] == found
    assert told.findings() == []
    (row,) = told.relations("acme/a/one.md", "after")
    assert (row.target, row.resolved) == ("acme/b/two.md", True)


def test_a_repository_named_in_vain_is_no_finding_where_the_profile_says_so() -> None:
    text = """
    format: 1
    profile: links
    collections:
      links:
        files: {repository: acme/a, path: "{slug}.md"}
        key: [slug]
        fields: {repo: {type: repository, dangling: ignore}, other: {type: repository}}
    """
    forge = Forge(block(text))
    forge.repository("acme/a").push({"one.md": "---\nrepo: acme/none\nother: acme/nowhere\n---\n"})
    assert [finding.field for finding in forge.rows().findings()] == ["other"]


def test_a_link_among_a_strangers_files_is_no_entry_and_is_told() -> None:
    """R8: `latest.md -> 0002-x.md` was passed over without a word. It is no entry, and a warning says why."""
    forge = Forge(ADR)
    hub = forge.repository("acme/one")
    hub.push(record(2))
    hub.push({"docs/adr/latest.md": "0002-x.md"}, mode="120000")
    told = forge.rows()
    assert [row.path for row in told.all(EntryRow)] == ["docs/adr/0002-x.md"]
    found = told.finding("symlink")
    assert (found.severity, found.path) == ("warning", "docs/adr/latest.md")
    hub.push({"docs/adr/latest.md": None})
    assert forge.rows().findings() == []


def test_a_file_that_becomes_a_link_is_no_entry_any_more() -> None:
    forge = Forge(ADR)
    hub = forge.repository("acme/one")
    hub.push(record(2))
    hub.push({"docs/adr/0002-x.md": "0003-x.md"}, mode="120000")
    assert forge.rows().all(EntryRow) == []
    assert forge.rows().finding("symlink").path == "docs/adr/0002-x.md"
