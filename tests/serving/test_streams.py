"""The feed through a running daemon: whoever comes back misses nothing, and open streams never hold up its end."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from serving_place import PATIENCE, Place, rfc, until


class Stream:
    """One open `/events`."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def next(self) -> tuple[str, Any] | None:
        """The next event's name and data, None at the end."""
        name = ""
        async with asyncio.timeout(PATIENCE):
            async for raw in self._answer.content:
                field, _, value = raw.decode().rstrip("\r\n").partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    return name, json.loads(value)
        return None

    async def change(self) -> Any:
        """The next change."""
        while True:
            event = await self.next()
            assert event is not None
            if event[0] == "change":
                return event[1]

    async def until_title(self, key: str) -> list[str]:
        """Positions up to the change of the entry `key`."""
        positions: list[str] = []
        while True:
            change = await self.change()
            positions.append(change["position"])
            if (change["kind"], change["key"]) == ("entry", key):
                return positions


@asynccontextmanager
async def listening(url: str, last: str | None = None) -> AsyncIterator[Stream]:
    headers = {"Last-Event-ID": last} if last else {}
    async with aiohttp.ClientSession() as session, session.get(f"{url}/api/v1/events", headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        yield Stream(answer)


async def test_whoever_comes_back_gets_every_change_in_between() -> None:
    """Guards against changes lost between two connections of one reader, and against one told twice."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await daemon.sweep()
            async with listening(daemon.url) as stream:
                assert (await stream.next() or [None])[0] == "hello"
                await place.push(a=rfc())
                seen = await stream.until_title("a")
            for name in ("b", "c"):  # while nobody listens
                await place.push(**{name: rfc()})
                await place.forge.deliveries.settle()
                await daemon.engine.desk.workers.idle()
            async with listening(daemon.url, seen[-1]) as stream:
                await place.push(d=rfc())
                while len(rest := await stream.until_title("d")) < 3:
                    seen += rest
                seen += rest
            page = (await daemon.get("/api/v1/changes?limit=200"))[1]
            kept = [item["position"] for item in page["items"]]
            assert seen == kept[kept.index(seen[0]) : kept.index(seen[-1]) + 1]


async def test_a_long_poll_ends_with_the_change_it_waited_for() -> None:
    """Guards programs without streams: an answer at once when something happens, an empty one when nothing does."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await daemon.sweep()
            position = (await daemon.get("/api/v1/changes?after=latest"))[1]["next"]
            assert (await daemon.get(f"/api/v1/changes?after={position}&wait=0.05"))[1]["items"] == []
            waiting = asyncio.create_task(daemon.get(f"/api/v1/changes?after={position}&wait=60"))
            await place.push(one=rfc("Two"))
            async with asyncio.timeout(PATIENCE):
                status, page, _ = await waiting
            assert status == 200
            assert "entry" in {item["kind"] for item in page["items"]}


async def test_a_daemon_stops_at_once_whoever_still_listens() -> None:
    """Guards a restart against streams, long polls, waits and idle connections, each of which may last minutes."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        async with place.process() as daemon, aiohttp.ClientSession() as session:
            await daemon.logged("sweep.done")
            ends, mark = [], place.forge.mark()
            async with listening(daemon.url) as first, listening(daemon.url) as second:
                for stream in (first, second):
                    assert (await stream.next() or [None])[0] == "hello"
                async with session.get(f"{daemon.url}/api/v1/changes?after=latest") as answer:
                    position = (await answer.json())["next"]
                for path in (f"changes?after={position}&wait=60", f"rfcs?wait_for=acme/meta@{'1' * 40}&timeout=60"):
                    ends.append(asyncio.create_task(answered(session, f"{daemon.url}/api/v1/{path}")))
                await until(lambda: len(place.forge.requests_since(mark)) > 1)  # it looks for the commit
                code, seconds = await daemon.end(signal.SIGTERM)
            assert set(await asyncio.gather(*ends)) <= {503, None}
            assert code == 0
            assert seconds < 2


async def answered(session: aiohttp.ClientSession, url: str) -> int | None:
    """The status of an answer, None where the connection was closed."""
    try:
        async with session.get(url) as answer:
            return answer.status
    except aiohttp.ClientError:
        return None
