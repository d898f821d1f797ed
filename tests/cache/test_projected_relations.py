"""Relations: what an entry's fields name, and the finding where nothing is there."""

from __future__ import annotations

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
