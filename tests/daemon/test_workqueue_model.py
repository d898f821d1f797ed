"""The work queue against a model of what it owes, in any order of events."""

from __future__ import annotations

import math

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from daemon.work.workqueue import QUIET, SPACING, Priority, WorkQueue

Scope = frozenset[int]


class Model(RuleBasedStateMachine):
    """Whatever happens in whatever order, four things hold: one at a time, nothing lost, an add is always followed
    by a run that began after it, and nothing but the rest of a burst is held back, no longer than the rule says. The
    model knows what each key is owed, and for one that does not fail when it is owed it."""

    keys = st.sampled_from("abc")

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.numbers = 0
        self.owed: dict[str, set[int]] = {key: set() for key in "abc"}
        self.at_once: set[str] = set()  # owed a run with no delay
        self.heard = dict.fromkeys("abc", -math.inf)  # the last delivery
        self.began = dict.fromkeys("abc", -math.inf)  # the last run
        self.failing: set[str] = set()
        self.running: dict[str, Scope] = {}
        self.paused_until = -math.inf
        self.random = 0.0
        self.queue: WorkQueue[str, Scope] = WorkQueue(frozenset.union, lambda: self.random)

    def finish(self, key: str) -> None:
        """End a run well."""
        del self.running[key]
        self.failing.discard(key)
        self.queue.done(key)

    def due(self, key: str) -> float:
        """When a key that does not fail may run: at once, or when its burst is over."""
        return self.now if key in self.at_once else min(self.heard[key] + QUIET, self.began[key] + SPACING)

    @rule(key=keys, priority=st.sampled_from(Priority))
    def add(self, key: str, priority: Priority) -> None:
        delivery = priority is Priority.DELIVERY
        alone = not delivery or self.now >= self.heard[key] + QUIET
        joins = priority in (Priority.SWEEP, Priority.DEEP) and self.owed[key]
        if (alone and not joins) or (self.owed[key] and self.due(key) <= self.now and key not in self.running):
            self.at_once.add(key)
        if delivery:
            self.heard[key] = self.now
        self.numbers += 1
        self.queue.add(key, frozenset({self.numbers}), priority, now=self.now)
        self.owed[key].add(self.numbers)

    @rule(seconds=st.sampled_from([0.1, 0.2, 0.3, QUIET, 1.0, SPACING]) | st.floats(0, 1000))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(key=keys, times=st.integers(1, 30), gap=st.sampled_from([0.01, 0.1, 0.3]))
    def burst(self, key: str, times: int, gap: float) -> None:
        for _ in range(times):
            self.add(key, Priority.DELIVERY)
            self.now += gap

    @rule()
    def work(self) -> None:
        """Run everything that may run, in no time; chance alone would seldom let all of it end well."""
        while (due := self.queue.next_due(self.now)) is not None and due <= self.now:
            before = set(self.running)
            self.take()
            for key in set(self.running) - before:
                self.finish(key)

    @rule(seconds=st.just(0.0) | st.floats(0, 100))
    def pause(self, seconds: float) -> None:
        self.paused_until = self.now + seconds
        self.queue.paused(self.paused_until)

    @rule()
    def take(self) -> None:
        due = self.queue.next_due(self.now)
        taken = self.queue.take(self.now)
        assert (taken is not None) == (due is not None and due <= self.now), "next_due tells when take gives"
        if taken is not None:
            key, scope = taken
            assert key not in self.running, "two at once"
            assert scope == self.owed[key], "exactly what was asked for since the last run began"
            assert key in self.failing or self.due(key) <= self.now, "the rest of a burst waits for its end"
            self.running[key], self.owed[key], self.began[key] = scope, set(), self.now
            self.at_once.discard(key)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), end=st.sampled_from(["done", "retry", "give_back"]), random=st.floats(0, 1))
    def end(self, data: st.DataObject, end: str, random: float) -> None:
        key = data.draw(st.sampled_from(sorted(self.running)))
        self.random = random
        if end == "done":
            self.finish(key)
            return
        self.owed[key] |= self.running.pop(key)
        self.at_once.add(key)
        if end == "retry":
            assert self.now < self.queue.retry(key, self.now) <= self.now + 600
            self.failing.add(key)
        else:
            self.queue.give_back(key)

    @invariant()
    def what_waits_is_what_is_owed(self) -> None:
        for key, owed in self.owed.items():
            assert (self.queue.waiting(key) or set()) == owed
        assert self.queue.running == set(self.running)
        assert len(self.queue) == sum(bool(owed) for owed in self.owed.values())

    @invariant()
    def what_may_run_is_due_some_day(self) -> None:
        may_run = {key for key, owed in self.owed.items() if owed and key not in self.running}
        due = self.queue.next_due(self.now)
        assert (due is not None) == bool(may_run)
        assert due is None or self.now <= due <= self.now + 700

    @invariant()
    def what_does_not_fail_is_due_when_the_rule_says(self) -> None:
        may_run = {key for key, owed in self.owed.items() if owed and key not in self.running}
        if healthy := may_run - self.failing:
            expected = max(self.now, self.paused_until, min(self.due(key) for key in healthy))
            due = self.queue.next_due(self.now)
            assert due is not None
            assert due <= expected
            assert due == expected or may_run != healthy, "earlier only for one in back-off"

    def teardown(self) -> None:
        """In the end everything that was owed gets its run."""
        self.queue.paused(0)
        for key in list(self.running):
            self.running.pop(key)
            self.queue.done(key)
        for _ in range(10):
            self.now += 1000
            while (taken := self.queue.take(self.now)) is not None:
                self.queue.done(taken[0])
                self.owed[taken[0]] = set()
        assert not any(self.owed.values())


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
