"""Relations: what an entry's fields name, and the finding where nothing is there."""

from __future__ import annotations

import pytest
from worlds import Forge, block, rfc

REFS = """
format: 1
profile: hubs
collections:
  hubs:
    files: {repository: acme/registry, path: "hubs/{slug}.md"}
    key: [slug]
    fields: {up: {type: ref, to: hubs}}
  widgets:
    files: {repository: {owner: acme}, path: "widgets/{slug}.md"}
    key: [slug]
    fields: {hub: {type: ref, to: hubs}, peers: {type: list, of: {type: ref, to: [widgets, hubs]}}}
"""


def test_a_target_that_goes_raises_one_finding_and_its_return_clears_it() -> None:
    forge = Forge(block(REFS))
    registry, hub = forge.repository("acme/registry"), forge.repository("acme/hub")
    registry.push({"hubs/h.md": "x"})
    hub.push({"widgets/w.md": "---\nhub: h\n---\n"})
    assert [row.resolved for row in forge.rows().relations("w", "hub")] == [True]
    assert forge.rows().findings() == []

    registry.push({"hubs/h.md": None})
    finding = forge.rows().finding("dangling")
    assert (finding.key, finding.field, finding.path) == ("w", "hub", "widgets/w.md")
    assert forge.rows().entry("w", "widgets").fields["hub"] == "h"

    registry.push({"hubs/h.md": "x"})
    assert forge.rows().findings() == []


def test_a_list_is_a_row_for_each_value_and_may_lead_to_several_collections() -> None:
    forge = Forge(block(REFS))
    forge.repository("acme/registry").push({"hubs/h.md": "x"})
    forge.repository("acme/hub").push({"widgets/w.md": "---\npeers: [v, h, nobody]\n---\n", "widgets/v.md": "x"})
    rows = forge.rows().relations("w", "peers")
    assert [(row.position, row.target) for row in rows] == [(0, "v"), (1, "h"), (2, "nobody")]
    assert [row.resolved for row in rows] == [True, True, False]
    assert "nobody" in forge.rows().finding("dangling").message


def test_a_repository_is_found_whatever_its_case_and_under_its_former_name() -> None:
    forge = Forge()
    meta, own = forge.repository("acme/meta"), forge.repository("acme/one")
    meta.push({"rfcs/one.md": rfc(repo="ACME/One"), "rfcs/two.md": rfc(repo="acme/old")})
    forge.aliases["acme/old"] = own.id
    assert [row.target_id for key in ("one", "two") for row in forge.rows().relations(key, "repo")] == [own.id, own.id]
    assert forge.rows().findings() == []


def test_a_repository_that_is_nowhere_dangles_only_once_every_list_was_read_to_its_end() -> None:
    """Guards: a list that is not complete taken for proof that something is missing."""
    forge = Forge()
    forge.repository("acme/meta").push({"rfcs/one.md": rfc(repo="acme/nowhere")})
    forge.complete = False
    assert forge.rows().findings() == []
    forge.complete = True
    assert forge.rows().finding("dangling").field == "repo"


def test_an_alias_to_a_repository_that_is_not_listed_leads_nowhere() -> None:
    """Guards: a KeyError from a stale alias."""
    forge = Forge()
    forge.aliases["acme/meta"] = 404
    assert forge.rows().keys() == []


def test_logins_are_told_and_never_looked_up() -> None:
    forge = Forge()
    forge.repository("acme/meta").push({"rfcs/one.md": rfc(owners="[ada, bob]")})
    assert [(row.kind, row.target, row.resolved) for row in forge.rows().relations("one", "owners")] == [
        ("user", "ada", True),
        ("user", "bob", True),
    ]


