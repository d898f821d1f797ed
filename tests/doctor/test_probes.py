"""The receiver's side of a test delivery: noted and answered, never stored nor counted; nobody else can use it."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Literal

import pytest
from aiohttp import ClientSession, web

from webhooks.delivery import Delivery
from webhooks.probe import MOST, Probes, Seen, TooManyError
from webhooks.receiver import Receiver

SECRET = b"secret"
NONCE = "0123456789abcdef" * 2
BODY = json.dumps({"ref": "refs/heads/main", "repository": {"id": 1, "full_name": "acme/meta"}}).encode()


class Inbox:
    """What was stored."""

    def __init__(self) -> None:
        self.stored: list[Delivery] = []

    async def append(
        self, delivery: Delivery, *, headers: Mapping[str, str], received_at: datetime
    ) -> Literal["new", "duplicate"]:
        self.stored.append(delivery)
        return "new"


class Door:
    """A receiver behind a server."""

    def __init__(self, url: str, session: ClientSession, probes: Probes, inbox: Inbox, counted: list[str]) -> None:
        self.url, self.session, self.probes, self.inbox, self.counted = url, session, probes, inbox, counted

    async def send(self, query: str, *, secret: bytes = SECRET, path: str = "/hooks") -> tuple[int, str]:
        headers = {
            "X-Gitea-Delivery": "one", "X-Gitea-Event": "push", "Content-Type": "application/json",
            "X-Gitea-Signature": hmac.digest(secret, BODY, "sha256").hex(),
        }  # fmt: skip
        async with self.session.post(f"{self.url}{path}{query}", data=BODY, headers=headers) as answer:
            return answer.status, (await answer.json(content_type=None) if path == "/hooks" else {}).get("status", "")


@asynccontextmanager
async def opened() -> AsyncIterator[Door]:
    probes, inbox, counted = Probes(), Inbox(), []
    receiver = Receiver(
        inbox, [SECRET], clock=lambda: datetime.now(UTC), on_delivery=lambda _delivery: None,
        on_outcome=lambda outcome, _event: counted.append(outcome), probes=probes,
    )  # fmt: skip
    app = web.Application(middlewares=[probes.strays("/hooks")])
    app.router.add_post("/hooks", receiver.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with ClientSession() as session:
            yield Door(f"http://127.0.0.1:{runner.addresses[0][1]}", session, probes, inbox, counted)
    finally:
        await runner.cleanup()


async def test_a_delivery_with_a_nonce_that_is_awaited_is_noted_and_goes_no_further() -> None:
    async with opened() as door:
        with door.probes.expecting(NONCE) as arrival:
            assert await door.send(f"?probe={NONCE}") == (200, "probe")
            assert await arrival() == Seen("/hooks", signed=True)
        assert (door.inbox.stored, door.counted) == ([], [])


async def test_one_that_is_signed_wrongly_is_noted_as_that_and_refused() -> None:
    async with opened() as door:
        with door.probes.expecting(NONCE) as arrival:
            assert (await door.send(f"?probe={NONCE}", secret=b"other"))[0] == 401
            assert await arrival() == Seen("/hooks", signed=False)
        assert (door.inbox.stored, door.counted) == ([], [])


@pytest.mark.parametrize("query", ["", f"?probe={NONCE}", "?probe=", "?probe=x", "?probe[]=1"])
async def test_a_nonce_that_nobody_awaits_makes_no_difference(query: str) -> None:
    """Guards deliveries: an address with `?probe=` in it, whoever wrote it, must not swallow them."""
    async with opened() as door:
        assert await door.send(query) == (202, "accepted")
        assert [delivery.id for delivery in door.inbox.stored] == ["one"]
        assert (await door.send(query, secret=b"other"))[0] == 401


async def test_a_nonce_is_forgotten_at_the_end() -> None:
    async with opened() as door:
        with door.probes.expecting(NONCE):
            pass
        assert await door.send(f"?probe={NONCE}") == (202, "accepted")


async def test_what_arrives_at_another_path_is_noted_with_it() -> None:
    """A proxy that keeps or strips the wrong part of a path is told by what arrives."""
    async with opened() as door:
        with door.probes.expecting(NONCE) as arrival:
            assert (await door.send(f"?probe={NONCE}", path="/glass/hooks"))[0] == 404
            assert await arrival() == Seen("/glass/hooks", signed=None)


async def test_several_may_be_awaited_at_once_and_not_any_number() -> None:
    """Guards the daemon's memory against a command that is run in a loop."""
    probes = Probes()
    from contextlib import ExitStack

    with ExitStack() as stack:
        waits = [stack.enter_context(probes.expecting(f"{number:032x}")) for number in range(MOST)]
        with pytest.raises(TooManyError), probes.expecting("f" * 32):
            pass
        probes.note(f"{3:032x}", "/hooks", True)
        assert (await waits[3]()).signed is True
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await waits[4]()
    for bad in ("", "x", "F" * 32, "0" * 31, f"{NONCE}\n"):
        with pytest.raises(ValueError, match="32 hex digits"), probes.expecting(bad):
            pass
