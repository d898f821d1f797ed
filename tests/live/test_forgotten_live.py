"""What a live server says, and takes back, of pull requests, refs and branches: told as it was, whatever it says today.

It writes as the other live tests do: two organizations of its own, removed at the end.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from live_daemon import SECRET, LiveDaemon
from live_forge import Clone, LiveForge
from live_lives import entry, path, rfc
from live_world import RFCS, Pull, World

pytestmark = [
    pytest.mark.live,
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.environ.get("FORGEGLASS_LIVE_WRITES") != "yes", reason="needs FORGEGLASS_LIVE_WRITES=yes"),
]

_PROFILES = """
[[profiles]]
use = "rfc"
meta = "{owner}/meta"
"""
KEYS = ("one", "two", "three", "four", "five")
_WAITING = 30.0


class Place:
    """A forge, what was done at it, and a daemon that may or may not run yet."""

    def __init__(self, world: World, daemon: LiveDaemon, stack: AsyncExitStack) -> None:
        self.world, self.daemon, self._stack = world, daemon, stack
        self.forge = world.forge
        self.meta = f"{world.forge.owner}/meta"

    async def begins(self, *, webhooks: bool = False) -> None:
        """The daemon starts, and reads everything there is."""
        await self._stack.enter_async_context(self.daemon)
        await self.daemon.sweep(deep=True)
        if webhooks:
            await self.forge.webhook(f"{self.daemon.address}/webhooks/gitea", SECRET)

    async def revisions(self, key: str) -> list[dict[str, Any]]:
        """An entry's revisions, the oldest first."""
        return (await self.daemon.revisions(RFCS, key))[::-1]

    async def becomes(self, asked: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
        """Wait, with sweeps, until what is asked is as wanted; it."""
        told: Any = None
        for _ in range(int(_WAITING)):
            told = await asked()
            if wanted(told):
                return told
            await asyncio.sleep(1)
            await self.daemon.command("sweep", deep=False)
        raise AssertionError(f"it stays {told}")

    async def same_again(self, *keys: str) -> None:
        """What is told is told again after a rebuild, and with `cache.db` lost; `verify` agrees each time."""
        await self.daemon.sweep(deep=True)
        before = [await self.revisions(key) for key in keys]
        for step in ("verify", "rebuild", "verify", "lose", "verify"):
            if step == "lose":
                await self.daemon.lose("cache.db", "objects")
                await self.daemon.sweep(deep=True)
            else:
                report, code = await self.daemon.command(step)
                assert code == 0, report.get("differences", report)
            assert [await self.revisions(key) for key in keys] == before, step

    async def rules(self) -> list[str]:
        """The rules of the findings."""
        return sorted(row["rule"] for row in await self.daemon.rows("select rule from findings"))

    async def forgets(self, pull: Pull) -> None:
        """Wait until the forge has made one push of all those in a timeline: it does so some time after the merge."""
        async with asyncio.timeout(_WAITING):
            while await self._pushes(pull) > 1:
                await asyncio.sleep(0.3)

    async def _pushes(self, pull: Pull) -> int:
        told = await self.forge.api("GET", f"/repos/{pull.full_name}/issues/{pull.number}/timeline")
        return sum(event["type"] == "pull_push" for event in told)

    async def rewrites(self) -> bool:
        """Whether the forge takes events out of timelines: Gitea from 1.25.5 on."""
        return await self.forge.gitea() >= (1, 25)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """Entries on `main`, of which nothing was raised yet; the daemon does not run."""
    url, token = os.environ["FORGEGLASS_LIVE_URL"], os.environ["FORGEGLASS_LIVE_TOKEN"]
    (tmp_path / "clones").mkdir()
    async with LiveForge(url, token, tmp_path / "clones") as forge, AsyncExitStack() as stack:
        world = World(forge)
        await world.begin({"meta": {name: text for key in KEYS for name, text in entry(key, "At first.").items()}})
        profiles = _PROFILES.format(owner=forge.owner)
        yield Place(world, LiveDaemon(tmp_path, url, token, forge.owner, profiles), stack)


async def _main(place: Place) -> str:
    return await place.world.clones["meta"].tip("main")


async def test_forced_before_the_first_look(place: Place) -> None:
    """Raised with one text, amended and forced to another, forced from one entry to another: only then it is read."""
    world = place.world
    amended = await world.pull("meta", "edit/one/a", entry("one", "Raised."))
    turned = await world.pull("meta", "edit/two/a", entry("two", "Proposed."))
    await asyncio.sleep(1.1)
    forced = await world.amend(amended, entry("one", "Forced."), await _main(place))
    await world.amend(turned, entry("three", "Instead."), await _main(place))
    await place.begins()
    (one,), (two,), (three,) = [await place.revisions(key) for key in ("one", "two", "three")]
    assert (one["version"], one["content"]) == (1, rfc("one", "Raised."))
    assert [each["sha"] for each in one["amendments"]] == [forced]
    assert (two["content"], three["content"]) == (rfc("two", "Proposed."), rfc("three", "Instead."))
    states = {one["content_state"], two["content_state"], three["content_state"]}
    assert states == ({"earliest-known"} if await place.rewrites() else {"text"})
    assert ("heads-forgotten" in await place.rules()) == await place.rewrites()
    await place.same_again("one", "two", "three")


async def test_watched_while_it_is_forced(place: Place) -> None:
    """Amendments stay after forced pushes, and after each loss."""
    await place.begins()
    pull = await place.world.pull("meta", "edit/one/a", entry("one", "Raised."))
    await place.daemon.sweep()
    pushed = []
    for n, forced in enumerate((False, True, False, True)):
        await asyncio.sleep(1.1)
        pushed.append(await place.world.amend(pull, entry("one", f"As {n}."), await _main(place) if forced else None))
        await place.becomes(lambda: place.revisions("one"), lambda rows: len(rows[0]["amendments"]) == len(pushed))
    (row,) = await place.revisions("one")
    assert (row["content"], row["content_state"]) == (rfc("one", "Raised."), "text")
    assert [each["sha"] for each in row["amendments"]] == pushed
    assert await place.rules() == []
    await place.same_again("one")


@pytest.mark.parametrize("watched", [True, False])
async def test_another_base_by_hand_and_by_a_merge(place: Place, watched: bool) -> None:
    """The earlier amendments stay, and the lower one's entry gets no second version from the upper."""
    world = place.world
    await world.clones["meta"].push("release", await _main(place))
    if watched:
        await place.begins()
    by_hand = await world.pull("meta", "edit/one/a", entry("one", "Raised."))
    lower = await world.pull("meta", "edit/four/low", entry("four", "Lower."))
    upper = await world.pull("meta", "edit/five/up", entry("five", "Upper."), base="edit/four/low")
    await asyncio.sleep(1.1)
    amended = [await world.amend(by_hand, entry("one", "Amended."))]
    amended.append(await world.amend(upper, entry("five", "Amended.")))
    if watched:
        await place.becomes(lambda: place.revisions("five"), lambda rows: rows and rows[0]["amendments"])
    await asyncio.sleep(2.1)
    await world.edit(by_hand, base="release")
    await world.merge(lower, "squash", delete=True)
    await place.forge.becomes(place.meta, upper.number, state="open")
    if not watched:
        if await place.rewrites():
            await place.forgets(upper)
        await place.begins()
    await place.becomes(lambda: place.revisions("four"), lambda rows: rows and rows[0]["pr_state"] == "merged")
    one, four, five = [await place.revisions(key) for key in ("one", "four", "five")]
    assert [row["number"] for row in (*one, *four, *five)] == [by_hand.number, lower.number, upper.number]
    assert four[0]["content"] == rfc("four", "Lower.")
    if watched or not await place.rewrites():
        assert (one[0]["content"], five[0]["content"]) == (rfc("one", "Raised."), rfc("five", "Upper."))
        assert [row[0]["amendments"][0]["sha"] for row in (one, five)] == amended
    else:
        assert (one[0]["content"], five[0]["content"]) == (rfc("one", "Amended."), rfc("five", "Amended."))
        assert {one[0]["content_state"], five[0]["content_state"]} == {"earliest-known"}
    await asyncio.sleep(1.1)
    last = await world.amend(upper, entry("five", "After the merge."))
    await place.becomes(
        lambda: place.revisions("five"), lambda rows: [a["sha"] for a in rows[0]["amendments"]][-1:] == [last]
    )
    assert len(await place.revisions("four")) == 1
    await place.same_again("one", "four", "five")


async def test_pull_requests_switched_off_and_on(place: Place) -> None:
    """Entries go on; pull requests stand as they were last seen, and the finding goes when they are back."""
    await place.begins()
    pull = await place.world.pull("meta", "edit/one/a", entry("one", "Raised."))
    await place.daemon.sweep()
    before = await place.revisions("one")
    assert before
    await place.forge.api("PATCH", f"/repos/{place.meta}", {"has_pull_requests": False})
    await place.world.clones["meta"].commit("main", entry("two", "Meanwhile."))
    asked = lambda: place.daemon.get(f"{RFCS}/two")  # noqa: E731  # asked again and again
    await place.becomes(asked, lambda row: "Meanwhile." in (row["body"] or ""))
    assert (await place.revisions("one"), await place.rules()) == (before, ["pull-requests-hidden"])
    report, code = await place.daemon.command("verify")
    assert code == 0, report["differences"]
    report, code = await place.daemon.command("rebuild")
    assert code == 0, report
    assert await place.revisions("one") == before
    await place.forge.api("PATCH", f"/repos/{place.meta}", {"has_pull_requests": True})
    await place.world.edit(pull, title="Back")
    await place.becomes(place.rules, lambda rules: rules == [])
    rows = await place.daemon.rows("select title, state from pulls")
    assert rows == [{"title": "Back", "state": "open"}]
    await place.same_again("one")


async def test_refs_of_no_pull_request(place: Place) -> None:
    """A repository made of another one by git: its refs/pull/* cost a push nothing."""
    world = place.world
    await world.pull("meta", "edit/one/a", entry("one", "Raised."))
    clone = {"clone_addr": f"{place.forge.url}/{place.meta}.git", "repo_owner": place.forge.owner, "mirror": False}
    made = await place.forge.api(
        "POST", "/repos/migrate", {**clone, "repo_name": "copy", "service": "git", "auth_token": place.forge.token}
    )
    place.daemon.configure(f'[[profiles]]\nuse = "rfc"\nmeta = "{place.forge.owner}/copy"\n')
    await place.begins()
    copy = f"{place.forge.owner}/copy"
    refs = await place.forge.api("GET", f"/repos/{copy}/git/refs/pull")
    assert [ref["ref"] for ref in refs] == ["refs/pull/1/head"]
    assert (await place.daemon.rows("select number from pulls"), await place.rules()) == ([], [])
    other = await Clone(place.forge, made["full_name"]).begin()
    spent = []
    for n in range(2):
        await other.commit("main", entry("two", f"Pushed {n}."))
        await asyncio.sleep(1.5)
        spent.append((await place.daemon.sweep())["requests"])
    assert all(each["rest"] <= 4 for each in spent), spent


@pytest.mark.parametrize("webhooks", [True, False], ids=["webhooks", "sweeps"])
async def test_renamed_branches(place: Place, webhooks: bool) -> None:
    """Of a head, another base and the default branch: branch, base, kind and key are right, and `verify` agrees."""
    world, forge = place.world, place.forge
    await world.clones["meta"].push("release", await _main(place))
    await place.begins(webhooks=webhooks)
    head = await world.pull("meta", "edit/one/a", entry("one", "Raised."))
    base = await world.pull("meta", "edit/two/a", entry("two", "Raised."), base="release")
    await place.becomes(lambda: place.daemon.rows("select number from pulls"), lambda rows: len(rows) == 2)

    async def rename(old: str, new: str) -> None:
        await forge.api("PATCH", f"/repos/{place.meta}/branches/{old.replace('/', '%2F')}", {"name": new})

    async def told() -> list[dict[str, Any]]:
        return await place.daemon.rows(
            "select p.number, head_branch, base_branch, state, kind, key from pulls p "
            "left join pull_entries using (repository_id, number) order by p.number"
        )

    async def follows(expected: list[tuple[Any, ...]]) -> None:
        wanted = [(head.number, *expected[0]), (base.number, *expected[1])]
        if not webhooks:  # of a renamed branch alone only Forgejo's feed tells; the deep sweep finds it on either
            await place.daemon.sweep(deep=True)
        await place.becomes(told, lambda rows: [tuple(row.values()) for row in rows] == wanted)
        report, code = await place.daemon.command("verify")
        assert code == 0, report["differences"]

    two = ("edit/two/a", "release", "open", "meta_body_edit", "two")
    await rename("edit/one/a", "propose/one")
    await follows([("propose/one", "main", "open", "idea", "one"), two])
    await rename("release", "stable")
    two = ("edit/two/a", "stable", "open", "meta_body_edit", "two")
    await follows([("propose/one", "main", "open", "idea", "one"), two])
    await rename("main", "trunk")
    await follows([("propose/one", "trunk", "open", "idea", "one"), two])
    assert await place.rules() == []
    assert (await place.daemon.get(f"{RFCS}/one"))["key"] == "one"


async def test_a_mirror_whose_upstream_renamed_its_default_branch(place: Place) -> None:
    """Its default branch keeps the old name: the last rows stay, and a finding names the branch."""
    clone = {"clone_addr": f"{place.forge.url}/{place.meta}.git", "repo_owner": place.forge.owner, "mirror": True}
    await place.forge.api(
        "POST", "/repos/migrate", {**clone, "repo_name": "mirror", "service": "git", "auth_token": place.forge.token}
    )
    mirror = f"{place.forge.owner}/mirror"
    place.daemon.configure(f'[[profiles]]\nuse = "rfc"\nmeta = "{mirror}"\n')
    await place.begins()
    before = await place.daemon.rows("select key, path, entry_sha from entries order by key")
    assert [row["key"] for row in before] == sorted(KEYS)
    await place.forge.api("PATCH", f"/repos/{place.meta}/branches/main", {"name": "trunk"})
    await place.forge.api("POST", f"/repos/{mirror}/mirror-sync")

    async def looked() -> list[str]:
        await place.daemon.sweep(deep=True)
        return await place.rules()

    await place.becomes(looked, lambda rules: rules == ["default-branch-missing"])
    assert await place.daemon.rows("select key, path, entry_sha from entries order by key") == before
    report, code = await place.daemon.command("verify")
    assert code == 0, report["differences"]
    await place.forge.api("PATCH", f"/repos/{mirror}", {"default_branch": "trunk"})
    await place.becomes(looked, lambda rules: rules == [])
    assert await place.daemon.rows("select key, path, entry_sha from entries order by key") == before
    assert path("one") in {row["path"] for row in before}
