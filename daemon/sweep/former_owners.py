"""Owners that were taken out of the configuration, and what was read of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import structlog

from cache.rows import OwnerRow
from cache.world import World
from daemon.book import Book

log = structlog.get_logger(__name__)


async def forget_former_owners(book: Book) -> None:
    """Forget those, and their repositories that the configuration does not name; whoever still names one has it looked
    up by name. Only after a sweep without an error: an owner who was renamed has another name by then.
    """
    ours = {owner.lower() for owner in book.owners}
    rows = cast("Sequence[OwnerRow]", list(book.rows[OwnerRow].values()))
    former = [row for row in rows if row.name.lower() not in ours]
    if not former:
        return
    names, theirs = {name.lower() for name in book.reach.configured}, {row.name.lower() for row in former}

    def without(world: World) -> World:
        for key, repository in world.listed.items():
            if repository.owner.lower() in theirs and repository.full_name.lower() not in names:
                world = world.without(key, listed=False)
        return world

    log.info("owners.forgotten", owners=sorted(theirs), why="they are not among forge.owners any more")
    await book.turn(without, forget=former)
