"""A client of the change feed over HTTP: pages of `/changes`, and `/events` as it comes.

What answers may be anything that listens at the address: nothing of it is printed unseen, and nothing of it is kept
beyond one event.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
from msgspec import Struct

from daemon.api.telling import TYPE, harmless

CONNECT_TIMEOUT = 10.0
SILENCE = 60.0
"""Seconds without a byte after which a stream counts as dead: a living one gives a sign every 15."""
MOST_BYTES = 8 << 20
"""Bytes of one answer or event that are read; a page of 200 changes has some 100 kB."""

Pairs = Sequence[tuple[str, str]]


class UnreachableError(Exception):
    """Nothing answers, the answer was cut, or whoever answers says that it cannot now. It may be well again soon.

    `answered`: somebody is there.
    """

    def __init__(self, message: str, *, answered: bool = False) -> None:
        super().__init__(message)
        self.answered = answered


class RefusedError(Exception):
    """The question was refused: `kind` is the problem's own word, "" where the answer is no problem of ours."""

    def __init__(self, status: int, kind: str, detail: str, position: str | None = None) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail, self.position = status, kind, detail, position


class Event(Struct, frozen=True):
    """A server-sent event: its name, its id, its data."""

    name: str
    id: str | None
    data: Any


class _Change(Struct, frozen=True):
    """What of a change is shown to people; an answer that has it otherwise is none of ours."""

    position: str
    sequence: int
    at: str
    kind: str
    operation: str
    block: str | None
    collection: str | None
    key: str | None
    repository: str | None
    repository_id: int | None
    number: int | None
    name: str | None
    columns: tuple[str, ...]
    commit: str | None


class FeedClient:
    """Asks a Forgeglass whose addresses begin with `base`.

    `token` gives the token to show, anew for each request: one that a daemon lends ends with it.
    """

    def __init__(
        self, session: aiohttp.ClientSession, base: str, token: Callable[[], Awaitable[str | None]] | None = None
    ) -> None:
        self._session, self._base = session, base.rstrip("/")
        self._token = token

    async def page(self, pairs: Pairs) -> dict[str, Any]:
        """A page of the feed. Raises UnreachableError, RefusedError."""
        async with self._asked("changes", pairs, {}) as answer:
            found = _object(await _body(answer))
        if not isinstance(found.get("next"), str):
            raise _not_ours(answer.status)
        _checked(found.get("items"), list[_Change])
        return found

    async def events(self, pairs: Pairs, last: str | None) -> AsyncGenerator[Event, None]:
        """What happens after `last`, for as long as the stream holds. Raises UnreachableError, RefusedError."""
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last} if last is not None else {})}
        async with self._asked("events", pairs, headers) as answer:
            if answer.content_type != "text/event-stream":
                raise _not_ours(answer.status)
            said: dict[str, str] = {}
            while raw := await answer.content.readline():
                name, _, value = raw.decode("utf-8", "replace").rstrip("\r\n").partition(":")
                if name:
                    said[name] = value.removeprefix(" ")
                elif "data" in said:
                    name, data = said.get("event", "message"), _object(said["data"].encode())
                    if name == "change":
                        _checked(data, _Change)
                    yield Event(name, said.get("id"), data)
                    said = {}

    @asynccontextmanager
    async def _asked(self, path: str, pairs: Pairs, headers: dict[str, str]) -> AsyncIterator[aiohttp.ClientResponse]:
        token = await self._token() if self._token is not None else None
        if token is not None:
            headers = {**headers, "Authorization": f"Bearer {token}"}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT, sock_read=SILENCE)
        try:
            async with self._session.get(
                f"{self._base}/api/v1/{path}", params=list(pairs), headers=headers, timeout=timeout,
                allow_redirects=False, read_bufsize=MOST_BYTES,
            ) as answer:  # fmt: skip
                if answer.status != 200:
                    raise _refusal(answer.status, await _body(answer))
                yield answer
        except aiohttp.InvalidURL as error:
            raise RefusedError(0, "bad-value", f"{harmless(str(error))} is not an address") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnreachableError(_reason(error)) from None
        except ValueError as error:  # a line beyond all reason
            raise UnreachableError(harmless(str(error))) from None


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError) and not isinstance(error, aiohttp.ClientSSLError):
        number = error.os_error.errno
        return os.strerror(number).lower() if number and number > 0 else "there is no such host"
    return harmless(str(error)) or "no answer in time"


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    raw = b""
    async for part in answer.content.iter_chunked(1 << 16):
        raw += part
        if len(raw) > MOST_BYTES:
            raise UnreachableError("the answer does not end")
    return raw


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _not_ours(200)
    return found


def _checked(found: Any, kind: Any) -> None:
    try:
        msgspec.convert(found, kind)
    except msgspec.ValidationError:
        raise _not_ours(200) from None


def _refusal(status: int, raw: bytes) -> Exception:
    try:
        problem = _object(raw)
    except RefusedError:
        problem = {}
    kind = str(problem.get("type", ""))
    if not kind.startswith(TYPE):
        return UnreachableError(f"status {status}", answered=True) if status >= 500 else _not_ours(status)
    detail, position = harmless(str(problem.get("detail", ""))), problem.get("position")
    if status == 503:
        return UnreachableError(detail, answered=True)
    return RefusedError(status, kind.removeprefix(TYPE), detail, str(position) if position else None)


def _not_ours(status: int) -> RefusedError:
    return RefusedError(status, "", f"what answers there (status {status}) is not Forgeglass")
