"""Long answers are read beside the event loop, one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from gitea_client.sizes import kB

T = TypeVar("T")

BESIDE: Final = 256 * kB
"""Bytes from which on an answer is decoded beside the event loop: about 3 ms."""

_reader = ThreadPoolExecutor(1, "answers")


async def apart(read: Callable[[bytes, str], T], body: bytes, what: str) -> T:
    """What `read` makes of an answer, in a thread where the answer is long: the event loop must not wait for it.

    One at a time, so that several long answers do not unfold in memory together.
    """
    if len(body) <= BESIDE:
        return read(body, what)
    return await asyncio.get_running_loop().run_in_executor(_reader, read, body, what)
