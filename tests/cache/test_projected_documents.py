"""Documents: a file of the entry's own repository that speaks for it while a condition holds."""

from __future__ import annotations

import pytest
from worlds import LINK, Forge, rfc

from cache.rows import HistoryRow


def active(title: str = "One") -> str:
    return rfc(title, "active", "Entry body\n", repo="acme/one")


def test_the_document_speaks_for_an_active_entry_and_the_entry_keeps_its_own_body() -> None:
    forge = Forge()
    meta, own = forge.repository("acme/meta"), forge.repository("acme/one")
    meta.push({"rfcs/one.md": active()})
    pushed = own.push({"RFC.md": "---\nkept: whole\n---\nDocument\n"})
    entry = forge.rows().entry("one")
    assert entry.body == entry.document_body == "---\nkept: whole\n---\nDocument\n"
    assert entry.entry_body == "Entry body\n"
    assert (entry.document_commit, entry.updated_at) == (pushed.sha, pushed.committed_at)
    assert {row.part for row in forge.rows().all(HistoryRow)} == {"entry", "document"}


def test_an_edit_of_the_entry_leaves_the_documents_body_standing() -> None:
    """Guards: a push to the meta repository that overwrote the document with the entry's body until the next sweep."""
    forge = Forge()
    meta, own = forge.repository("acme/meta"), forge.repository("acme/one")
    meta.push({"rfcs/one.md": active()})
    own.push({"RFC.md": "Document"})
    meta.push({"rfcs/one.md": active("Uno")})
    assert (forge.rows().entry("one").title, forge.rows().entry("one").body) == ("Uno", "Document")


@pytest.mark.parametrize("state", ["idea", "withdrawn"])
def test_without_the_condition_the_entry_speaks_for_itself(state: str) -> None:
    forge = Forge()
    forge.repository("acme/meta").push({"rfcs/one.md": rfc(state=state, body="Entry body", repo="acme/one")})
    forge.repository("acme/one").push({"RFC.md": "Document"})
    assert (forge.rows().entry("one").body, forge.rows().entry("one").document_body) == ("Entry body", None)


@pytest.mark.parametrize("pushed", [{}, {"OTHER.md": "x"}], ids=["empty repository", "other files"])
def test_a_document_that_is_not_there_is_a_finding_since_the_entry_asks_for_it(pushed: dict[str, str]) -> None:
    forge = Forge()
    asked = forge.repository("acme/meta").push({"rfcs/one.md": active()})
    own = forge.repository("acme/one")
    if pushed:
        own.push(pushed)
    finding = forge.rows().finding("missing-document")
    assert (finding.repository_id, finding.path, finding.key, finding.commit) == (own.id, "RFC.md", "one", asked.sha)
    assert forge.rows().entry("one").body == "Entry body\n"


def test_a_document_that_was_removed_is_a_finding_since_then() -> None:
    forge = Forge()
    meta, own = forge.repository("acme/meta"), forge.repository("acme/one")
    meta.push({"rfcs/one.md": active()})
    own.push({"RFC.md": "Document"})
    removed = own.push({"RFC.md": None})
    assert forge.rows().finding("missing-document").since == removed.committed_at


@pytest.mark.parametrize(
    ("content", "rule"), [(b"\xff", "not-utf8"), (b"one\ntwo\0", "bad-text")], ids=["not UTF-8", "a NUL"]
)
def test_a_bad_document_keeps_its_last_good_text_and_is_a_finding(content: bytes, rule: str) -> None:
    forge = Forge()
    meta, own = forge.repository("acme/meta"), forge.repository("acme/one")
    meta.push({"rfcs/one.md": active()})
    good = own.push({"RFC.md": "Good"})
    bad = own.push({"RFC.md": content})
    entry = forge.rows().entry("one")
    assert (entry.document_body, entry.document_commit) == ("Good", good.sha)
    finding = forge.rows().finding(rule)
    assert (finding.path, finding.commit, finding.key) == ("RFC.md", bad.sha, "one")


def test_a_document_that_is_a_link_or_too_large_is_not_read() -> None:
    forge = Forge()
    meta, own = forge.repository("acme/meta"), forge.repository("acme/one")
    meta.push({"rfcs/one.md": active()})
    own.push({"RFC.md": "/etc/passwd"}, mode=LINK)
    assert [f.rule for f in forge.rows().findings()] == ["symlink"]
    own.push({"RFC.md": "huge"}, readable=False)
    assert [f.rule for f in forge.rows().findings()] == ["unreadable-object"]
    assert forge.rows().entry("one").document_body is None


def test_nothing_is_said_of_a_repository_that_was_not_read_yet() -> None:
    """Guards: failure, or not having looked, taken for absence."""
    forge = Forge()
    forge.complete = False
    forge.repository("acme/meta").push({"rfcs/one.md": active()})
    assert forge.rows().entry("one").body == "Entry body\n"
    assert forge.rows().findings() == []
