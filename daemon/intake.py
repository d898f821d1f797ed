"""From deliveries to the work queue: a delivery only says where to look."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import structlog

from daemon.reconciler import Reconciler
from daemon.work.scope import Scope
from daemon.work.workqueue import Priority
from webhooks.delivery import Delivery
from webhooks.inbox import Inbox, Pending
from webhooks.scope import merge

log = structlog.get_logger(__name__)

KEEP = timedelta(days=7)
"""How long a delivery that was worked on is kept, for those who ask what came in."""

UNREACHED = "no profile reaches this repository"


class Intake:
    """Turns what is pending in the inbox into looks.

    `sweep_soon` is called where a delivery speaks of what no single repository tells: one that came or went;
    `arrived` with each repository within reach that one spoke of, `heard` with every delivery.
    """

    def __init__(
        self,
        inbox: Inbox,
        reconciler: Reconciler,
        owners: Iterable[str],
        sweep_soon: Callable[[], None],
        arrived: Callable[[int, datetime], None],
        heard: Callable[[Delivery], None],
    ) -> None:
        self._inbox = inbox
        self._reconciler = reconciler
        self._owners = {owner.lower() for owner in owners}
        self._sweep_soon = sweep_soon
        self._arrived = arrived
        self._heard = heard
        self._unreached: list[str] = []
        self._settling: asyncio.Task[None] | None = None

    async def resume(self) -> None:
        """Take up what a former process left pending."""
        pending = await self._inbox.pending()
        if pending:
            log.info("inbox.resumed", pending=len(pending))
        for repository_id, scope in merge(pending).items():
            if repository_id is not None and repository_id in self._reconciler.book.reach.interests:
                self._reconciler.awaited.add(repository_id)
                self._reconciler.ask(repository_id, Scope(pulls=scope.pulls), Priority.DELIVERY)
        await self._settle(pending)

    def take(self, delivery: Delivery) -> None:
        """Act on one delivery that was stored."""
        self._heard(delivery)
        repository_id = delivery.repository_id
        if repository_id is not None:
            self._reconciler.delivered[repository_id] = self._reconciler.book.clock()
        if delivery.scope.owners & self._owners or self._is_stranger(delivery):
            self._sweep_soon()
        if repository_id is not None and repository_id in self._reconciler.book.reach.interests:
            self._arrived(repository_id, self._reconciler.book.clock())
            self._reconciler.awaited.add(repository_id)
            self._reconciler.ask(repository_id, Scope(pulls=delivery.scope.pulls), Priority.DELIVERY)
        else:
            self._unreached.append(delivery.id)
            if self._settling is None or self._settling.done():
                self._settling = asyncio.create_task(self._settle_unreached(), name="forgeglass-unreached")

    async def stop(self) -> None:
        """Let what is being written end."""
        if self._settling is not None:
            await asyncio.gather(self._settling, return_exceptions=True)

    def _is_stranger(self, delivery: Delivery) -> bool:
        """Whether it speaks of a repository of our owners that no list has shown yet."""
        owner = delivery.full_name.partition("/")[0].lower()
        return owner in self._owners and delivery.repository_id not in self._reconciler.book.world.listed

    async def _settle_unreached(self) -> None:
        """Those by themselves, all that came meanwhile together: what else waits in the inbox is not looked at."""
        while self._unreached:
            together, self._unreached = self._unreached, []
            await self._inbox.settle(together, self._reconciler.book.clock(), why=UNREACHED)

    async def _settle(self, pending: Iterable[Pending]) -> None:
        """Mark as done what concerns no repository within reach: there is nothing to read for it."""
        reached = self._reconciler.book.reach.interests
        idle = [each.id for each in pending if each.repository_id is None or each.repository_id not in reached]
        if idle:
            await self._inbox.done(idle, self._reconciler.book.clock(), why=UNREACHED)
