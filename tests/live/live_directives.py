"""Lives of directives: what names pull requests, and pull requests over directives themselves."""

from __future__ import annotations

from collections.abc import Callable

from live_lives import STYLES, Life
from live_world import Pull, World


def directive(goal: str, url: str | None = None) -> str:
    """A directive, perhaps with a pull request."""
    named = f"pr_url: {url}\n" if url is not None else ""
    return f"---\ntitle: Do\n{named}---\n{goal}\n"


def path(key: str) -> str:
    return f"directives/{key}.md"


async def says(world: World, key: str, goal: str, url: str | None = None) -> str:
    """A commit on the default branch by which a directive says this; its id."""
    return await world.clones["plans"].commit("main", {path(key): directive(goal, url)})


async def names(world: World, key: str, goal: str, pull: Pull, url: str = "") -> None:
    """A directive names a pull request for the first time."""
    written = url or world.url(pull)
    world.name_pull(key, await says(world, key, goal, written), written, pull)


async def work(world: World, name: str) -> Pull:
    """A pull request for the work."""
    return await world.pull("site", f"work/{name}", {f"{name}.txt": "x\n"})


async def named_one_after_another(world: World) -> Life:
    """One, then another, then the first again, while both live on."""
    await says(world, "plain", "First.")
    one = await work(world, "plain-1")
    yield
    await names(world, "plain", "First.", one)
    yield
    await says(world, "plain", "Second.", world.url(one))
    two = await work(world, "plain-2")
    await names(world, "plain", "Second.", two)
    yield
    await says(world, "plain", "Second.", world.url(one))
    await world.merge(two, "squash", delete=True)
    yield
    await world.edit(one, state="closed")
    yield
    await world.edit(one, state="open")
    await world.merge(one, "rebase")
    yield


async def written_in_other_ways(world: World) -> Life:
    one = await work(world, "written")
    url = world.url(one)
    await names(world, "written", "As it is.", one)
    yield
    in_capitals, singular = url.replace("http:", "HTTP:"), url.replace("/pulls/", "/pull/")
    for other in (f"{url}/", in_capitals, f"{url}/files", f"{url}#c1", singular):
        await says(world, "written", f"As {other}.", other)
    yield


async def named_by_what_is_merged(world: World) -> Life:
    """The naming commit lands by a merge of each kind; the pull request that brings it is one over the directive."""
    for style in STYLES:
        one, key = await work(world, f"brought-{style}"), f"brought-{style}"
        files = {path(key): directive("Brought.", world.url(one))}
        carrying = await world.pull("plans", f"topic/{style}", files)
        yield
        await says(world, "moving", f"Before {style}.")
        await world.merge(carrying, style)
        world.name_pull(key, await world.clones["plans"].tip("main"), world.url(one), one)
        yield
        await world.edit(one, state="closed")
    yield


async def names_the_pull_request_that_changes_it(world: World) -> Life:
    own = await world.pull("plans", "directive/own/it", {path("own"): directive("Raised.")})
    yield
    await world.amend(own, {path("own"): directive("Raised.", world.url(own))})
    yield
    rewritten = {path("own"): directive("Rewritten.", world.url(own))}
    await world.amend(own, rewritten, await world.clones["plans"].tip("main"))
    yield
    await world.merge(own, "squash", delete=True)
    world.name_pull("own", await world.clones["plans"].tip("main"), world.url(own), own)
    yield


async def named_by_one_that_is_deleted(world: World) -> Life:
    one = await work(world, "short")
    await names(world, "short", "For a while.", one)
    yield
    await world.clones["plans"].commit("main", {path("short"): None})
    yield
    await world.merge(one, "merge", delete=True)
    yield


async def names_nothing_that_is_there(world: World) -> Life:
    url = f"{world.forge.url}/{world.forge.forker}/nowhere/pulls/7"
    world.name_pull("lost", await says(world, "lost", "Where?", url), url, None)
    yield


async def of_a_fork_that_is_deleted(world: World) -> Life:
    fork = await world.fork("site")
    one = await world.pull("site", "theirs", {"theirs.txt": "x\n"}, start=await fork.tip("main"), fork=fork)
    yield
    await names(world, "theirs", "By others.", one)
    yield
    await world.forge.api("DELETE", f"/repos/{fork.full_name}")
    yield


DIRECTIVES: tuple[Callable[[World], Life], ...] = (
    named_one_after_another, written_in_other_ways, named_by_what_is_merged, names_the_pull_request_that_changes_it,
    named_by_one_that_is_deleted, names_nothing_that_is_there, of_a_fork_that_is_deleted,
)  # fmt: skip
