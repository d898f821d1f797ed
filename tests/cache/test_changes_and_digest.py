"""What is written is what differs; the digest tells whether anything does; the feed tells what."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from histories import BLOCKS, HISTORIES, told
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace
from worlds import Forge, Told, block, rfc

from cache.diff import RowChange, changes, same
from cache.digest import COVERED, Difference, Digest, differences, digest
from cache.feed import entries
from cache.profile.rules import OPERATIONAL, READ_ERRORS
from cache.projection.project import project
from cache.revision_rows import RevisionRow
from cache.rows import (
    EVIDENCE,
    PROJECTED,
    BranchRow,
    EntryRow,
    FindingRow,
    HistoryRow,
    PullEntryRow,
    PullRow,
    RelationRow,
    RepositoryRow,
    Row,
    Rows,
    identity,
)
from cache.world import Tombstones, World, evidence_rows

History = list[tuple[Any, ...]]


def page(world: World) -> Rows:
    """Every row that follows from a world."""
    return {**evidence_rows(world), **project(world, BLOCKS)}


def applied(before: Rows, made: tuple[RowChange, ...]) -> Rows:
    """What a database would hold after these changes."""
    after = {kind: dict(before[kind]) for kind in (*EVIDENCE, *PROJECTED)}
    for change in made:
        if change.after is None:
            del after[change.kind][change.key]
        else:
            after[change.kind][change.key] = change.after
    return after


@given(HISTORIES, HISTORIES)
def test_changes_lead_from_one_page_to_the_other_and_say_nothing_twice(one: History, other: History) -> None:
    before, after = page(told(one).world()), page(told([*one, *other]).world())
    made = changes(before, after)
    assert applied(before, made) == after
    assert len({(change.kind, change.key) for change in made}) == len(made)
    assert all(change.columns() for change in made if change.operation == "updated")
    assert changes(after, after) == ()


def test_a_table_that_is_not_given_is_left_alone() -> None:
    before = page(told([("branch", 1, "x")]).world())
    assert changes(before, {}) == ()


def test_a_table_that_was_not_there_is_new() -> None:
    """Guards a version with one more table than the last."""
    after = page(told([("branch", 1, "x")]).world())
    before = {kind: rows for kind, rows in after.items() if kind is not RepositoryRow}
    made = changes(before, after)
    assert made
    assert {(change.kind, change.operation) for change in made} == {(RepositoryRow, "created")}


def test_fields_in_another_order_are_no_change() -> None:
    """Guards: a row read from its file, or of a front matter written in another order, is the same row."""
    one, other = {"a": 1, "b": {"c": 1, "d": 2}}, {"b": {"d": 2, "c": 1}, "a": 1}
    assert same(one, other)
    assert not same(one, {"a": 1, "b": {"c": 1, "d": 2.0}})


def test_an_integer_that_became_a_number_is_a_change() -> None:
    """Guards: Python's 1 == 1.0 == True, by which the file would go on saying what it said."""
    text = """
    format: 1
    profile: notes
    collections:
      notes:
        files: {repository: acme/meta, path: "notes/{slug}.md"}
        key: [slug]
        fields: {score: {type: integer}}
    """
    forge = Forge(block(text))
    forge.repository("acme/meta").push({"notes/one.md": "---\nscore: 1\n---\n"})
    world = forge.world()
    before, after = (project(world, [block(said)]) for said in (text, text.replace("integer", "number")))
    (change,) = changes(before, after)
    assert change.columns() == ("fields",)
    rest: dict[type[Row], dict[Any, Row]] = {RepositoryRow: {}}
    assert digest({**before, **rest}) != digest({**after, **rest})
    assert [difference.column for difference in differences({**before, **rest}, {**after, **rest})] == ["fields"]


# ---------------------------------------------------------------------------------------------------- digest


@given(HISTORIES, HISTORIES)
def test_digests_are_equal_where_rows_are(one: History, other: History) -> None:
    before, after = page(told(one).world()), page(told([*one, *other]).world())
    alike = not any(differences(before, after))
    assert (digest(before) == digest(after)) == alike
    assert alike == (not [c for c in changes(before, after) if c.kind in COVERED and covered(c)])


def covered(change: RowChange) -> bool:
    left_out = {"depth", "interest", "position", "empty"} if change.kind is RepositoryRow else set()
    return change.operation != "updated" or bool(set(change.columns()) - left_out)


