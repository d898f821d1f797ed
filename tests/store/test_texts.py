"""`cache.db` keeps each text once, whatever rows say it, for as long as one does."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from store_rows import NOW, Desk, entry

from cache.revision_rows import ProposalRow, RevisionRow
from cache.rows import BlobRow, EntryRow, FindingRow, Row, tabulate
from cache.store.database import Database
from cache.store.writer import Store
from gitea_client.packed import Packed

KINDS = (BlobRow, EntryRow, FindingRow, RevisionRow, ProposalRow)
HEAD = b"---\ntitle: A title\n---\n"


def blob(content: bytes | None, name: str = "b" * 40, repository: int = 1) -> BlobRow:
    """The bytes of a file, by default those that `entry` is made of."""
    return BlobRow(repository, name, None if content is None else Packed(content))


def revision(content: str | None, number: int = 1, **other: Any) -> RevisionRow:
    """A revision of `one`."""
    values: dict[str, Any] = {
        "repository_id": 1, "number": number, "entry_repository_id": 1, "version": number, "rule": "pull_request",
        "part": "entry", "path": "rfcs/one.md", "content": content, "content_state": "text", "frozen_at": NOW,
        "head_sha": "d" * 40, "blob": "b" * 40, "pr_state": "open", "pr_url": None, "pr_branch": "x",
        "merged_at": None, "closed_at": None, "merged_commit": None, "merged_content": None, "amendments": (),
        "retold": None,
    }  # fmt: skip
    return RevisionRow(block="rfc", collection="rfcs", key="one", **{**values, **other})


def proposal(body: str) -> ProposalRow:
    """What a pull request would make of `one`."""
    return ProposalRow(
        1, 1, "rfc", "rfcs", "one", "changed", "entry", "rfcs/one.md", 0, "T", True, {}, body, (), "e" * 40, "b" * 40
    )


async def holds(desk: Desk, *rows: Row, texts: int) -> None:
    """Write rows, find them as they are, and so many texts beside them."""
    after = tabulate(rows, KINDS)
    await desk.turn(*rows, kinds=KINDS)
    assert await Store(desk.store.database, desk.store._reserve).load(KINDS) == after
    assert await desk.query("SELECT count(*) FROM texts") == [(texts,)]
    async with desk.store.database.transaction() as connection:  # raises where index and table differ
        await connection.exec_driver_sql("INSERT INTO entry_text(entry_text, rank) VALUES ('integrity-check', 1)")
        assert (await connection.exec_driver_sql("PRAGMA foreign_key_check")).all() == []


async def test_a_body_is_the_end_of_its_file(desk: Desk) -> None:
    """Guards R4: a file, its body, what a pull request proposes and what a revision says are one text."""
    body = "W\u00f6rter \U0001f980\r\n"
    whole = HEAD + body.encode()
    raised = revision(whole.decode(), merged_content=body)  # what was merged is no blob that we know
    await holds(desk, blob(whole), entry("one", body=body), proposal(body), raised, texts=2)
    assert await desk.query("SELECT entry_body_start FROM entries") == [(len(HEAD),)]


@pytest.mark.parametrize("body", ["", "Other\n", "\ud800 half", "Text\n" * 100_000])
async def test_what_is_no_end_of_a_known_file_is_a_text_of_its_own(desk: Desk, body: str) -> None:
    """Guards the bytes: what is read back is what was written, whether its file is there, gone or another one."""
    kept = body.encode("utf-8", "backslashreplace").decode()
    for known in ((), (blob(None),), (blob(b"Nothing like it"),)):
        await desk.turn(*known, entry("one", body=body), entry("two", body=None), kinds=KINDS)
        loaded = await Store(desk.store.database, desk.store._reserve).load((EntryRow,))
        bodies = {row.key: (row.body, row.entry_body) for row in loaded[EntryRow].values() if isinstance(row, EntryRow)}
        assert bodies == {"one": (kept, kept), "two": (None, None)}


async def test_a_text_goes_with_the_last_row_that_says_it(desk: Desk) -> None:
    """Guards the disk, and who pushed a secret and took it back."""
    whole = HEAD + b"Words\n"
    rows = (blob(whole), entry("one", body="Words\n"), revision(whole.decode()))
    await holds(desk, *rows, texts=1)
    await holds(desk, *rows[1:], texts=1)
    await holds(desk, rows[2], texts=1)
    await holds(desk, texts=0)


async def test_a_text_that_another_row_takes_up_in_the_same_write_stays(desk: Desk) -> None:
    """Guards a renamed file, and one whose front matter alone changed."""
    await holds(desk, blob(HEAD + b"Words\n"), entry("one", body="Words\n"), texts=1)
    await holds(desk, blob(HEAD + b"Words\n"), entry("two", body="Words\n"), texts=1)
    other = b"---\ntitle: Another\n---\nWords\n"
    await holds(desk, blob(other, "f" * 40), entry("two", "Another", "Words\n", entry_sha="f" * 40), texts=1)
    assert await desk.query("SELECT CAST(content AS TEXT) FROM texts") == [(other.decode(),)]


async def test_an_entry_with_a_document_has_both_texts_and_is_found_by_the_one_that_speaks(desk: Desk) -> None:
    """Guards readers who do not see the document, and those who do."""
    made = entry("one", body="Document", entry_body="Own", document_repository_id=2, document_body="Document",
                 document_sha="d" * 40)  # fmt: skip
    cases = (("body", "document", 1), ("own", "own", 1), ("body", "own", 0), ("own", "document", 0))
    await holds(desk, made, blob(HEAD + b"Own"), blob(b"Document", "d" * 40, 2), texts=2)
    for column, word, there in cases:
        found = await desk.query(f"SELECT count(*) FROM entry_text WHERE entry_text MATCH '{{{column}}} : {word}'")
        assert found == [(there,)]


async def test_what_fields_say_is_found_and_what_they_are_called_is_not(desk: Desk) -> None:
    """Guards O10: the README's search for a tag found nothing."""
    fields = {"title": "A title", "tags": ["security", "core"], "owner": "ada", "state": "active", "size": 3, "more": {
        "deep": ["below"]}}  # fmt: skip
    await desk.turn(entry("one", fields=fields), entry("two"))
    for word, there in (("security", 1), ("ada", 1), ("active", 1), ("below", 1), ("tags", 0), ("owner", 0)):
        assert await desk.query(f"SELECT count(*) FROM entry_text WHERE entry_text MATCH '{word}'") == [(there,)]
    await desk.turn(entry("one", fields={**fields, "tags": ["core"]}), entry("two"))
    assert await desk.query("SELECT count(*) FROM entry_text WHERE entry_text MATCH 'security'") == [(0,)]


async def test_the_text_index_stays_with_its_entries_through_vacuum(desk: Desk, database: Database) -> None:
    """Guards against numbers that SQLite gives anew: a search would find other entries than those that say it."""
    await desk.turn(*(entry(f"e{number}", body=f"word{number}") for number in range(9)))
    await desk.turn(*(entry(f"e{number}", body=f"word{number}") for number in range(5, 9)))
    async with database.transaction() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None
    await driver.execute_fetchall("VACUUM")
    found = "SELECT entries.key FROM entry_text JOIN entries ON id = entry_text.rowid WHERE entry_text MATCH '{}'"
    for number in range(9):
        assert await desk.query(found.format(f"word{number}")) == ([(f"e{number}",)] if number >= 5 else [])


async def test_a_frozen_text_stays_whatever_file_it_is_read_from(desk: Desk, database: Database) -> None:
    """Guards what a revision froze: the same text may come to be the end of another file, another text may not."""
    await holds(desk, revision("Words\n", rule="field"), texts=1)
    await holds(desk, blob(HEAD + b"Words\n"), revision("Words\n", rule="field", pr_state="closed"), texts=1)
    with pytest.raises(IntegrityError, match="never change"):
        await desk.turn(revision("Other\n", rule="field"), kinds=KINDS)
