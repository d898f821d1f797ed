"""Entries: which file gives which entry, what is served when a file is bad, who wins when two claim one key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace
from worlds import LINK, SUBMODULE, T0, Forge, Told, block, rfc, rfc_block

from cache.projection.project import project_after
from cache.rows import EntryRow, HistoryRow
from cache.world import KeyPlace, Tombstones, World

DOCS = """
format: 1
profile: notes
collections:
  docs:
    files: {repository: {owner: acme}, path: "docs/{slug}.md"}
    key: [slug]
    body: body
    fields: {title: {type: string, required: true}, score: {type: integer, minimum: 1, maximum: 5}}
"""

LOG = """
format: 1
profile: log
collections:
  events:
    files: {repository: acme/log, path: "events/{month}.jsonl"}
    key: [id]
    fields: {id: {type: string, required: true}, what: {type: string, required: true}}
"""


def test_a_file_that_matches_is_an_entry_keyed_by_its_path() -> None:
    forge = Forge()
    meta = forge.repository("acme/meta")
    meta.push({"rfcs/one.md": rfc("One", tags="[a, b]"), "README.md": "no entry", "rfcs/deep/two.md": rfc()})
    entry = forge.rows().entry("one")
    assert (entry.title, entry.path, entry.valid) == ("One", "rfcs/one.md", True)
    assert entry.fields["tags"] == ["a", "b"]
    assert entry.body == entry.entry_body == "Words.\n"
    assert forge.rows().keys() == ["one"]


def test_times_are_those_of_commits_and_never_of_reading() -> None:
    """Guards: commit times that were `datetime('now')`, and an `updated_at` that moved with every sweep."""
    forge = Forge()
    meta = forge.repository("acme/meta")
    added = meta.push({"rfcs/one.md": rfc("One")}, at=T0)
    meta.push({"README.md": "a later commit that does not concern it"})
    made = meta.commit("Reword", at=T0 + timedelta(days=1))
    landed = meta.push({"rfcs/one.md": rfc("Uno")}, "Merge", made=made, at=T0 + timedelta(days=3))
    entry = forge.rows().entry("one")
    assert entry.created_at == added.committed_at
    assert (entry.commit, entry.last_entry_commit_at) == (made.sha, made.committed_at)
    assert entry.updated_at == made.committed_at
    assert (entry.landed, entry.landed_at) == (landed.sha, landed.committed_at)
    assert forge.rows().rows == forge.rows().rows


def test_history_tells_every_change_and_who_made_it() -> None:
    forge = Forge()
    meta = forge.repository("acme/meta")
    meta.push({"rfcs/one.md": rfc("One")}, "Add it\n\nWith reasons", by="ada")
    meta.push({"rfcs/one.md": None}, "Remove it", by="bob")
    meta.push({"rfcs/one.md": rfc("Again")}, "Bring it back", by="cyd")
    told = sorted(forge.rows().all(HistoryRow), key=lambda row: row.position)
    assert [(row.change, row.subject, row.author_name) for row in told] == [
        ("added", "Add it", "ada"),
        ("removed", "Remove it", "bob"),
        ("added", "Bring it back", "cyd"),
    ]
    assert forge.rows().entry("one").created_at == told[2].commit_at


@pytest.mark.parametrize(("kept", "changes"), [("full", 3), ("none", 0), ("2", 2), ("9", 3)])
def test_a_profile_may_keep_less_history_and_loses_nothing_else(kept: str, changes: int) -> None:
    """R1: a large documentation set need not pay for what nobody reads; times and commits of an entry stay exact."""
    forge = Forge(block(DOCS.replace("    body: body", f"    body: body\n    history: {kept}")))
    repository = forge.repository("acme/notes")
    for title in ("One", "Two", "Three"):
        newest = repository.push({"docs/a.md": f"---\ntitle: {title}\n---\n"}, title)
    rows = forge.rows()
    told = sorted(rows.all(HistoryRow), key=lambda row: row.position)
    assert [row.subject for row in told] == ["One", "Two", "Three"][3 - changes :]
    assert [row.change for row in told][-2:] == ["added", "modified", "modified"][3 - changes :][-2:]
    (entry,) = rows.all(EntryRow)
    assert (entry.commit, entry.updated_at) == (newest.sha, newest.committed_at)
    assert entry.created_at < entry.updated_at


def test_a_bad_file_keeps_its_last_good_row_and_is_a_finding_until_it_is_fixed() -> None:
    """Guards: parse errors reported as deletions."""
    forge = Forge(block(DOCS))
    docs = forge.repository("acme/docs")
    good = docs.push({"docs/one.md": "---\ntitle: One\nscore: 5\n---\nBody"})
    bad = docs.push({"docs/one.md": "---\ntitle: One\nscore: 6\n---\nWorse"})
    entry = forge.rows().entry("one", "docs")
    assert (entry.fields["score"], entry.body, entry.commit, entry.valid) == (5, "Body", good.sha, False)
    finding = forge.rows().finding("out-of-range")
    assert (finding.path, finding.line, finding.field, finding.severity) == ("docs/one.md", 3, "score", "error")
    assert (finding.commit, finding.since) == (bad.sha, bad.committed_at)

    docs.push({"docs/one.md": "---\ntitle: One\nscore: 4\n---\nBetter"})
    rows = forge.rows()
    assert (rows.entry("one", "docs").fields["score"], rows.entry("one", "docs").valid) == (4, True)
    assert rows.findings() == []


def test_a_file_that_never_read_well_is_a_finding_and_no_entry() -> None:
    forge = Forge()
    meta = forge.repository("acme/meta")
    meta.push({"rfcs/one.md": "---\ntitle: [\n---\n"})
    meta.push({"rfcs/one.md": b"\xff\xfe"})
    assert forge.rows().keys() == []
    assert [finding.rule for finding in forge.rows().findings()] == ["not-utf8"]


def test_a_deleted_file_is_gone_with_its_findings_and_not_served_from_history() -> None:
    """Guards: deleted entries that remained for ever, yet vanished on a rebuild."""
    forge = Forge()
    meta = forge.repository("acme/meta")
    meta.push({"rfcs/one.md": rfc()})
    meta.push({"rfcs/one.md": "broken"})
    assert forge.rows().keys() == ["one"]
    meta.push({"rfcs/one.md": None})
    assert forge.rows().keys() == []
    assert forge.rows().findings() == []


def test_a_file_that_came_again_owes_nothing_to_its_former_life() -> None:
    forge = Forge()
    meta = forge.repository("acme/meta")
    meta.push({"rfcs/one.md": rfc("Before")})
    meta.push({"rfcs/one.md": None})
    meta.push({"rfcs/one.md": "broken from the start"})
    assert forge.rows().keys() == []
    assert len(forge.rows().findings()) == 1


def test_links_and_submodules_are_findings_and_never_followed() -> None:
    forge = Forge()
    meta = forge.repository("acme/meta")
    meta.push({"rfcs/link.md": "../../etc/passwd"}, mode=LINK)
    meta.push({"rfcs/module.md": "x"}, mode=SUBMODULE)
    assert forge.rows().keys() == []
    assert {finding.rule for finding in forge.rows().findings()} == {"symlink", "submodule"}


def test_a_file_that_contradicts_its_path_is_a_finding_and_not_two_rows() -> None:
    forge = Forge()
    forge.repository("acme/meta").push({"rfcs/a.md": rfc(slug="b")})
    assert forge.rows().keys() == []
    assert forge.rows().finding("key-mismatch").path == "rfcs/a.md"


def test_a_name_that_only_its_bytes_keep_from_being_an_entry_is_a_finding() -> None:
    """Guards: a file in the collection's folder that is silently missing."""
    forge = Forge()
    meta = forge.repository("acme/meta")
    odd = b"rfcs/caf\xe9.md".decode("utf-8", "surrogateescape")
    pushed = meta.push({odd: rfc(), "rfcs/bell\x07.md": rfc(), b"img/\xe9.png".decode("utf-8", "surrogateescape"): "x"})
    assert forge.rows().keys() == []
    found = forge.rows().findings("odd-name")
    assert {finding.path for finding in found} == {r"rfcs/caf\xe9.md", r"rfcs/bell\x07.md"}
    assert {finding.commit for finding in found} == {pushed.sha}
    meta.push({odd: None, "rfcs/bell\x07.md": None})
    assert forge.rows().findings() == []


