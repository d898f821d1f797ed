"""How long a look waits for pull requests: what comes in time counts, and what comes late is named."""

from __future__ import annotations

import asyncio

import pytest

from daemon.deadline import AT_ONCE, Deadline, DeadlinePassedError


async def ask(deadline: Deadline, number: int, seconds: float) -> bool:
    """Whether something of a pull request that takes so many seconds came in time."""
    try:
        async with deadline.asking(number):
            await asyncio.sleep(seconds)
    except DeadlinePassedError:
        return False
    return True


async def test_what_comes_in_time_counts_beside_what_does_not() -> None:
    """One slow answer takes nothing from the others that were asked for with it."""
    deadline = Deadline(0.1)
    assert (deadline.late, deadline.list_late) == (set(), False)
    assert await asyncio.gather(ask(deadline, 1, 0), ask(deadline, 2, 30), ask(deadline, 3, 0)) == [True, False, True]
    assert (deadline.late, deadline.list_late) == ({2}, False)


async def test_each_step_has_as_much_time() -> None:
    """A slow answer of the API takes nothing from what is read of commits that are there."""
    deadline = Deadline(0.1)
    assert not await ask(deadline, 1, 30)
    assert deadline.passed
    deadline.next_step()
    assert await ask(deadline, 2, 0)
    assert deadline.late == {1}


async def test_after_the_deadline_nothing_is_begun() -> None:
    """A request that would be cut short at once costs the forge for nothing."""
    deadline, begun = Deadline(0), []
    with pytest.raises(DeadlinePassedError):
        async with deadline.asking(7, 8):
            begun.append(True)
    with pytest.raises(DeadlinePassedError):
        async with deadline.asking():
            begun.append(True)
    assert (begun, deadline.late, deadline.list_late) == ([], {7, 8}, True)


async def test_a_deferred_one_waits_until_it_is_ended() -> None:
    """Its questions go one after the other; those that wait for their turn end with the one under way."""
    deadline = Deadline(None, deferred=True)
    assert await ask(deadline, 1, 0)
    asking = [asyncio.create_task(ask(deadline, number, 30)) for number in (2, 3)]
    await asyncio.sleep(0.01)
    assert not deadline.passed
    deadline.end()
    async with asyncio.timeout(5):
        assert await asyncio.gather(*asking) == [False, False]
    deadline.next_step()
    assert deadline.passed
    assert deadline.late == {2, 3}


@pytest.mark.parametrize(("deferred", "most"), [(False, AT_ONCE), (True, 1)])
async def test_only_so_many_are_asked_for_at_once(deferred: bool, most: int) -> None:
    """A deferred look leaves the forge to others."""
    deadline, under_way, seen = Deadline(None, deferred=deferred), 0, 0

    async def one(number: int) -> None:
        nonlocal under_way, seen
        async with deadline.asking(number):
            under_way += 1
            seen = max(seen, under_way)
            await asyncio.sleep(0)
            under_way -= 1

    await asyncio.gather(*map(one, range(20)))
    assert seen == most


async def test_a_timeout_of_what_is_asked_is_not_the_deadline() -> None:
    """An error that looks alike keeps its own meaning."""
    deadline = Deadline(30)
    with pytest.raises(TimeoutError):
        async with deadline.asking(1):
            raise TimeoutError
    assert deadline.late == set()
