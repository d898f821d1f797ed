"""Commands that run inside a live daemon, because one process owns `data_dir`.

One JSON value a line, over a Unix socket. The client sends one request, the daemon answers with any number of progress
lines and one last line:

    → {"command": "sweep", "arguments": {"deep": true}}
    ← {"progress": {"done": 3, "of": 40}}
    ← {"result": {"changes": 2}, "exit": 0}        or  {"error": "…"}

A client that goes away cancels its command. Here are the protocol and the client, which a command imports at every
start; daemon/control_server.py answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from daemon.control_socket import connect

Progress = Callable[[Mapping[str, Any]], None]
Handler = Callable[[dict[str, Any], Progress], Awaitable[tuple[dict[str, Any], int]]]
"""A command: (arguments, progress) → (result, exit code)."""

_LONGEST_ANSWER: Final = 64 << 20
_CLOSING_TIME: Final = 1.0


WRONG: Final = 2
"""The exit code of a command that was used wrongly, or cannot be run."""
NOT_POSSIBLE: Final = 3
"""The exit code where something could not be read or written."""


class NotRunningError(Exception):
    """No daemon listens at the socket: the command may run by itself, under the lock."""


class CommandError(Exception):
    """The command could not be run. A handler raises it for what the user should read as it is. `exit` is the code that
    the command ends with."""

    def __init__(self, message: str, exit: int = WRONG) -> None:  # noqa: A002 - as the protocol names it
        super().__init__(message)
        self.exit = exit


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a client sends."""

    command: str
    arguments: dict[str, Any] = {}


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the daemon answers: progress, or the end with a result or an error."""

    progress: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    exit: int | None = None
    error: str | None = None


async def run_remote(
    path: Path, command: str, arguments: Mapping[str, Any], on_progress: Progress
) -> tuple[dict[str, Any], int]:
    """Run a command inside the daemon that listens at `path`; return its result and exit code.

    `on_progress` is called with each report. Raises NotRunningError where no daemon listens, CommandError where the
    daemon refuses, fails or goes away.
    """
    try:
        connection = connect(path)
    except (FileNotFoundError, ConnectionRefusedError):
        raise NotRunningError(f"no daemon listens at {path}") from None
    except PermissionError:
        raise CommandError(f"{path} is not yours; run this as the daemon's user") from None
    reader, writer = await asyncio.open_unix_connection(sock=connection, limit=_LONGEST_ANSWER)
    try:
        send(writer, Request(command, dict(arguments)))
        await writer.drain()
        while raw := await reader.readline():
            line = msgspec.json.decode(raw, type=Line)
            if line.error is not None:
                raise CommandError(line.error, line.exit or WRONG)
            if line.result is not None:
                return line.result, line.exit or 0
            on_progress(line.progress or {})
    except (ConnectionError, ValueError) as error:
        raise CommandError(f"the daemon's answer was cut: {error}") from None
    finally:
        await close(writer)
    raise CommandError("the daemon stopped while the command ran; start it and run the command again")


async def close(writer: asyncio.StreamWriter) -> None:
    """Close once what was written is sent, or after a second: the other end may never read it."""
    writer.close()
    try:
        async with asyncio.timeout(_CLOSING_TIME):
            await writer.wait_closed()
    except (OSError, TimeoutError):
        writer.transport.abort()


def send(writer: asyncio.StreamWriter, line: Line | Request) -> None:
    """Write one line, to be sent when the loop comes to it."""
    writer.write(msgspec.json.encode(line) + b"\n")
