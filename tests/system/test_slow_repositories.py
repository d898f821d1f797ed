"""C8: one repository that the forge answers for slowly keeps no other waiting, and is called no fresher than it is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import aiohttp
import pytest
from harness import META, System, rfc

from cache.rows import EntryRow, LookRow, OwnerRow
from daemon.sweep import sweeper
from gitea_client.fake import Fault

pytestmark = pytest.mark.flavours("gitea")

HOME = "acme/home"


async def observed(system: System) -> datetime:
    """How old the entries are said to be."""
    async with aiohttp.ClientSession() as session, session.get(f"{system.served.url}/api/v1/rfc/rfcs") as answer:
        said: dict[str, Any] = await answer.json()
    return datetime.fromisoformat(said["observed_at"])


async def test_a_sweep_goes_on_without_a_slow_repository(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository that took 15 s to answer delayed another's change by 45 s: every sweep waited for it."""
    monkeypatch.setattr(sweeper, "PATIENCE", 0.3)
    await system.forge.create_repository(HOME)
    await system.forge.commit(HOME, {"RFC.md": "# One\n"})
    await system.forge.commit(META, {"rfcs/a.md": rfc("A", "active", repo=HOME)})
    await system.settle()
    await system.sweep(deep=True)
    home, owner = system.forge.repository(HOME).id, "acme"
    known = system.engine.desk.book.look(home)

    system.clock.tick(3_600)
    system.forge.deliveries.drop = True
    slow = Fault("delay", r"/acme/home.git/", seconds=600)
    system.forge.faults.set(slow)
    await system.forge.commit(HOME, {"RFC.md": "# Two\n"})
    await system.forge.commit(META, {"rfcs/b.md": rfc("B")})
    for title in ("B", "B, once more"):
        await system.served.schedule.sweeps.quiet(lists=False)
        rows = await system.table(EntryRow)
        assert {row.title for row in rows.values()} == {"A", title}
        await system.forge.commit(META, {"rfcs/b.md": rfc("B, once more")})

    swept = (await system.engine.store.load((OwnerRow,)))[OwnerRow][owner].swept_at
    assert swept > known.verified_at, "the sweep ended well for all others"
    assert await observed(system) == known.verified_at, "but these rows also come from the one that was left behind"

    system.forge.faults.clear()
    system.forge.faults.end()  # what it held back is answered
    await system.settle()
    look = (await system.engine.store.load((LookRow,)))[LookRow][home]
    assert look.due_at is None
    assert look.verified_at > known.verified_at
    assert await observed(system) > known.verified_at
    documents = {row.document_body for row in (await system.table(EntryRow)).values()}
    assert "# Two\n" in documents
