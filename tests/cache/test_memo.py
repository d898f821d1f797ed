"""What a memo remembers is made anew whenever something that it was made of is another, one test for each of these.

Every test keeps one memo over the change, and compares with a projection that remembers nothing. What is not changed
stays the very same object, as a reader of a forge leaves it: only then does a memo believe that nothing happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace
from worlds import Forge, Hub, block, changed, rfc, touched

from cache.profile.block import Block
from cache.projection.entries import Memo
from cache.projection.project import project
from cache.revision_rows import ProposalRow, RevisionRow
from cache.rows import EntryRow, FindingRow, RelationRow, Row
from cache.world import World


def agreed(blocks: Sequence[Block], memo: Memo, world: World) -> dict[type[Row], list[Any]]:
    """The rows of a world, the same with the memo as without."""
    rows = project(world, blocks, memo)
    assert rows == project(world, blocks), "a row was served from what was so before"
    return {kind: list(table.values()) for kind, table in rows.items()}


NOTES = """
format: 1
profile: notes
collections:
  notes:
    files: {repository: {owner: acme}, path: "notes/{slug}.md"}
    key: [slug]
    body: body
    fields: {title: {type: string}, near: {type: ref, to: notes}}
    pulls:
      - {repository: acme/notes, head: "about/{slug}", kind: proposal}
    revisions: {rule: pull_request}
"""


def test_the_branch_rules_of_a_repository_that_another_bears_the_name_of_now() -> None:
    """A pull request that only names an entry makes a revision of it as long as the rule is this repository's."""
    forge, memo = Forge(block(NOTES)), Memo()
    notes = forge.repository("acme/notes")
    notes.push({"notes/one.md": "Words\n"})
    notes.raise_pull(1, "about/one")
    world = touched(forge.world(), notes, 1, "notes/one.md", "Words\n", changed_there=False)
    assert [row.key for row in agreed(forge.blocks, memo, world)[RevisionRow]] == ["one"]
    renamed = replace(notes.repository, name="other", default_branch="main")
    elsewhere = changed(world, notes.id, repository=renamed)
    assert agreed(forge.blocks, memo, elsewhere)[RevisionRow] == []


def active(home: str = "acme/one", title: str = "One") -> str:
    return rfc(title, "active", repo=home)


def document(forge: Forge) -> tuple[Hub, Hub, World]:
    """An entry with a document, and a pull request that changes that."""
    meta, own = forge.repository("acme/meta"), forge.repository("acme/one")
    meta.push({"rfcs/a.md": active()})
    own.push({"RFC.md": "# One\n"})
    own.raise_pull(1, "work")
    return meta, own, touched(forge.world(), own, 1, "RFC.md", "# Two\n")


def test_the_key_of_the_entry_whose_document_it_is() -> None:
    """The entry's file is renamed; of its own repository nothing is read again."""
    forge, memo = Forge(), Memo()
    meta, own, world = document(forge)
    assert [row.key for row in agreed(forge.blocks, memo, world)[RevisionRow]] == ["a"]
    meta.push({"rfcs/a.md": None, "rfcs/b.md": active()})
    renamed = world.with_evidence(forge.world().mirrored[meta.id])
    assert renamed.mirrored[own.id] is world.mirrored[own.id]
    assert [row.key for row in agreed(forge.blocks, memo, renamed)[RevisionRow]] == ["b"]


def test_the_repository_of_the_entry_whose_document_it_is() -> None:
    """The entry moves to another repository under the same key."""
    text = """
format: 1
profile: notes
collections:
  notes:
    files: {repository: {owner: acme, name: "n-*"}, path: "notes/{slug}.md"}
    key: [slug]
    body: body
    fields: {state: {type: string}, repo: {type: repository}}
    document: {when: {state: active}, repository: "{field.repo}", path: RFC.md}
    revisions: {rule: pull_request}
"""
    forge, memo = Forge(block(text)), Memo()
    first, second, own = (forge.repository(f"acme/{name}") for name in ("n-1", "n-2", "one"))
    first.push({"notes/a.md": active()})
    own.push({"RFC.md": "# One\n"})
    own.raise_pull(1, "work")
    world = touched(forge.world(), own, 1, "RFC.md", "# Two\n")
    assert [row.entry_repository_id for row in agreed(forge.blocks, memo, world)[RevisionRow]] == [first.id]
    first.push({"notes/a.md": None})
    second.push({"notes/a.md": active()})
    fresh = forge.world().mirrored
    moved = world.with_evidence(fresh[first.id]).with_evidence(fresh[second.id])
    assert [row.entry_repository_id for row in agreed(forge.blocks, memo, moved)[RevisionRow]] == [second.id]


