"""Revisions judged on a live server: told live by webhooks or by sweeps alone, and again after every loss.

It writes: two organizations of its own with some repositories, removed at the end. The token must be allowed to make
organizations, and for the pass with webhooks the server must deliver to this machine.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from live_daemon import SECRET, LiveDaemon
from live_directives import DIRECTIVES
from live_ends import ENDS
from live_forge import LiveForge
from live_lives import ENTRIES, LATE, LIVES, Life, entry, path, rfc
from live_world import HOMED, Expected, World

pytestmark = [
    pytest.mark.live,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(os.environ.get("FORGEGLASS_LIVE_WRITES") != "yes", reason="needs FORGEGLASS_LIVE_WRITES=yes"),
]

_PROFILES = """
[[profiles]]
use = "rfc"
meta = "{owner}/meta"
[[profiles]]
use = "directives"
repository = "{owner}/plans"
rule = "{rule}"
[[profiles]]
use = "directives"
name = "raised"
repository = "{owner}/plans"
rule = "pull_request"
view_prefix = "raised_"
"""
_VIEWS = ("directive_revisions", "raised_directive_revisions")
_HEARD = 20.0
"""Seconds by which what webhooks tell is there."""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A forge with repositories in which nothing was raised yet."""
    url, token = os.environ["FORGEGLASS_LIVE_URL"], os.environ["FORGEGLASS_LIVE_TOKEN"]
    (tmp_path / "clones").mkdir()
    async with LiveForge(url, token, tmp_path / "clones") as forge:
        if await forge.gitea() >= (1, 24):
            pytest.skip("its timelines forget heads, by which these lives are judged; test_forgotten_live judges it")
        world = World(forge)
        own = {path(HOMED): rfc(HOMED, "At first.", "active", f"{forge.owner}/home")}
        entries = {name: text for key in ENTRIES for name, text in entry(key, "At first.").items()}
        await world.begin({
            "meta": {**entries, **own}, "home": {"RFC.md": "# At first\n"}, "plans": {"README.md": "Plans.\n"},
            "site": {"README.md": "The site.\n"},
        })  # fmt: skip
        for branch in ("release", "trunk", "calm"):
            await world.clones["meta"].push(branch, await world.clones["meta"].tip("main"))
        yield world


class Judge:
    """Compares what the daemon tells with what must be."""

    def __init__(self, world: World, daemon: LiveDaemon) -> None:
        self.world, self.daemon = world, daemon
        self.late: list[str] = []
        """What only a further look told."""

    async def told(self, expected: Expected) -> dict[Any, Any]:
        """The revisions of every entry."""
        return {at: await self.daemon.revisions(*at) for at in expected}

    async def differences(self, expected: Expected) -> list[str]:
        """Where what is told is not what must be."""
        told = await self.told(expected)
        found = [line for at in expected for line in _between(at, expected[at], told[at])]
        columns = "block || '/' || collection as c, key, repository_id, number, frozen_at, head_sha"
        rows = await self.daemon.rows(f"select {columns} from revisions")
        found += [f"nothing was raised for {row}" for row in rows if (row["c"], row["key"]) not in told]
        for at in expected:
            merged = [row for row in expected[at] if row["pr_state"] == "merged"]
            latest = max(merged, key=lambda row: (row["merged_at"], row["version"]), default={"version": None})
            if await self.daemon.latest_merged(*at) != latest["version"]:
                found.append(f"{at}: {latest['version']} was merged last")
        return found

    async def follows(self, *attempts: Callable[[], Any]) -> None:
        """The daemon comes to tell what must be, by the first of some attempts; what takes a further one is noted."""
        expected = await self.world.expected()
        for number, attempt in enumerate(attempts):
            await attempt()
            found = await self.differences(expected)
            if not found:
                return
            self.late += [f"attempt {number}: {line}" for line in found]
            print(*self.late[-len(found) :], sep="\n")  # noqa: T201 -- the figures of a run, shown by pytest -s
        assert not found, "\n".join(found)

    async def heard(self) -> None:
        """Wait for what webhooks tell, as long as there is something to wait for."""
        expected = await self.world.expected()
        try:
            async with asyncio.timeout(_HEARD):
                while await self.differences(expected):
                    await asyncio.sleep(0.5)
        except TimeoutError:
            return

    async def everything(self) -> dict[str, Any]:
        """All that is told of revisions, to be compared with another time."""
        rows = self.daemon.rows
        views = {view: await rows(f"select * from {view} order by directive_id, version") for view in _VIEWS}
        findings = await rows("select rule, block, key, path, message from findings order by 1, 2, 3, 4, 5")
        return {"revisions": await self.told(await self.world.expected()), "views": views, "findings": findings}

    async def verified(self) -> None:
        """What is told live is what a reading anew would tell."""
        report, code = await self.daemon.command("verify")
        assert code == 0, report["differences"]


