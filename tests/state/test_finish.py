"""Work that is begun is ended, whoever is cancelled."""

from __future__ import annotations

import asyncio

import pytest

from cache.store.finish import finish


async def test_a_cancelled_caller_goes_on_only_after_the_work_is_done() -> None:
    """Guards a lock held around a rollback: released earlier, the next writer would commit what is being undone."""
    begun, gate, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await gate.wait()
        done.set()

    async def caller() -> bool:
        try:
            await finish(work())
        finally:
            assert done.is_set()
        return True

    task = asyncio.create_task(caller())
    await begun.wait()
    for _ in range(3):  # however often
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_without_a_cancellation_it_gives_what_the_work_gives() -> None:
    """Guards the plain way: results and errors come through."""

    async def seven() -> int:
        return 7

    async def fails() -> int:
        raise OSError("disk full")

    assert await finish(seven()) == 7
    with pytest.raises(OSError, match="disk full"):
        await finish(fails())


async def test_a_failure_behind_a_cancellation_is_not_left_unseen() -> None:
    """Guards the log from `exception was never retrieved`; the cancellation is what the caller is told."""
    begun, gate = asyncio.Event(), asyncio.Event()

    async def fails() -> None:
        begun.set()
        await gate.wait()
        raise OSError("disk full")

    task = asyncio.create_task(finish(fails()))
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task
