"""When a revision gets its number: only once nothing that would come before it can still be found."""

from __future__ import annotations

from msgspec.structs import replace
from worlds import Forge, rfc, touched

from cache.projection.project import project
from cache.revision_rows import RevisionRow


def test_no_number_is_given_before_every_owner_was_listed_to_the_end() -> None:
    """Guards the order of a cold build: a number that was published stands, whatever is found later."""
    forge = Forge()
    meta = forge.repository("acme/meta")
    meta.push({"rfcs/a.md": rfc("A")})
    meta.raise_pull(1, "edit/a/x")
    world = touched(forge.world(), meta, 1, "rfcs/a.md", rfc("Proposed"))
    assert project(replace(world, complete=False), forge.blocks)[RevisionRow] == {}
    assert len(project(world, forge.blocks)[RevisionRow]) == 1