def test_of_two_repositories_that_claim_a_key_the_older_one_has_it_whatever_dates_its_commits_claim() -> None:
    """Guards: the last file winning silently; a commit dated 1970 that takes another repository's key."""
    forge = Forge(block(DOCS))
    older, younger = forge.repository("acme/older"), forge.repository("acme/younger")
    older.push({"docs/one.md": "---\ntitle: First\n---\n"}, at=T0)
    younger.push({"docs/one.md": "---\ntitle: Second\n---\n"}, at=datetime(1970, 1, 1, tzinfo=UTC))
    assert forge.rows().entry("one", "docs").title == "First"
    finding = forge.rows().finding("duplicate-key-claim")
    assert (finding.repository_id, finding.key) == (younger.id, "one")
    assert "acme/older:docs/one.md" in finding.message


def test_who_held_a_key_keeps_it_from_an_older_repository_that_claims_it_later() -> None:
    """What was seen counts, and what `state.db` keeps of it counts before that."""
    forge = Forge(block(DOCS))
    older, holder = forge.repository("acme/older"), forge.repository("acme/holder")
    holder.push({"docs/one.md": "---\ntitle: Held\n---\n"})
    older.push({"docs/one.md": "---\ntitle: Claimed\n---\n"}, at=datetime(1970, 1, 1, tzinfo=UTC))
    place, world = ("notes", "docs", "one"), forge.world()

    def title(world: World, seen: int | None) -> tuple[str, dict[KeyPlace, int]]:
        made = project_after(world, forge.blocks, None, {place: seen}.get)
        return Told(made.rows).entry("one", "docs").title, dict(made.holders)

    assert title(world, None) == ("Claimed", {})
    assert title(world, holder.id) == ("Held", {place: holder.id}), "to be kept: the ids do not tell it"
    kept = replace(world, tombstones=Tombstones(holders={place: holder.id}))
    assert title(kept, older.id) == ("Held", {place: holder.id})


