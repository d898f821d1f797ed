"""The change feed as server-sent events: whoever comes back with the last id misses none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest
from api_rows import entry, note
from api_server import Cache, Client, Server, serve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.store.database import Database
from daemon.api.problems import TYPE


class Stream:
    """One connection; `next` gives an event's name, id and data, or None at the stream's end."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def next(self) -> tuple[str, str | None, Any] | None:
        said: dict[str, str] = {}
        while True:
            line = (await asyncio.wait_for(self.response.content.readline(), 10)).decode()
            if not line:
                return None
            name, _, value = line.rstrip("\r\n").partition(": ")
            if name:
                said[name] = value
            elif "data" in said:
                return said["event"], said.get("id"), json.loads(said["data"])

    async def changes(self, count: int) -> list[Any]:
        found: list[Any] = []
        while len(found) < count:
            event = await self.next()
            assert event is not None
            if event[0] == "change":
                assert event[1] == event[2]["position"]
                found.append(event[2])
        return found


@asynccontextmanager
async def stream(client: Client, query: str = "", last: str | None = None) -> AsyncIterator[Stream]:
    headers = {"Last-Event-ID": last} if last else {}
    async with client.session.get(f"{client.root}/api/v1/events{query}", headers=headers) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "text/event-stream"
        yield Stream(response)


async def test_a_listener_gets_a_change_when_it_is_applied(client: Client, cache: Cache) -> None:
    async with stream(client) as listener:
        assert await listener.next() == ("hello", "e1:15", {"position": "e1:15", "epoch": "e1", "sequence": 15})
        await cache.put(entry("beta", title="Better"))
        event = await listener.next()
        assert event is not None
        assert event[:2] == ("change", "e1:16")
        asked = await client.get("/changes", after="e1:15")
        assert event[2] == asked["items"][0], "both ways of reading tell the same"


class Counted:
    """A database, and how often it was read."""

    def __init__(self, database: Database) -> None:
        self.database, self.reads = database, 0

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        self.reads += 1
        return self.database.read()


@pytest.mark.parametrize("listeners", [2, 20])
async def test_a_change_is_read_once_however_many_listen(cache: Cache, listeners: int) -> None:
    """C10: each stream had a query of its own, a hundred of them a quarter of a second of computing for each push."""
    counted = Counted(cache.database)
    async for running in serve(cache.context(database=counted)):
        async with aiohttp.ClientSession() as session, AsyncExitStack() as stack:
            client = Client(session, running.root)
            streams = [await stack.enter_async_context(stream(client)) for _ in range(listeners)]
            for each in streams:
                await each.next()
            await until_quiet(counted)
            before = counted.reads
            await cache.put(entry("beta", title="Better"))
            for each in streams:
                (change,) = await each.changes(1)
                assert change["key"] == "beta"
            assert counted.reads - before <= 2


async def until_quiet(counted: Counted) -> None:
    """All streams have looked, and wait for news."""
    before = -1
    while before != counted.reads:
        before = counted.reads
        await asyncio.sleep(0.05)


async def test_events_are_filtered(client: Client, cache: Cache) -> None:
    async with stream(client, "?collection=notes&kind=entry") as listener:
        await listener.next()
        await cache.put(entry("beta", title="Better"))
        await cache.put(note("2026/a"))
        assert [change["key"] for change in await listener.changes(1)] == ["2026/a"]
    await client.get("/events", status=400, collecton="notes")


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4))
async def test_a_listener_that_goes_and_comes_back_misses_none(
    client: Client, cache: Cache, reads: list[int]
) -> None:
    begin = last = f"e1:{cache.store.sequence}"
    seen: list[Any] = []
    for count in reads:
        for _ in range(count):
            await cache.put(note("2026/a", weight=cache.store.sequence))
        async with stream(client, last=last) as listener:
            seen += await listener.changes(1)  # the others come after it is gone
        last = seen[-1]["position"]
    async with stream(client, last=last) as listener:
        seen += await listener.changes(sum(reads) - len(reads))
    assert seen == (await client.get("/changes", after=begin, limit=200))["items"]


@pytest.mark.parametrize("last", ["e0:3", "e1:999"])
async def test_a_listener_from_another_time_is_told_to_resync(client: Client, last: str) -> None:
    problem = await client.get("/events", status=410, headers={"Last-Event-ID": last})
    assert problem["type"] == f"{TYPE}resync"


async def test_a_listener_who_falls_behind_what_is_kept_is_told_and_let_go(client: Client, cache: Cache) -> None:
    async with stream(client) as listener:
        await listener.next()
        cache.epoch = "e2"
        await cache.put(entry("beta", title="Better"))
        event = await listener.next()
        assert event is not None
        assert (event[0], event[1], event[2]["type"]) == ("resync", None, f"{TYPE}resync")
        assert await listener.next() is None


async def test_a_quiet_stream_shows_that_it_lives(cache: Cache) -> None:
    async for running in serve(cache.context(heartbeat=0.01)):
        async with aiohttp.ClientSession() as session, stream(Client(session, running.root)) as listener:
            await listener.next()
            assert (await asyncio.wait_for(listener.response.content.readline(), 10)).startswith(b": ping")


async def test_stopping_ends_streams_at_once_and_begins_no_other(client: Client, server: Server) -> None:
    async with stream(client) as listener:
        await listener.next()
        await server.api.stop()
        assert await listener.next() is None
    response, problem = await client.answer("/events", status=503)
    assert problem["type"] == f"{TYPE}too-many-streams"
    assert response.headers["Retry-After"] == "1"


async def test_only_so_many_streams_are_served(cache: Cache) -> None:
    async for running in serve(cache.context(streams=1)):
        async with aiohttp.ClientSession() as session:
            client = Client(session, running.root)
            async with stream(client) as listener:
                await listener.next()
                await client.get("/events", status=503)


async def test_a_listener_who_is_gone_is_found_out(cache: Cache) -> None:
    async for running in serve(cache.context(streams=1, heartbeat=0.01)):
        async with aiohttp.ClientSession() as session:
            client = Client(session, running.root)
            async with stream(client) as listener:
                await listener.next()
            free = False
            while not free:  # a sign of life fails, and the place is free again
                async with session.get(f"{client.root}/api/v1/events") as response:
                    free = response.status == 200


async def test_a_stream_is_only_served_to_get(client: Client) -> None:
    response, _ = await client.answer("/events", status=405, method="HEAD")
    assert response.headers["Allow"] == "GET"
