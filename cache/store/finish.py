"""Work that must reach its end even when whoever asked for it is cancelled meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def finish(work: Coroutine[Any, Any, T]) -> T:
    """Await `work` to its end; a cancellation that arrives meanwhile is raised only then.

    `asyncio.shield` alone returns to a cancelled caller at once, with the work still running behind its back: a
    lock held around it would be released too early. Raises what `work` raises, unless the caller was cancelled.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return task.result()
    if not task.cancelled():
        task.exception()  # looked at, so that asyncio does not complain of an exception nobody saw
    raise cancelled
