"""The profile `directives`: a commit that names a pull request freezes what the directive said; the state follows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from harness import OWNER, System
from sqlalchemy import text
from test_revisions import revisions, settled

from cache.projection.reach import Interest
from cache.revision_rows import RevisionRow
from cache.rows import FindingRow

PLANS, SITE = "acme/plans", "acme/site"
PROFILE = 'use = "directives"\nrepository = "acme/plans"\n'
BY_PULL_REQUEST = PROFILE + 'rule = "pull_request"\n'


def directive(goal: str, pr_url: str | None = None) -> str:
    named = f"pr_url: {pr_url}\n" if pr_url is not None else ""
    return f"---\ntitle: D\n{named}---\n{goal}\n"


@pytest.fixture
async def plans(request: pytest.FixtureRequest) -> AsyncIterator[System]:
    """A forge with the repository of directives, one with the work, and a daemon that has seen both."""
    profile = getattr(request, "param", PROFILE)
    async with System(profile=profile, daemon=False) as system:
        for name in (PLANS, SITE):
            await system.forge.create_repository(name)
            await system.forge.commit(name, {"README.md": f"{name}\n"})
        await system.start()
        await system.sweep()
        system.clock.tick()
        yield system


async def work(system: System, name: str) -> str:
    """A pull request for the work; its address."""
    await system.forge.commit(SITE, {f"{name}.txt": "x"}, branch=name, start="main")
    number = await system.forge.open_pull(SITE, name)
    system.clock.tick()
    return f"{system.forge.url}/{SITE}/pulls/{number}"


async def says(system: System, goal: str, pr_url: str | None = None, **more: Any) -> None:
    """A commit that makes the directive `d` say this."""
    await system.forge.commit(PLANS, {"directives/d.md": directive(goal, pr_url)}, **more)
    await system.settle()
    await system.sweep()
    system.clock.tick()


async def test_naming_a_pull_request_freezes_the_goal_and_the_state_follows_it(plans: System) -> None:
    """Guards the second pull request too: A → B was lost where only None → A was seen."""
    await says(plans, "First.")
    assert await revisions(plans, "d") == []
    first = await work(plans, "one")
    frozen = plans.clock.now
    await says(plans, "First.", first)
    (row,) = await revisions(plans, "d")
    assert (row.version, row.content, row.frozen_at, row.pr_state) == (1, "First.\n", frozen, "open")
    assert (row.pr_url, row.pr_branch) == (first, "one")
    await says(plans, "Second.", first)
    second = await work(plans, "two")
    await says(plans, "Second.", second)
    await says(plans, "Second.", first)
    assert [(r.version, r.content) for r in await revisions(plans, "d")] == [(1, "First.\n"), (2, "Second.\n")]
    await plans.forge.merge(SITE, 1, delete_branch=True)
    await plans.forge.close(SITE, 2)
    await settled(plans, None)
    assert [row.pr_state for row in await revisions(plans, "d")] == ["merged", "closed"]


async def test_one_pull_request_written_in_many_ways_is_one_revision(plans: System) -> None:
    """Guards against comparing addresses letter by letter."""
    url = await work(plans, "one")
    host = url.removeprefix("http://")
    for written in (url, f"{url}/", f"https://{host}", url.replace("acme", "ACME"), f"{url}/files", f"{url}#c1"):
        await says(plans, f"As {written}.", written)
    await settled(plans, None)
    (row,) = await revisions(plans, "d")
    assert row.content == f"As {url}.\n"


async def test_the_work_of_a_pull_request_is_mirrored_for_its_state_alone(plans: System) -> None:
    """Guards reach: the repository comes within it by the entry, and needs no files."""
    await says(plans, "First.", await work(plans, "one"))
    mirrored = plans.engine.desk.book.world.mirrored
    site = plans.forge.repository(SITE).id
    assert mirrored[site].depth == "commits"
    assert mirrored[site].interest == Interest().canonical


async def test_a_pull_request_that_is_not_there_is_open_and_a_finding(plans: System) -> None:
    await says(plans, "First.", f"{plans.forge.url}/{SITE}/pulls/99")
    await says(plans, "Second.", "https://elsewhere.example.org/a/b/pulls/1")
    await settled(plans, None)
    rows = await revisions(plans, "d")
    assert [(row.version, row.pr_state) for row in rows] == [(1, "open"), (2, "open")]
    assert [row.rule for row in (await plans.table(FindingRow)).values()] == ["unknown-pull-request"] * 2


async def test_a_repository_found_later_changes_no_number(plans: System) -> None:
    """Guards an owner added later: what was published without its repository is published no second time."""
    await says(plans, "First.", f"{plans.forge.url}/{OWNER}/later/pulls/1")
    (before,) = await revisions(plans, "d")
    assert before.repository_id < 0
    await plans.forge.create_repository(f"{OWNER}/later")
    await plans.forge.commit(f"{OWNER}/later", {"x": "x"})
    await plans.forge.commit(f"{OWNER}/later", {"y": "y"}, branch="topic", start="main")
    number = await plans.forge.open_pull(f"{OWNER}/later", "topic")
    await plans.forge.merge(f"{OWNER}/later", number)
    await plans.settle()
    await plans.sweep(deep=True)
    await plans.sweep()
    (row,) = await revisions(plans, "d")
    assert (row.version, row.content, row.frozen_at) == (before.version, before.content, before.frozen_at)
    assert (row.repository_id, row.pr_state) == (plans.forge.repository(f"{OWNER}/later").id, "merged")
    await settled(plans, None)
    kept = await plans.engine.state.revisions.all()
    assert [(each.version, each.repository_id) for each in kept] == [(1, row.repository_id)]


async def test_a_renamed_home_is_followed(plans: System) -> None:
    """Guards the name in an address, which outlives the repository's own."""
    await says(plans, "First.", await work(plans, "one"))
    await plans.forge.rename_repository(SITE, "renamed")
    await plans.forge.merge(f"{OWNER}/renamed", 1)
    await settled(plans, None)
    assert [(row.version, row.pr_state) for row in await revisions(plans, "d")] == [(1, "merged")]


