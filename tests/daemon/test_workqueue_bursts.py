"""Deliveries that come alone, and those that come in bursts: what is looked at at once, and what is held back.

Measured: a person's push sends one delivery, and one push of a hundred branches sends 110 of them within up to 4 s.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence, Set
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.work.workqueue import QUIET, SPACING, Priority, WorkQueue

Scope = Set[int]
Run = tuple[float, Scope]


def make(**options: float) -> WorkQueue[str, Scope]:
    return WorkQueue(merge=operator.or_, random=lambda: 0.0, **options)


def deliver(queue: WorkQueue[str, Scope], now: float, number: int = 0) -> None:
    queue.add("a", frozenset({number}), Priority.DELIVERY, now=now)


def run(queue: WorkQueue[str, Scope], now: float) -> Scope | None:
    """Run "a" in no time if it may run now, and return what was asked for."""
    taken = queue.take(now)
    if taken is None:
        return None
    queue.done("a")
    return taken[1]


def replay(moments: Sequence[float], *, lasting: float = 0.0, **options: float) -> list[Run]:
    """Deliver at these moments, in their order, to one worker whose runs last so long; return when each run began
    and what it was asked for."""
    queue, runs, arrivals = make(**options), list[Run](), list(enumerate(moments))
    now, ends = 0.0, None
    while True:
        due = ends if ends is not None else queue.next_due(now)
        if due is None and not arrivals:
            return runs
        if due is None or (arrivals and arrivals[0][1] <= due):
            number, now = arrivals.pop(0)
            deliver(queue, now, number)
        elif ends is not None:
            now, ends = ends, None
            queue.done("a")
        else:
            now, ends = due, due + lasting
            taken = queue.take(now)
            assert taken is not None
            runs.append((now, taken[1]))


def spread(count: int, seconds: float) -> list[float]:
    return [seconds * number / (count - 1) for number in range(count)]


# ------------------------------------------------------------------------------------------------------ alone


@pytest.mark.parametrize("gap", [0.41, 1.0, 1.5, 60.0])
def test_a_delivery_that_comes_alone_is_looked_at_at_once(gap: float) -> None:
    """Guards against making somebody who pushes every second wait, where nothing is gained by it."""
    moments = [number * gap for number in range(20)]
    assert [began for began, _ in replay(moments, lasting=0.1)] == moments


def test_a_delivery_that_comes_alone_during_a_run_is_looked_at_when_that_ends() -> None:
    assert replay([0, 1.0], lasting=2.5) == [(0, {0}), (2.5, {1})]


@pytest.mark.parametrize("priority", set(Priority) - {Priority.DELIVERY})
def test_a_delivery_right_after_a_run_for_another_reason_is_looked_at_at_once(priority: Priority) -> None:
    """Whoever waits for a push looks before its delivery comes: that makes no burst of the delivery."""
    queue = make()
    queue.add("a", frozenset({1}), priority, now=0)
    assert run(queue, 0) == {1}
    deliver(queue, 0.05, 2)
    assert run(queue, 0.05) == {2}


# -------------------------------------------------------------------------------------------------- in bursts


@pytest.mark.parametrize("seconds", [0.1, 1.0, 4.0])
@pytest.mark.parametrize("lasting", [0.0, 0.01, 0.3, 2.0])
def test_a_burst_costs_two_runs(seconds: float, lasting: float) -> None:
    """The first is looked at at once and the others together: a run of 10 ms must not make a hundred runs of them."""
    rest = max(lasting, seconds + QUIET)
    assert replay(spread(110, seconds), lasting=lasting) == [(0, {0}), (rest, set(range(1, 110)))]


def test_a_burst_that_begins_during_a_run_costs_two_runs_more() -> None:
    """And the first of them is not held back: what is being read is older than the burst."""
    runs = replay([0, *(10 + moment for moment in spread(110, 4.0))], lasting=11.0)
    assert [began for began, _ in runs] == [0, 11.0, 22.0]


def test_a_stream_without_end_is_looked_at_again_and_again() -> None:
    """Guards against waiting for a quiet that never comes."""
    begun = [began for began, _ in replay(spread(601, 60.0), lasting=0.1)]
    assert begun[:4] == [0, SPACING, 2 * SPACING, 3 * SPACING]
    assert max(later - earlier for earlier, later in pairwise(begun)) <= SPACING


def test_without_spacing_nothing_is_held_back() -> None:
    moments = spread(110, 1.0)
    assert [began for began, _ in replay(moments, spacing=0)] == moments


@given(gaps=st.lists(st.floats(0, 1), max_size=60), lasting=st.floats(0, 3))
def test_every_delivery_is_seen_soon_by_a_run_that_began_after_it(gaps: list[float], lasting: float) -> None:
    moments = [0.0, *accumulate(gaps)]
    runs = replay(moments, lasting=lasting)
    assert sorted(number for _, scope in runs for number in scope) == list(range(len(moments))), "each once"
    for began, scope in runs:
        for number in scope:
            assert moments[number] <= began <= moments[number] + max(SPACING, lasting) + 1e-9


@given(gaps=st.lists(st.integers(0, 399), max_size=60), lasting=st.floats(0, 10))
def test_no_burst_shorter_than_the_spacing_costs_more_than_two_runs(gaps: list[int], lasting: float) -> None:
    """Gaps are milliseconds, so that their sums round none of them up to QUIET."""
    moments = [moment / 1000 for moment in accumulate(gaps, initial=0) if moment / 1000 + QUIET <= SPACING]
    runs = replay(moments, lasting=lasting)
    assert len(runs) <= 2
    assert runs[0][0] == 0


# ----------------------------------------------------------------------------------- what else comes meanwhile


def burst() -> WorkQueue[str, Scope]:
    """A queue amid a burst: delivery 0 has run, delivery 1 is held until 0.1 + QUIET."""
    queue = make()
    deliver(queue, 0, 0)
    assert run(queue, 0) == {0}
    deliver(queue, 0.1, 1)
    assert run(queue, 0.1) is None
    return queue


def test_who_waits_for_the_answer_is_not_held_back_and_takes_along_what_is() -> None:
    queue = burst()
    queue.add("a", frozenset({9}), Priority.INTERACTIVE, now=0.2)
    deliver(queue, 0.2, 2)  # more of the burst before the run begins
    assert run(queue, 0.2) == {1, 2, 9}
    assert queue.next_due(0.2) is None
    deliver(queue, 0.3, 3)
    assert queue.next_due(0.3) == 0.3 + QUIET, "the burst goes on"


@pytest.mark.parametrize("priority", [Priority.SWEEP, Priority.DEEP])
def test_a_sweep_joins_what_is_held_and_changes_nothing_about_it(priority: Priority) -> None:
    queue = burst()
    queue.add("a", frozenset({9}), priority, now=0.4)
    assert queue.next_due(0.4) == 0.1 + QUIET
    assert run(queue, 0.1 + QUIET) == {1, 9}


@pytest.mark.parametrize("priority", [Priority.SWEEP, Priority.DEEP])
def test_a_sweep_by_itself_is_not_held_back_and_makes_no_burst(priority: Priority) -> None:
    queue = make()
    for number, now in enumerate([0, 0.1, 0.2]):
        queue.add("a", frozenset({number}), priority, now=now)
        assert run(queue, now) == {number}


def test_what_may_run_already_is_not_held_back_by_a_burst() -> None:
    """While every worker is busy, or before the worker wakes, more deliveries may come."""
    queue = make()
    deliver(queue, 0, 0)
    deliver(queue, 0.1, 1)
    assert run(queue, 0.1) == {0, 1}
    deliver(queue, 0.2, 2)
    deliver(queue, 0.7, 3)  # the quiet is over: this one is alone
    deliver(queue, 0.8, 4)
    assert run(queue, 0.8) == {2, 3, 4}


def test_a_burst_neither_shortens_nor_prolongs_a_back_off() -> None:
    queue = make(min_gap=0.3)
    deliver(queue, 0, 0)
    assert queue.take(0)
    deliver(queue, 0.1, 1)
    assert queue.retry("a", 0.1) == 0.1 + 0.3
    deliver(queue, 0.2, 2)
    deliver(queue, 0.39, 3)
    queue.add("a", frozenset({4}), Priority.SWEEP, now=0.39)
    assert queue.next_due(0.39) == 0.1 + 0.3
    assert run(queue, 0.4) == {0, 1, 2, 3, 4}


def test_a_run_given_back_amid_a_burst_is_not_held_back() -> None:
    queue = make()
    deliver(queue, 0, 0)
    assert queue.take(0)
    deliver(queue, 0.1, 1)
    queue.give_back("a")
    deliver(queue, 0.2, 2)
    assert run(queue, 0.2) == {0, 1, 2}


def test_each_key_has_bursts_of_its_own() -> None:
    queue = burst()
    queue.add("b", frozenset({1}), Priority.DELIVERY, now=0.1)
    assert queue.take(0.1) == ("b", {1})
