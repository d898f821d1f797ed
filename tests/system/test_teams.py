"""Many teams in one daemon: a block for each, over repositories chosen by topic, by name or by owner.

What a sweep costs must follow what changed, never how many blocks there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from aiohttp import ClientSession
from harness import OVERLAP, OWNER, System

from cache.profile.block import ProfileError
from cache.rows import EntryRow, FindingRow
from gitea_client.fake.faults import Fault

TEAMS = 80
Block = dict[str, str]


def record(number: int, title: str) -> dict[str, str]:
    return {f"docs/adr/{number:04d}-x.md": f"# {number}. {title}\n\nDate: 2024-01-02\n\n## Status\n\nAccepted\n"}


def configured(system: System, blocks: Sequence[Block], owners: Sequence[str] = (OWNER,)) -> None:
    """Write the configuration anew, with these blocks and nothing else."""
    kept = system.config_file.read_text().partition("[[profiles]]")[0]
    lines = [line if not line.startswith("owners") else f"owners = {list(owners)!r}" for line in kept.splitlines()]
    for block in blocks:
        lines += ["[[profiles]]", *(f'{key} = "{value}"' for key, value in block.items())]
    system.config_file.write_text("\n".join(lines) + "\n")


def by_topic(team: str, **more: str) -> Block:
    return {"use": "adr", "name": team, "view_prefix": f"{team}_", "owner": OWNER, "topic": team, **more}


async def repository(system: System, name: str, number: int = 1, *topics: str) -> None:
    await system.forge.create_repository(name)
    await system.forge.commit(name, record(number, f"Of {name}"))
    system.forge.set_topics(name, topics)
    system.clock.tick()


async def keys(system: System, block: str) -> list[str]:
    """The keys of a block's records."""
    rows = await system.table(EntryRow)
    return [row.key for row in rows.values() if row.block == block]


async def get(system: System, path: str) -> tuple[int, Any]:
    assert system.served is not None
    async with ClientSession() as session, session.get(f"{system.served.url}/api/v1/{path}") as answer:
        return answer.status, await answer.json()


async def settled(system: System) -> None:
    """Everything read, and the overlap gone by."""
    await system.settle()
    await system.sweep()
    system.clock.tick(OVERLAP + 1)
    await system.sweep()
    await system.sweep()


async def test_eighty_teams_in_one_daemon_cost_what_one_costs() -> None:
    async with System(daemon=False) as system:
        names = [f"t{n:02d}" for n in range(TEAMS)]
        for name in names:
            await repository(system, f"{OWNER}/{name}-app", 1, name)
        configured(system, [by_topic(name) for name in names])
        await system.start()
        mark = system.forge.mark()
        report = await system.sweep()
        assert report["reconciled"] == TEAMS
        assert len(system.spent(mark)) <= 5 + 4 * TEAMS
        assert await system.table(FindingRow) == {}

        for name in (names[0], names[-1]):
            status, listed = await get(system, f"{name}/decisions")
            assert (status, [item["key"] for item in listed["items"]]) == (
                200, [f"{OWNER}/{name}-app/docs/adr/0001-x.md"],
            )  # fmt: skip
            _, one = await get(system, f"{name}/decisions/{listed['items'][0]['key']}")
            assert one["title"] == f"Of {OWNER}/{name}-app"
        status, problem = await get(system, "decisions")
        assert (status, len(problem["candidates"])) == (409, TEAMS)
        view, _ = await system.command("query", sql="SELECT number, title FROM t79_decisions")
        assert view["rows"] == [{"number": 1, "title": f"Of {OWNER}/t79-app"}]

        await settled(system)
        mark = system.forge.mark()
        report = await system.sweep()
        assert report["requests"] == {"rest": 3, "git": 0}
        assert len(system.spent(mark)) == 3

        system.forge.deliveries.drop = True
        await system.forge.commit(f"{OWNER}/t07-app", record(2, "Second"))
        report = await system.sweep()
        assert report["reconciled"] == 1
        assert len(await keys(system, "t07")) == 2
        _, code = await system.command("verify")
        assert code == 0


