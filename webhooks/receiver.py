"""`POST /webhooks/gitea`: cap the bytes, check the signature, store, answer, nudge. The work comes after.

A status other than 2xx is all that tells the forge's administrator that a delivery was lost (the forge does not try
again), so whatever was not stored is answered with an error, and whatever was stored with 202.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from webhooks.delivery import Delivery, Malformed, parse
from webhooks.inbox import Inbox
from webhooks.problem import problem
from webhooks.signature import verify

MAX_BODY = 8 * 1024 * 1024
READ_SECONDS = 10.0

Outcome = Callable[[str, str], None]
"""Told each delivery's outcome and event: accepted, duplicate, ignored, or `too-large`, `encoded`, `timeout`,
`cut`, `signature`, `malformed`, `store` with the event `unknown`. For metrics: both come from fixed sets."""

log = structlog.get_logger("webhooks")


class Receiver:
    """The handler of one inbox; `receiver.handle` goes into aiohttp's routes.

    Raises ValueError without a secret: unsigned deliveries are never taken. `on_delivery` is called, on the event
    loop, once a delivery is on the disk; if it fails, the delivery waits in the inbox for the next look there.
    """

    def __init__(
        self,
        inbox: Inbox,
        secrets: Sequence[bytes],
        *,
        clock: Callable[[], datetime],
        on_delivery: Callable[[Delivery], None],
        on_outcome: Outcome = lambda _outcome, _event: None,
        max_body: int = MAX_BODY,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        if not secrets or not all(secrets):
            raise ValueError("webhooks need a secret that is not empty; put one into forge.webhook_secret_file")
        self._inbox = inbox
        self._secrets = tuple(secrets)
        self._clock = clock
        self._on_delivery = on_delivery
        self._on_outcome = on_outcome
        self._max_body = max_body
        self._read_seconds = read_seconds

    async def handle(self, request: web.Request) -> web.Response:
        """Take one delivery. 202 with `{"status": "accepted" | "duplicate" | "ignored"}`, or a problem."""
        body = await self._read(request)
        if isinstance(body, web.Response):
            return body
        if not verify(body, request.headers, self._secrets):
            return self._refuse(
                request, 401, "signature", "The signature is missing or wrong",
                "Give the webhook on the forge the same secret as forge.webhook_secret_file holds.",
            )  # fmt: skip
        delivery = parse(request.headers, body)
        if isinstance(delivery, Malformed):
            return self._refuse(request, 400, "malformed", "Not a delivery", delivery.why)
        try:
            stored = await self._inbox.append(delivery, headers=request.headers, body=body, received_at=self._clock())
        except (SQLAlchemyError, OSError):
            log.exception("delivery not stored", delivery=delivery.id, webhook_event=delivery.event)
            return self._refuse(
                request, 503, "store", "The delivery could not be stored",
                "Look at the daemon's log and the space left on its disk. The next sweep finds the change.",
            )  # fmt: skip
        status = "duplicate" if stored == "duplicate" else "ignored" if delivery.ignored else "accepted"
        self._on_outcome(status, delivery.label)
        if status == "accepted":
            self._nudge(delivery)
        return web.json_response({"status": status}, status=202)

    async def _read(self, request: web.Request) -> bytes | web.Response:
        """The body's bytes, never more than the cap, never for longer than the limit."""
        if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            return self._refuse(
                request,
                415,
                "encoded",
                "The body is compressed",
                "Forges send deliveries as they are; do not compress.",
            )
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
                request, 408, "timeout", "The body did not arrive in time",
                f"It must be here within {self._read_seconds:g} seconds; look at the proxy in between.",
            )  # fmt: skip
        except (web.RequestPayloadError, ConnectionError):
            return self._refuse(request, 400, "cut", "The body was cut short", "Look at the proxy in between.")
        return b"".join(chunks)

    def _too_large(self, request: web.Request) -> web.Response:
        return self._refuse(
            request, 413, "too-large", "The body is too large",
            f"Deliveries may have {self._max_body} bytes; raise webhooks.max_body. The next sweep finds the change.",
        )  # fmt: skip

    def _refuse(self, request: web.Request, status: int, slug: str, title: str, detail: str) -> web.Response:
        log.warning("delivery refused", reason=slug, status=status, remote=request.remote)
        self._on_outcome(slug, "unknown")
        return problem(status, slug, title, detail)

    def _nudge(self, delivery: Delivery) -> None:
        try:
            self._on_delivery(delivery)
        except Exception:  # stored already: the answer must say so
            log.exception("delivery not announced", delivery=delivery.id)
