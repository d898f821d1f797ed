"""Commands inside a live daemon: requests, progress, results, and every way either end may go away."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from daemon import control_socket
from daemon.control import CommandError, NotRunningError, Progress, run_remote
from daemon.control_server import ControlServer


async def count(arguments: dict[str, Any], progress: Progress) -> tuple[dict[str, Any], int]:
    for number in range(arguments["to"]):
        progress({"done": number + 1})
    return {"counted": arguments["to"]}, arguments.get("exit", 0)


async def refuse(arguments: dict[str, Any], progress: Progress) -> tuple[dict[str, Any], int]:
    raise CommandError("no such block; name one of: rfc")


async def break_down(arguments: dict[str, Any], progress: Progress) -> tuple[dict[str, Any], int]:
    raise KeyError("hunter2")


async def answer_nonsense(arguments: dict[str, Any], progress: Progress) -> tuple[dict[str, Any], int]:
    return {"it": object()}, 0


class Endless:
    """A command that only ends by being cancelled."""

    def __init__(self) -> None:
        self.begun, self.cancelled = asyncio.Event(), asyncio.Event()

    async def __call__(self, arguments: dict[str, Any], progress: Progress) -> tuple[dict[str, Any], int]:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()
        raise AssertionError


HANDLERS = {"count": count, "refuse": refuse, "break": break_down, "nonsense": answer_nonsense}


def ignore(progress: Mapping[str, Any]) -> None:
    """Take no interest in progress."""


async def say(path: Path, raw: bytes) -> dict[str, Any]:
    """Send raw bytes, and return the one line that comes back."""
    reader, writer = await asyncio.open_unix_connection(sock=control_socket.connect(path))
    writer.write(raw)
    answer: dict[str, Any] = json.loads(await reader.readline())
    writer.close()
    with contextlib.suppress(ConnectionError):  # the daemon may have hung up on the rest of it
        await writer.wait_closed()
    return answer


async def test_a_command_reports_and_answers(tmp_path: Path) -> None:
    path = tmp_path / "s"
    seen: list[Mapping[str, Any]] = []
    async with ControlServer(path, HANDLERS):
        assert await run_remote(path, "count", {"to": 3}, seen.append) == ({"counted": 3}, 0)
        assert await run_remote(path, "count", {"to": 0, "exit": 4}, ignore) == ({"counted": 0}, 4)
    assert seen == [{"done": 1}, {"done": 2}, {"done": 3}]
    assert not path.exists()


async def test_a_path_longer_than_the_kernel_takes_works(tmp_path: Path) -> None:
    """Deep directories are common in tests and on macOS; sockaddr_un holds 107 bytes."""
    path = tmp_path / ("d" * 120) / ("é" * 60) / "control.sock"
    path.parent.mkdir(parents=True)
    async with ControlServer(path, HANDLERS):
        assert await run_remote(path, "count", {"to": 1}, ignore) == ({"counted": 1}, 0)


async def test_only_the_daemon_s_user_may_connect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s"
    async with ControlServer(path, HANDLERS):
        assert path.stat().st_mode & 0o777 == 0o600
        ours, theirs = socket.socketpair(socket.AF_UNIX)
        with ours, theirs:
            assert control_socket.may_command(ours)
            monkeypatch.setattr("daemon.control_socket.struct.unpack", lambda *_: (1, os.geteuid() + 4711, 1))
            assert not control_socket.may_command(ours)
        with pytest.raises(CommandError, match="only the daemon's own user"):
            await run_remote(path, "count", {"to": 1}, ignore)


async def test_without_a_daemon_the_command_may_run_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with pytest.raises(NotRunningError):
        await run_remote(path, "count", {}, ignore)
    control_socket.listen(path).close()  # what a killed daemon leaves behind
    assert path.is_socket()
    with pytest.raises(NotRunningError):
        await run_remote(path, "count", {}, ignore)
    async with ControlServer(path, HANDLERS):
        assert await run_remote(path, "count", {"to": 1}, ignore) == ({"counted": 1}, 0)


def test_a_file_in_the_socket_s_place_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("precious")
    with pytest.raises(FileExistsError, match="not a socket; move it away"):
        control_socket.listen(path)
    assert path.read_text() == "precious"


async def test_errors_say_what_to_do_and_hold_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with ControlServer(path, HANDLERS, redact=lambda text: text.replace("hunter2", "***")):
        with pytest.raises(CommandError, match=r"^no such block; name one of: rfc$"):
            await run_remote(path, "refuse", {}, ignore)
        with pytest.raises(CommandError, match='did you mean "count"'):
            await run_remote(path, "cuont", {}, ignore)
        with capture_logs() as logs:
            with pytest.raises(CommandError, match=r"KeyError: '\*\*\*'; the daemon's log says more"):
                await run_remote(path, "break", {}, ignore)
            with pytest.raises(CommandError, match="could not be sent"):
                await run_remote(path, "nonsense", {}, ignore)
        assert [entry["event"] for entry in logs] == ["command failed", "answer could not be sent"]


@pytest.mark.parametrize(
    "raw", [b"\n", b"nonsense\n", b"[]\n", b'{"command": 1}\n', b"[" * 60_000 + b"\n", b"x" * (2 << 20), b"\xff\n"]
)
async def test_any_bytes_are_answered(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "s"
    async with ControlServer(path, HANDLERS):
        assert "not a request" in (await say(path, raw))["error"]
        assert await run_remote(path, "count", {"to": 1}, ignore) == ({"counted": 1}, 0)


async def test_a_client_that_leaves_cancels_its_command(tmp_path: Path) -> None:
    """Ctrl-C on `forgeglass rebuild` means stop."""
    path, endless = tmp_path / "s", Endless()
    async with ControlServer(path, {"endless": endless}):
        client = asyncio.create_task(run_remote(path, "endless", {}, ignore))
        await endless.begun.wait()
        client.cancel()
        await endless.cancelled.wait()
        await asyncio.wait([client])


async def test_a_daemon_that_stops_tells_its_clients(tmp_path: Path) -> None:
    path, endless = tmp_path / "s", Endless()
    async with ControlServer(path, {"endless": endless}):
        client = asyncio.create_task(run_remote(path, "endless", {}, ignore))
        await endless.begun.wait()
    assert endless.cancelled.is_set()
    with pytest.raises(CommandError, match="the daemon is stopping"):
        await client


async def test_a_client_that_does_not_read_holds_nothing_up(tmp_path: Path) -> None:
    """Progress is left out for it: neither the command nor the daemon's memory depends on a terminal that stands."""
    path, ended = tmp_path / "s", asyncio.Event()
    lines = 20_000

    async def chatter(arguments: dict[str, Any], progress: Progress) -> tuple[dict[str, Any], int]:
        for number in range(lines):
            progress({"done": number, "padding": "x" * 100})
        ended.set()
        return {"at": "end"}, 0

    async with ControlServer(path, {"chatter": chatter}):
        reader, writer = await asyncio.open_unix_connection(sock=control_socket.connect(path))
        writer.write(b'{"command": "chatter"}\n')
        await ended.wait()
        answer = (await reader.read()).splitlines()
        assert json.loads(answer[-1]) == {"result": {"at": "end"}, "exit": 0}
        assert len(answer) < lines
        writer.close()
        await writer.wait_closed()