async def test_a_topic_brings_rows_and_takes_them_away_at_the_next_sweep() -> None:
    """Both servers move a repository's update time when its topics change (seen on Gitea 1.23 and Forgejo 11)."""
    async with System(daemon=False) as system:
        await repository(system, f"{OWNER}/app", 1, "red")
        configured(system, [by_topic("red"), by_topic("blue")])
        await system.start()
        await settled(system)
        key = f"{OWNER}/app/docs/adr/0001-x.md"
        assert (await keys(system, "red"), await keys(system, "blue")) == ([key], [])

        system.forge.set_topics(f"{OWNER}/app", ["red", "blue"])
        await system.sweep()
        assert (await keys(system, "red"), await keys(system, "blue")) == ([key], [key])

        system.clock.tick()
        system.forge.set_topics(f"{OWNER}/app", ["blue"])
        await system.sweep()
        assert (await keys(system, "red"), await keys(system, "blue")) == ([], [key])

        system.clock.tick()
        system.forge.set_topics(f"{OWNER}/app", [])
        await system.sweep()
        assert (await keys(system, "red"), await keys(system, "blue")) == ([], [])

        system.clock.tick()
        system.forge.set_topics(f"{OWNER}/app", ["red"])
        await system.sweep()
        assert await keys(system, "red") == [key]
        _, code = await system.command("verify")
        assert code == 0


async def test_rows_are_kept_while_the_list_that_tells_topics_cannot_be_read() -> None:
    """Guards: a list that failed taken for a repository without topics."""
    async with System(daemon=False) as system:
        await repository(system, f"{OWNER}/app", 1, "red")
        configured(system, [by_topic("red")])
        await system.start()
        await settled(system)
        system.forge.set_topics(f"{OWNER}/app", [])
        system.forge.faults.set(Fault("status", r"/repos/search"))
        _, code = await system.command("sweep", deep=True)
        assert (code, len(await keys(system, "red"))) == (3, 1)
        system.forge.faults.clear()
        await system.sweep(deep=True)
        assert await keys(system, "red") == []


async def test_teams_may_be_told_apart_by_the_names_of_their_repositories_or_by_owner() -> None:
    async with System(daemon=False, owners=(OWNER, "beta")) as system:
        for name in (f"{OWNER}/red-api", f"{OWNER}/Red-web", f"{OWNER}/blue-api", "beta/anything"):
            await repository(system, name)
        shared = {"use": "adr", "owner": OWNER}
        blocks: list[Block] = [
            {**shared, "name": "red", "view_prefix": "red_", "repositories": "red-*"},
            {**shared, "name": "blue", "view_prefix": "blue_", "repositories": "blue-*"},
            {**shared, "name": "beta", "view_prefix": "beta_", "owner": "beta"},
            {"use": "markdown", "name": "one", "repository": f"{OWNER}/blue-api", "path": "docs"},
        ]
        configured(system, blocks, (OWNER, "beta"))
        await system.start()
        await system.sweep()
        assert [key.split("/docs")[0] for key in await keys(system, "red")] == [f"{OWNER}/Red-web", f"{OWNER}/red-api"]
        assert [key.split("/docs")[0] for key in await keys(system, "blue")] == [f"{OWNER}/blue-api"]
        assert [key.split("/docs")[0] for key in await keys(system, "beta")] == ["beta/anything"]
        assert len(await keys(system, "one")) == 1
        assert (await get(system, "documents"))[0] == 200


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([by_topic("red"), by_topic("blue", view_prefix="red_")], "red, blue all make the SQL view 'red_decisions'"),
        ([by_topic("red", owner="stranger")], "'stranger', who is not among forge.owners"),
        ([by_topic("changes")], "'changes' is an address of Forgeglass"),
    ],
)
async def test_blocks_that_cannot_stand_together_are_refused_at_the_start(blocks: list[Block], message: str) -> None:
    async with System(daemon=False) as system:
        configured(system, blocks)
        with pytest.raises(ProfileError, match=message):
            await system.start()
