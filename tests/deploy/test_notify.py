"""What the service manager is told: a unit of `Type=notify` waits for it, and a watchdog kills who is silent."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.notify import notify, notifying, watchdog_seconds


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A service manager's socket, by a short name: a Unix socket's may have 107 bytes."""
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind("notify")
        bound.setblocking(False)
        yield bound


async def heard(manager: socket.socket) -> str:
    return (await asyncio.wait_for(asyncio.get_running_loop().sock_recv(manager, 100), 10)).decode()


async def test_ready_comes_first_and_stopping_last(manager: socket.socket) -> None:
    """A manager that is never told READY kills the daemon when its patience ends."""
    async with notifying({"NOTIFY_SOCKET": "notify"}):
        assert await heard(manager) == "READY=1"
    assert await heard(manager) == "STOPPING=1"


async def test_a_watchdog_is_fed_more_than_once(manager: socket.socket) -> None:
    """One sign of life alone would be the last."""
    environ = {"NOTIFY_SOCKET": "notify", "WATCHDOG_USEC": "20000", "WATCHDOG_PID": str(os.getpid())}
    async with notifying(environ):
        assert [await heard(manager) for _ in range(3)] == ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]


async def test_a_name_of_the_abstract_namespace_is_reached() -> None:
    """systemd gives such names to units with a file system of their own."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(f"\0forgeglass-test-{os.getpid()}")
        bound.setblocking(False)
        notify({"NOTIFY_SOCKET": f"@forgeglass-test-{os.getpid()}"}, "READY=1")
        assert await heard(bound) == "READY=1"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/nowhere/at/all"}])
async def test_without_a_manager_nothing_fails(environ: dict[str, str]) -> None:
    """A terminal and a container have none; a manager that went away must not take the daemon with it."""
    async with notifying(environ):
        pass


@pytest.mark.parametrize(
    ("usec", "pid", "seconds"),
    [("30000000", "7", 30.0), ("30000000", None, 30.0), ("30000000", "8", None), ("0", "7", None), ("", "7", None),
     ("soon", "7", None), ("-1", "7", None), ("²", "7", None)],
)  # fmt: skip
def test_the_watchdog_of_another_process_is_not_ours(usec: str, pid: str | None, seconds: float | None) -> None:
    """A variable inherited from whoever started us means them (sd_watchdog_enabled(3))."""
    environ = {"WATCHDOG_USEC": usec} | ({"WATCHDOG_PID": pid} if pid else {})
    assert watchdog_seconds(environ, 7) == seconds
