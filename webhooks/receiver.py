"""`POST /webhooks/gitea`: cap the bytes, check the signature, store, answer, nudge. The work comes after.

A status other than 2xx is all that tells the forge's administrator that a delivery was lost (the forge does not try
again), so whatever was not stored is answered with an error, and whatever was stored with 202.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Literal, Protocol

import structlog
from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from webhooks.bodies import Bodies, BodyLimits, CrowdedError, TooLargeError
from webhooks.delivery import Delivery, Malformed, parse_content
from webhooks.probe import Probes
from webhooks.problem import problem
from webhooks.signature import is_form, matches, signed

MAX_BODY = 8 * 1024 * 1024
MAX_WAITING = 4 * MAX_BODY
READ_SECONDS = 10.0
AT_ONCE = {True: 4 * 1024, False: 64 * 1024}
"""Bytes up to which a body (a form: True) is looked at on the event loop: less than a millisecond. A larger one is
beside it, one after another."""

Outcome = Callable[[str, str], None]
"""Told each delivery's outcome and event: accepted, duplicate, ignored, or `too-large`, `encoded`, `timeout`,
`cut`, `crowded`, `signature`, `malformed`, `store` with the event `unknown`. For metrics: both come from fixed sets."""

UNSIGNED = ("signature", "Give the webhook on the forge the same secret as forge.webhook_secret_file holds.")

log = structlog.get_logger("webhooks")


class Store(Protocol):
    """Where deliveries go: the inbox."""

    async def append(
        self, delivery: Delivery, *, headers: Mapping[str, str], received_at: datetime
    ) -> Literal["new", "duplicate"]:
        """Store one; on the disk when this returns. Raises OSError or SQLAlchemyError where that is not possible."""


class Receiver:
    """The handler of one inbox; `receiver.handle` goes into aiohttp's routes.

    Raises ValueError without a secret: unsigned deliveries are never taken. `on_delivery` is called, on the event
    loop, once a delivery is on the disk; if it fails, the delivery waits in the inbox for the next look there. Test
    deliveries that `probes` awaits are noted there and go no further. `renew` is asked, after a delivery that none of
    the secrets signed, whether they have changed since.
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
        max_waiting: int = MAX_WAITING,
        read_seconds: float = READ_SECONDS,
        probes: Probes | None = None,
        renew: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        if not secrets or not all(secrets):
            raise ValueError("webhooks need a secret that is not empty; put one into forge.webhook_secret_file")
        self._inbox = inbox
        self._secrets = secrets  # not a copy: a secret renewed while the daemon runs is taken at once
        self._clock = clock
        self._on_delivery = on_delivery
        self._on_outcome = on_outcome
        self._bodies = Bodies(BodyLimits(max_body, max(max_waiting, max_body), read_seconds))
        self._beside = ThreadPoolExecutor(1, "forgeglass-deliveries")
        self._probes = probes or Probes()
        self._renew = renew

    async def handle(self, request: web.Request) -> web.Response:
        """Take one delivery. 202 with `{"status": "accepted" | "duplicate" | "ignored"}`, or a problem."""
        if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            return self._refuse(request, "encoded", "Forges send deliveries as they are; do not compress.")
        limits = self._bodies.limits
        try:
            async with self._bodies.read(request) as body:
                return await self._take(request, body)
        except TooLargeError:
            detail = f"Deliveries may have {limits.most} bytes; raise webhooks.max_body. The next sweep finds it."
            return self._refuse(request, "too-large", detail)
        except CrowdedError:
            detail = "Others came in meanwhile, and this one was slow. The next sweep finds the change."
            return self._refuse(request, "crowded", detail)
        except TimeoutError:
            detail = f"It must be here within {limits.seconds:g} seconds; look at the proxy in between."
            return self._refuse(request, "timeout", detail)
        except (web.RequestPayloadError, ConnectionError):
            return self._refuse(request, "cut", "Look at the proxy in between.")

    async def _take(self, request: web.Request, body: bytes) -> web.Response:
        used = tuple(self._secrets)
        right, delivery = await self._examined(request, body, used)
        if not right and self._renew is not None:
            await self._renew()
            if (now := tuple(self._secrets)) != used:  # renewed for this delivery, or for another meanwhile
                right, delivery = await self._examined(request, body, now)
        if (nonce := self._probes.of(request)) is not None:
            return self._probed(request, nonce, right)
        if not right:
            return self._refuse(request, *UNSIGNED)
        if isinstance(delivery, Malformed):
            return self._refuse(request, "malformed", delivery.why)
        return await self._store(request, delivery)

    async def _examined(
        self, request: web.Request, body: bytes, secrets: Sequence[bytes]
    ) -> tuple[bool, Delivery | Malformed]:
        examine = partial(_examine, body, request.headers.copy(), secrets)
        if len(body) <= AT_ONCE[is_form(request.headers)]:
            return examine()
        return await asyncio.get_running_loop().run_in_executor(self._beside, examine)

    async def _store(self, request: web.Request, delivery: Delivery) -> web.Response:
        try:
            stored = await self._inbox.append(delivery, headers=request.headers, received_at=self._clock())
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


def _examine(
    body: bytes, headers: Mapping[str, str], secrets: Sequence[bytes]
) -> tuple[bool, Delivery | Malformed]:
    """Whether the signature is right, and what the delivery says; of one that is not signed nothing is read."""
    content = signed(body, headers)
    if not matches(content, headers, secrets):
        return False, Malformed("not signed")
    return True, parse_content(headers, content)