async def test_numbers_go_by_the_order_of_landing_whatever_dates_say(plans: System) -> None:
    """Guards backdated commits."""
    one, two = await work(plans, "one"), await work(plans, "two")
    await plans.forge.commit(PLANS, {"directives/d.md": directive("First.", one)})
    await says(plans, "Second.", two, date=datetime(2001, 1, 1, tzinfo=UTC))
    await settled(plans, None)
    assert [(row.version, row.content) for row in await revisions(plans, "d")] == [(1, "First.\n"), (2, "Second.\n")]


async def test_a_deleted_directive_keeps_what_it_said(plans: System) -> None:
    await says(plans, "First.", await work(plans, "one"))
    await plans.forge.commit(PLANS, {"directives/d.md": None})
    await settled(plans, None)
    assert [row.content for row in await revisions(plans, "d")] == ["First.\n"]


async def test_a_history_that_was_forced_away_takes_no_revision_with_it(plans: System) -> None:
    """Guards what was published against a forced push to the default branch. Only `state.db` leads to the work then."""
    start = plans.forge.refs(PLANS)["refs/heads/main"]
    await says(plans, "First.", await work(plans, "one"))
    other = directive("Other.")
    await plans.forge.commit(PLANS, {"directives/d.md": other}, parents=[start], force=True)
    await settled(plans, None, lost=False)
    await plans.forge.merge(SITE, 1)
    await plans.settle()
    assert [(row.content, row.pr_state) for row in await revisions(plans, "d")] == [("First.\n", "merged")]


@pytest.mark.parametrize("plans", [BY_PULL_REQUEST], indirect=True)
async def test_a_block_may_go_by_pull_requests_instead(plans: System) -> None:
    await says(plans, "First.")
    proposed = directive("Proposed.")
    await plans.forge.commit(PLANS, {"directives/d.md": proposed}, branch="directive/d/x", start="main")
    await plans.forge.open_pull(PLANS, "directive/d/x")
    await settled(plans, None)
    (row,) = await revisions(plans, "d")
    assert (row.rule, row.content) == ("pull_request", proposed)


async def test_the_view_has_the_columns_of_the_original(plans: System) -> None:
    url = await work(plans, "one")
    await says(plans, "First.", url)
    async with plans.engine.cache.read() as connection:
        result = await connection.execute(text("SELECT * FROM directive_revisions"))
        assert [*result.keys()] == [
            "id", "directive_id", "content", "pr_url", "pr_branch", "pr_state", "version", "frozen_at",
        ]  # fmt: skip
        (row,) = result.all()
    (revision,) = (await plans.table(RevisionRow)).values()
    frozen = revision.frozen_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert tuple(row) == ("d@1", "d", "First.\n", url, "one", "open", 1, frozen)