@given(HISTORIES)
def test_without_state_leaves_out_what_tombstones_add_and_nothing_else(history: History) -> None:
    """Guards: a cache rebuilt without `state.db` that could not be proven the same."""
    world = told(history).world()
    fresh = page(replace(world, tombstones=Tombstones()))
    assert digest(page(world), without_state=True) == digest(fresh, without_state=True)
    if not fresh[RevisionRow]:  # of these only what the forge can tell again is hashed
        assert digest(fresh, without_state=True) == digest(fresh)


def test_a_branch_and_a_pull_request_that_are_gone_are_what_only_tombstones_know() -> None:
    forge = Forge()
    forge.repository("acme/meta").push({"rfcs/one.md": rfc(repo="acme/one")})
    own = forge.repository("acme/one")
    own.branch("stays")
    without = page(forge.world())
    own.branch("goes")
    own.raise_pull(1, "goes")
    forge.delete_branch(own, "goes")
    forge.delete_pull(own, 1)
    with_both = page(forge.world())
    assert digest(with_both).rows == digest(without).rows + 3  # the branch, the pull request and its place
    assert digest(with_both, without_state=True) == digest(without)


def test_rows_are_counted() -> None:
    """Guards the number that people compare first."""
    nothing: Rows = {kind: {} for kind in COVERED}
    assert digest(nothing).rows == 0
    assert digest({**nothing, FindingRow: {"1": finding("dangling", "1")}}).rows == 1


@given(HISTORIES)
def test_the_order_of_rows_does_not_count(history: History) -> None:
    """Guards: a cache loaded from its file that seems another than the one in memory."""
    rows = page(told(history).world())
    assert digest({kind: dict([*table.items()][::-1]) for kind, table in rows.items()}) == digest(rows)


def test_a_difference_says_where_it_is_and_what_both_hold() -> None:
    """Guards the report of `verify`: table, key and column lead to the row, live stands first. What comes after a row
    that one of them lacks, or a finding that is passed over, is compared as well."""
    live = page(told([("branch", 1, "x"), ("branch", 1, "y")]).world())
    one, *others = sorted(live[RepositoryRow], key=repr)
    row = live[RepositoryRow][one]
    fresh = {**live, RepositoryRow: {**live[RepositoryRow], one: replace(row, name="renamed")}}
    (found,) = differences(live, fresh)
    assert found == Difference("repositories", one, "name", row.name, "renamed")
    (lacking,) = differences({**live, RepositoryRow: {k: live[RepositoryRow][k] for k in others}}, live)
    assert (lacking.table, lacking.key, lacking.column, lacking.live) == ("repositories", one, "*", None)
    assert lacking.fresh["name"] == row.name
    two = {**live[RepositoryRow], others[0]: replace(live[RepositoryRow][others[0]], name="renamed")}
    both = {**live, RepositoryRow: {key: value for key, value in two.items() if key != one}}
    assert [(each.key, each.column) for each in differences(live, both)] == [(one, "*"), (others[0], "name")]
    (surplus,) = differences(live, {**live, RepositoryRow: {k: live[RepositoryRow][k] for k in others}})
    assert (surplus.live, surplus.fresh) == (lacking.fresh, None)


@pytest.mark.parametrize("rule", sorted({*OPERATIONAL, *READ_ERRORS}))
def test_findings_of_what_happens_here_are_not_compared(rule: str) -> None:
    """Guards `verify` after an outage: what could not be read then may be read by the second reading."""
    rows = page(told([("branch", 1, "x")]).world())
    ours = {key: finding(rule, key) for key in ("1", "2")}
    other = {key: finding("dangling", key) for key in ("3",)}
    with_ours = {**rows, FindingRow: {**ours, **other}}
    assert digest(with_ours) == digest({**rows, FindingRow: other})
    assert digest(with_ours).rows == digest({**rows, FindingRow: {}}).rows + 1
    assert not [*differences(with_ours, {**rows, FindingRow: other})]
    assert not [*differences({**rows, FindingRow: other}, with_ours)]
    assert [each.key for each in differences(with_ours, {**rows, FindingRow: {}})] == ["3"]


@pytest.mark.parametrize("rule", ["revision-content-gone", "heads-forgotten"])
def test_findings_of_what_only_state_knows_count_with_it_alone(rule: str) -> None:
    """Guards the proof that a cache without `state.db` is the same but for what only that knew."""
    rows = {**page(told([("branch", 1, "x")]).world()), FindingRow: {"1": finding(rule, "1")}}
    without = {**rows, FindingRow: {}}
    assert digest(rows).rows == digest(without).rows + 1
    assert digest(rows, without_state=True) == digest(without, without_state=True) == digest(without)


