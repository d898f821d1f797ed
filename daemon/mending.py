"""A damaged `cache.db` is made anew, once however many reads hit the damage."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger(__name__)


class Mending:
    """Calls `mend` in the background when a read finds the file broken.

    `epoch` tells which file there is: a file made anew begins another epoch of the feed.
    """

    def __init__(self, mend: Callable[[], Awaitable[None]], epoch: Callable[[], str]) -> None:
        self._mend = mend
        self._epoch = epoch
        self._task: asyncio.Task[None] | None = None

    def damaged(self, epoch: str) -> None:
        """A read that began in `epoch` found damage. One that began before the last mending tells nothing new."""
        if epoch == self._epoch() and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._run(epoch), name="forgeglass-mending")

    async def stop(self, _app: object = None) -> None:
        """Let a mending under way end."""
        if self._task is not None:
            await self._task

    async def _run(self, epoch: str) -> None:
        log.error("cache.damaged", found="by a read", remedy="it is made anew from what is in memory")
        try:
            if epoch == self._epoch():
                await self._mend()
        except Exception:  # the next read that finds the damage tries again
            log.exception("cache.not_mended", remedy="look at the space left on the disk and at who may write there")
