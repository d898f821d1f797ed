"""A blob that could not be had at first comes with a later look: what is remembered of before must not stand then."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from worlds import Forge, Hub, object_id, rfc, rfc_block

from cache.model import Blob, HeadFile, PullHead, PullHistory
from cache.projection.entries import Memo
from cache.projection.project import project
from cache.revision_rows import RevisionRow
from cache.world import World

PROPOSED = "# Proposed\n"
BLOB = object_id("blob", PROPOSED)


def raised(hub: Hub, path: str, world: World, content: bytes | None) -> World:
    """The world in which pull request 1 of a repository brings this file, with its blob or without."""
    evidence, head = world.mirrored[hub.id], hub.commit("Head")
    file = HeadFile(0, path, BLOB, "100644")
    history = PullHistory(1, None, True, heads=(PullHead(0, head.sha, head.committed_at),), files=(file,))
    blobs = {**evidence.blobs, BLOB: Blob.of(BLOB, content)}
    return world.with_evidence(replace(evidence, histories={1: history}, blobs=blobs))


@pytest.mark.parametrize("path", ["rfcs/one.md", "RFC.md"])
def test_a_text_that_comes_later_is_taken_into_the_revision(path: str) -> None:
    """Guards C1: live said that a text is too large for ever, and rebuilt had it. An entry's file, and a document."""
    forge = Forge(rfc_block())
    meta, home = forge.repository("acme/meta"), forge.repository("acme/home")
    meta.push({"rfcs/one.md": rfc("One", "active", repo="acme/home")})
    home.push({"RFC.md": "# Document\n"})
    hub = home if path == "RFC.md" else meta
    hub.raise_pull(1, "topic")
    world, memo = forge.world(), Memo()
    without = raised(hub, path, world, None)
    # the very same history, and the blob beside it: nothing else tells that there is more to read
    here = without.mirrored[hub.id]
    later = without.with_evidence(replace(here, blobs={**here.blobs, BLOB: Blob.of(BLOB, PROPOSED.encode())}))
    texts = []
    for each in (without, later, without):
        rows = project(each, forge.blocks, memo)
        assert rows == project(each, forge.blocks)
        texts += [row.content for row in rows[RevisionRow].values() if isinstance(row, RevisionRow)]
    assert texts == [None, PROPOSED, None]
