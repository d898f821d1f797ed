"""Ways in which a forge, or what stands before it, can answer badly."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web

Kind = Literal["status", "delay", "cut", "short_page", "empty", "wrong_json", "not_json", "refuse", "edit"]


@dataclass
class Fault:
    """One fault, for requests whose path and query match a regular expression.

    kind        status      answer `status` instead
                delay       wait `seconds` first, then answer as usual
                cut         promise the whole body, send `keep_bytes` of it and hang up
                short_page  leave items out of a list (keep all but one), X-Total-Count unchanged
                empty       200 with no body at all
                wrong_json  valid JSON of another shape
                not_json    200 with an HTML page
                refuse      hang up without an answer
                edit        what `edit` makes of the JSON of the usual answer
    count       how many requests it hits, None for all; `skip` lets that many pass first
    """

    kind: Kind
    match: str = ""
    method: str | None = None
    count: int | None = None
    status: int = 500
    seconds: float = 0.1
    keep_bytes: int = 20
    skip: int = 0
    headers: dict[str, str] | None = None
    edit: Callable[[Any], Any] = lambda value: value

    def hits(self, request: web.Request) -> bool:
        """Whether this request is meant; counts down."""
        if (self.method and self.method != request.method) or not re.search(self.match, request.path_qs):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.count is not None:
            if self.count <= 0:
                return False
            self.count -= 1
        return True


class Faults:
    """The faults that are set, and the switch that closes the door."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._ending = asyncio.Event()
        self._door: Door | None = None

    def set(self, *faults: Fault) -> None:
        """Add faults; the first that matches a request is the one it gets."""
        self._faults += faults

    def clear(self) -> None:
        self._faults.clear()

    def refuse_all(self, refuse: bool = True) -> None:
        """Close the listening socket and every connection, or open it again on the same port."""
        if self._door is None:
            raise RuntimeError("the stand-in is not running")
        if refuse:
            self._door.shut()
        else:
            self._door.open()

    async def wait(self, seconds: float) -> None:
        """Sleep for a delay, or until the stand-in stops."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ending.wait(), seconds)

    def end(self) -> None:
        """Wake everything that waits: the stand-in stops."""
        self._ending.set()

    def attach(self, door: Door) -> None:
        self._door = door

    def pick(self, request: web.Request) -> Fault | None:
        return next((fault for fault in self._faults if fault.hits(request)), None)


class Door:
    """The listening socket of the stand-in: opened and shut at once, without waiting."""

    def __init__(self, protocol: web.Server, port: int) -> None:
        self._protocol = protocol
        self._socket: socket.socket | None = None
        self._starting: asyncio.Task[asyncio.Server] | None = None
        self.port = port

    def open(self) -> None:
        if self._socket is not None:
            return
        self._socket = socket.create_server(("127.0.0.1", self.port), backlog=128)
        self.port = self._socket.getsockname()[1]
        loop = asyncio.get_running_loop()
        self._starting = loop.create_task(loop.create_server(self._protocol, sock=self._socket))

    def shut(self) -> None:
        starting, self._starting, sock, self._socket = self._starting, None, self._socket, None
        if starting is not None:
            if starting.done():
                starting.result().close()
            else:
                starting.add_done_callback(lambda task: task.result().close())
        if sock is not None:
            sock.close()
        for connection in list(self._protocol.connections):
            connection.force_close()

    async def close(self) -> None:
        """Shut it for good."""
        starting = self._starting
        if starting is not None:
            await starting
        self.shut()


def spoil(fault: Fault, response: web.Response) -> web.Response:
    """The answer that a fault makes of a good one (for the kinds that change only the body)."""
    if fault.kind == "empty":
        return web.Response(body=b"", headers={"Content-Type": response.headers.get("Content-Type", "text/plain")})
    if fault.kind == "not_json":
        return web.Response(text="<html><body>Bad gateway</body></html>", content_type="text/html")
    if fault.kind == "wrong_json":
        body = response.body if isinstance(response.body, bytes) else b""
        shape = {"message": "unexpected"} if body.lstrip().startswith(b"[") else ["unexpected"]
        return web.json_response(shape)
    is_json = response.content_type == "application/json"  # what Git answers has no pages
    if fault.kind == "edit" and is_json and isinstance(response.body, bytes):
        response.body = json.dumps(fault.edit(json.loads(response.body)), ensure_ascii=False).encode()
    if fault.kind == "short_page" and is_json and isinstance(response.body, bytes):
        items = json.loads(response.body)
        inner = items["data"] if isinstance(items, dict) and "data" in items else items
        if isinstance(inner, list):
            del inner[len(inner) // 2 : len(inner) // 2 + 1]
        response.body = json.dumps(items, ensure_ascii=False).encode()
    return response


async def cut(request: web.Request, response: web.Response, keep: int) -> web.StreamResponse:
    """Promise the whole body and hang up after `keep` bytes."""
    body = response.body if isinstance(response.body, bytes) else b""
    headers = {k: v for k, v in response.headers.items() if k.lower() not in ("content-length", "date")}
    partial = web.StreamResponse(status=response.status, headers=headers)
    partial.content_length = max(len(body), keep + 1)
    await partial.prepare(request)
    await partial.write(body[:keep])
    hang_up(request)
    return partial


def hang_up(request: web.Request) -> None:
    """Close the connection under a request, after what was written has gone out."""
    if request.transport is not None:
        request.transport.close()
