"""Findings: known rules only, and an id that stays for as long as the fault does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from worlds import Forge, block, rfc

from cache.profile.rules import RULES
from cache.projection import findings
from cache.projection.findings import Place, finding, numbered
from cache.rows import FindingRow

PLACE = Place(repository_id=1, path="rfcs/one.md", block="rfc", collection="rfcs", key="one")


def test_a_rule_that_nobody_described_cannot_be_told() -> None:
    """Guards: an id that links to no description and no filter knows."""
    with pytest.raises(KeyError):
        finding(PLACE, "invented", "It is wrong")


def test_the_severity_is_the_rules_unless_the_profile_says_otherwise() -> None:
    assert finding(PLACE, "unknown-field", "x").severity == RULES["unknown-field"].severity == "warning"
    assert finding(PLACE, "unknown-field", "x", severity="error").severity == "error"


def test_the_id_stays_while_the_fault_moves_and_goes_with_it() -> None:
    forge = Forge()
    meta = forge.repository("acme/meta")
    meta.push({"rfcs/one.md": rfc("One", "banana")})
    first = forge.rows().finding("not-in-enum")
    meta.push({"rfcs/one.md": rfc("One", "banana").replace("---\ntitle", "---\ntags: []\ntitle")})
    moved = forge.rows().finding("not-in-enum")
    assert (first.id, first.line) == (moved.id, (moved.line or 0) - 1)
    meta.push({"rfcs/one.md": rfc("One", "active")})
    assert forge.rows().findings() == []


def test_the_same_fault_in_two_places_is_two_findings() -> None:
    forge = Forge()
    meta = forge.repository("acme/meta")
    meta.push({"rfcs/one.md": "---\n[\n---\n", "rfcs/two.md": "---\n[\n---\n", "audit/2026-01.jsonl": "x\ny\nx\n"})
    assert len({row.id for row in forge.rows().findings()}) == 5


@given(st.permutations([finding(PLACE, "bad-line", f"Line {line}", line=line) for line in (1, 2, 2, 3)]))
def test_findings_of_one_place_are_numbered_alike_in_every_order(rows: list[FindingRow]) -> None:
    told = numbered(rows)
    assert {(row.id, row.line) for row in told} == {(row.id, row.line) for row in numbered(rows[::-1])}
    assert len({row.id for row in told}) == 4


def test_ids_made_to_collide_stop_nothing() -> None:
    """Guards: a file whose findings were made so that one's number is another's id, and every write then fails."""
    one = finding(PLACE, "bad-line", "a", line=1)
    second = findings._digest((one.id, 2))
    rows = [one, replace(one, line=2), replace(one, id=second, line=3), replace(one, line=4)]
    assert len({row.id for row in numbered(rows)}) == 4


def test_a_warning_is_told_and_the_entry_stands() -> None:
    text = """
    format: 1
    profile: notes
    collections:
      notes:
        files: {repository: acme/meta, path: "notes/{slug}.md"}
        key: [slug]
        unknown_fields: warn
    """
    forge = Forge(block(text))
    forge.repository("acme/meta").push({"notes/one.md": "---\nodd: 1\n---\n"})
    assert forge.rows().entry("one", "notes").valid
    assert forge.rows().finding("unknown-field").severity == "warning"