def test_of_a_revision_only_what_the_forge_tells_again_counts_without_state() -> None:
    """Guards the same proof: a revision that nothing tells again is left out, whatever was frozen of it."""
    rows = page(told([("branch", 1, "x")]).world())

    def hashed(*revisions: RevisionRow, without_state: bool = True) -> Digest:
        return digest({**rows, RevisionRow: dict(enumerate(revisions))}, without_state=without_state)

    told_again = revision(content="one", retold="abc")
    assert hashed(told_again) == hashed(revision(content="another", retold="abc"))
    assert hashed(told_again, without_state=False) != hashed(
        revision(content="another", retold="abc"), without_state=False
    )
    assert hashed(told_again) != hashed(revision(content="one", retold="def"))
    assert hashed(revision(content="one", retold=None)) == hashed() != hashed(told_again)


def test_keys_that_cannot_be_compared_have_an_order_all_the_same() -> None:
    """Guards tables whose keys hold numbers, texts and nothing; and fields written in another order."""
    keys: list[Any] = [("a", None), ("a", 1), ("a", "b"), 3]
    one = {key: finding("dangling", str(key)) for key in keys}
    rows = page(told([("branch", 1, "x")]).world())
    assert digest({**rows, FindingRow: one}) == digest({**rows, FindingRow: dict([*one.items()][::-1])})
    assert len([*differences({**rows, FindingRow: one}, {**rows, FindingRow: {}})]) == len(keys)
    first, second = (made(EntryRow, fields=fields) for fields in ({"a": 1, "b": 2}, {"b": 2, "a": 1}))
    assert digest({**rows, EntryRow: {1: first}}) == digest({**rows, EntryRow: {1: second}})


def revision(**values: Any) -> RevisionRow:
    """A revision of which nothing else is known."""
    return made(RevisionRow, **values)


def made(kind: type[Any], **values: Any) -> Any:
    """A row with these values, and nothing in all other columns."""
    return kind(**{**dict.fromkeys(kind.__struct_fields__), **values})


def finding(rule: str, key: str) -> FindingRow:
    """A finding that nothing but its rule tells of."""
    row: FindingRow = made(FindingRow, id=key, rule=rule)
    return row


def test_what_only_says_how_we_read_is_not_in_the_digest() -> None:
    forge = Forge()
    forge.repository("acme/meta").push({"rfcs/one.md": rfc()})
    world = forge.world()
    rows = page(world)
    (row,) = rows[RepositoryRow].values()
    other = replace(row, depth=None, interest="x", position=99, empty=True)
    assert digest({**rows, RepositoryRow: {1: other}}) == digest(rows)
    renamed = replace(row, name="y")
    assert digest({**rows, RepositoryRow: {1: renamed}}) != digest(rows)


@given(st.data())
def test_every_covered_column_counts(data: st.DataObject) -> None:
    """One column changed in one row is another digest, whatever the column."""
    forge = Forge()
    meta, own = forge.repository("acme/meta"), forge.repository("acme/one")
    meta.push({"rfcs/one.md": rfc(repo="acme/one", owners="[ada]"), "rfcs/two.md": "broken"})
    own.raise_pull(1, "x")
    own.branch("x")
    rows = page(forge.world())
    kind = data.draw(st.sampled_from([k for k in COVERED if rows[k]]))
    key = data.draw(st.sampled_from(sorted(rows[kind], key=repr)))
    row = rows[kind][key]
    names = sorted(set(asdict(row)) - {"depth", "interest", "position", "empty"})
    column = data.draw(st.sampled_from(names))
    value = getattr(row, column)
    other: Any = "other"
    if isinstance(value, bool):
        other = not value
    elif isinstance(value, int):
        other = value + 1
    elif hasattr(value, "year"):
        other = value + timedelta(seconds=1)
    elif isinstance(value, dict):
        other = {**value, "more": 1}
    elif isinstance(value, tuple):
        other = (*value, "more")
    changed = replace(row, **{column: other})
    assert digest({**rows, kind: {**rows[kind], key: changed}}) != digest(rows)


# ------------------------------------------------------------------------------------------------------ feed


def feed_between(forge: Forge, before: Told, after: Told) -> list[tuple[str, str, str | None]]:
    told_entries = entries(changes(before.rows, after.rows), after.rows)
    return [(entry.kind, entry.operation, entry.key) for entry in told_entries]


