"""Freshness: an answer is as fresh as the repository among its contributors that was read the longest ago."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from api_rows import NOW, entry, look, place, pull, repository
from api_server import Cache
from msgspec.structs import replace

from cache.profile.collection import RepositorySelector
from cache.queries.freshness import Freshness, freshness, of_collection, of_ids, of_mirrored
from cache.rows import AliasRow, OwnerRow, RepositoryRow
from cache.viewer import PUBLIC

MINUTE = timedelta(seconds=60)


async def fresh(cache: Cache, where: Any, now: datetime = NOW, **more: Any) -> Freshness:
    async with cache.database.read() as connection:
        return await freshness(connection, PUBLIC, where, now=now, interval=MINUTE, **more)


def ago(seconds: int) -> datetime:
    return NOW - timedelta(seconds=seconds)


async def test_the_repository_read_longest_ago_counts(cache: Cache) -> None:
    await cache.put(look(1, observed_at=ago(90)), look(2, observed_at=ago(10)), OwnerRow("acme", 1, True))
    told = await fresh(cache, of_ids([1, 2, None]))
    assert told == Freshness(ago(90), False, ago(40))


async def test_an_answer_older_than_two_sweeps_is_stale(cache: Cache) -> None:
    await cache.put(look(1, observed_at=ago(0)), OwnerRow("acme", 1, True))
    assert not (await fresh(cache, of_ids([1]), NOW + 2 * MINUTE)).stale
    assert (await fresh(cache, of_ids([1]), NOW + 2 * MINUTE + timedelta(seconds=1))).stale


async def test_a_sweep_of_the_owner_finds_unchanged_what_it_does_not_name(cache: Cache) -> None:
    await cache.remove(OwnerRow("acme", 1, True))
    await cache.put(look(1, observed_at=ago(900)), OwnerRow("ACME", 1, True, swept_at=ago(5)))
    assert (await fresh(cache, of_ids([1]))).observed_at == ago(5)


async def test_a_sweep_says_nothing_of_a_repository_that_could_not_be_read(cache: Cache) -> None:
    await cache.put(look(1, observed_at=ago(100), failures=1), OwnerRow("acme", 1, True, swept_at=ago(5)))
    told = await fresh(cache, of_ids([1]))
    assert told.observed_at == ago(100)
    assert told.stale, "a repository in back-off makes an answer stale, however new"


async def test_one_that_was_never_read_makes_the_time_unknown(cache: Cache) -> None:
    await cache.put(repository(9, "acme/new"), OwnerRow("acme", 1, True, swept_at=ago(5)))
    assert await fresh(cache, of_ids([1, 9])) == Freshness(None, True, None)


async def test_nothing_that_contributes_is_never_called_fresh(empty_cache: Cache) -> None:
    assert await fresh(empty_cache, of_mirrored()) == Freshness(None, True, None)


async def test_a_repository_that_is_only_listed_is_as_fresh_as_its_owners_sweep(cache: Cache) -> None:
    await cache.put(OwnerRow("acme", 1, True, swept_at=ago(7)))
    told = await fresh(cache, of_ids([3]), listed=True)
    assert (told.observed_at, told.stale) == (ago(7), False)
    assert (await fresh(cache, of_ids([3]))).observed_at is None


async def contributors(cache: Cache, **selector: Any) -> set[str]:
    """Which of the repositories an answer about `rfcs` depends on, found by making each of them sick."""
    collection = cache.blocks[0].collection("rfcs")
    if selector:
        chosen = RepositorySelector(**selector)
        collection = replace(collection, repository=chosen, pulls=(), branches=None, document=None)
    found = set()
    rows = [row for row in cache.places[RepositoryRow].values() if isinstance(row, RepositoryRow)]
    for row in rows:
        await cache.put(look(row.id))
    for row in rows:
        await cache.put(look(row.id, failures=1))
        if (await fresh(cache, of_collection(PUBLIC, collection))).stale:
            found.add(row.full_name)
        await cache.put(look(row.id))
    return found


async def test_a_collection_depends_on_its_files_and_its_entries_own_repositories(cache: Cache) -> None:
    assert await contributors(cache) == {"acme/meta", "acme/alpha"}


async def test_a_name_that_was_renamed_still_counts(cache: Cache) -> None:
    await cache.put(repository(1, "acme/renamed"), AliasRow("acme/meta", 1))
    assert "acme/renamed" in await contributors(cache)


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ({"full_name": "ACME/Meta"}, {"acme/meta"}),
        ({"owner": "Acme"}, {"acme/meta", "acme/alpha", "acme/idle", "acme/notes"}),
        ({"owner": "acme", "name": "[!an]*"}, {"acme/meta", "acme/idle"}),
        ({"owner": "acme", "name": "?eta"}, {"acme/meta"}),
        ({"owner": "other"}, {"other/x"}),
        ({"owner": "other", "topic": "hub"}, {"other/x"}),
    ],
)
async def test_a_selector_means_in_sql_what_it_means_elsewhere(
    cache: Cache, selector: dict[str, str], found: set[str]
) -> None:
    await cache.put(repository(8, "other/x", topics=("hub",)))
    assert await contributors(cache, **selector) == found


async def test_an_entry_of_another_collection_does_not_contribute(cache: Cache) -> None:
    await cache.put(entry("x", block="notes", collection="notes", home_repository_id=3), pull(3), place(3, "x"))
    assert "acme/idle" not in await contributors(cache)
