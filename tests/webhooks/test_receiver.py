"""The door: what is let in, what is refused, and what the forge is told."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import threading
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from structlog.testing import capture_logs
from webhook_samples import NOW, SECRET, headers, push, recorded, sign

from cache.state import StateStore
from webhooks.bodies import MOST
from webhooks.delivery import Delivery
from webhooks.inbox import Inbox
from webhooks.receiver import Receiver
from webhooks.signature import signed

CAP = 20_000
Sender = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def until(probe: Callable[[], bool]) -> None:
    """Wait until the probe says so: handlers end after their answer was sent."""
    async with asyncio.timeout(5):
        while not probe():
            await asyncio.sleep(0.01)


class Door:
    """A receiver behind a real server, with what it told."""

    def __init__(self, inbox: Inbox, *secrets: bytes, read_seconds: float = 10.0, **limits: int) -> None:
        self.inbox = inbox
        self.nudged: list[str] = []
        self.outcomes: list[tuple[str, str]] = []
        self.receiver = Receiver(
            inbox,
            secrets or (SECRET,),
            clock=lambda: NOW,
            on_delivery=self.nudge,
            on_outcome=lambda outcome, event: self.outcomes.append((outcome, event)),
            read_seconds=read_seconds,
            **{"max_body": CAP, **limits},
        )
        app = web.Application()
        app.router.add_post("/webhooks/gitea", self.receiver.handle)
        # As daemon.serving has it. Not aiohttp's TestServer: that one cancels handlers whose client hangs up, which a
        # real server does not.
        self.runner = web.AppRunner(app, access_log=None, auto_decompress=False)
        self.port = 0
        self.session: ClientSession | None = None

    def nudge(self, delivery: Delivery) -> None:
        """What the daemon would put on its queue."""
        self.nudged.append(delivery.id)

    async def send(self, body: Any, head: dict[str, str]) -> tuple[int, dict[str, Any], str]:
        """Post a delivery; gives status, the answer's JSON and its content type."""
        assert self.session is not None
        async with self.session.post(f"http://127.0.0.1:{self.port}/webhooks/gitea", data=body, headers=head) as answer:
            return answer.status, json.loads(await answer.read()), answer.content_type

    async def __aenter__(self) -> Door:
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.port = self.runner.addresses[0][1]
        self.session = ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.session is not None
        await self.session.close()
        await self.runner.cleanup()


@pytest.fixture
async def door(inbox: Inbox) -> AsyncIterator[Door]:
    """A receiver with one secret."""
    async with Door(inbox) as opened:
        yield opened


async def test_a_signed_delivery_is_stored_answered_and_announced(door: Door) -> None:
    """Guards the way of nearly every delivery."""
    status, answer, _ = await door.send(push(), headers(push()))
    assert (status, answer) == (202, {"status": "accepted"})
    assert door.nudged == ["d-1"]
    assert [each.delivery for each in await door.inbox.pending()] == ["d-1"]
    assert door.outcomes == [("accepted", "push")]


async def test_it_is_on_the_disk_before_it_is_announced(inbox: Inbox) -> None:
    """Guards against work that begins before the inbox knows: its mark would lie below the row."""
    seen: list[int] = []
    stored: list[str] = []
    original = inbox.append

    async def append(*arguments: Any, **named: Any) -> Any:
        stored.append("stored")
        return await original(*arguments, **named)

    inbox.append = append  # type: ignore[method-assign]
    async with Door(inbox) as door:
        door.receiver._on_delivery = lambda _delivery: seen.append(len(stored))
        await door.send(push(), headers(push()))
    assert seen == [1]


async def test_a_repeated_delivery_is_answered_with_success_and_not_announced(door: Door) -> None:
    """Guards against an error at the forge for something that is safe here."""
    await door.send(push(), headers(push()))
    assert (await door.send(push(), headers(push())))[:2] == (202, {"status": "duplicate"})
    assert door.nudged == ["d-1"]


async def test_an_event_that_does_not_concern_us_is_no_error(door: Door) -> None:
    """Guards the forge's list of deliveries from red marks that mean nothing."""
    body = push()
    assert (await door.send(body, headers(body, event="status")))[:2] == (202, {"status": "ignored"})
    unknown = headers(body, event="of_a_later_version", delivery="d-2")
    assert (await door.send(body, unknown))[:2] == (202, {"status": "ignored"})
    assert door.nudged == []
    assert door.outcomes == [("ignored", "status"), ("ignored", "other")]


@pytest.mark.parametrize("server", ["gitea", "forgejo"])
async def test_recorded_deliveries_are_all_taken(inbox: Inbox, server: str) -> None:
    """Guards the whole door against what live servers send, forms included."""
    every = [each for each in recorded() if each.server == server]
    some = every[::7] + [each for each in every if b"payload=" in each.body[:20]]
    async with Door(inbox, *{each.secret for each in every}) as door:
        for each in some:
            status, answer, _ = await door.send(each.body, each.headers)
            assert status == 202, (each.step, answer)
    assert len(door.outcomes) == len(some)


