"""What is to be looked at, in which order, and when; without a clock and without I/O of its own.

After the workqueue of Kubernetes' client-go. The queue holds keys (repositories), each with one scope that says where
to look. What it promises:

- **One at a time.** A key that was taken is not given out again before `done`, `retry` or `give_back`.
- **Nothing is lost.** A request that arrives while its key is being worked on makes it run once more afterwards: what
  is being read may be older than what the request told of. The scope of a failed run is merged into the next.
- **Many are one.** Requests for a key that waits are merged into one run. A delivery that comes alone is looked at
  at once, however lately the key ran. One that follows another within `quiet` seconds is part of a burst (one push can
  send a hundred): what the burst's first run missed is held until no delivery has come for `quiet` seconds, though no
  longer than `spacing` after the key's last run began. So a burst costs two runs, the first of them at once, and a
  stream without end one run every `spacing` seconds. Nothing else is held back: somebody who waits for the answer
  (INTERACTIVE) takes along what is held, a sweep joins it or runs by itself, and neither makes a burst or prolongs one.
  What may run already is not held back any more by what joins it.
- **Order.** By priority, and within one the longest waiting first. Of every eight runs at least one goes to whoever has
  waited longest whatever its priority, so that no flood of deliveries keeps a sweep from ending.
- **Back-off per key.** After a failure the key waits 1 s, doubling to 10 min, less a random part; a success forgets it.
  A *fresh* request (a delivery, somebody waiting) says that something is new and shortens the wait, though never below
  `min_gap` after the failure, nor below what `retry(after=…)` demanded. Sweeps never shorten it.
- **A pause for all.** While the forge does not answer, nothing is given out.

Times are seconds of one monotonic clock, handed in.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Generic, TypeVar

from daemon.work.backoff import delay

K = TypeVar("K", bound=Hashable)
S = TypeVar("S")

FAIR_SHARE: Final = 8
"""Of so many runs one goes to the longest waiting."""

QUIET: Final = 0.4
"""Deliveries that follow each other within so many seconds are one burst."""

SPACING: Final = 5.0
"""So many seconds after a key's last run began the rest of a burst is held no longer. The 110 deliveries of one push
were seen to take up to 4 s."""


class Priority(IntEnum):
    """Why something is looked at. The smaller goes first."""

    INTERACTIVE = 0
    """Somebody waits for the answer."""
    DELIVERY = 1
    SWEEP = 2
    DEEP = 3

    @property
    def fresh(self) -> bool:
        """Whether it tells of something new, and so may shorten a back-off."""
        return self <= Priority.DELIVERY


@dataclass(slots=True, eq=False)
class _Entry(Generic[S]):
    """One key: what waits for it, what runs, and how it fared."""

    scope: tuple[S, Priority] | None = None  # waits; the priority is the most urgent of those merged
    running: tuple[S, Priority] | None = None
    order: int = 0  # when it began to wait
    ready_at: float = -math.inf  # when what waits may run
    held: bool = False  # whether what waits is the rest of a burst, and nothing that is owed a run at once
    heard: float = -math.inf  # when the last delivery came
    ticket: int = 0  # of the one valid line in the heaps
    began: float = -math.inf  # when the last run did
    failures: int = 0  # in a row
    not_before: float = -math.inf  # the end of the back-off
    floor: float = -math.inf  # the end of the back-off for a fresh request


class _Lines(Generic[K]):
    """A heap whose lines become void when their key gets another ticket; void ones are left out."""

    def __init__(self, ticket: Callable[[K], int]) -> None:
        self._ticket = ticket
        self._heap: list[tuple[float, int, int, K]] = []
        self._tidy_at = 64

    def push(self, rank: float, order: int, ticket: int, key: K) -> None:
        heapq.heappush(self._heap, (rank, order, ticket, key))
        if len(self._heap) > self._tidy_at:
            self._heap = [line for line in self._heap if self._ticket(line[3]) == line[2]]
            heapq.heapify(self._heap)
            self._tidy_at = 2 * len(self._heap) + 64

    def first(self) -> tuple[float, K] | None:
        """Return the rank and the key of the first valid line."""
        while self._heap and self._ticket(self._heap[0][3]) != self._heap[0][2]:
            heapq.heappop(self._heap)
        return (self._heap[0][0], self._heap[0][3]) if self._heap else None


class WorkQueue(Generic[K, S]):
    """A keyed queue.

    `merge(older, newer)` makes one scope of two; `random` gives numbers from 0 to 1; `quiet`, `spacing` and
    `min_gap` are seconds, explained above. With a `spacing` of 0 nothing is held back.
    """

    def __init__(
        self,
        merge: Callable[[S, S], S],
        random: Callable[[], float],
        *,
        quiet: float = QUIET,
        spacing: float = SPACING,
        min_gap: float = 5.0,
    ) -> None:
        self._merge = merge
        self._random = random
        self._quiet = quiet
        self._spacing = spacing
        self._min_gap = min_gap
        self._entries: dict[K, _Entry[S]] = {}
        self._running: set[K] = set()
        self._urgent: _Lines[K] = _Lines(self._ticket)  # may run; by priority
        self._oldest: _Lines[K] = _Lines(self._ticket)  # the same keys; by how long they wait
        self._later: _Lines[K] = _Lines(self._ticket)  # may run later; by when
        self._paused_until = -math.inf
        self._counter = 0
        self._taken = 0

    # Requests

    def add(self, key: K, scope: S, priority: Priority = Priority.SWEEP, *, now: float) -> None:
        """Ask for `key` to be looked at."""
        entry = self._entries.setdefault(key, _Entry())
        before = None if entry.scope is None else (entry.scope[1], entry.ready_at)
        self._hear(entry, priority, now)
        self._wait(entry, scope, priority, self._due(entry, priority))
        if entry.running is None and entry.scope is not None and before != (entry.scope[1], entry.ready_at):
            self._enqueue(key, entry)

    def paused(self, until: float) -> None:
        """Give nothing out before `until`. A later call replaces an earlier one; -inf ends the pause."""
        self._paused_until = until

    def forget(self, key: K) -> None:
        """Drop what waits for `key` and how it fared: it is gone. A run under way ends as it does."""
        entry = self._entries.pop(key, None)
        if entry is not None and entry.running is not None:
            running, entry = entry.running, _Entry()
            entry.running = running
            self._entries[key] = entry

    # Work

    def take(self, now: float) -> tuple[K, S] | None:
        """Give out the next key and its scope, or None where nothing may be looked at now."""
        if now < self._paused_until:
            return None
        self._promote(now)
        line = (self._oldest if self._taken % FAIR_SHARE == FAIR_SHARE - 1 else self._urgent).first()
        if line is None:
            return None
        self._taken += 1
        key = line[1]
        entry = self._entries[key]
        assert entry.scope is not None  # noqa: S101 — a valid line means that something waits
        entry.running, entry.scope, entry.ticket, entry.began = entry.scope, None, 0, now
        self._running.add(key)
        return key, entry.running[0]

    def done(self, key: K) -> None:
        """End a run well: the back-off is forgotten. What arrived meanwhile runs next, once its burst is over."""
        entry = self._finish(key)
        entry.running, entry.failures = None, 0
        if entry.scope is not None:
            entry.ready_at = self._due(entry, entry.scope[1])
            self._enqueue(key, entry)

    def retry(self, key: K, now: float, after: float | None = None) -> float:
        """End a run badly: its scope waits again, in back-off, at least `after` seconds. Return when it is due."""
        entry = self._finish(key)
        entry.failures += 1
        entry.not_before = now + max(delay(entry.failures, self._random), after or 0.0)
        entry.floor = now + max(self._min_gap, after or 0.0)
        # only what arrived during the run can be fresh: the rest has just been tried
        self._put_back(key, entry, self._due(entry, entry.scope[1] if entry.scope else Priority.DEEP))
        return entry.ready_at

    def give_back(self, key: K) -> None:
        """End a run that came to nothing through no fault of the key's: it waits again, without back-off."""
        self._put_back(key, self._finish(key), -math.inf)

    # Questions

    def next_due(self, now: float) -> float | None:
        """Return when `take` may give something out, `now` at the earliest; None: not before something is added or
        a run ends."""
        self._promote(now)
        if self._urgent.first() is not None:
            return max(now, self._paused_until)
        line = self._later.first()
        return None if line is None else max(line[0], self._paused_until)

    @property
    def paused_until(self) -> float:
        """When the pause ends or ended; -inf where there was none."""
        return self._paused_until

    @property
    def running(self) -> frozenset[K]:
        """The keys that are being worked on."""
        return frozenset(self._running)

    def __len__(self) -> int:
        """The number of keys that wait, in back-off or not."""
        return sum(entry.scope is not None for entry in self._entries.values())

    def waiting(self, key: K) -> S | None:
        """Return what waits for `key`."""
        entry = self._entries.get(key)
        return entry.scope[0] if entry is not None and entry.scope is not None else None

    def failed(self, key: K) -> bool:
        """Return whether a key's last run failed."""
        entry = self._entries.get(key)
        return entry is not None and entry.failures > 0

    def backoffs(self) -> Mapping[K, tuple[int, float]]:
        """Return each key whose last run failed: how often in a row, and when it is due."""
        return {key: (entry.failures, entry.not_before) for key, entry in self._entries.items() if entry.failures}

    # Inside

    def _hear(self, entry: _Entry[S], priority: Priority, now: float) -> None:
        """Tell the rest of a burst from what is owed a run at once, before the request is merged."""
        rest = False
        if priority is Priority.DELIVERY:
            rest = now < entry.heard + self._quiet
            entry.heard = now
        if entry.scope is None:
            entry.held = rest
        elif priority.fresh and not rest:
            entry.held = False

    def _due(self, entry: _Entry[S], priority: Priority) -> float:
        """Return when a request of this priority may run, going by how the key fared and by what it belongs to."""
        if entry.failures:
            return min(entry.not_before, entry.floor) if priority.fresh else entry.not_before
        return min(entry.heard + self._quiet, entry.began + self._spacing) if entry.held else -math.inf

    def _wait(self, entry: _Entry[S], scope: S, priority: Priority, due: float) -> None:
        if entry.scope is None:
            self._counter += 1
            entry.order = self._counter
            entry.scope, entry.ready_at = (scope, priority), due
        else:
            entry.scope = self._merge(entry.scope[0], scope), min(entry.scope[1], priority)
            entry.ready_at = due if entry.held else min(entry.ready_at, due)  # only a burst that goes on defers

    def _enqueue(self, key: K, entry: _Entry[S]) -> None:
        """Write a line for the key, which makes its former one void."""
        self._counter += 1
        entry.ticket = self._counter
        if entry.ready_at > -math.inf:
            self._later.push(entry.ready_at, entry.order, entry.ticket, key)
        else:
            self._offer(key, entry)

    def _offer(self, key: K, entry: _Entry[S]) -> None:
        assert entry.scope is not None  # noqa: S101 — only what waits is offered
        self._urgent.push(entry.scope[1], entry.order, entry.ticket, key)
        self._oldest.push(entry.order, entry.order, entry.ticket, key)

    def _promote(self, now: float) -> None:
        """Offer what has waited long enough."""
        while (line := self._later.first()) is not None and line[0] <= now:
            entry = self._entries[line[1]]
            self._counter += 1
            entry.ticket = self._counter  # voids the line in _later
            self._offer(line[1], entry)

    def _ticket(self, key: K) -> int:
        entry = self._entries.get(key)
        return 0 if entry is None else entry.ticket

    def _finish(self, key: K) -> _Entry[S]:
        if key not in self._running:
            raise ValueError(f"{key!r} is not being worked on; only what take() gave out can be ended")
        self._running.remove(key)
        return self._entries[key]

    def _put_back(self, key: K, entry: _Entry[S], due: float) -> None:
        """Let the scope of the run wait again, before what arrived meanwhile."""
        assert entry.running is not None  # noqa: S101 — the caller ends a run
        (scope, priority), arrived = entry.running, entry.scope
        entry.running, entry.scope, entry.held = None, None, False
        self._wait(entry, scope, priority, due)
        if arrived is not None:
            self._wait(entry, *arrived, due)
        self._enqueue(key, entry)
