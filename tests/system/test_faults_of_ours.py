"""A fault of ours, which one file brings to light: it is told with the file, and holds up nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from harness import META, System, rfc

from cache.projection import entries
from cache.rows import EntryRow

pytestmark = pytest.mark.flavours("gitea")

HOME = "acme/home"


@pytest.fixture
def one_file_breaks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading a text with BREAK in it fails in a way that nobody thought of."""
    read = entries.read_file

    def breaking(collection: Any, versions: Any, blobs: Mapping[str, Any]) -> Any:
        newest = blobs.get(versions[-1].blob or "")
        if newest is not None and b"BREAK" in (newest.content or b""):
            raise IndexError("string index out of range")
        return read(collection, versions, blobs)

    monkeypatch.setattr(entries, "read_file", breaking)


@pytest.mark.usefixtures("one_file_breaks_it")
async def test_a_projection_that_fails_names_the_file_counts_as_a_failure_and_heals(system: System) -> None:
    """Guards a repository that is frozen for ever with `stale` false and no failures, its file known to nobody."""
    await system.forge.create_repository(HOME)
    await system.forge.commit(HOME, {"RFC.md": "# First\n"})
    await system.forge.commit(META, {"rfcs/a.md": rfc("A", "active", repo=HOME), "rfcs/b.md": rfc("B")})
    await system.settle()
    await system.sweep()
    await system.forge.commit(META, {"rfcs/a.md": rfc("A2", "active", repo=HOME), "rfcs/b.md": rfc("B", body="BREAK")})
    await system.settle()
    report, code = await system.command("sweep")
    assert code == 3
    (error,) = report["errors"]
    assert (error["scope"], "rfcs/b.md" in error["error"]) == (f"repository:{META}", True)
    look = system.engine.desk.book.look(system.forge.repository(META).id)
    assert look.failures
    assert look.last_error is not None
    assert "rfcs/b.md" in look.last_error
    assert "that file" in (look.remedy or "")
    await system.forge.commit(HOME, {"RFC.md": "# Second\n"})
    await system.settle()
    rows = await system.table(EntryRow)
    assert rows["rfc", "rfcs", "a"].body == "# Second\n", "other repositories go on"
    assert (rows["rfc", "rfcs", "a"].title, rows["rfc", "rfcs", "b"].title) == ("A", "B"), "the last rows stand"
    await system.forge.commit(META, {"rfcs/b.md": rfc("B2")})
    await system.settle()
    await system.sweep()
    rows = await system.table(EntryRow)
    assert (rows["rfc", "rfcs", "a"].title, rows["rfc", "rfcs", "b"].title) == ("A2", "B2")
    assert not system.engine.desk.book.look(system.forge.repository(META).id).failures
