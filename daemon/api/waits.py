"""Requests that may last long, and must not hold up the daemon's end: long polls, and waits for a commit."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from daemon.api.problems import ProblemError

T = TypeVar("T")


class Waits:
    """The answers that are being waited for."""

    def __init__(self) -> None:
        self._open: set[asyncio.Task[Any]] = set()
        self._stopping = False

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` gives. ProblemError `stopping` where the daemon stops first; cancelled with its caller."""
        task = asyncio.ensure_future(work)
        if self._stopping:
            task.cancel()
        self._open.add(task)
        try:
            await asyncio.wait({task})
        finally:
            self._open.discard(task)
            task.cancel()
        if task.cancelled() and self._stopping:
            raise ProblemError("stopping", "Ask again in a moment.")
        return task.result()

    def stop(self) -> None:
        """End every wait."""
        self._stopping = True
        for task in self._open:
            task.cancel()
