"""What the cases about revisions share: how they are read, and how each case ends."""

from __future__ import annotations

from typing import Any

from comparing import Witness
from harness import META, System, rfc

from cache.revision_rows import RevisionRow


async def revisions(system: System, key: str = "a") -> list[Any]:
    """The revisions of an entry, oldest first."""
    rows = [row for row in (await system.table(RevisionRow)).values() if row.key == key]
    return sorted(rows, key=lambda row: row.version)


async def told(system: System) -> dict[Any, Any]:
    """Every revision as it is told, but for how much of it the forge still tells."""
    return {at: {**_plain(row), "retold": None} for at, row in (await system.table(RevisionRow)).items()}


def _plain(row: RevisionRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__struct_fields__}


async def settled(system: System, witness: Witness | None, *, in_order: bool = True, lost: bool = True) -> None:
    """Known after a sweep; and the same, field by field, rebuilt, and with files of the data directory lost.

    With all `lost` it is the same too where nothing was discovered out of order, and the forge still has everything.
    """
    await system.settle()
    await system.sweep(deep=True)
    if witness is not None:
        await witness.check()
    live = await told(system)
    report, code = await system.command("verify")
    assert code == 0, report["differences"]
    report, code = await system.command("rebuild")
    assert code == 0, report
    assert await told(system) == live
    await system.lose("cache.db", "objects")
    await system.sweep(deep=True)
    assert await told(system) == live
    if witness is not None:
        await witness.check()
    if not lost:
        return
    without = await system.digest(without_state=True)
    await system.lose("cache.db", "objects", "state.db")
    await system.sweep(deep=True)
    assert await system.digest(without_state=True) == without
    if in_order:
        assert await told(system) == live


async def proposed(system: System, branch: str = "edit/a/x", title: str = "Proposed", **fields: object) -> int:
    """A pull request that changes the entry `a`."""
    await system.forge.commit(META, {"rfcs/a.md": rfc(title, **fields)}, branch=branch, start="main")
    system.clock.tick()
    return await system.forge.open_pull(META, branch)
