"""Long work on texts of strangers goes on beside the event loop, one after another."""

from __future__ import annotations

import asyncio
import threading

from daemon.work.one_thread import one_at_a_time


async def test_one_at_a_time_beside_the_loop() -> None:
    at_once, most = 0, 0
    loop = threading.get_ident()

    def work(number: int) -> int:
        nonlocal at_once, most
        assert threading.get_ident() != loop
        at_once += 1
        most = max(most, at_once)
        sum(range(10_000))
        at_once -= 1
        return number

    assert await asyncio.gather(*(one_at_a_time(work, number) for number in range(20))) == list(range(20))
    assert most == 1
