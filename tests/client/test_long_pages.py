"""Lists in which single items are too long: one comment of many megabytes must not hide everything else."""

from __future__ import annotations

from typing import Any

import pytest
from client_api import Api, pull
from client_servers import TOKEN, serving
from hypothesis import given
from hypothesis import strategies as st

from gitea_client.errors import TooLong
from gitea_client.paging import LIMIT, MOST_SKIPPED
from gitea_client.rest import Rest
from gitea_client.transport import Transport

MOST = 20_000
PATH = "/orgs/acme/activities/feeds"


def activity(number: int, *, long: bool) -> dict[str, Any]:
    created = f"2026-11-21T00:{number // 60:02d}:{number % 60:02d}Z"
    content = "x" * (MOST + 1 if long else 10)
    return {"id": number, "op_type": "commit_repo", "repo_id": 1, "created": created, "content": content}


async def _no_sleep(seconds: float) -> None:
    """Not what these tests are about."""


async def read(size: int, long: set[int], *, cap: int = 50, total: bool = True, known: int | None = 0) -> Any:
    """What is read of a feed of `size` items, newest first, and how many requests that took."""
    api = Api()
    api.cap, api.link, api.total = cap, total, total
    api.lists[PATH] = [activity(number, long=number in long) for number in range(size, 0, -1)]
    async with serving(api.handle) as url, Transport(url, TOKEN, sleep=_no_sleep, max_body=MOST) as transport:
        found, _ = await Rest(transport).activities("acme", organization=True, after_id=known)
    return [item.id for item in found], api.pages_of(PATH)


@given(
    size=st.integers(1, 130), long=st.sets(st.integers(1, 130), max_size=4),
    cap=st.sampled_from([50, 30, 7]), total=st.booleans(),
)  # fmt: skip
async def test_everything_is_read_but_what_is_too_long_by_itself(
    size: int, long: set[int], cap: int, total: bool
) -> None:
    """On servers that give whole pages and on those that clamp them, with and without totals."""
    if not total and cap != LIMIT:
        return  # such a server does not say where its list ends
    found, _ = await read(size, long, cap=cap, total=total)
    assert found == [number for number in range(size, 0, -1) if number not in long]


async def test_a_quiet_look_at_a_feed_with_a_long_item_costs_few_requests() -> None:
    """Guards an owner who is not swept any more since a stranger wrote five long comments."""
    found, spent = await read(120, {118, 117}, known=115)
    assert found == [120, 119, 116]
    assert spent <= 12


async def test_looking_again_at_a_feed_with_long_items_costs_one_page_or_two() -> None:
    """Guards the forge and the other repositories: five comments of 16 MB were read again and again by every sweep."""
    api = Api()
    api.lists[PATH] = [activity(number, long=number in (119, 118)) for number in range(120, 0, -1)]
    async with serving(api.handle) as url, Transport(url, TOKEN, sleep=_no_sleep, max_body=MOST) as transport:
        rest, spent = Rest(transport), []
        for _ in range(5):
            before = api.pages_of(PATH)
            found, _ = await rest.activities("acme", organization=True, after_id=120)
            assert found == []
            spent.append(api.pages_of(PATH) - before)
        api.lists[PATH] = [activity(number, long=False) for number in range(190, 0, -1)]
        found, _ = await rest.activities("acme", organization=True, after_id=120)
        assert [item.id for item in found] == list(range(190, 120, -1)), "and what is new is found as ever"
    assert spent == [3, 1, 2, 1, 2]


async def test_a_list_of_nothing_but_long_items_is_an_error_after_some() -> None:
    """Each costs as many bytes as an answer may have."""
    with pytest.raises(TooLong):
        await read(100, set(range(1, 101)))
    _, spent = await read(100, set(range(100 - MOST_SKIPPED + 1, 101)))
    assert spent < 2 * MOST_SKIPPED + 40


async def test_a_pull_request_that_is_too_long_is_unreadable_and_the_others_are_read() -> None:
    api = Api()
    pulls = [{**pull(number), "body": "x" * (MOST + 1) * (number == 3)} for number in range(1, 8)]
    api.lists["/repos/acme/r/pulls"] = pulls
    async with serving(api.handle) as url, Transport(url, TOKEN, sleep=_no_sleep, max_body=MOST) as transport:
        rest = Rest(transport)

        async def fill(found: Any, owner: str, name: str) -> None:
            found.unreadable = (3,)

        rest._fill = fill  # type: ignore[method-assign]  # which refs there are, another test tells
        found = await rest.pull_requests("acme", "r")
    assert sorted(each.number for each in found) == [1, 2, 4, 5, 6, 7]
    assert found.unreadable == (3,)