@pytest.mark.parametrize("signature", [None, "", "0" * 64, sign(push(), b"another")])
async def test_without_a_good_signature_nothing_is_stored(door: Door, signature: str | None) -> None:
    """Guards the door itself; and the answer is a problem that says what to do."""
    head = headers(push())
    del head["X-Gitea-Signature"]
    if signature is not None:
        head["X-Gitea-Signature"] = signature
    with capture_logs() as logs:
        status, answer, kind = await door.send(push(), head)
    assert (status, kind) == (401, "application/problem+json")
    assert answer["type"] == "urn:forgeglass:problem:signature"
    assert answer["status"] == 401
    assert "webhook_secret_file" in answer["detail"]
    assert await door.inbox.mark() == 0
    assert door.outcomes == [("signature", "unknown")]
    assert not any(str(signature) in repr(line) for line in logs if signature), "no signature in the log"


@pytest.mark.parametrize("secrets", [(), (b"",), (SECRET, b"")])
def test_a_receiver_without_a_secret_does_not_start(inbox: Inbox, secrets: tuple[bytes, ...]) -> None:
    """Guards against a door that opens to everybody because a setting is missing."""
    with pytest.raises(ValueError, match="webhook_secret_file"):
        Receiver(inbox, secrets, clock=lambda: NOW, on_delivery=lambda _: None)


async def test_both_secrets_are_taken_during_a_rotation(inbox: Inbox) -> None:
    """Guards the time between changing the forge's hooks and the daemon's configuration."""
    async with Door(inbox, b"new", b"old") as door:
        for name in ("new", "old"):
            head = headers(push(), delivery=name, secret=name.encode())
            assert (await door.send(push(), head))[0] == 202


async def pieces(count: int, size: int = 1000) -> AsyncIterator[bytes]:
    """A body in chunks, without a length announced."""
    for _ in range(count):
        yield b" " * size