def test_within_a_repository_position_decides_whatever_commit_dates_say() -> None:
    forge = Forge(block(DOCS.replace("docs/{slug}.md", "**/{slug}.md")))
    docs = forge.repository("acme/docs")
    docs.push({"b/one.md": "---\ntitle: First\n---\n"}, at=datetime(2030, 1, 1, tzinfo=UTC))
    docs.push({"a/one.md": "---\ntitle: Dated before it\n---\n"}, at=datetime(1999, 1, 1, tzinfo=UTC))
    assert forge.rows().entry("one", "docs").title == "First"


def test_a_key_may_hold_its_repository_and_then_two_repositories_do_not_clash() -> None:
    forge = Forge(block(DOCS.replace("key: [slug]", "key: [repository, slug]")))
    for name in ("acme/x", "acme/y"):
        forge.repository(name).push({"docs/one.md": "---\ntitle: One\n---\n"})
    assert forge.rows().keys("docs") == ["acme/x/one", "acme/y/one"]
    assert forge.rows().findings() == []


def test_lines_of_jsonl_are_entries_and_a_bad_one_harms_no_other() -> None:
    forge = Forge(block(LOG))
    log = forge.repository("acme/log")
    log.push({"events/2026-01.jsonl": '{"id": "a", "what": "x"}\nrubbish\n{"id": "b", "what": "y"}\n'})
    rows = forge.rows()
    assert rows.keys("events") == ["a", "b"]
    assert rows.entry("b", "events").line == 3
    assert rows.finding("bad-line").line == 2
    assert rows.all(HistoryRow) == []


def test_of_two_lines_that_claim_a_key_the_first_stands() -> None:
    forge = Forge(block(LOG))
    log = forge.repository("acme/log")
    log.push({"events/2026-02.jsonl": '{"id": "a", "what": "first"}\n{"id": "a", "what": "again"}\n'})
    log.push({"events/2026-01.jsonl": '{"id": "a", "what": "later file"}\n'})
    rows = forge.rows()
    assert rows.entry("a", "events").fields["what"] == "first"
    assert sorted((f.path, f.line) for f in rows.findings("duplicate-key-claim")) == [
        ("events/2026-01.jsonl", 1),
        ("events/2026-02.jsonl", 2),
    ]


def test_a_file_that_two_blocks_read_is_an_entry_of_each() -> None:
    forge = Forge(rfc_block(), block(DOCS.replace("docs/{slug}.md", "rfcs/{slug}.md")))
    forge.repository("acme/meta").push({"rfcs/one.md": rfc("One")})
    told = sorted((row.block, row.collection) for row in forge.rows().all(EntryRow))
    assert told == [("notes", "docs"), ("rfc", "rfcs")]
