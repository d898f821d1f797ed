"""Owners side by side in one daemon: what one owner's token sees of another's directives is what is not there."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from api_cache import cached
from api_rows import EPOCH, entry, repository, revision
from api_server import Cache, serve
from api_tokens import Kept
from msgspec.structs import replace

from cache.profile.block import bind, load_profile
from cache.rows import Row
from daemon.api.access import Access

OWNERS = ("a", "b")


def of_owner(owner: str, number: int) -> list[Row]:
    block = f"directives-{owner}"
    where = {"block": block, "collection": "directives"}
    told = {"repository_id": number, "entry_repository_id": number, "rule": "field", "merged_at": EPOCH}
    return [
        repository(number, f"{owner}/contracts", private=True),
        entry("contract", repository_id=number, fields={"title": "Contract"}, **where),
        *(_in(block, revision(version, "contract", content=f"what {owner} asks", pr_state="merged", **told))
          for version in (1, 2)),
    ]  # fmt: skip


def _in(block: str, row: Row) -> Row:
    return replace(row, block=block, collection="directives")


@pytest.fixture
async def cache() -> AsyncIterator[Cache]:
    async with cached() as made:
        made.blocks = tuple(
            bind(load_profile("directives"), f"directives-{owner}", f"{owner}_",
                 parameters={"repository": f"{owner}/contracts"})
            for owner in OWNERS
        )  # fmt: skip
        for number, owner in enumerate(OWNERS, 1):
            await made.put(*of_owner(owner, number))
        yield made


PARTS = ("", "/1", "/latest-merged", "/1/diff/2", "/2/diff/head", "?pr_state=merged")


@pytest.mark.parametrize("part", PARTS)
async def test_an_owner_lists_its_own_revisions_and_no_others(cache: Cache, part: str) -> None:
    kept = Kept()
    tokens = {owner: kept.give(owner, owners=[owner]) for owner in OWNERS}
    async for server in serve(cache.context(access=Access(kept, lambda: cache.now))):
        async with aiohttp.ClientSession() as session:
            for owner in OWNERS:
                for whose in OWNERS:
                    path = f"/directives-{whose}/directives/contract/revisions{part}"
                    url, headers = f"{server.root}/api/v1{path}", {"Authorization": f"Bearer {tokens[owner]}"}
                    async with session.get(url, headers=headers) as answer:
                        text = await answer.text()
                        wanted = (200, True) if owner == whose else (404, False)
                        assert (answer.status, f"{whose}/contracts" in text or f"what {whose} asks" in text) == wanted
            url = f"{server.root}/api/v1/directives-a/directives/contract/revisions{part}"
            async with session.get(url) as answer:
                assert answer.status == 404, "a stranger sees none"