@given(HISTORIES, HISTORIES)
def test_the_feed_tells_every_projected_change(one: History, other: History) -> None:
    """Guards: a reader that follows the feed and misses something."""
    before, after = page(told(one).world()), page(told([*one, *other]).world())
    made = changes(before, after)
    feed = entries(made, after)
    places = {(e.kind, e.block, e.collection, e.key) for e in feed}
    pulls = {(e.repository_id, e.number) for e in feed if e.kind == "pull"}
    names = {(e.kind, e.name) for e in feed}
    for change in made:
        row = change.after or change.before
        if isinstance(row, EntryRow | HistoryRow | RelationRow):
            entry_gone = (row.block, row.collection, row.key) not in {**before[EntryRow], **after[EntryRow]}
            assert entry_gone or ("entry", row.block, row.collection, row.key) in places
        elif isinstance(row, BranchRow):
            assert ("branch", row.block, row.collection, row.key) in places
        elif isinstance(row, PullRow | PullEntryRow):
            assert (row.repository_id, row.number) in pulls
        elif isinstance(row, FindingRow):
            assert ("finding", row.id) in names
    assert not feed or made
    assert entries((), after) == ()


def test_a_pull_request_is_told_to_readers_of_each_collection_it_has_a_place_in() -> None:
    forge = Forge()
    meta = forge.repository("acme/meta")
    meta.raise_pull(1, "propose/one")
    meta.raise_pull(2, "no rule")
    before = forge.rows()
    meta.merge(1)
    meta.change_pull(2, title="New")
    after = forge.rows()
    told_entries = entries(changes(before.rows, after.rows), after.rows)
    assert [(e.collection, e.key, e.number, e.operation) for e in told_entries] == [
        (None, None, 2, "updated"),
        ("rfcs", "one", 1, "updated"),
    ]
    assert set(told_entries[1].columns) == {"state", "merged_at", "closed_at", "merge_commit_sha"}


def test_a_pull_request_that_moves_to_another_key_is_told_under_both() -> None:
    """Guards: a reader of the former entry that goes on showing it."""
    forge = Forge()
    meta = forge.repository("acme/meta")
    meta.raise_pull(1, "propose/one")
    before = forge.rows()
    meta.change_pull(1, head_label="propose/two")
    after = forge.rows()
    assert feed_between(forge, before, after) == [("pull", "deleted", "one"), ("pull", "created", "two")]


def test_a_place_that_is_lost_is_told_as_deleted_there() -> None:
    forge = Forge()
    meta = forge.repository("acme/meta")
    meta.raise_pull(1, "propose/one")
    before = forge.rows()
    meta.change_pull(1, head_label="renamed")
    after = forge.rows()
    assert feed_between(forge, before, after) == [("pull", "deleted", "one")]
    assert after.all(PullEntryRow) == []


def test_a_branch_that_goes_and_comes_is_told_as_deleted_and_created() -> None:
    forge = Forge()
    forge.repository("acme/meta").push({"rfcs/one.md": rfc(repo="acme/one")})
    own = forge.repository("acme/one")
    own.branch("work")
    there = forge.rows()
    forge.delete_branch(own, "work")
    gone = forge.rows()
    own.branch("work")
    assert feed_between(forge, there, gone) == [("branch", "deleted", "one")]
    assert feed_between(forge, gone, forge.rows()) == [("branch", "created", "one")]


def test_history_that_changes_alone_is_told_with_its_entry() -> None:
    """A forced push may leave the newest version and change what came before."""
    forge = Forge()
    forge.repository("acme/meta").push({"rfcs/one.md": rfc()})
    after = forge.rows()
    (row,) = after.all(HistoryRow)
    other: dict[Any, Row] = {identity(row): replace(row, subject="Other")}
    before: Rows = {**after.rows, HistoryRow: other}
    (entry,) = entries(changes(before, after.rows), after.rows)
    assert (entry.kind, entry.operation, entry.key, entry.columns) == ("entry", "updated", "one", ("history",))


def test_the_way_a_repository_is_read_is_nobodys_news() -> None:
    forge = Forge()
    forge.repository("acme/meta")
    rows = evidence_rows(forge.world())
    (row,) = rows[RepositoryRow].values()
    read: Rows = {RepositoryRow: {1: replace(row, depth="commits", position=4)}}
    assert entries(changes(rows, read), read) == ()
    renamed: Rows = {RepositoryRow: {1: replace(row, name="other")}}
    assert [entry.columns for entry in entries(changes(rows, renamed), renamed)] == [("name",)]