STRICT = """
format: 1
profile: hubs
collections:
  hubs:
    files: {repository: acme/registry, path: "hubs/{slug}.md"}
    key: [slug]
    fields: {size: {type: integer, required: true}, number: {type: integer}}
  widgets:
    files: {repository: {owner: acme}, path: "widgets/{slug}.md"}
    key: [slug]
    fields:
      hub: {type: ref, to: hubs}
      hubs: {type: list, of: {type: ref, to: hubs}}
      by_number: {type: ref, to: hubs, match: number}
      by_path: {type: ref, to: widgets, match: path}
      repo: {type: repository}
"""
BAD, GOOD = "---\nsize: large\nnumber: 7\n---\n", "---\nsize: 1\nnumber: 7\n---\n"


@pytest.mark.parametrize("field", ["hub: h", "hubs: [h]", "by_number: 7"])
def test_a_target_that_is_there_and_invalid_is_not_said_to_be_missing(field: str) -> None:
    """R8: the referrer was blamed, and told to correct what was right."""
    forge = Forge(block(STRICT))
    registry, hub = forge.repository("acme/registry"), forge.repository("acme/hub")
    registry.push({"hubs/h.md": BAD})
    hub.push({"widgets/w.md": f"---\n# one\n{field}\n---\n"})
    told = forge.rows()
    found = told.finding("invalid-target")
    assert (found.severity, found.path, found.line, found.key) == ("warning", "widgets/w.md", 3, "w")
    assert "acme/registry/hubs/h.md is invalid" in found.message
    assert told.findings("dangling") == []
    assert told.finding("wrong-type").path == "hubs/h.md"

    registry.push({"hubs/h.md": GOOD})
    assert forge.rows().findings() == []
    registry.push({"hubs/h.md": BAD})  # the last good version is served, so it leads somewhere
    assert [one.rule for one in forge.rows().findings()] == ["wrong-type"]
    registry.push({"hubs/h.md": None})
    assert [one.rule for one in forge.rows().findings()] == ["dangling"]


@pytest.mark.parametrize("made", [BAD, "---\nsize: [\n---\n", b"\xff\xfe"])
def test_a_target_whose_file_cannot_be_read_at_all_is_there_all_the_same(made: str | bytes) -> None:
    forge = Forge(block(STRICT))
    forge.repository("acme/registry").push({"hubs/h.md": made})
    forge.repository("acme/hub").push({"widgets/w.md": "---\nhub: h\n---\n"})
    assert forge.rows().finding("invalid-target").key == "w"


def test_a_link_and_a_symbolic_link_lead_to_what_is_invalid_too() -> None:
    forge = Forge(block(STRICT))
    hub = forge.repository("acme/hub")
    hub.push({"widgets/w.md": "---\nby_path: ./v.md\n---\n", "widgets/v.md": "---\nhub: [\n---\n"})
    assert "its file widgets/v.md is invalid" in forge.rows().finding("invalid-target").message
    forge.repository("acme/registry").push({"hubs/h.md": "elsewhere"}, mode="120000")
    hub.push({"widgets/w.md": "---\nhub: h\n---\n"})
    assert "hubs/h.md is invalid" in forge.rows().finding("invalid-target").message


def test_the_file_of_a_private_target_is_not_named_in_a_public_finding() -> None:
    forge = Forge(block(STRICT))
    forge.repository("acme/registry", private=True).push({"hubs/h.md": BAD})
    forge.repository("acme/hub").push({"widgets/w.md": "---\nhub: h\n---\n"})
    assert "registry" not in forge.rows().finding("invalid-target").message


def test_a_reference_to_nothing_is_told_with_its_own_line() -> None:
    """R8: of a list in a long front matter nobody knew which."""
    forge = Forge(block(STRICT))
    forge.repository("acme/registry").push({"hubs/h.md": GOOD})
    text = "---\nhub: nobody\nhubs:\n  - h\n\n  - none\nrepo: acme/none\n---\n"
    forge.repository("acme/hub").push({"widgets/w.md": text})
    found = forge.rows().findings("dangling")
    assert {(one.field, one.line) for one in found} == {("hub", 2), ("hubs", 6), ("repo", 7)}
