"""What only `state.db` knows: it stands as long as that is there, and what comes back without it is told exactly."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from live_daemon import LiveDaemon
from live_directives import directive
from live_directives import path as directive_path
from live_forge import LiveForge
from live_lives import entry, path, rfc
from live_world import DIRECTIVES, HOMED, RFCS, World

pytestmark = [
    pytest.mark.live,
    pytest.mark.timeout(600),
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
"""
KEYS = ("forward-a", "forward-b", "removed", "kept", "again", HOMED)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A forge with repositories in which nothing was raised yet."""
    url, token = os.environ["FORGEGLASS_LIVE_URL"], os.environ["FORGEGLASS_LIVE_TOKEN"]
    (tmp_path / "clones").mkdir()
    async with LiveForge(url, token, tmp_path / "clones") as forge:
        world = World(forge)
        entries = {name: text for key in KEYS for name, text in entry(key, "At first.").items()}
        await world.begin({
            "meta": entries, "home": {"RFC.md": "# At first\n"}, "plans": {directive_path("back"): directive("First.")},
            "site": {"README.md": "The site.\n"},
        })  # fmt: skip
        yield world


async def _told(daemon: LiveDaemon) -> dict[Any, list[dict[str, Any]]]:
    keys = [(RFCS, key) for key in KEYS] + [(DIRECTIVES, "back")]
    return {at: await daemon.revisions(*at) for at in keys}


async def _forwarded(world: World) -> None:
    """Forced to two commits, each of another entry, and fast-forwarded: the base then holds both as if its own."""
    meta = world.clones["meta"]
    pull = await world.pull("meta", "topic/forward", entry("forward-a", "Raised."))
    main = await meta.tip("main")
    await meta.commit("scratch", entry("forward-b", "Below."), main)
    await world.amend(pull, entry("forward-a", "On top."), await meta.tip("scratch"))
    await meta.push("scratch", "")


async def test_what_the_forge_forgets_stands_while_there_is_a_state(world: World, tmp_path: Path) -> None:
    """Of each way to lose something one: only without `state.db` it is not told any more, or numbered otherwise."""
    forge, meta, plans = world.forge, world.clones["meta"], world.clones["plans"]
    profiles = _PROFILES.format(owner=forge.owner, rule="field")
    async with LiveDaemon(tmp_path, forge.url, forge.token, forge.owner, profiles) as daemon:
        await daemon.sweep(deep=True)
        # numbered as they were discovered: what the document's pull request was raised for is known only later
        early = await world.pull("home", "work/early", {"RFC.md": "# Early\n"})
        await asyncio.sleep(1.1)
        later = await world.pull("meta", "topic/homed", entry(HOMED, "Raised."))
        await _forwarded(world)
        gone = await world.pull("meta", "topic/removed", entry("removed", "Raised."))
        one = await world.pull("site", "work/one", {"one.txt": "x\n"})
        before_naming = await plans.tip("main")
        await plans.commit("main", {directive_path("back"): directive("Named.", world.url(one))})
        await daemon.sweep()
        active = await meta.commit("main", {path(HOMED): rfc(HOMED, "Now.", "active", f"{forge.owner}/home")})
        await daemon.sweep()
        await daemon.sweep()
        told = await _told(daemon)
        assert [(row["version"], row["number"]) for row in told[RFCS, HOMED]] == [(2, early.number), (1, later.number)]
        assert [len(told[RFCS, key]) for key in ("forward-a", "forward-b", "removed")] == [1, 1, 1]
        assert [row["content"] for row in told[DIRECTIVES, "back"]] == ["Named.\n"]

        # the forge forgets
        forward = next(pull for pull in world.pulls if pull.branch == "topic/forward")
        rebased = await meta.tip("main")
        assert rebased == active
        await meta.push("calm", forward.heads[1] + "~2")
        await world.edit(forward, base="calm")
        await daemon.sweep()
        await world.merge(forward, "fast-forward-only")
        await forge.api("DELETE", f"/repos/{gone.full_name}/issues/{gone.number}")
        await plans.push("main", before_naming)
        await daemon.sweep(deep=True)
        stands = await _told(daemon)
        assert _texts(stands) == _texts(told)
        report, code = await daemon.command("verify")
        assert code == 0, report["differences"]
        report, code = await daemon.command("rebuild")
        assert code == 0
        assert await _told(daemon) == stands
        await daemon.lose("cache.db", "objects")
        await daemon.sweep(deep=True)
        assert await _told(daemon) == stands
        report, code = await daemon.command("verify")
        assert code == 0, report["differences"]

        # and so do we
        await daemon.lose()
        await daemon.sweep(deep=True)
        left = await _told(daemon)
        assert [(row["version"], row["number"]) for row in left[RFCS, HOMED]] == [(2, later.number), (1, early.number)]
        if await forge.gitea() >= (1, 25):  # with its base it forgot what was pushed before, and we say so
            assert [row["content_state"] for row in left[RFCS, "forward-a"]] == ["earliest-known"]
        else:
            for key in ("forward-a", "forward-b"):  # the base that it was forced upon is told still
                assert left[RFCS, key] == stands[RFCS, key]
        assert [left[RFCS, "removed"], left[DIRECTIVES, "back"]] == [[], []]
        report, code = await daemon.command("verify")
        assert code == 0, report["differences"]


def _texts(told: dict[Any, list[dict[str, Any]]]) -> dict[Any, Any]:
    names = ("version", "repository_id", "number", "content", "content_state", "frozen_at", "head_sha", "path")
    return {at: [[row[name] for name in names] for row in rows] for at, rows in told.items()}


async def test_another_rule_leaves_what_was_published(world: World, tmp_path: Path) -> None:
    """`directives` switched from `field` to `pull_request` and back: numbers and texts stand, new ones come after."""
    forge, key = world.forge, "back"
    at = DIRECTIVES, key
    profiles = {rule: _PROFILES.format(owner=forge.owner, rule=rule) for rule in ("field", "pull_request")}
    async with LiveDaemon(tmp_path, forge.url, forge.token, forge.owner, profiles["field"]) as daemon:
        one = await world.pull("site", "work/one", {"one.txt": "x\n"})
        over = await world.pull("plans", "topic/over", {directive_path(key): directive("Raised.")})
        await world.clones["plans"].commit("main", {directive_path(key): directive("Named.", world.url(one))})
        await daemon.sweep(deep=True)
        (named,) = await daemon.revisions(*at)
        assert (named["version"], named["number"], named["rule"]) == (1, one.number, "field")

        async def switched(rule: str) -> list[dict[str, Any]]:
            daemon.configure(profiles[rule])
            await daemon.stop()
            await daemon.start()
            await daemon.sweep(deep=True)
            report, code = await daemon.command("verify")
            assert code == 0, report["differences"]
            told = await daemon.revisions(*at)
            await daemon.lose("cache.db", "objects")
            await daemon.sweep(deep=True)
            assert await daemon.revisions(*at) == told
            return told

        told = await switched("pull_request")
        assert [(row["version"], row["number"], row["rule"]) for row in told] == [
            (2, over.number, "pull_request"), (1, one.number, "field"),
        ]  # fmt: skip
        assert told[1] == named
        await world.merge(one, "squash")
        await world.edit(over, state="closed")
        await daemon.sweep(deep=True)
        states = [row["pr_state"] for row in await daemon.revisions(*at)]
        assert states == ["closed", "merged"]
        told = await switched("field")
        assert [(row["version"], row["pr_state"]) for row in told] == [(2, "closed"), (1, "merged")]

        daemon.configure(profiles["pull_request"])
        await daemon.lose()
        await daemon.sweep(deep=True)
        told = await daemon.revisions(*at)
        assert [(row["version"], row["number"], row["rule"]) for row in told] == [(1, over.number, "pull_request")]
