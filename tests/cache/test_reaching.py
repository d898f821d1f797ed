"""Reach: which repositories are mirrored, and what is looked for in each. The rest cost nothing."""

from __future__ import annotations

from worlds import Forge, block, rfc, rfc_block

from cache.projection.project import project
from cache.projection.reach import Interest, reach
from cache.rows import EntryRow

GLOB = """
format: 1
profile: wide
collections:
  notes:
    files: {repository: {owner: acme, name: "note-*", topic: docs}, path: "n/{slug}.md"}
    key: [slug]
"""


def test_a_selector_reaches_those_that_fit_and_no_others() -> None:
    forge = Forge(block(GLOB))
    forge.repository("acme/note-a", topics=("docs",))
    forge.repository("acme/note-b")
    forge.repository("other/note-c", topics=("docs",))
    forge.repository("acme/code", topics=("docs",))
    assert set(forge.world().mirrored) == {1}


def test_an_entry_brings_its_own_repository_within_reach_in_whatever_state() -> None:
    """Graduating mirrors the repository in the same pass; withdrawing lets its pull requests finish."""
    forge = Forge()
    meta, own = forge.repository("acme/meta"), forge.repository("acme/one")
    assert set(forge.world().mirrored) == {meta.id}
    for state in ("idea", "active", "withdrawn"):
        meta.push({"rfcs/one.md": rfc(state=state, repo="acme/one")})
        assert forge.world().mirrored[own.id].depth == "files"


def test_a_bad_entry_keeps_its_repository_within_reach() -> None:
    """Guards: a slip of the pen that drops a mirror with all its rows."""
    forge = Forge()
    meta, own = forge.repository("acme/meta"), forge.repository("acme/one")
    meta.push({"rfcs/one.md": rfc(repo="acme/one")})
    meta.push({"rfcs/one.md": "---\nbroken: [\n---\n"})
    assert own.id in forge.world().mirrored


def test_where_no_file_is_wanted_commits_are_enough() -> None:
    text = """
    format: 1
    profile: work
    collections:
      errands:
        files: {repository: acme/meta, path: "errands/{slug}.md"}
        key: [slug]
        fields: {repo: {type: repository}}
        branches: {repository: "{field.repo}"}
    """
    forge = Forge(block(text))
    forge.repository("acme/meta").push({"errands/one.md": "---\nrepo: acme/one\n---\n"})
    own = forge.repository("acme/one")
    own.push({"README.md": "x"})
    evidence = forge.world().mirrored[own.id]
    assert (evidence.depth, evidence.versions, evidence.blobs) == ("commits", {}, {})
    assert forge.rows().branches("one")["main"].last_commit_at is not None


def test_a_name_that_nobody_bears_is_told_so_that_it_can_be_asked_for() -> None:
    forge = Forge()
    forge.repository("acme/meta").push({"rfcs/one.md": rfc(repo="other/place")})
    world = forge.world()
    told = reach(forge.blocks, world, project(world, forge.blocks)[EntryRow].values())
    assert told.unknown == {"other/place"}


def test_rows_of_a_collection_that_the_profile_no_longer_has_do_no_harm() -> None:
    """Guards: a daemon that cannot start after a collection was renamed, since its file still holds the old rows."""
    forge = Forge()
    forge.repository("acme/meta").push({"rfcs/one.md": rfc(repo="acme/one")})
    rows = forge.rows().rows[EntryRow].values()
    assert set(reach([block(GLOB)], forge.world(), rows).interests) == set()


def test_interests_are_alike_whatever_the_order_of_blocks() -> None:
    same = block(GLOB.replace('{owner: acme, name: "note-*", topic: docs}', "acme/meta"))
    interests = []
    for blocks in ([rfc_block(), same], [same, rfc_block()]):
        forge = Forge(*blocks)
        forge.repository("acme/meta")
        interests.append(forge.world().mirrored[1].interest)
    assert interests[0] == interests[1]


def test_paths_of_interest_are_those_that_match_or_would_but_for_odd_bytes() -> None:
    (pattern, *_) = (collection.pattern for collection in rfc_block().collections)
    interest = Interest((pattern,), ("RFC.md",))
    odd = b"rfcs/\xff.md".decode("utf-8", "surrogateescape")
    assert [interest.wants(path) for path in ("rfcs/a.md", "RFC.md", odd, "rfcs/a\n.md")] == [True] * 4
    assert [interest.wants(path) for path in ("rfcs/x/a.md", "README.md", "rfcs/.md", f"x/{odd}")] == [False] * 4
