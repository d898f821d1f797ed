"""A cache filled as applications do it at first: through the contents API, everything again at every sweep.

The requests are those of an RFC application's reconciler: one listing, one read an entry, the pull requests; then for
every active entry its document, its branches, and its open and its closed pull requests. Nothing is stored here: the
requests alone are what is compared.
"""

from __future__ import annotations

import base64
import time

import aiohttp
import yaml
from msgspec import Struct


class Spent(Struct, frozen=True):
    """What a sweep cost."""

    requests: int
    seconds: float


async def sweep(url: str, token: str, owner: str) -> Spent:
    """One sweep, its requests one after another, as the application makes them."""
    began, requests = time.perf_counter(), 0
    async with aiohttp.ClientSession(headers={"Authorization": f"token {token}"}) as session:

        async def get(path: str) -> object:
            nonlocal requests
            requests += 1
            async with session.get(f"{url}/api/v1{path}") as answer:
                answer.raise_for_status()
                return await answer.json()

        listing = await get(f"/repos/{owner}/meta/contents/rfcs?ref=main")
        homes = []
        for item in listing if isinstance(listing, list) else []:
            file = await get(f"/repos/{owner}/meta/contents/{item['path']}?ref=main")
            assert isinstance(file, dict)
            fields = yaml.safe_load(base64.b64decode(file["content"]).decode().split("---")[1])
            if fields["state"] == "active" and fields.get("repo"):
                homes.append(fields["repo"])
        for state in ("open", "closed"):
            await get(f"/repos/{owner}/meta/pulls?state={state}&limit=50")
        for home in homes:
            await get(f"/repos/{home}/contents/RFC.md?ref=main")
            await get(f"/repos/{home}/branches?limit=50")
            for state in ("open", "closed"):
                await get(f"/repos/{home}/pulls?state={state}&limit=50")
    return Spent(requests, time.perf_counter() - began)
