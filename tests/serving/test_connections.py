"""Strangers who open connections and say little: what they hold never keeps others out (fault S2)."""

from __future__ import annotations

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving_place import Daemon, Place, rfc, until

from daemon.api.credentials import is_shared
from daemon.connections import ConnectionLimits, Connections, Phase
from daemon.control import run_remote
from daemon.descriptors import affordable, raise_limit

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

FEW = """
[limits]
connections = 20
request_time = "{request}"
idle_time = "{idle}"
"""


@contextlib.asynccontextmanager
async def opened(daemon: Daemon, number: int, say: bytes = b"") -> AsyncIterator[list[Streams]]:
    """So many connections, each of which has said something."""
    host, port = urlsplit(daemon.url).hostname, urlsplit(daemon.url).port
    made: list[Streams] = []
    try:
        for _ in range(number):
            made.append(await asyncio.open_connection(host, port))
            made[-1][1].write(say)
        yield made
    finally:
        for _, writer in made:
            writer.close()


async def ended(streams: Streams) -> bytes:
    """What came until the other end closed the connection."""
    with contextlib.suppress(ConnectionError):
        return await streams[0].read()
    return b""


@pytest.mark.parametrize(
    "said", [b"", b"GET / HT", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"], ids=["silent", "head", "idle"]
)
async def test_more_connections_than_places_keep_nobody_out(said: bytes) -> None:
    """Guards a prober's and a person's way in, and the operator's: the one that waits longest makes room."""
    async with Place() as place:
        place.configure(more=FEW.format(request="60s", idle="60s"))
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await daemon.sweep()
            async with opened(daemon, 50, said) as held:
                for _ in range(5):
                    host, port = urlsplit(daemon.url).hostname, urlsplit(daemon.url).port
                    reader, writer = await asyncio.open_connection(host, port)  # a new one, as a prober's is
                    writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    assert (await reader.read()).startswith(b"HTTP/1.1 200")
                    writer.close()
                assert await daemon.titles() == {"one": "One"}
                result, _ = await run_remote(place.data_dir / "control.sock", "digest", {}, lambda _told: None)
                assert result["digest"]
                await ended(held[0])  # the first that came was the first to go


@pytest.mark.parametrize(("said", "answer"), [(b"", b""), (b"GET / HTTP/1.1\r\nHost: x\r\n", b"HTTP/1.1 408")])
async def test_a_connection_that_says_nothing_or_half_of_it_is_closed(said: bytes, answer: bytes) -> None:
    """Guards against those who stay for ever; further bytes of a head do not prolong it."""
    async with Place() as place:
        place.configure(more=FEW.format(request="0.3s", idle="60s"))
        async with place.daemon() as daemon, opened(daemon, 1, said) as (held,):
            told = asyncio.create_task(ended(held))
            while not told.done():
                if said:
                    held[1].write(b"X: y\r\n")
                await asyncio.sleep(0.05)
            assert (await told)[: len(answer)] == answer


async def test_an_idle_connection_is_kept_for_its_time_and_closed_then() -> None:
    async with Place() as place:
        place.configure(more=FEW.format(request="60s", idle="0.3s"))
        async with place.daemon() as daemon, opened(daemon, 1) as (held,):
            for _ in range(2):
                held[1].write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert await held[0].readuntil(b"}")
            assert await ended(held) == b""


async def test_a_head_without_end_is_cut() -> None:
    """Guards the memory: 128 fields of 8 kB on each of 500 connections."""
    async with Place() as place:
        place.configure(more=FEW.format(request="60s", idle="60s"))
        async with place.daemon() as daemon, opened(daemon, 1, b"GET / HTTP/1.1\r\n") as (held,):
            held[1].writelines([b"X-%d: %s\r\n" % (number, b"a" * 7_000) for number in range(12)])
            assert (await ended(held)).startswith(b"HTTP/1.1 408")


async def test_a_busy_connection_is_not_ended_for_a_new_one() -> None:
    """Guards readers who wait: a stream of events ends for nobody's sake."""
    async with Place() as place:
        place.configure(more=FEW.format(request="60s", idle="60s"))
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await daemon.sweep()
            async with daemon.session.get(f"{daemon.url}/api/v1/events") as stream:
                await stream.content.readuntil(b"\r\n\r\n")
                async with opened(daemon, 60):
                    await daemon.sweep()
                    await place.push(one=rfc("Two"))
                    await daemon.sweep()
                    assert b"event: change" in await stream.content.readuntil(b"\r\n\r\n")


async def test_busy_connections_leave_room_for_health_and_deliveries() -> None:
    """Guards a prober against whatever keeps handlers busy: here forms to sign in with that do not arrive."""
    async with Place() as place:
        place.configure(more=FEW.format(request="60s", idle="60s"))
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await daemon.sweep()
            form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ntoken="
            async with opened(daemon, 60, f"POST /console/sign-in HTTP/1.1\r\nHost: localhost\r\n{form}".encode()):

                async def refused() -> bool:
                    return (await daemon.get("/api/v1/rfcs"))[0] == 503

                await until(refused)
                assert (await daemon.get("/healthz"))[0] == 200
                assert (await daemon.get("/readyz"))[0] == 200
                await place.push(one=rfc("Two"))
                await place.forge.deliveries.settle()
                assert place.forge.deliveries.sent[-1].status == 202


class Sink(asyncio.Protocol):
    """A server that says nothing."""


async def test_one_address_has_a_share_of_the_places_unless_many_people_share_it() -> None:
    """Guards others against one, and all who come through one proxy against that rule."""
    assert is_shared("127.0.0.1", ()) and is_shared("::1", ()) and is_shared("10.1.2.3", ("10.0.0.0/8",))
    assert not is_shared("192.0.2.1", ("10.0.0.0/8",))
    assert not is_shared("somewhere", ())
    dropped: list[str] = []
    for addresses, expected in ((["192.0.2.1"] * 20, 5), (["127.0.0.1"] * 30, 20)):
        connections = Connections(ConnectionLimits(20, 60.0, 60.0), dropped=dropped.append)
        made = [connections.watched(Sink)() for _ in addresses]
        for protocol, address in zip(made, addresses, strict=True):
            protocol.connection_made(FakeTransport(address))
        assert len(connections) == expected
        for protocol in made:
            protocol.connection_lost(None)
        assert len(connections) == 0
    assert set(dropped) == {"full"}


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([*Phase, None])), max_size=60))
async def test_whoever_waits_longest_makes_room_however_they_come_and_go(
    steps: list[tuple[int, Phase | None]],
) -> None:
    """Guards the books that make this quick: with a search for each newcomer a storm of them held health checks up."""
    connections = Connections(ConnectionLimits(6, 60.0, 60.0))
    here: list[Any] = []
    for which, phase in steps:
        if phase is None and len(here) > which:
            here.pop(which).connection_lost(None)
        elif phase is not None and len(here) > which:
            here[which].enter(phase)
            here.append(here.pop(which))  # in the order in which they entered what they are in
        newcomer = connections.watched(Sink)()
        waiting = [each for each in here if each.phase is not Phase.BUSY]
        newcomer.connection_made(FakeTransport("127.0.0.1"))
        if len(here) < 6:
            here.append(newcomer)
        elif waiting:
            here.remove(min(waiting, key=lambda each: each.phase))
            here.append(newcomer)
        assert {each.inner for each in here} == connections.open
        assert len(connections) == len(here)
    for each in list(here):
        each.connection_lost(None)
    assert len(connections) == 0


class FakeTransport(asyncio.Transport):
    """A connection from some address."""

    def __init__(self, address: str) -> None:
        super().__init__({"peername": (address, 4711)})

    def get_write_buffer_size(self) -> int:
        return 0

    def close(self) -> None:
        pass


def test_descriptors_are_kept_back() -> None:
    """Guards git, the databases and the control socket; a system that allows few gets fewer connections."""
    assert affordable(512, 20_000) == 512
    assert affordable(512, 256) == 64
    assert affordable(512, 20) == 16
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
        assert raise_limit() == min(hard, 65_536)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(hard, 65_536)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_what_was_dropped_is_counted() -> None:
    async with Place() as place:
        place.configure(more=FEW.format(request="0.2s", idle="60s"))
        async with place.daemon() as daemon, opened(daemon, 3) as held:
            for each in held:
                await ended(each)

            async def counted() -> bool:
                text = (await daemon.get("/metrics"))[1]
                return 'forgeglass_http_connections_dropped_total{reason="silent"} 3.0' in text

            await until(counted)
