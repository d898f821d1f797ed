"""`public_url` with a sub-path, asked without any proxy: what the daemon tells is the same whoever stands in front."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest
from deploy_place import META, configuration, daemon, planted

from daemon.commands import COMMANDS
from daemon.config import Config, load
from gitea_client.fake import StandIn

PUBLIC = "https://tools.example.org/forgeglass"
SECOND = f'[[profiles]]\nuse = "rfc"\nname = "again"\nview_prefix = "again_"\nmeta = "{META}"\n'
"""A second block over the same files: its collections have the names of the first one's."""


def configured(place: Path, forge: StandIn, *lines: str) -> Config:
    path = configuration(place, forge, *lines).path
    path.write_text(f"{path.read_text()}\n{SECOND}")
    return load(path, {})


async def asked(url: str, path: str) -> tuple[aiohttp.ClientResponse, Any]:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/api/v1{path}") as response:
        return response, await response.json(content_type=None)


@pytest.mark.parametrize(("lines", "before"), [((f'public_url = "{PUBLIC}/"',), PUBLIC), ((), "")])
async def test_every_address_that_is_told_begins_with_public_url(
    lines: tuple[str, ...], before: str, tmp_path: Path
) -> None:
    """A bare path leads beside a sub-path; and without `public_url` no name is made up."""
    async with StandIn(tmp_path / "forge") as forge:
        await planted(forge)
        async with daemon(configured(tmp_path / "here", forge, *lines)) as served:
            await COMMANDS["sweep"](served.engine, {"deep": True}, lambda _progress: None)
            _, problem = await asked(served.url, "/rfcs")
            assert problem["type"].endswith(":ambiguous-collection")
            assert problem["instance"] == f"{before}/api/v1/rfcs"
            assert problem["candidates"] == [f"{before}/api/v1/rfc/rfcs", f"{before}/api/v1/again/rfcs"]
            assert all(candidate in problem["detail"] for candidate in problem["candidates"])

            _, odd = await asked(served.url, "/rfc/rfcs/no%20such%2Fkey")
            assert odd["instance"] == f"{before}/api/v1/rfc/rfcs/no%20such%2Fkey", "an address, not what it decodes to"

            response, _ = await asked(served.url, "/rfc/rfcs?limit=1&state=idea")
            assert response.headers["Link"].startswith("<?"), "a query alone is right behind any proxy"
            following = response.links["next"]["url"]
            assert str(following).startswith(f"{served.url}/api/v1/rfc/rfcs?")
            assert (following.query["limit"], following.query["state"]) == ("1", "idea")

            _, document = await asked(served.url, "/openapi.json")
            assert document["servers"] == [{"url": before or "/"}]
