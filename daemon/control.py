"""Commands that run inside a live daemon, because one process owns `data_dir`.

One JSON value a line, over a Unix socket. The client sends one request, the daemon answers with any number of progress
lines and one last line:

    → {"command": "sweep", "arguments": {"deep": true}}
    ← {"progress": {"done": 3, "of": 40}}
    ← {"result": {"changes": 2}, "exit": 0}        or  {"error": "…"}

A client that goes away cancels its command.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec
import structlog

from cache.store.rewriting import Identity, identity
from daemon.config.errors import suggest
from daemon.control_socket import connect, listen, may_command
from daemon.failing.storage_errors import storage_trouble

Progress = Callable[[Mapping[str, Any]], None]
Handler = Callable[[dict[str, Any], Progress], Awaitable[tuple[dict[str, Any], int]]]
"""A command: (arguments, progress) → (result, exit code)."""

_log = structlog.get_logger("forgeglass.control")

_LONGEST_REQUEST: Final = 1 << 20
_LONGEST_ANSWER: Final = 64 << 20
_REQUEST_TIME: Final = 10.0
_CLOSING_TIME: Final = 1.0
_UNREAD_PROGRESS: Final = 64 << 10
"""Bytes that a slow client may leave unread before its progress lines are left out."""


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


class _ClientLeftError(Exception):
    """Nobody reads the answer any more."""


class _Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    command: str
    arguments: dict[str, Any] = {}


class _Line(msgspec.Struct, frozen=True, omit_defaults=True):
    progress: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    exit: int | None = None
    error: str | None = None


class ControlServer:
    """Serve `handlers` at `path`, as an async context manager. The caller holds the lock of the directory.

    `redact` takes secrets out of a text: the error of a handler travels to the client.
    """

    def __init__(self, path: Path, handlers: Mapping[str, Handler], redact: Callable[[str], str] = str) -> None:
        self._path = path
        self._handlers = handlers
        self._redact = redact
        self._server: asyncio.Server | None = None
        self._socket: Identity | None = None
        self._sessions: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Begin to listen. Raises OSError where that is not possible."""
        await self._listen()
        return self

    async def restore(self) -> bool:
        """Listen anew where the socket was deleted; whether that was so. What runs goes on. Raises OSError."""
        if identity(self._path) == self._socket:
            return False
        if self._server is not None:
            self._server.close()
        await self._listen()
        return True

    async def _listen(self) -> None:
        self._server = await asyncio.start_unix_server(
            self._accept, sock=listen(self._path), limit=_LONGEST_REQUEST, start_serving=True
        )
        self._socket = identity(self._path)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop listening, cancel the commands under way, remove the socket."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)
        for session in self._sessions:
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = asyncio.create_task(self._serve(reader, writer), name="forgeglass-control")
        self._sessions.add(session)
        session.add_done_callback(self._sessions.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            _send(writer, await self._answer(reader, writer))
            await writer.drain()
        except asyncio.CancelledError:
            _send(writer, _Line(error="the daemon is stopping"))
            raise
        except (_ClientLeftError, ConnectionError):
            _log.info("client went away, its command is cancelled")
        except Exception:  # a result that is not JSON: the session's fault, not the daemon's end
            _log.exception("answer could not be sent")
            _send(writer, _Line(error="the answer could not be sent; the daemon's log says more"))
        finally:
            await _close(writer)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> _Line:
        if not may_command(writer.get_extra_info("socket")):
            return _Line(error="only the daemon's own user may command it; run this as that user")
        try:
            async with asyncio.timeout(_REQUEST_TIME):
                line = await reader.readline()
            request = msgspec.json.decode(line, type=_Request)
        except (TimeoutError, ValueError, RecursionError) as error:  # late, too long, or not a request
            return _Line(error=f"not a request: {str(error)[:200] or 'it did not come in time'}")
        handler = self._handlers.get(request.command)
        if handler is None:
            remedy = suggest(request.command, self._handlers, f"known here: {', '.join(sorted(self._handlers))}")
            return _Line(error=f"no such command: {request.command[:60]}; {remedy}")
        return await self._run(handler, request, reader, writer)

    async def _run(
        self, handler: Handler, request: _Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> _Line:
        def progress(value: Mapping[str, Any]) -> None:
            if writer.transport.get_write_buffer_size() < _UNREAD_PROGRESS:
                _send(writer, _Line(progress=dict(value)))

        async def run() -> tuple[dict[str, Any], int]:
            return await handler(request.arguments, progress)

        work = asyncio.create_task(run(), name=f"forgeglass-control-{request.command}")
        gone = asyncio.create_task(reader.read(1))  # a client sends nothing more: this ends when it leaves
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise _ClientLeftError
            result, code = work.result()
            return _Line(result=result, exit=code)
        except _ClientLeftError:
            raise
        except CommandError as error:
            return _Line(error=str(error), exit=error.exit)
        except Exception as error:
            if (found := storage_trouble(error)) is not None:
                return _Line(error="; ".join(found), exit=NOT_POSSIBLE)
            _log.exception("command failed", command=request.command)
            remedy = getattr(error, "remedy", "the daemon's log says more")
            return _Line(error=self._redact(f"{type(error).__name__}: {error}; {remedy}"))
        finally:
            for task in (work, gone):
                task.cancel()
            await asyncio.gather(work, gone, return_exceptions=True)


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
        _send(writer, _Request(command, dict(arguments)))
        await writer.drain()
        while raw := await reader.readline():
            line = msgspec.json.decode(raw, type=_Line)
            if line.error is not None:
                raise CommandError(line.error, line.exit or WRONG)
            if line.result is not None:
                return line.result, line.exit or 0
            on_progress(line.progress or {})
    except (ConnectionError, ValueError) as error:
        raise CommandError(f"the daemon's answer was cut: {error}") from None
    finally:
        await _close(writer)
    raise CommandError("the daemon stopped while the command ran; start it and run the command again")


async def _close(writer: asyncio.StreamWriter) -> None:
    """Close once what was written is sent, or after a second: the other end may never read it."""
    writer.close()
    try:
        async with asyncio.timeout(_CLOSING_TIME):
            await writer.wait_closed()
    except (OSError, TimeoutError):
        writer.transport.abort()


def _send(writer: asyncio.StreamWriter, line: _Line | _Request) -> None:
    writer.write(msgspec.json.encode(line) + b"\n")
