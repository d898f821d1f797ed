"""What strangers ask never takes what others need: seats at the database, places for streams and waits (S10, C13)."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from api_server import Cache, Client, serve
from api_tokens import Kept
from sqlalchemy import text

from cache.store.database import Database
from cache.viewer import EVERYTHING, PUBLIC
from daemon.api.access import Access, Asked
from daemon.api.places import FullError, Places
from daemon.api.problems import TYPE, ProblemError
from daemon.api.reads import ASKER, QUEUE, Reads

FOR_EVER = text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")
STRANGER, KNOWN = Asked(PUBLIC), Asked(EVERYTHING, "hash", "people")


@contextlib.contextmanager
def asking(asked: Asked | None) -> Iterator[None]:
    """As if somebody asked."""
    token = ASKER.set(asked)
    try:
        yield
    finally:
        ASKER.reset(token)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(tmp_path / "cache.db", readers=4) as opened:
        yield opened


async def slow(reads: Reads, asked: Asked | None) -> None:
    """A question without an end."""
    with asking(asked):
        async with reads.read() as connection:
            await connection.execute(FOR_EVER)


async def quick(reads: Reads, asked: Asked | None) -> int:
    with asking(asked):
        async with reads.read() as connection:
            return int((await connection.execute(text("SELECT 1"))).scalar_one())


async def test_a_question_without_an_end_is_stopped_and_its_seat_is_free_again(database: Database) -> None:
    """Guards every seat: what is only forgotten goes on in its thread, and keeps the seat with it."""
    reads = Reads(database, 0.2)
    for _ in range(5):
        with pytest.raises(ProblemError) as stopped:
            await slow(reads, STRANGER)
        assert stopped.value.kind == "too-slow"
    assert await quick(reads, STRANGER) == 1


async def test_the_question_of_somebody_who_left_is_stopped(database: Database) -> None:
    reads = Reads(database, 3_600.0)
    for _ in range(5):
        task = asyncio.create_task(slow(reads, STRANGER))
        await asyncio.sleep(0.05)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert await quick(reads, STRANGER) == 1


async def test_strangers_never_take_all_seats(database: Database) -> None:
    """Guards the operator, and what the daemon itself reads."""
    reads = Reads(database, 3_600.0)
    held = [asyncio.create_task(slow(reads, STRANGER)) for _ in range(10)]
    held += [asyncio.create_task(slow(reads, KNOWN)) for _ in range(1)]
    try:
        await asyncio.sleep(0.05)
        assert await asyncio.wait_for(quick(reads, None), 5) == 1
        held.pop().cancel()
        assert await asyncio.wait_for(quick(reads, KNOWN), 5) == 1
    finally:
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)


async def test_only_so_many_strangers_wait_for_a_seat(database: Database) -> None:
    reads = Reads(database, 3_600.0)
    held = [asyncio.create_task(slow(reads, STRANGER)) for _ in range(QUEUE + 2)]
    try:
        await asyncio.sleep(0.05)
        with pytest.raises(ProblemError) as refused:
            await quick(reads, STRANGER)
        assert refused.value.kind == "busy"
        assert await asyncio.wait_for(quick(reads, KNOWN), 5) == 1
    finally:
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)


def taken(places: Places, asked: Asked, number: int, stack: contextlib.ExitStack) -> int:
    """How many of so many places somebody gets."""
    got = 0
    for _ in range(number):
        with contextlib.suppress(FullError):
            stack.enter_context(places.take(asked))
            got += 1
    return got


def test_places_are_shared_out_by_who_asks() -> None:
    """Guards the known from strangers, strangers from one of them, and the known from one another."""
    places = Places(100)
    with contextlib.ExitStack() as stack:
        assert taken(places, Asked(PUBLIC, address="192.0.2.1"), 130, stack) == 25
        assert taken(places, Asked(PUBLIC), 130, stack) == 25, "strangers together have half"
        assert taken(places, Asked(PUBLIC, address="192.0.2.2"), 1, stack) == 0
        assert taken(places, KNOWN, 130, stack) == 25
        assert taken(places, Asked(EVERYTHING, "another", "another"), 130, stack) == 25
    assert places.taken == 0
    with contextlib.ExitStack() as stack:
        assert taken(places, Asked(PUBLIC), 1, stack) == 1, "what was given back can be had again"


async def status(session: aiohttp.ClientSession, url: str) -> int:
    """How an answer ends, once it does."""
    async with session.get(url) as answer:
        await answer.read()
        return answer.status


async def ended(tasks: list[asyncio.Task[int]], number: int) -> AsyncIterator[int]:
    """The first so many answers that end."""
    for done in itertools.islice(asyncio.as_completed(tasks), number):
        yield await done


@pytest.mark.parametrize(
    ("path", "kind"), [("/events", "too-many-streams"), ("/changes?wait=60&after=latest", "too-many-waits")]
)
async def test_one_stranger_cannot_take_the_operators_place(cache: Cache, path: str, kind: str) -> None:
    """Guards the operator: 130 streams or 1,500 long polls of one stranger took all there were (fault S10)."""
    kept = Kept()
    access, secret = Access(kept, lambda: cache.now), kept.give()
    async for running in serve(cache.context(streams=8, access=access)):
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            client = Client(session, running.root)
            held = [asyncio.create_task(status(session, f"{running.root}/api/v1{path}")) for _ in range(30)]
            for one in [each async for each in ended(held, 26)]:
                assert one == 503
            assert (await client.get(path, status=503))["type"] == f"{TYPE}{kind}"
            url = f"{running.root}/api/v1{path.replace('wait=60', 'wait=0.01')}"
            async with session.get(url, headers={"Authorization": f"Bearer {secret}"}) as answer:
                assert answer.status == 200
            for task in held:
                task.cancel()
