"""The workers: run what the queue gives out, and stop without losing any of it. The clock is moved by hand."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from daemon.work.backoff import Pause, Retry, judge
from daemon.work.workers import StoppedError, Workers
from daemon.work.workqueue import Priority, WorkQueue
from gitea_client import errors

Scope = frozenset[int]


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self._now = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._now + seconds, future))
        await future

    async def move(self, seconds: float) -> None:
        """Move on, and let everything that this wakes come to rest."""
        await settle()  # who is about to sleep does so before
        self._now += seconds
        for due, future in self._sleepers:
            if due <= self._now and not future.done():
                future.set_result(None)
        self._sleepers = [(due, future) for due, future in self._sleepers if not future.done()]
        await settle()


async def settle() -> None:
    """Let every task run as far as it can without time passing."""
    for _ in range(50):
        await asyncio.sleep(0)


class Stage:
    """Workers over a handler that does what the test says."""

    def __init__(self, count: int = 2) -> None:
        self.clock = HandClock()
        self.queue: WorkQueue[str, Scope] = WorkQueue(frozenset.union, lambda: 0.0, spacing=0)
        self.runs: list[tuple[str, Scope]] = []
        self.act: Callable[[str], Awaitable[None]] = self._nothing
        self.workers = Workers(self.queue, self._handle, self.clock, count)

    async def _nothing(self, key: str) -> None:
        return None

    async def _handle(self, key: str, scope: Scope) -> None:
        self.runs.append((key, scope))
        await self.act(key)

    def fail_with(self, error: Exception) -> None:
        async def act(key: str) -> None:
            raise error

        self.act = act

    def hold(self) -> asyncio.Event:
        """Let runs wait until the event that is returned is set."""
        release = asyncio.Event()

        async def act(key: str) -> None:
            await release.wait()

        self.act = act
        return release


async def test_what_is_submitted_is_run() -> None:
    stage = Stage()
    assert stage.workers.submit("early", frozenset({1}))
    stage.workers.start()
    stage.workers.submit("a", frozenset({2}))
    await stage.workers.idle()
    assert stage.runs == [("early", frozenset({1})), ("a", frozenset({2}))]
    assert await stage.workers.stop(grace=0)


async def test_no_more_run_together_than_allowed_and_one_key_never_twice() -> None:
    stage = Stage(count=2)
    release = stage.hold()
    stage.workers.start()
    for key in ("a", "b", "c"):
        stage.workers.submit(key, frozenset())
    await settle()
    stage.workers.submit("a", frozenset({9}))
    await settle()
    assert [key for key, _ in stage.runs] == ["a", "b"]
    release.set()
    await stage.workers.idle()
    assert [key for key, _ in stage.runs] == ["a", "b", "c", "a"]
    await stage.workers.stop(grace=0)


async def test_a_failed_run_comes_back_when_its_back_off_is_over() -> None:
    stage = Stage()
    stage.fail_with(ValueError("odd"))
    stage.workers.start()
    with capture_logs() as logs:
        stage.workers.submit("a", frozenset({1}))
        await stage.workers.idle()
        await stage.clock.move(0.99)
        assert len(stage.runs) == 1
        await stage.clock.move(0.01)
        assert len(stage.runs) == 2
    assert [entry["seconds"] for entry in logs] == [1.0, 2.0]
    await stage.workers.stop(grace=0)


async def test_an_unreachable_forge_pauses_everything_and_blames_no_key() -> None:
    """And runs that fail together count as one outage, else ten workers would reach the longest pause at once."""
    stage = Stage(count=2)
    stage.fail_with(errors.Unreachable("refused"))
    stage.workers.start()
    for key in ("a", "b", "c"):
        stage.workers.submit(key, frozenset())
    await stage.workers.idle()
    assert [key for key, _ in stage.runs] == ["a", "b"]
    assert stage.queue.paused_until == 1
    await stage.clock.move(1)
    assert len(stage.runs) == 4
    assert stage.queue.paused_until == 3
    stage.act = stage._nothing
    await stage.clock.move(2)
    assert stage.queue.backoffs() == {}
    assert {key for key, _ in stage.runs[4:]} == {"a", "b", "c"}
    await stage.workers.stop(grace=0)


async def test_a_pause_can_be_ended_early() -> None:
    stage = Stage()
    stage.queue.paused(math.inf)
    stage.workers.start()
    stage.workers.submit("a", frozenset())
    await stage.workers.idle()
    assert stage.runs == []
    stage.workers.resume()
    await settle()
    assert len(stage.runs) == 1
    await stage.workers.stop(grace=0)


async def test_many_who_wait_share_one_run_that_began_after_they_asked() -> None:
    stage = Stage()
    release = stage.hold()
    stage.workers.start()
    stage.workers.submit("a", frozenset())
    await settle()  # this run is older than the questions
    waits = [asyncio.create_task(stage.workers.run("a", frozenset({number}))) for number in range(5)]
    await settle()
    release.set()
    assert await asyncio.gather(*waits) == [None] * 5
    assert stage.runs == [("a", frozenset()), ("a", frozenset(range(5)))]
    await stage.workers.stop(grace=0)


async def test_who_waits_is_told_of_the_failure_and_may_leave_early() -> None:
    stage = Stage()
    error = errors.Malformed("cut")
    stage.fail_with(error)
    stage.workers.start()
    impatient = asyncio.create_task(stage.workers.run("a", frozenset()))
    patient = asyncio.create_task(stage.workers.run("a", frozenset()))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient is error
    assert impatient.cancelled() or await asyncio.wait([impatient])
    await stage.workers.stop(grace=0)


async def test_stopping_lets_runs_end_and_accepts_nothing_new() -> None:
    stage = Stage()
    release = stage.hold()
    stage.workers.start()
    stage.workers.submit("a", frozenset())
    await settle()
    stopping = asyncio.create_task(stage.workers.stop(grace=60))
    await settle()
    assert not stage.workers.submit("b", frozenset())
    assert isinstance(await stage.workers.run("b", frozenset()), StoppedError)
    release.set()
    assert await stopping
    assert len(stage.runs) == 1


async def test_what_is_cancelled_by_stopping_is_still_owed() -> None:
    """Guards against losing what was acknowledged: the scope is back in the queue, and the waiter hears of it."""
    stage = Stage(count=1)
    stage.hold()
    stage.workers.start()
    waits = [asyncio.create_task(stage.workers.run(key, frozenset({1}))) for key in ("a", "b")]
    await settle()
    assert not await stage.workers.stop(grace=0)
    assert all(isinstance(answer, StoppedError) for answer in await asyncio.gather(*waits))
    assert (stage.queue.waiting("a"), stage.queue.waiting("b")) == (frozenset({1}), frozenset({1}))


async def test_a_handler_that_cancels_itself_does_not_spin() -> None:
    stage = Stage()

    async def act(key: str) -> None:
        raise asyncio.CancelledError

    stage.act = act
    stage.workers.start()
    stage.workers.submit("a", frozenset(), Priority.DELIVERY)
    await settle()
    assert len(stage.runs) == 1
    await stage.workers.stop(grace=0)


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (errors.Unreachable("x"), Pause()),
        (errors.Throttled(429, "GET /x", 17), Pause(17)),
        (errors.Unauthorized(401, "GET /x"), Pause()),
        (errors.Forbidden(403, "GET /x"), Retry()),
        (errors.ServerFault(500, "GET /x"), Retry()),
        (errors.Missing(404, "GET /x"), Retry()),
        (KeyError("a bug"), Retry()),
    ],
)
def test_which_failures_are_whose(error: Exception, verdict: Pause | Retry) -> None:
    """One sick repository must not hold up the others; a dead forge must not be asked by each of them."""
    assert judge(error) == verdict
