"""Lives of pull requests, of one entry each. A life is an async generator: where it yields, everybody looks.

In the order of doing nothing is discovered out of order: of one entry no two pull requests are raised between looks.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial

from live_world import World

Life = AsyncIterator[None]
STYLES = ("merge", "rebase", "rebase-merge", "squash")


def rfc(key: str, text: str, state: str = "idea", repo: str | None = None) -> str:
    """An entry of the profile `rfc`."""
    of = f"repo: {repo}\n" if repo is not None else ""
    return f"---\ntitle: {key}\nstate: {state}\n{of}---\n# {key}\n\n{text}\n"


def path(key: str) -> str:
    return f"rfcs/{key}.md"


def entry(key: str, text: str) -> dict[str, str | None]:
    """The file of an entry that says something."""
    return {path(key): rfc(key, text)}


async def main_moves(world: World, key: str = "moving", text: str = "Moved.") -> None:
    """The base moves by a change to another entry."""
    at = await world.clones["meta"].tip("main")
    await world.clones["meta"].commit("main", entry(key, f"{text} After {at}."))


# --------------------------------------------------------------------------------------------- amended and forced


async def amended(world: World) -> Life:
    pull = await world.pull("meta", "topic/amended", entry("amended", "Raised."))
    yield
    await world.amend(pull, entry("amended", "Reviewed."))
    yield
    await world.amend(pull, {"notes/amended.txt": "beside\n"})
    await main_moves(world)
    yield
    await world.amend(pull, entry("amended", "Raised."))
    yield


async def forced(world: World) -> Life:
    """Rewritten on top of a base that moved, back to what it was, then merged."""
    pull = await world.pull("meta", "topic/forced", entry("forced", "Raised."))
    first = pull.heads[0]
    await main_moves(world)
    yield
    tip = await world.clones["meta"].tip("main")
    await world.amend(pull, entry("forced", "Rewritten."), tip)
    yield
    await world.clones["meta"].push(pull.branch, first)
    await world.pushed(pull, first, {})
    yield
    await world.amend(pull, entry("forced", "Rewritten again."), await world.clones["meta"].tip("main"))
    await main_moves(world)
    yield
    await world.merge(pull, "squash", delete=True)
    yield


async def forced_to_another_entry(world: World) -> Life:
    """What was raised is dropped, and another entry is touched instead."""
    pull = await world.pull("meta", "topic/turned", entry("turned-from", "Raised."))
    yield
    at = await world.clones["meta"].tip("main")
    sha = await world.clones["meta"].commit(pull.branch, entry("turned-to", "Raised later."), at)
    await world.pushed(pull, sha, entry("turned-to", ""))
    yield
    await world.edit(pull, state="closed")
    yield


# --------------------------------------------------------------------------------------------- other bases


async def retargeted(world: World) -> Life:
    pull = await world.pull("meta", "topic/retargeted", entry("retargeted", "Raised."))
    await main_moves(world)
    yield
    await world.edit(pull, base="release")
    await world.forge.becomes(pull.full_name, pull.number, state="open")
    yield
    await world.amend(pull, entry("retargeted", "Amended."))
    yield
    await world.merge(pull, "merge")
    yield


async def retargeted_after_it_was_forced(world: World) -> Life:
    """Its newest head is on top of what the new base lacks."""
    pull = await world.pull("meta", "topic/reforced", entry("reforced", "Raised."))
    yield
    await world.edit(pull, base="trunk")
    await world.clones["meta"].commit("trunk", entry("lagging", "Only on the trunk."))
    await world.amend(pull, entry("reforced", "Rewritten."), await world.clones["meta"].tip("trunk"))
    yield
    # what the head brought, it brought to the trunk; `lagging` came with that, and is nothing of its own
    await world.edit(pull, base="release")
    yield


# --------------------------------------------------------------------------------------------- merged


async def merged(world: World, style: str) -> Life:
    """Raised, amended, merged, and the branch pushed on or deleted."""
    key = f"merged-{style}"
    pull = await world.pull("meta", f"edit/{key}/it", entry(key, "Raised."))
    await main_moves(world)
    yield
    await world.amend(pull, entry(key, "Reviewed."))
    yield
    await world.merge(pull, style)
    yield
    if style in ("merge", "squash"):
        await world.clones["meta"].push(pull.branch, "")
    else:
        await world.clones["meta"].commit(pull.branch, entry(key, "After the merge."))
    yield


async def merged_by_fast_forward(world: World) -> Life:
    """To a branch that nothing else moves."""
    pull = await world.pull("meta", "topic/forward", entry("forward", "Raised."), base="calm")
    yield
    await world.amend(pull, entry("forward", "Reviewed."))
    yield
    await world.merge(pull, "fast-forward-only")
    yield


async def merged_by_hand(world: World) -> Life:
    pull = await world.pull("meta", "topic/by-hand", entry("by-hand", "Raised."))
    await main_moves(world)
    yield
    meta = world.clones["meta"]
    sha = await meta.commit("main", entry("by-hand", "Raised."), more=[pull.heads[-1]])
    await world.merge(pull, "manually-merged", MergeCommitID=sha)
    yield


async def merged_by_hand_and_noticed(world: World) -> Life:
    """The forge finds by itself that the base holds the head."""
    pull = await world.pull("home", "topic/noticed", {"RFC.md": "# Noticed\n"})
    yield
    home = world.clones["home"]
    noticing = {"has_pull_requests": True, "allow_manual_merge": True, "autodetect_manual_merge": True}
    await world.forge.api("PATCH", f"/repos/{home.full_name}", noticing)
    await home.commit("main", {"RFC.md": "# Noticed\n", "beside.txt": "x\n"}, more=[pull.heads[-1]])
    await world.forge.becomes(pull.full_name, pull.number, merged=True)
    yield


LIVES: tuple[Callable[[World], Life], ...] = (
    amended, forced, forced_to_another_entry, retargeted, retargeted_after_it_was_forced,
    *(partial(merged, style=style) for style in STYLES), merged_by_fast_forward, merged_by_hand,
)  # fmt: skip
"""How heads, bases and merges change what a pull request brings."""
LATE: tuple[Callable[[World], Life], ...] = (merged_by_hand_and_noticed,)
"""What begins when the others have ended: it changes how the forge looks at all pull requests of a repository."""
ENTRIES = (
    "amended", "forced", "turned-from", "turned-to", "retargeted", "reforced", "lagging", "forward", "by-hand",
    "reopened", "dropped", "unbranched", "meanwhile", "fork-merged", "fork-open", "stack-lower", "stack-upper",
    "pile-lower", "pile-upper", "several-a", "several-b", "several-c", "deleted", "removed", "old-name", "many",
    "claimed", "moving", *(f"merged-{style}" for style in STYLES),
)  # fmt: skip
"""What is there before anything is raised."""
