"""`POST /webhooks/gitea`: cap the bytes, check the signature, store, answer, nudge. The work comes after.

A status other than 2xx is all that tells the forge's administrator that a delivery was lost (the forge does not try
again), so whatever was not stored is answered with an error, and whatever was stored with 202.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

import structlog
from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from webhooks.delivery import Delivery, Malformed, parse
from webhooks.probe import Probes
from webhooks.problem import problem
from webhooks.signature import verify

MAX_BODY = 8 * 1024 * 1024
READ_SECONDS = 10.0

Outcome = Callable[[str, str], None]
"""Told each delivery's outcome and event: accepted, duplicate, ignored, or `too-large`, `encoded`, `timeout`,
`cut`, `signature`, `malformed`, `store` with the event `unknown`. For metrics: both come from fixed sets."""

UNSIGNED = ("signature", "Give the webhook on the forge the same secret as forge.webhook_secret_file holds.")

log = structlog.get_logger("webhooks")


class Store(Protocol):
    """Where deliveries go: the inbox."""

    async def append(
        self, delivery: Delivery, *, headers: Mapping[str, str], body: bytes, received_at: datetime
    ) -> Literal["new", "duplicate"]:
        """Store one; on the disk when this returns. Raises OSError or SQLAlchemyError where that is not possible."""


class Receiver:
    """The handler of one inbox; `receiver.handle` goes into aiohttp's routes.

    Raises ValueError without a secret: unsigned deliveries are never taken. `on_delivery` is called, on the event
    loop, once a delivery is on the disk; if it fails, the delivery waits in the inbox for the next look there. Test
    deliveries that `probes` awaits are noted there and go no further.
    """

    def __init__(
        self,
        inbox: Store,
        secrets: Sequence[bytes],
        *,
        clock: Callable[[], datetime],
        on_delivery: Callable[[Delivery], None],
        on_outcome: Outcome = lambda _outcome, _event: None,
        max_body: int = MAX_BODY,
        read_seconds: float = READ_SECONDS,
        probes: Probes | None = None,
    ) -> None:
        if not secrets or not all(secrets):
            raise ValueError("webhooks need a secret that is not empty; put one into forge.webhook_secret_file")
        self._inbox = inbox
        self._secrets = secrets  # not a copy: a secret renewed while the daemon runs is taken at once
        self._clock = clock
        self._on_delivery = on_delivery
        self._on_outcome = on_outcome
        self._max_body = max_body
        self._read_seconds = read_seconds
        self._probes = probes or Probes()

    async def handle(self, request: web.Request) -> web.Response:
        """Take one delivery. 202 with `{"status": "accepted" | "duplicate" | "ignored"}`, or a problem."""
        body = await self._read(request)
        if isinstance(body, web.Response):
            return body
        signed = verify(body, request.headers, self._secrets)
        if (nonce := self._probes.of(request)) is not None:
            return self._probed(request, nonce, signed)
        if not signed:
            return self._refuse(request, *UNSIGNED)
        delivery = parse(request.headers, body)
        if isinstance(delivery, Malformed):
            return self._refuse(request, "malformed", delivery.why)
        try:
            stored = await self._inbox.append(delivery, headers=request.headers, body=body, received_at=self._clock())
        except (SQLAlchemyError, OSError):
            log.exception("delivery not stored", delivery=delivery.id, webhook_event=delivery.event)
            return self._refuse(
                request, "store",
                "Look at the daemon's log and the space left on its disk. The next sweep finds the change.",
            )  # fmt: skip
        status = "duplicate" if stored == "duplicate" else "ignored" if delivery.ignored else "accepted"
        self._on_outcome(status, delivery.label)
        if status == "accepted":
            self._nudge(delivery)
        return web.json_response({"status": status}, status=202)

    def _probed(self, request: web.Request, nonce: str, signed: bool) -> web.Response:
        """Answer a test delivery that is awaited: neither stored nor counted, whatever it says."""
        self._probes.note(nonce, request.path, signed)
        log.info("test delivery arrived", signed=signed)
        return web.json_response({"status": "probe"}) if signed else problem(*UNSIGNED)

    async def _read(self, request: web.Request) -> bytes | web.Response:
        """The body's bytes, never more than the cap, never for longer than the limit."""
        if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            return self._refuse(request, "encoded", "Forges send deliveries as they are; do not compress.")
        chunks, size = [], 0
        try:
            async with asyncio.timeout(self._read_seconds):
                if (request.content_length or 0) > self._max_body:
                    return self._too_large(request)
                async for chunk in request.content.iter_any():
                    size += len(chunk)
                    if size > self._max_body:
                        return self._too_large(request)
                    chunks.append(chunk)
        except TimeoutError:
            return self._refuse(
                request, "timeout",
                f"It must be here within {self._read_seconds:g} seconds; look at the proxy in between.",
            )  # fmt: skip
        except (web.RequestPayloadError, ConnectionError):
            return self._refuse(request, "cut", "Look at the proxy in between.")
        return b"".join(chunks)

    def _too_large(self, request: web.Request) -> web.Response:
        return self._refuse(
            request, "too-large",
            f"Deliveries may have {self._max_body} bytes; raise webhooks.max_body. The next sweep finds the change.",
        )  # fmt: skip

    def _refuse(self, request: web.Request, kind: str, detail: str) -> web.Response:
        response = problem(kind, detail)
        log.warning("delivery refused", reason=kind, status=response.status, remote=request.remote)
        self._on_outcome(kind, "unknown")
        return response

    def _nudge(self, delivery: Delivery) -> None:
        try:
            self._on_delivery(delivery)
        except Exception:  # stored already: the answer must say so
            log.exception("delivery not announced", delivery=delivery.id)
