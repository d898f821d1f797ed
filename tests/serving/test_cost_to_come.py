"""What costs more than it should: shown, and counted, until the issue on cost is built. Each fails until then."""

from __future__ import annotations

import pytest
from serving_place import META, Place, rfc

BRANCHES = 12


@pytest.mark.xfail(strict=True, reason="the issue on cost: C12, a tombstone is kept for each merged branch, for ever")
async def test_tombstones_of_merged_branches_are_let_go() -> None:
    """Counted are tombstones: one for each branch that was merged and deleted, in memory and in `state.db`."""
    async with Place() as place:
        await place.push(one=rfc("One", state="active", repo=META))
        async with place.daemon() as daemon:
            await daemon.sweep()
            for number in range(BRANCHES):
                await place.forge.create_branch(META, f"side{number}", "main")
            await daemon.sweep(deep=True)
            for number in range(BRANCHES):
                await place.forge.delete_branch(META, f"side{number}", via="push")
            await daemon.sweep(deep=True)
            assert len(daemon.engine.desk.book.world.tombstones.branches) < BRANCHES
