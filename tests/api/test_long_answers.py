"""Answers that could be long without end: pages with bodies, pull requests, differences, long keys (S7, S9)."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import aiohttp
import pytest
from api_rows import entry, note, repository, sha
from api_server import Cache, Client, serve

from cache.queries.entries import LONGEST_PHRASE, MOST_TOKENS
from cache.textdiff import compare
from cache.viewer import EVERYTHING, PUBLIC
from daemon.api.access import Asked
from daemon.api.comparing import QUEUE, Comparing
from daemon.api.problems import TYPE, ProblemError
from daemon.api.reads import ASKER


async def every(client: Client, path: str, cursor: str | None = None, **query: Any) -> list[list[dict[str, Any]]]:
    """Every page of a list from a cursor on, as its `next` leads."""
    pages = []
    while True:
        answer = await client.get(path, **query, **({"cursor": cursor} if cursor else {}))
        pages.append(answer["items"])
        cursor = answer["next"]
        if cursor is None:
            return pages


async def test_a_page_with_bodies_ends_where_it_grows_too_long_and_the_next_goes_on(empty_cache: Cache) -> None:
    """Guards memory: 200 bodies of 1 MB are a page of 200 MB, for each of twelve readers (fault S7)."""
    sizes = [10, 600, 300, 300, 300, 2_000, 10, 0, 990]
    keys = [f"entry{number}" for number in range(len(sizes))]
    await empty_cache.put(repository(1, "acme/meta"))
    texts = ["ä" * (size // 2) for size in sizes]
    await empty_cache.put(*(entry(key, body=body, entry_body=body, entry_sha=sha(100 + number))
                            for number, (key, body) in enumerate(zip(keys, texts, strict=True))))  # fmt: skip
    async for running in serve(empty_cache.context(page_bytes=1_000)):
        async with aiohttp.ClientSession() as session:
            client = Client(session, running.root)
            pages = await every(client, "/rfcs", include="body", limit=5)
            assert [item["slug"] for page in pages for item in page] == keys, "each comes once"
            assert [len(item["body"].encode()) for page in pages for item in page] == sizes
            assert [len(page) for page in pages] == [3, 2, 1, 3], "by bytes, by rows, one that is too long by itself"
            backwards = await every(client, "/rfcs", include="body", sort="-title")
            assert sorted(item["slug"] for page in backwards for item in page) == keys
            assert [len(page) for page in await every(client, "/rfcs", limit=5)] == [5, 4], "without bodies as ever"


@pytest.mark.parametrize("sort", ["key", "-key", "title", "-title"])
async def test_a_list_of_very_long_keys_is_walked_to_its_end(empty_cache: Cache, sort: str) -> None:
    """Guards a list's second half: our own cursor was refused by us where keys have 1,600 letters (fault S9)."""
    alike = "日本語" * 900
    keys = [f"{alike}{number}" for number in range(4)] + ["short", "z" * 5_000]
    await empty_cache.put(repository(4, "acme/notes"))
    await empty_cache.put(*(note(key, title=f"{alike[:-number]}" if number < 4 else key)
                            for number, key in enumerate(keys)))  # fmt: skip
    async for running in serve(empty_cache.context()):
        async with aiohttp.ClientSession() as session:
            client = Client(session, running.root)
            pages = await every(client, "/notes", limit=1, sort=sort)
            assert sorted(item["key"] for page in pages for item in page) == sorted(keys)
            assert len(pages) == len(keys)


@pytest.mark.parametrize("sort", ["key", "-key"])
async def test_a_long_key_that_goes_between_two_pages_costs_no_other_its_place(empty_cache: Cache, sort: str) -> None:
    """Guards the rows behind it: what is told of it cannot be compared with any more."""
    keys = [f"{'k' * 2_000}{number}" for number in range(5)]
    await empty_cache.put(repository(4, "acme/notes"))
    await empty_cache.put(*(note(key) for key in keys))
    async for running in serve(empty_cache.context()):
        async with aiohttp.ClientSession() as session:
            client = Client(session, running.root)
            first = await client.get("/notes", limit=2, sort=sort)
            await empty_cache.remove(note(first["items"][1]["key"]))
            rest = await every(client, "/notes", limit=2, sort=sort, cursor=first["next"])
            seen = {item["key"] for page in rest for item in page}
            assert seen >= set(keys) - {item["key"] for item in first["items"]}


@pytest.mark.parametrize(
    "q", ["a " * (MOST_TOKENS + 1), "-".join("a" * (LONGEST_PHRASE + 1)), "x" * 1_001, "_".join("ab" * 20)]
)
async def test_a_search_for_too_many_words_is_refused(client: Client, q: str) -> None:
    """Guards the seats: one phrase of 3,900 words cost 26 s that nothing can interrupt (fault S4)."""
    problem = await client.get("/rfcs", status=400, q=q)
    assert (problem["type"], problem["parameter"]) == (f"{TYPE}too-many-words", "q")


async def test_a_search_as_people_write_it_is_answered(client: Client) -> None:
    words = "https://forge.example/acme/meta/src/branch/main/rfcs/one.md and ten words more beside it"
    assert (await client.get("/rfcs", q=words))["items"] == []


async def test_texts_of_too_many_lines_are_not_compared() -> None:
    """Guards memory: the difference of two texts of 500,000 lines was an answer of 47 MB (fault S7)."""
    comparing = Comparing(20)

    def work(before: str, after: str, most: int) -> int:
        return len(compare(before, after, ("a", "b"), most).lines)

    assert await comparing.run("", "\n" * 19, work) == 19
    for before, after in (("", "\n" * 30), ("\n" * 30, ""), ("", "x" * 5_000_000)):
        with pytest.raises(ProblemError) as refused:
            await comparing.run(before, after, work)
        assert refused.value.kind == "too-long"


async def test_only_so_many_strangers_wait_for_a_comparison() -> None:
    comparing, go = Comparing(20), threading.Event()
    ASKER.set(Asked(PUBLIC))
    held = [asyncio.create_task(comparing.run("", "", lambda *_: go.wait(10))) for _ in range(QUEUE)]
    try:
        await asyncio.sleep(0)
        with pytest.raises(ProblemError) as refused:
            await comparing.run("", "", lambda *_: None)
        assert refused.value.kind == "busy"
        ASKER.set(Asked(EVERYTHING, "hash"))
        known = asyncio.create_task(comparing.run("", "", lambda *_: "answered"))
    finally:
        go.set()
    assert await known == "answered"
    await asyncio.gather(*held)
