"""Several daemons that read one forge, each with a folder of its own: equal rows, feeds of their own."""

from __future__ import annotations

from pathlib import Path

import aiohttp
from deploy_place import META, SECRET, configuration, daemon, entry, planted

from daemon.commands import COMMANDS
from daemon.serving import Served
from gitea_client.fake import StandIn


async def command(served: Served, name: str, **arguments: object) -> dict[str, object]:
    result, code = await COMMANDS[name](served.engine, arguments, lambda _progress: None)
    assert code == 0
    return dict(result)


async def test_two_replicas_hold_the_same_rows_and_refuse_each_others_positions(tmp_path: Path) -> None:
    """A load balancer may send a reader of rows anywhere, and a follower of the feed must be kept where it began."""
    async with StandIn(tmp_path / "forge") as forge:
        await planted(forge)
        async with (
            daemon(configuration(tmp_path / "one", forge)) as one,
            daemon(configuration(tmp_path / "two", forge)) as two,
            aiohttp.ClientSession() as session,
        ):
            await command(one, "sweep", deep=True)
            await forge.commit(META, {"rfcs/later.md": entry("Later")})  # the second begins with another history
            for served in (two, one):
                await command(served, "sweep", deep=True)
            first, second = [await command(served, "digest", without_state=True) for served in (one, two)]
            assert first["digest"] == second["digest"]

            async with session.get(f"{one.url}/api/v1/changes?after=latest") as answer:
                position = (await answer.json())["next"]
            async with session.get(f"{two.url}/api/v1/changes?after={position}") as answer:
                assert answer.status == 410, "a position of another feed must be refused, not misread"
                assert (await answer.json())["type"].endswith(":resync")

            tags = []
            for served in (one, two):
                async with session.get(f"{served.url}/api/v1/rfcs") as answer:
                    tags.append(answer.headers["ETag"])
            assert tags[0] == tags[1], "a reader's copy is good at every replica"


async def test_each_replica_has_a_webhook_of_its_own(tmp_path: Path) -> None:
    """A delivery goes to one address: with one hook for all, the others would wait for their sweeps."""
    async with StandIn(tmp_path / "forge") as forge:
        await planted(forge)
        async with (
            daemon(configuration(tmp_path / "one", forge)) as one,
            daemon(configuration(tmp_path / "two", forge)) as two,
        ):
            for served in (one, two):
                await command(served, "sweep", deep=True)
                forge.add_hook("acme", f"{served.url}/webhooks/gitea", SECRET)
            await forge.commit(META, {"rfcs/new.md": entry("New")})
            await forge.settle()
            for served in (one, two):
                await served.engine.desk.workers.idle()
            first, second = [await command(served, "digest", without_state=True) for served in (one, two)]
            assert first["digest"] == second["digest"]
            assert first["rows"] == second["rows"]
