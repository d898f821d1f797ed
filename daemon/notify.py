"""Tells the service manager how the daemon is: sd_notify(3), for a unit of `Type=notify`.

One datagram to the socket that `NOTIFY_SOCKET` names. Without the variable (a terminal, a container) nothing is sent,
and nothing here ever fails the daemon: a manager that cannot be told stops it by its own timeouts.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager


def notify(environ: Mapping[str, str], state: str) -> None:
    """Send one line of state, such as `READY=1`. A name that begins with @ is of the abstract namespace (unix(7))."""
    address = environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as unix:
        unix.setblocking(False)  # a manager that does not read must not hold us up
        unix.sendto(state.encode(), f"\0{address[1:]}" if address.startswith("@") else address)


def watchdog_seconds(environ: Mapping[str, str], pid: int) -> float | None:
    """How long the manager bears silence of process `pid` (sd_watchdog_enabled(3)); None where it does not watch."""
    text = environ.get("WATCHDOG_USEC", "")
    watched = environ.get("WATCHDOG_PID", str(pid))
    if not (text.isascii() and text.isdigit() and int(text) > 0 and watched == str(pid)):
        return None
    return int(text) / 1_000_000


@asynccontextmanager
async def notifying(environ: Mapping[str, str]) -> AsyncIterator[None]:
    """Ready inside, stopping at the end; meanwhile a sign of life as often as a watchdog asks for.

    The sign comes from the event loop: a loop that is stuck falls silent, and the manager starts the daemon anew.
    """
    notify(environ, "READY=1")
    seconds = watchdog_seconds(environ, os.getpid())
    beating = asyncio.create_task(_beat(environ, seconds / 2), name="forgeglass-watchdog") if seconds else None
    try:
        yield
    finally:
        notify(environ, "STOPPING=1")
        if beating is not None:
            beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beating


async def _beat(environ: Mapping[str, str], seconds: float) -> None:
    while True:
        notify(environ, "WATCHDOG=1")
        await asyncio.sleep(seconds)
