"""One HTTP request at a time to one forge: bounded, counted, never followed elsewhere, failing in our own terms."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from datetime import datetime
from os import PathLike
from typing import Self
from urllib.request import (  # type: ignore[attr-defined]  # typeshed lacks proxy_bypass_environment
    getproxies_environment,
    proxy_bypass_environment,
)

import aiohttp
from msgspec import Struct
from multidict import CIMultiDictProxy
from yarl import URL

from gitea_client import paths
from gitea_client.counting import Kind, RequestCounter
from gitea_client.credentials import Credentials, Reading
from gitea_client.errors import (
    ForgeError,
    Malformed,
    SettingError,
    Throttled,
    TimedOut,
    TooLong,
    Unauthorized,
    Unreachable,
)
from gitea_client.reasons import Reason, reason_of
from gitea_client.redaction import redact
from gitea_client.secret import Secret
from gitea_client.sizes import PAGES_OF_BYTES, most_bytes
from gitea_client.statuses import error_of, parse_date

MiB = 1 << 20
Query = dict[str, str | int | bool]


class Answer(Struct, frozen=True):
    """A whole answer with an accepted status. `date` is the server's clock (RFC 9110 §6.6.1), None if untold."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes
    date: datetime | None


class Transport:
    """The way to one forge: `url` may have a sub-path (`https://example.org/gitea/`).

    At most `concurrency` requests and git runs are under way at once; `slot()` is for the latter. `timeout` (seconds)
    bounds a whole request, `max_body` (bytes) a decoded body; see `sizes` for routes that need less. `sleep` and
    `jitter` (0 to 1) are arguments so that tests need no clock. `read_token` gives the token anew once the forge
    refuses it. `on_slow` is called with what has waited `SLOW` seconds for its answer. Proxies come from the usual
    environment variables.
    """

    ATTEMPTS = 3
    LONGEST_WAIT = 30.0
    SLOW = 5.0

    def __init__(
        self,
        url: str,
        token: Secret | None,
        *,
        concurrency: int = 8,
        timeout: float = 30.0,
        ca_file: str | PathLike[str] | None = None,
        counter: RequestCounter | None = None,
        max_body: int = 32 * MiB,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
        read_token: Reading | None = None,
    ) -> None:
        self.url = check_url(url)
        self._credentials = Credentials(token, read_token)
        self.ca_file = ca_file
        self.counter = counter or RequestCounter()
        self._timeout = timeout
        self._max_body = max_body
        self.most_of_list = PAGES_OF_BYTES * max_body
        """Bytes that all pages of one list may have together."""
        self._slots = asyncio.Semaphore(concurrency)
        self._fetches = asyncio.Semaphore(max(1, concurrency // 2))
        self._sleep = sleep
        self._jitter = jitter
        self._session: aiohttp.ClientSession | None = None
        self._proxy: str | None = None
        self.on_slow: Callable[[str], None] = lambda _what: None

    async def __aenter__(self) -> Self:
        self._proxy = proxy_for(self.url)
        tls = _tls(self.ca_file) if self.url.startswith("https:") else True
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=tls),  # the semaphore is the one limit
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "forgeglass"},
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    @property
    def token(self) -> Secret | None:
        """The token as it is now."""
        return self._credentials.token

    def git_url(self, full_name: str) -> str:
        """The address that the git program fetches `owner/name` from; it holds no credentials."""
        return f"{self.url}/{paths.repository(full_name)}.git"

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one of the `concurrency` places while a git program talks to the forge.

        Half of them at most: a fetch may take minutes, and lists and refs are asked for meanwhile.
        """
        async with self._fetches, self._slots:
            yield

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        route: str | None = None,
        accept_statuses: Collection[int] = (),
        kind: Kind = "rest",
        repeatable: bool | None = None,
    ) -> Answer:
        """Ask for `path` (percent-encoded, below the forge's address) and give back the whole answer.

        Success is any 2xx and `accept_statuses`; everything else raises from the tree in `errors`. A failure that may
        pass is tried up to three times in all, for GET (or where `repeatable` says that asking twice does no harm),
        after a wait that doubles or that the server named. `route` is the template under which it is counted.
        """
        repeatable = method == "GET" if repeatable is None else repeatable
        attempts = self.ATTEMPTS if repeatable else 1
        target, counted = path + paths.query_string(query), (kind, route or path)
        for attempt in range(1, attempts + 1):
            used = self.token
            try:
                return await self._attempt(method, target, body, headers, counted, accept_statuses)
            except Unauthorized as error:
                if not await self._credentials.renew(used):
                    raise self._refused(error) from None
                return await self._attempt(method, target, body, headers, counted, accept_statuses)
            except ForgeError as error:
                if not error.retry or attempt == attempts:
                    raise
                await self._sleep(self._wait(error, attempt))
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _refused(self, error: Unauthorized) -> Unauthorized:
        """With what is wrong where the token is kept, if anything: putting that right is the remedy."""
        error.remedy = self._credentials.why or error.remedy
        return error

    def _wait(self, error: ForgeError, attempt: int) -> float:
        wait = error.retry_after if isinstance(error, Throttled) else 0.25 * 2**attempt * (0.5 + self._jitter())
        return min(max(wait, 0.0), self.LONGEST_WAIT)

    async def _attempt(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: dict[str, str] | None,
        counted: tuple[Kind, str],
        accept_statuses: Collection[int],
    ) -> Answer:
        if self._session is None:
            raise RuntimeError("the transport is not open; use `async with Transport(...)`")
        what = redact(f"{method} {path}", self.token)
        status = 0
        slow = asyncio.get_running_loop().call_later(self.SLOW, self.on_slow, what)
        try:
            async with self._slots, self._session.request(
                method,
                URL(self.url + path, encoded=True),
                data=body,
                headers=self._headers(headers),
                allow_redirects=False,
                proxy=self._proxy,
            ) as response:
                status = response.status
                content = await self._read(response, what, most_bytes(counted[1], self._max_body))
        except TimeoutError:
            raise TimedOut(f"{what}: no whole answer within {self._timeout:g} seconds") from None
        except aiohttp.ClientPayloadError:
            raise Malformed(f"{what}: the answer (HTTP {status}) was cut") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # `from None`: the repr of an aiohttp error holds the request's headers, and with them the token.
            reason = reason_of(error, self.url, ca_file=self.ca_file, proxy=self._proxy)
            raise unreachable(what, reason) from None
        finally:
            slow.cancel()
            self.counter.add(*counted, status)
        answer = Answer(status, response.headers, content, parse_date(response.headers.get("Date")))
        if 200 <= status < 300 or status in accept_statuses:
            return answer
        raise error_of(status, what, response.headers, answer.date)

    def _headers(self, extra: dict[str, str] | None) -> dict[str, str]:
        authorization = {"Authorization": f"token {self.token.reveal()}"} if self.token else {}
        return {"Accept": "application/json", **authorization, **(extra or {})}

    async def _read(self, response: aiohttp.ClientResponse, what: str, most: int) -> bytes:
        """The whole body; counted as it is decoded, because a small compressed body may grow without end."""
        parts: list[bytes] = []
        size = 0
        async for part in response.content.iter_any():
            size += len(part)
            if size > most:
                response.close()
                raise TooLong(f"{what}: the answer is longer than {most} bytes")
            parts.append(part)
        return b"".join(parts)


def unreachable(what: str, reason: Reason) -> Unreachable:
    """The error of a request that got no answer, with the remedy of its own cause."""
    error = Unreachable(f"{what}: {reason.what}")
    error.remedy = reason.remedy
    return error


def check_url(url: str) -> str:
    """The forge's address without a trailing slash; raises SettingError. A password in it would reach logs."""
    parsed = URL(url)
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise SettingError("forge.url must be an http:// or https:// address with a host")
    if parsed.user is not None or parsed.password is not None:
        raise SettingError("forge.url must not hold a name or password; put the token into forge.token_file")
    if parsed.query_string or parsed.fragment:
        raise SettingError("forge.url must end before any ? or #")
    return str(parsed).rstrip("/")


def _tls(ca_file: str | PathLike[str] | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # which an SSLError is as well
        what = f"forge.ca_file {ca_file} holds no certificates that can be read"
        raise SettingError(f"{what}; name a file in PEM form, with -----BEGIN CERTIFICATE-----") from error


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for `url` (HTTP_PROXY, HTTPS_PROXY, NO_PROXY), if any.

    Not aiohttp's `trust_env`: that reads ~/.netrc as well, and sends what it finds there instead of our token.
    """
    parsed = URL(url)
    if proxy_bypass_environment(parsed.host or ""):
        return None
    return getproxies_environment().get(parsed.scheme)
