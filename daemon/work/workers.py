"""Runs what the work queue gives out, several keys together, each key once at a time.

One dispatcher takes from the queue and starts a task per key, up to `count`; it sleeps until something is added, a run
ends or a back-off does. The queue decides, this waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Generic, Protocol, TypeVar

import structlog

from daemon.work.backoff import LONGEST_OUTAGE, Pause, Retry, Verdict, delay, judge
from daemon.work.workqueue import Priority, WorkQueue

K = TypeVar("K", bound=Hashable)
S = TypeVar("S")

_log = structlog.get_logger("forgeglass.workers")


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> float:
        """Return seconds that never go back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds."""
        ...


class MonotonicClock:
    """The machine's."""

    def now(self) -> float:
        """Return the seconds of `time.monotonic`."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds."""
        await asyncio.sleep(seconds)


class StoppedError(Exception):
    """The work ended before it was done, because the daemon stops."""

    def __init__(self) -> None:
        super().__init__("the daemon is stopping; ask again when it runs")


class Workers(Generic[K, S]):
    """Run `handle(key, scope)` for what is submitted, `count` at a time.

    A handler that returns has succeeded. One that raises is judged by `judging`: Retry puts its key into back-off,
    Pause holds everything and gives the scope back. `random` gives numbers from 0 to 1, for the pause.
    """

    def __init__(
        self,
        queue: WorkQueue[K, S],
        handle: Callable[[K, S], Awaitable[None]],
        clock: Clock,
        count: int,
        *,
        random: Callable[[], float] = lambda: 0.0,
        judging: Callable[[Exception], Verdict] = judge,
    ) -> None:
        self._queue = queue
        self._handle = handle
        self._clock = clock
        self._count = count
        self._random = random
        self._judging = judging
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._dispatcher: asyncio.Task[None] | None = None
        self._outages = 0
        self._closed = False
        self._waiting: dict[K, list[asyncio.Future[Exception | None]]] = {}

    def start(self) -> None:
        """Begin to work. What was submitted before is done first."""
        if self._dispatcher is not None:
            raise RuntimeError("these workers were started before; make new ones")
        self._dispatcher = asyncio.create_task(self._dispatch(), name="forgeglass-dispatcher")

    def submit(self, key: K, scope: S, priority: Priority = Priority.SWEEP) -> bool:
        """Ask for `key` to be looked at. False once stopping has begun: then nothing new is accepted."""
        if self._closed:
            return False
        self._queue.add(key, scope, priority, now=self._clock.now())
        self._idle.clear()
        self._wake.set()
        return True

    async def run(self, key: K, scope: S, priority: Priority = Priority.INTERACTIVE) -> Exception | None:
        """Ask for `key`, and wait for the end of the first run that begins from now on, shared by all who wait.

        Return None when it succeeded, else the error it ended with; after an error the key is tried again, but
        nobody waits for that. The error is a StoppedError where the workers stop first.
        """
        if not self.submit(key, scope, priority):
            return StoppedError()
        future: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(future)
        return await future

    @property
    def all_at_work(self) -> bool:
        """Whether what is asked for now has to wait for a run to end."""
        return len(self._running) >= self._count

    def resume(self) -> None:
        """End a pause at once: somebody knows that the forge is back."""
        self._queue.paused(-float("inf"))
        self._wake.set()

    async def idle(self) -> None:
        """Wait until nothing runs and nothing may run now. What waits for a back-off, a pause or the end of
        a burst does not count."""
        while not self._is_idle():
            self._idle.clear()
            await self._idle.wait()

    async def stop(self, grace: float) -> bool:
        """Stop in order: accept nothing new, let what runs end for `grace` seconds, then cancel it.

        What was cancelled or never begun stays in the queue, and its inbox row is still open: the next start looks
        at it again. Return whether everything that ran came to its end.
        """
        self._closed = True
        if self._dispatcher is not None:
            self._dispatcher.cancel()
            await asyncio.wait([self._dispatcher])
        orderly = True
        if self._running:
            _, late = await asyncio.wait(set(self._running), timeout=grace)
            orderly = not late
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        for waiting in self._waiting.values():
            _answer(waiting, StoppedError())
        self._waiting.clear()
        self._idle.set()
        return orderly

    def _is_idle(self) -> bool:
        due = self._queue.next_due(self._clock.now())
        return self._closed or (not self._running and (due is None or due > self._clock.now()))

    async def _dispatch(self) -> None:
        while True:
            self._wake.clear()
            while len(self._running) < self._count:
                taken = self._queue.take(self._clock.now())
                if taken is None:
                    break
                self._begin(*taken)
            if self._is_idle():
                self._idle.set()
            await self._rest()

    def _begin(self, key: K, scope: S) -> None:
        waiting = self._waiting.pop(key, [])
        task = asyncio.create_task(self._work(key, scope, waiting), name=f"forgeglass-work-{key}")
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wake.set()

    async def _rest(self) -> None:
        """Sleep until something is added, a run ends, or something is due."""
        now = self._clock.now()
        due = self._queue.next_due(now) if len(self._running) < self._count else None
        waits: set[asyncio.Future[Any]] = {asyncio.ensure_future(self._wake.wait())}
        if due is not None:
            waits.add(asyncio.ensure_future(self._clock.sleep(max(0.0, due - now))))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _work(self, key: K, scope: S, waiting: list[asyncio.Future[Exception | None]]) -> None:
        try:
            await self._handle(key, scope)
        except asyncio.CancelledError:
            if self._closed:
                self._queue.give_back(key)
            else:  # the handler's own doing; without a back-off it would come back at once, for ever
                self._queue.retry(key, self._clock.now())
            _answer(waiting, StoppedError())
            raise
        except Exception as error:
            self._failed(key, error)
            _answer(waiting, error)
        else:
            self._queue.done(key)
            self._outages = 0
            _answer(waiting, None)

    def _failed(self, key: K, error: Exception) -> None:
        now = self._clock.now()
        match self._judging(error):
            case Retry(after):
                self._outages = 0  # the forge did answer
                due = self._queue.retry(key, now, after)
                _log.debug("run failed", key=str(key), error=error, seconds=round(due - now, 1))
            case Pause(after):
                self._queue.give_back(key)
                if now >= self._queue.paused_until:  # else another run has just found the same
                    self._outages += 1
                    wait = max(after or 0.0, delay(self._outages, self._random, longest=LONGEST_OUTAGE))
                    self._queue.paused(now + wait)
                    _log.debug("everything waits", error=error, seconds=round(wait, 1))


def _answer(waiting: list[asyncio.Future[Exception | None]], error: Exception | None) -> None:
    for future in waiting:
        with contextlib.suppress(asyncio.InvalidStateError):  # its waiter has gone
            future.set_result(error)