def test_what_the_references_of_an_entry_lead_to() -> None:
    """What is named begins to be there, is renamed, and ceases to be there: of the entry itself nothing changes."""
    forge, memo = Forge(block(NOTES)), Memo()
    one, two = forge.repository("acme/notes"), forge.repository("acme/more")
    one.push({"notes/a.md": "---\nnear: b\n---\n"})
    two.push({"README.md": "x"})
    world = forge.world()
    found = []
    for files in ({}, {"notes/b.md": "B\n"}, {"notes/b.md": None}):
        if files:
            two.push(files)
            world = world.with_evidence(forge.world().mirrored[two.id])
        rows = agreed(forge.blocks, memo, world)
        dangling = [row.rule for row in rows[FindingRow]]
        found.append(([row.resolved for row in rows[RelationRow] if row.key == "a"], dangling))
    assert found == [([False], ["dangling"]), ([True], []), ([False], ["dangling"])]


def test_the_repository_that_an_entry_names() -> None:
    """A repository comes, is somebody else's, and is renamed; the entry is read once."""
    forge, memo = Forge(), Memo()
    meta = forge.repository("acme/meta")
    meta.push({"rfcs/a.md": active("acme/late")})
    world = replace(forge.world(), owners=frozenset(["acme"]))
    seen = []
    for owner, name in (("acme", None), ("acme", "late"), ("zed", "late"), ("acme", "other")):
        listed = {meta.id: world.listed[meta.id]}
        if name is not None:
            listed[7] = replace(world.listed[meta.id], id=7, owner=owner, name=name)
        aliases = {"acme/late": 7} if owner == "zed" else {}
        rows = agreed(forge.blocks, memo, replace(world, listed=listed, aliases=aliases))
        (entry,), (relation,) = rows[EntryRow], rows[RelationRow]
        seen.append((entry.home_repository_id, relation.target_id, [row.rule for row in rows[FindingRow]]))
    assert seen == [
        (None, None, ["dangling"]), (7, 7, []), (7, 7, ["outside-owners"]), (None, None, ["dangling"]),
    ]  # fmt: skip


@pytest.mark.parametrize("what", ["revision", "proposal"])
def test_a_blob_that_the_forge_gives_only_later(what: str) -> None:
    """The history stays the very same object; only the bytes of a head's file have come."""
    forge, memo = Forge(), Memo()
    meta = forge.repository("acme/meta")
    meta.push({"rfcs/a.md": rfc("A")})
    meta.raise_pull(1, "edit/a/x")
    there = touched(forge.world(), meta, 1, "rfcs/a.md", rfc("Proposed"))
    without = changed(there, meta.id, blobs=forge.world().mirrored[meta.id].blobs)
    kind: type[Row] = RevisionRow if what == "revision" else ProposalRow
    before, after = (agreed(forge.blocks, memo, world)[kind] for world in (without, there))
    if what == "revision":
        assert [(row.content_state, row.content) for row in (*before, *after)] == [
            ("too_large", None), ("text", rfc("Proposed")),
        ]  # fmt: skip
    else:
        assert ([row.valid for row in before], [row.title for row in after]) == ([False], ["Proposed"])


def test_the_collection_itself() -> None:
    """Another profile over the same evidence, as at a start with a changed configuration."""
    memo = Memo()
    forge = Forge(block(NOTES))
    notes = forge.repository("acme/notes")
    notes.push({"notes/one.md": "---\ntitle: T\n---\nWords\n"})
    notes.raise_pull(1, "about/one")
    world = touched(forge.world(), notes, 1, "notes/one.md", "Words\n", changed_there=False)
    other = block(NOTES.replace("about/{slug}", "on/{slug}").replace("title: {type: string}", "title: {type: integer}"))
    assert len(agreed(forge.blocks, memo, world)[RevisionRow]) == 1
    assert agreed((other,), memo, world)[RevisionRow] == []
    assert len(agreed(forge.blocks, memo, world)[RevisionRow]) == 1