def _between(at: Any, expected: list[dict[str, Any]], told: list[dict[str, Any]]) -> list[str]:
    want, have = ({(row["version"]): row for row in rows} for rows in (expected, told))
    lines = [f"{at}: no version {version}: {want[version]}" for version in want.keys() - have.keys()]
    lines += [f"{at}: version {version} is too much: {have[version]}" for version in have.keys() - want.keys()]
    for version in sorted(want.keys() & have.keys()):
        for name in sorted(want[version].keys() | have[version].keys()):
            one, other = want[version].get(name, "absent"), have[version].get(name, "absent")
            if one != other:
                lines.append(f"{at} version {version}: {name} is {other!r}, expected {one!r}")
    if [row["version"] for row in told] != sorted(have, reverse=True):
        lines.append(f"{at}: not the newest first")
    return lines


async def _live(lives: list[Life], judge: Judge, *attempts: Callable[[], Any], racing: bool) -> None:
    """Every life a step further, then a look, until all have ended; with `racing` there are looks all the time."""
    while lives:
        async with AsyncExitStack() as stack:
            if racing:
                await stack.enter_async_context(judge.daemon.sweeping())
            for life in list(lives):
                try:
                    await anext(life)
                except StopAsyncIteration:
                    lives.remove(life)
        await judge.follows(*attempts)


async def _figures(judge: Judge) -> str:
    revisions = [row for rows in (await judge.world.expected()).values() for row in rows]
    amended = sum(len(row["amendments"]) for row in revisions)
    states = Counter(row["pr_state"] for row in revisions)
    return f"{len(judge.world.pulls)} pull requests, {len(revisions)} revisions {dict(states)}, {amended} amendments"


@pytest.mark.parametrize("webhooks", [True, False], ids=["webhooks", "sweeps"])
async def test_revisions_are_what_was_raised_and_stay_so(world: World, tmp_path: Path, webhooks: bool) -> None:
    """Every kind of life, followed step by step, then told again after each loss; field by field."""
    forge = world.forge
    profiles = _PROFILES.format(owner=forge.owner, rule="field")
    async with LiveDaemon(tmp_path, forge.url, forge.token, forge.owner, profiles) as daemon:
        await daemon.sweep(deep=True)
        judge = Judge(world, daemon)
        attempts: list[Callable[[], Any]] = [daemon.sweep, lambda: daemon.sweep(deep=True)]
        if webhooks:
            await forge.webhook(f"{daemon.address}/webhooks/gitea", SECRET)
            attempts.insert(0, judge.heard)
        for lives in (LIVES + ENDS + DIRECTIVES, LATE):
            await _live([life(world) for life in lives], judge, *attempts, racing=not webhooks)
        print(f"{await _figures(judge)}, late {len(judge.late)}")  # noqa: T201 -- as above
        await daemon.idle()
        await daemon.sweep(deep=True)
        before, digest = await judge.everything(), await daemon.digest()
        without = await daemon.digest(without_state=True)
        await judge.verified()

        report, code = await daemon.command("rebuild")
        assert code == 0, report
        assert (await judge.everything(), await daemon.digest()) == (before, digest)
        await judge.verified()

        await daemon.lose("cache.db", "objects")
        await daemon.sweep(deep=True)
        assert (await judge.everything(), await daemon.digest()) == (before, digest)
        await judge.verified()

        await daemon.lose()
        await daemon.sweep(deep=True)
        assert (await judge.everything(), await daemon.digest(without_state=True)) == (before, without)
        assert not await judge.differences(await world.expected())
        await judge.verified()
