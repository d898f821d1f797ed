"""The work queue: what is looked at, in which order, and when. Time is a number here."""

from __future__ import annotations

import pytest

from daemon.work.backoff import delay
from daemon.work.workqueue import FAIR_SHARE, Priority, WorkQueue

Scope = frozenset[int]


def make(**options: float) -> WorkQueue[str, Scope]:
    return WorkQueue(merge=frozenset.union, random=lambda: 0.0, **options)


def drain(queue: WorkQueue[str, Scope], now: float) -> list[str]:
    """Run everything that may run now, and return the keys in their order."""
    order = []
    while (taken := queue.take(now)) is not None:
        order.append(taken[0])
        queue.done(taken[0])
    return order


def test_requests_for_one_key_become_one_run() -> None:
    queue = make()
    for number in range(110):
        queue.add("a", frozenset({number}), Priority.DELIVERY, now=0)
    assert queue.take(0) == ("a", frozenset(range(110)))
    queue.done("a")
    assert queue.take(100) is None


def test_a_request_during_a_run_makes_another_run() -> None:
    """What is being read may be older than what the request told of."""
    queue = make()
    queue.add("a", frozenset({1}), now=0)
    queue.take(0)
    queue.add("a", frozenset({2}), now=0)
    assert queue.take(0) is None, "never two at once for one key"
    queue.done("a")
    assert queue.take(0) == ("a", frozenset({2}))


def test_the_urgent_goes_first_and_within_one_priority_the_first_come() -> None:
    queue = make()
    for key, priority in [("deep", 3), ("sweep", 2), ("d1", 1), ("d2", 1), ("person", 0)]:
        queue.add(key, frozenset(), Priority(priority), now=0)
    queue.add("deep", frozenset(), Priority.INTERACTIVE, now=0)  # somebody asks for what waited anyway
    assert drain(queue, 0) == ["deep", "person", "d1", "d2", "sweep"]


def test_no_flood_of_deliveries_keeps_a_sweep_waiting_for_ever() -> None:
    queue = make()
    queue.add("patient", frozenset(), Priority.DEEP, now=0)
    served = []
    for number in range(FAIR_SHARE):
        for key in ("x", "y", "z"):
            queue.add(f"{key}{number}", frozenset(), Priority.DELIVERY, now=0)
        taken = queue.take(0)
        assert taken is not None
        served.append(taken[0])
    assert "patient" in served


def test_a_failure_waits_longer_each_time_and_success_forgets() -> None:
    queue = make()
    queue.add("a", frozenset({1}), now=0)
    now, waits = 0.0, []
    for _ in range(12):
        assert queue.take(now) == ("a", frozenset({1})), "the scope of a failed run is kept"
        due = queue.retry("a", now)
        assert queue.take(due - 0.001) is None
        assert queue.next_due(now) == due
        waits.append(due - now)
        now = due
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]
    assert queue.backoffs() == {"a": (12, now)}
    queue.take(now)
    queue.done("a")
    assert queue.backoffs() == {}
    queue.add("a", frozenset({1}), now=0)
    assert queue.take(now) is not None


def fail(queue: WorkQueue[str, Scope], times: int, after: float | None = None) -> float:
    """Let "a" fail so often, and return when the last failure was."""
    queue.add("a", frozenset({1}), now=0)
    now = failed = 0.0
    for _ in range(times):
        assert queue.take(now)
        failed, now = now, queue.retry("a", now, after)
    return failed


def test_news_shortens_a_back_off_down_to_the_gap_and_a_sweep_does_not() -> None:
    queue = make(min_gap=5)
    failed = fail(queue, 8)
    queue.add("a", frozenset({2}), Priority.SWEEP, now=failed)
    assert queue.next_due(failed) == failed + 128
    queue.add("a", frozenset({3}), Priority.DELIVERY, now=failed)
    assert queue.next_due(failed) == failed + 5
    assert queue.take(failed + 5) == ("a", frozenset({1, 2, 3}))


def test_news_that_came_during_the_failed_run_shortens_it_too() -> None:
    queue = make(min_gap=5)
    now = fail(queue, 8) + 128
    assert queue.take(now)
    queue.add("a", frozenset({2}), Priority.DELIVERY, now=now)
    assert queue.retry("a", now) == now + 5
    assert queue.take(now + 5) == ("a", frozenset({1, 2}))
    assert queue.retry("a", now + 5) == now + 5 + 512, "tried once it is news no more"


def test_news_never_makes_a_wait_longer() -> None:
    """The first back-off is shorter than the gap."""
    queue = make(min_gap=5)
    queue.add("a", frozenset({1}), now=0)
    queue.take(0)
    queue.add("a", frozenset({2}), Priority.DELIVERY, now=0)
    assert queue.retry("a", 0) == 1


def test_news_does_not_shorten_what_the_forge_demanded() -> None:
    queue = make()
    failed = fail(queue, 1, after=30)
    queue.add("a", frozenset(), Priority.INTERACTIVE, now=failed)
    assert queue.next_due(failed) == failed + 30


def test_a_pause_holds_everything_and_costs_no_key_anything() -> None:
    queue = make()
    queue.add("a", frozenset({1}), now=0)
    queue.add("b", frozenset({1}), now=0)
    queue.take(0)
    queue.give_back("a")
    queue.paused(60)
    assert queue.take(59) is None
    assert queue.next_due(0) == 60
    assert queue.backoffs() == {}
    assert sorted(drain(queue, 60)) == ["a", "b"]


def test_one_sick_key_holds_up_no_other() -> None:
    queue = make()
    fail(queue, 5)
    queue.add("b", frozenset(), now=0)
    assert drain(queue, 16) == ["b"]


def test_what_is_gone_is_forgotten() -> None:
    queue = make()
    fail(queue, 5)
    queue.forget("a")
    assert (len(queue), queue.backoffs(), queue.next_due(0)) == (0, {}, None)
    queue.add("a", frozenset(), now=0)
    queue.take(0)
    queue.forget("a")
    queue.done("a")
    assert queue.running == frozenset()


def test_ending_what_was_not_begun_is_a_mistake() -> None:
    queue = make()
    queue.add("a", frozenset(), now=0)
    for end in (queue.done, queue.give_back):
        with pytest.raises(ValueError, match="not being worked on"):
            end("a")


def test_many_requests_leave_no_heap_behind() -> None:
    """Void lines are cleared away: a daemon that runs for a year must not grow."""
    queue = make()
    queue.add("first", frozenset(), Priority.INTERACTIVE, now=0)  # before the void lines: they are not reached
    for number in range(5000):
        queue.add(f"k{number}", frozenset(), Priority.DEEP, now=0)
        queue.forget(f"k{number}")
    sizes = {name: len(getattr(queue, name)._heap) for name in ("_urgent", "_oldest", "_later")}
    assert max(sizes.values()) < 200, sizes


def test_the_random_part_takes_off_up_to_a_half() -> None:
    assert delay(1, lambda: 0.0) == 1
    assert delay(1, lambda: 1.0) == 0.5
    assert delay(10**9, lambda: 0.0) == 600
