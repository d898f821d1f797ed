"""The daemon's side of `daemon/control.py`: it runs the commands that come through its Unix socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec
import structlog

from cache.store.rewriting import Identity, identity
from daemon.config.errors import suggest
from daemon.control import NOT_POSSIBLE, CommandError, Handler, Line, Request, close, send
from daemon.control_socket import listen, may_command
from daemon.failing.storage_errors import storage_trouble

_log = structlog.get_logger("forgeglass.control")

_LONGEST_REQUEST: Final = 1 << 20
_REQUEST_TIME: Final = 10.0
_UNREAD_PROGRESS: Final = 64 << 10
"""Bytes that a slow client may leave unread before its progress lines are left out."""


class _ClientLeftError(Exception):
    """Nobody reads the answer any more."""


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
            send(writer, await self._answer(reader, writer))
            await writer.drain()
        except asyncio.CancelledError:
            send(writer, Line(error="the daemon is stopping"))
            raise
        except (_ClientLeftError, ConnectionError):
            _log.info("client went away, its command is cancelled")
        except Exception:  # a result that is not JSON: the session's fault, not the daemon's end
            _log.exception("answer could not be sent")
            send(writer, Line(error="the answer could not be sent; the daemon's log says more"))
        finally:
            await close(writer)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Line:
        if not may_command(writer.get_extra_info("socket")):
            return Line(error="only the daemon's own user may command it; run this as that user")
        try:
            async with asyncio.timeout(_REQUEST_TIME):
                line = await reader.readline()
            request = msgspec.json.decode(line, type=Request)
        except (TimeoutError, ValueError, RecursionError) as error:  # late, too long, or not a request
            return Line(error=f"not a request: {str(error)[:200] or 'it did not come in time'}")
        handler = self._handlers.get(request.command)
        if handler is None:
            remedy = suggest(request.command, self._handlers, f"known here: {', '.join(sorted(self._handlers))}")
            return Line(error=f"no such command: {request.command[:60]}; {remedy}")
        return await self._run(handler, request, reader, writer)

    async def _run(
        self, handler: Handler, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Line:
        def progress(value: Mapping[str, Any]) -> None:
            if writer.transport.get_write_buffer_size() < _UNREAD_PROGRESS:
                send(writer, Line(progress=dict(value)))

        async def run() -> tuple[dict[str, Any], int]:
            return await handler(request.arguments, progress)

        work = asyncio.create_task(run(), name=f"forgeglass-control-{request.command}")
        gone = asyncio.create_task(reader.read(1))  # a client sends nothing more: this ends when it leaves
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise _ClientLeftError
            result, code = work.result()
            return Line(result=result, exit=code)
        except _ClientLeftError:
            raise
        except CommandError as error:
            return Line(error=str(error), exit=error.exit)
        except Exception as error:
            if (found := storage_trouble(error)) is not None:
                return Line(error="; ".join(found), exit=NOT_POSSIBLE)
            _log.exception("command failed", command=request.command)
            remedy = getattr(error, "remedy", "the daemon's log says more")
            return Line(error=self._redact(f"{type(error).__name__}: {error}; {remedy}"))
        finally:
            for task in (work, gone):
                task.cancel()
            await asyncio.gather(work, gone, return_exceptions=True)
