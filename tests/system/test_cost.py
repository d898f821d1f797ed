"""What sweeps, deliveries and cold builds cost, in requests counted by the forge itself.

Cost follows change: it must not grow with how many repositories and entries there are.
"""

from __future__ import annotations

import re
from collections import Counter

import pytest
from harness import META, OVERLAP, OWNER, System, rfc


async def homes(system: System, count: int) -> None:
    """So many active requests, each with a repository of its own."""
    forge, files = system.forge, {}
    for n in range(count):
        name = f"{OWNER}/home{n}"
        system.clock.tick()
        await forge.create_repository(name)
        await forge.commit(name, {"RFC.md": f"# {n}\n"})
        files[f"rfcs/r{n}.md"] = rfc(f"R{n}", "active", repo=name)
    await forge.commit(META, {**files})


async def settled(system: System) -> None:
    """Everything read, and the overlap gone by: what changed is looked at once more, then never again."""
    await system.settle()
    await system.sweep()
    system.clock.tick(OVERLAP + 1)
    await system.sweep()
    await system.sweep()


@pytest.mark.parametrize("repositories", [1, 10, 100, pytest.param(300, marks=pytest.mark.soak)])
async def test_a_quiet_sweep_costs_three_requests_however_many_repositories_there_are(repositories: int) -> None:
    """Repositories by update time, pull requests since the watermark, the feed down to the last id."""
    async with System() as system:
        await homes(system, repositories - 1)
        await settled(system)
        mark = system.forge.mark()
        report = await system.sweep()
        assert [re.sub(r"^GET /api/v1", "", line) for line in sorted(system.spent(mark))] == [
            "/orgs/acme/activities/feeds", "/repos/issues/search", "/repos/search",
        ]  # fmt: skip
        assert report["requests"] == {"rest": 3, "git": 0}
        assert report["reconciled"] == 0


async def test_each_owner_costs_three_requests() -> None:
    async with System(owners=("acme", "beta")) as system:
        await settled(system)
        mark = system.forge.mark()
        await system.sweep()
        assert len(system.spent(mark)) == 6


async def test_one_changed_entry_without_a_webhook_costs_seven_requests() -> None:
    """The sweep's three; refs, two to fetch what is new, and the repository by its id."""
    async with System() as system:
        await homes(system, 10)
        await settled(system)
        system.forge.deliveries.drop = True
        await system.forge.commit(META, {"rfcs/r3.md": rfc("Changed")})
        mark = system.forge.mark()
        report = await system.sweep()
        assert report["changes"] > 0
        assert report["reconciled"] == 1
        assert len(system.spent(mark)) <= 7, system.spent(mark)


async def test_a_push_of_55_branches_with_its_110_deliveries_is_read_at_most_twice() -> None:
    async with System(spacing=1.5) as system:
        await homes(system, 1)
        await settled(system)
        tip = system.forge.refs(META)["refs/heads/main"]
        sent, mark = len(system.forge.deliveries.sent), system.forge.mark()
        looked = system.engine.desk.reconciler.looked
        await system.forge.push_refs(META, {f"refs/heads/topic{n}": tip for n in range(55)})
        await system.settle()
        assert len(system.forge.deliveries.sent) - sent == 110
        assert {delivery.status for delivery in system.forge.deliveries.sent[sent:]} <= {200, 202, 204}
        # Each look lists refs once; ids that are held already are not fetched.
        reads = Counter(line for line in system.spent(mark) if line.startswith("POST"))
        assert system.engine.desk.reconciler.looked - looked <= 2, reads


async def test_a_delivery_for_a_repository_out_of_reach_costs_nothing() -> None:
    async with System() as system:
        await system.forge.create_repository("acme/other")
        await settled(system)
        mark = system.forge.mark()
        await system.forge.commit("acme/other", {"x": "y"})
        await system.settle()
        await system.until_nothing_is_pending()
        assert system.spent(mark) == []


async def test_a_timeline_is_asked_for_once_for_each_change_of_its_pull_request() -> None:
    """Cost follows change: a deep sweep over many pull requests asks for none that did not change."""

    def timelines(mark: int) -> int:
        return sum(line.endswith("/timeline") for line in system.spent(mark))

    async with System() as system:
        await system.forge.commit(META, {"rfcs/first.md": rfc("First")})
        for n in range(12):
            await system.forge.commit(META, {f"rfcs/n{n}.md": rfc(f"N{n}")}, branch=f"propose/n{n}", start="main")
            await system.forge.open_pull(META, f"propose/n{n}")
        await settled(system)
        await system.sweep(deep=True)  # by now they are well past their own time
        mark = system.forge.mark()
        await system.sweep(deep=True)
        await system.forge.commit(META, {"rfcs/other.md": rfc("Other")})
        await system.settle()
        assert timelines(mark) == 0
        await system.forge.commit(META, {"rfcs/n3.md": rfc("Again")}, branch="propose/n3")
        await system.settle()
        # the push is told, and the pull request; a look between a ref and the event that tells of it asks once more
        assert 1 <= timelines(mark) <= 3


async def test_a_cold_build_costs_a_handful_for_each_repository() -> None:
    """Per repository: refs, two to fetch, itself by id; per meta repository with pull requests a page more, and the
    timeline of each.

    The whole: the owner's two, the three lists.
    """
    async with System(daemon=False) as system:
        await homes(system, 20)
        for n in range(60):
            await system.forge.commit(META, {f"rfcs/n{n}.md": rfc(f"N{n}")}, branch=f"propose/n{n}", start="main")
            await system.forge.open_pull(META, f"propose/n{n}")
        await system.start()
        mark = system.forge.mark()
        report = await system.sweep()
        assert report["reconciled"] <= 21 + 1
        spent = system.spent(mark)
        assert len(spent) <= 5 + 4 * 21 + 2 + 60, Counter(re.sub(r"\d+", "N", line) for line in spent)


async def test_what_a_report_says_it_asked_is_what_the_forge_was_asked() -> None:
    async with System(daemon=False) as system:
        await homes(system, 3)
        await system.forge.commit(META, {"rfcs/p.md": rfc("P")}, branch="propose/p", start="main")
        await system.forge.open_pull(META, "propose/p")
        await system.start()
        for name, arguments in (("sweep", {}), ("sweep", {"deep": True}), ("rebuild", {}), ("sweep", {})):
            mark = system.forge.mark()
            report, _ = await system.command(name, **arguments)
            kinds = Counter(request.kind for request in system.forge.requests_since(mark))
            assert report["requests"] == {"rest": kinds["rest"], "git": kinds["git"]}, name