async def test_a_body_over_the_cap_is_refused_counted_and_logged(door: Door) -> None:
    """Guards memory, before the signature is even looked at; and a loss that nobody would see."""
    with capture_logs() as logs:
        body = b" " * (CAP + 1)
        assert (await door.send(body, headers(body)))[0] == 413
        status, answer, _ = await door.send(pieces(CAP // 1000 + 1), headers(b""))
    assert status == 413
    assert "webhooks.max_body" in answer["detail"]
    assert door.outcomes == [("too-large", "unknown")] * 2
    assert [line["reason"] for line in logs] == ["too-large"] * 2


async def test_a_body_of_exactly_the_cap_is_read(door: Door) -> None:
    """Guards the boundary, with and without an announced length."""
    body = push() + b" " * (CAP - len(push()))
    assert (await door.send(body, headers(body)))[0] == 202

    async def chunked() -> AsyncIterator[bytes]:
        yield body

    assert (await door.send(chunked(), headers(body, delivery="d-2")))[0] == 202


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip", "deflate", "br", "zstd", "gzip, identity", " gzip "])
async def test_a_compressed_body_is_refused(door: Door, coding: str) -> None:
    """Guards against a few kilobytes that become gigabytes, whatever packed them and however rightly it is signed."""
    plain = b" " * 10_000_000
    packed = zlib.compress(plain) if coding == "deflate" else gzip.compress(plain)
    for signed_over in (plain, packed):
        head = {**headers(signed_over), "Content-Encoding": coding}
        assert (await door.send(packed, head))[0] == 415
    assert door.outcomes == [("encoded", "unknown")] * 2
    assert await door.inbox.mark() == 0


async def test_a_body_that_never_ends_is_given_up(inbox: Inbox) -> None:
    """Guards connections from a sender who trickles."""
    never = asyncio.Event()

    async def trickle() -> AsyncIterator[bytes]:
        yield b" "
        await never.wait()

    async with Door(inbox, read_seconds=0.05) as door:
        sending = asyncio.create_task(door.send(trickle(), headers(b"")))
        status, _, _ = await sending
        never.set()
    assert status == 408
    assert door.outcomes == [("timeout", "unknown")]


async def test_a_sender_who_hangs_up_stores_nothing(inbox: Inbox) -> None:
    """Guards against a body cut in the middle that still parses."""
    async with Door(inbox) as door:
        told = asyncio.Event()
        door.receiver._on_outcome = lambda outcome, event: (door.outcomes.append((outcome, event)), told.set())[0]
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(
            b"POST /webhooks/gitea HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\nExpect: 100-continue\r\n\r\n{}"
        )
        assert b"100" in await reader.readline(), "the handler is about to read"
        writer.close()
        await writer.wait_closed()
        await asyncio.wait_for(told.wait(), 5)
    assert door.outcomes == [("cut", "unknown")]
    assert await inbox.mark() == 0


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[" * 10_000], ids=["empty", "list", "cut", "deep"])
async def test_a_signed_body_that_is_no_delivery_is_an_error(door: Door, body: bytes) -> None:
    """Guards against answering success to what was not understood."""
    status, answer, kind = await door.send(body, headers(body))
    assert (status, kind) == (400, "application/problem+json")
    assert "JSON object" in answer["detail"]
    assert door.outcomes == [("malformed", "unknown")]


async def test_a_store_that_fails_is_told_to_the_forge(tmp_path: Path) -> None:
    """Guards the promise of 202 from the other side: not stored, not accepted."""
    async with StateStore.open(tmp_path / "state.db") as state:
        async with state.database.transaction() as connection:
            await connection.exec_driver_sql(
                "CREATE TRIGGER full BEFORE INSERT ON inbox BEGIN SELECT RAISE(FAIL, 'disk full'); END"
            )
        async with Door(Inbox(state.database)) as door:
            with capture_logs() as logs:
                status, answer, _ = await door.send(push(), headers(push()))
    assert status == 503
    assert "disk" not in json.dumps(answer).replace("its disk", ""), "the reason goes to the log, not to the sender"
    assert door.nudged == []
    assert door.outcomes == [("store", "unknown")]
    assert any(line["event"] == "delivery not stored" for line in logs)


async def test_a_queue_that_fails_does_not_turn_success_into_an_error(door: Door) -> None:
    """Guards the answer: the delivery is stored, and found in the inbox later."""

    def broken(_delivery: Delivery) -> None:
        raise RuntimeError("no queue")

    door.receiver._on_delivery = broken
    with capture_logs() as logs:
        assert (await door.send(push(), headers(push())))[0] == 202
    assert any(line["event"] == "delivery not announced" for line in logs)
    assert len(await door.inbox.pending()) == 1


async def test_many_at_once_are_all_stored(door: Door) -> None:
    """Guards the burst of one large push: 110 deliveries, one writer."""
    bodies = [push(after=f"{number:040x}") for number in range(1, 61)]
    answers = await asyncio.gather(
        *(door.send(body, headers(body, delivery=f"d-{number}")) for number, body in enumerate(bodies))
    )
    assert {status for status, _, _ in answers} == {202}
    assert len(await door.inbox.pending()) == len(set(door.nudged)) == 60


@contextlib.asynccontextmanager
async def stalled(door: Door, number: int, said: bytes) -> AsyncIterator[list[Sender]]:
    """Senders of bodies that do not end; each has said so much of one and is being read."""
    senders = []
    try:
        for _ in range(number):
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
            head = "POST /webhooks/gitea HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", "Expect: 100-continue"
            writer.write("\r\n".join((*head, "", "")).encode())
            assert b"100" in await reader.readline()
            writer.write(b"%x\r\n%s\r\n" % (len(said), said))
            senders.append((reader, writer))
        yield senders
    finally:
        for _, writer in senders:
            writer.close()


async def answer(sender: Sender) -> bytes:
    """The status line that a sender gets, after the interim one."""
    assert await sender[0].readline() == b"\r\n"
    return await sender[0].readline()


async def test_stalled_bodies_hold_no_more_memory_than_is_set_and_keep_no_delivery_out(inbox: Inbox) -> None:
    """Guards memory, which sixty stalled bodies filled with 554 MB, and the forge's way in meanwhile (fault S3)."""
    async with Door(inbox, max_body=1 << 20, max_waiting=1 << 20) as door:
        async with stalled(door, 8, b" " * 300_000) as senders:
            bodies = door.receiver._bodies
            for sender in senders[:5]:
                assert b" 503 " in await answer(sender), "the one that has been arriving longest makes room"
            assert 600_000 <= bodies.waiting <= 1 << 20
            body = push() + b" " * 600_000
            assert (await door.send(body, headers(body)))[0] == 202
            assert b" 503 " in await answer(senders[5])
        assert set(door.outcomes) == {("crowded", "unknown"), ("accepted", "push")}
        await until(lambda: not bodies.waiting)


async def test_a_delivery_takes_the_place_of_the_one_that_stalls_longest(inbox: Inbox) -> None:
    """Guards the forge's way in: places are few, and a stranger could take each with a few bytes."""
    async with Door(inbox) as door, stalled(door, MOST, b" ") as senders:
        assert (await door.send(push(), headers(push())))[0] == 202
        assert b" 503 " in await answer(senders[0])


@pytest.mark.parametrize("form", [False, True])
async def test_a_large_body_is_checked_beside_the_event_loop(
    inbox: Inbox, form: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards everybody else: 8 MB of a form with a wrong signature stopped the loop for 3.4 s (fault S3)."""
    threads: list[threading.Thread] = []

    def noted(*given: Any) -> bytes | None:
        threads.append(threading.current_thread())
        return signed(*given)

    monkeypatch.setattr("webhooks.receiver.signed", noted)
    kind = {"Content-Type": "application/x-www-form-urlencoded" if form else "application/json"}
    async with Door(inbox, max_body=1 << 20) as door:
        for size, beside in ((100, False), (200_000, True)):
            body = b"payload=" + b"%41b" * (size // 4)
            assert (await door.send(body, {**headers(b""), **kind}))[0] == 401
            assert (threads.pop() is not threading.main_thread()) is beside
