"""Webhook deliveries: signing, headers, sending, and the switches that make them arrive badly.

Headers and signatures follow services/webhook/deliver.go (Gitea) and services/webhook/shared/payloader.go
(Forgejo). A delivery is tried once, with 5 seconds for an answer, as on the servers.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus
from uuid import UUID

import aiohttp
import msgspec

from .allowing import refusal
from .state import Hook, World

TIMEOUT = 5.0
"""Seconds a receiver has to answer (webhook.DELIVER_TIMEOUT)."""

EVENT_OF_TYPE = {
    "issue_assign": "issues", "issue_label": "issues", "issue_milestone": "issues",
    "pull_request_assign": "pull_request", "pull_request_label": "pull_request",
    "pull_request_milestone": "pull_request", "pull_request_sync": "pull_request",
    "pull_request_review_request": "pull_request", "pull_request_comment": "issue_comment",
    "pull_request_review_approved": "pull_request_approved",
    "pull_request_review_rejected": "pull_request_rejected",
    "pull_request_review_comment": "pull_request_comment", "package": "", "status": "",
}  # fmt: skip
"""The X-Gitea-Event of each X-Gitea-Event-Type that differs."""


@dataclass
class Delivery:
    """One delivery: `status` is what the receiver answered, None while it has not (or never will)."""

    id: str
    event: str
    event_type: str
    url: str
    headers: dict[str, str]
    body: bytes
    payload: dict[str, Any]
    status: int | None = None
    dropped: bool = False
    error: str | None = None
    copies: int = 0
    due: float = field(default=0.0, repr=False)


def encode(payload: dict[str, Any]) -> bytes:
    """JSON as Go's encoder writes it: indented, with <, > and & escaped."""
    text = msgspec.json.format(json.dumps(payload, ensure_ascii=False), indent=2)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode(errors="replace")


def headers_for(hook: Hook, delivery_id: str, event_type: str, content: bytes, *, forgejo: bool) -> dict[str, str]:
    """The headers of a delivery. `content` is the JSON, which is what is signed even when a form carries it."""
    event = EVENT_OF_TYPE.get(event_type, event_type)
    sha256 = hmac.new(hook.secret.encode(), content, hashlib.sha256).hexdigest() if hook.secret else ""
    sha1 = hmac.new(hook.secret.encode(), content, hashlib.sha1).hexdigest() if hook.secret else ""
    brands = (["Forgejo"] if forgejo else []) + ["Gitea", "Gogs", "GitHub"]
    headers = {
        "Content-Type": "application/json" if hook.content_type == "json" else "application/x-www-form-urlencoded"
    }
    for brand in brands:
        headers[f"X-{brand}-Delivery"] = delivery_id
        headers[f"X-{brand}-Event"] = event
        headers[f"X-{brand}-Event-Type"] = event_type
        if brand != "GitHub":
            headers[f"X-{brand}-Signature"] = sha256
    headers["X-Hub-Signature"] = f"sha1={sha1}"
    headers["X-Hub-Signature-256"] = f"sha256={sha256}"
    if hook.authorization_header:
        headers["Authorization"] = hook.authorization_header
    return headers


class Deliveries:
    """The outgoing queue and its switches.

    drop       True, or a predicate of the delivery: it is never sent
    duplicate  how many more times each is sent, with the same id
    reorder    a random.Random that picks the next of those waiting
    delay      seconds before sending, or a function of the delivery that tells them
    allowed    ALLOWED_HOST_LIST: a delivery elsewhere is not sent, which only its `error` tells; None allows all
    sent       everything that was queued, in order, whatever became of it
    """

    def __init__(self, world: World, randomness: random.Random) -> None:
        self.drop: bool | Callable[[Delivery], bool] = False
        self.duplicate = 0
        self.reorder: random.Random | None = None
        self.delay: float | Callable[[Delivery], float] = 0.0
        self.allowed: str | None = None
        self.sent: list[Delivery] = []
        self._world = world
        self._randomness = randomness
        self._waiting: list[Delivery] = []
        self._news = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._worker: asyncio.Task[None] | None = None

    def queue(self, hook: Hook, event_type: str, payload: dict[str, Any]) -> None:
        """Sign and queue one delivery to one hook."""
        content = encode(payload)
        delivery_id = str(UUID(int=self._randomness.getrandbits(128), version=4))
        headers = headers_for(hook, delivery_id, event_type, content, forgejo=self._world.forgejo)
        body = content if hook.content_type == "json" else b"payload=" + quote_plus(content).encode()
        event = EVENT_OF_TYPE.get(event_type, event_type)
        delivery = Delivery(delivery_id, event, event_type, hook.url, headers, body, payload)
        self.sent.append(delivery)
        if self.drop is True or (callable(self.drop) and self.drop(delivery)):
            delivery.dropped = True
            return
        seconds = self.delay(delivery) if callable(self.delay) else self.delay
        delivery.due = asyncio.get_running_loop().time() + seconds
        delivery.copies = 1 + self.duplicate
        self._waiting += [delivery] * delivery.copies
        self._idle.clear()
        self._news.set()
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())

    async def redeliver(self, delivery: Delivery) -> None:
        """Send one again, now, under its old id, whatever the switches say."""
        async with aiohttp.ClientSession() as session:
            await self._send(session, delivery)

    async def settle(self) -> None:
        """Wait until nothing is left to send."""
        await self._idle.wait()

    async def close(self) -> None:
        """Stop sending; what waits is lost."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        async with aiohttp.ClientSession() as session:
            while True:
                due = [d for d in self._waiting if d.due <= loop.time()]
                if not due:
                    if not self._waiting:
                        self._idle.set()
                    self._news.clear()
                    pause = min(d.due for d in self._waiting) - loop.time() if self._waiting else None
                    try:
                        await asyncio.wait_for(self._news.wait(), pause)
                    except TimeoutError:
                        continue
                    continue
                chosen = self.reorder.choice(due) if self.reorder else due[0]
                self._waiting.remove(chosen)
                await self._send(session, chosen)

    async def _send(self, session: aiohttp.ClientSession, delivery: Delivery) -> None:
        if self.allowed is not None and (why := refusal(delivery.url, self.allowed)) is not None:
            delivery.error = why
            return
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        try:
            async with session.post(
                delivery.url, data=delivery.body, headers=delivery.headers, timeout=timeout, allow_redirects=False
            ) as answer:
                await answer.read()
                delivery.status = answer.status
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            delivery.error = type(error).__name__
