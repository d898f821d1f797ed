"""Lives of pull requests that end otherwise, come from elsewhere, lie on each other, or are over several entries."""

from __future__ import annotations

from collections.abc import Callable

from live_forge import ForgeError
from live_lives import Life, entry, path, rfc
from live_world import HOMED, World

# --------------------------------------------------------------------------------------------- closed


async def closed_and_reopened(world: World) -> Life:
    pull = await world.pull("meta", "claim/reopened", entry("reopened", "Raised."))
    for state in ("closed", "open", "closed", "open"):
        yield
        await world.edit(pull, state=state)
    yield


async def closed_and_its_branch_deleted(world: World) -> Life:
    pull = await world.pull("meta", "topic/dropped", entry("dropped", "Raised."))
    yield
    await world.edit(pull, state="closed")
    yield
    await world.forge.api("DELETE", f"/repos/{pull.full_name}/branches/{pull.branch.replace('/', '%2F')}")
    yield


async def its_branch_deleted_while_open(world: World) -> Life:
    pull = await world.pull("meta", "topic/unbranched", entry("unbranched", "Raised."))
    yield
    await world.clones["meta"].push(pull.branch, "")
    await world.forge.becomes(pull.full_name, pull.number, state="closed")
    yield


async def pushed_while_closed(world: World) -> Life:
    """Reopened through the API the forge's own ref of it stays behind; what is merged is the branch."""
    pull = await world.pull("meta", "topic/meanwhile", entry("meanwhile", "Raised."))
    yield
    await world.edit(pull, state="closed")
    await world.clones["meta"].commit(pull.branch, entry("meanwhile", "While it was closed."))
    yield
    await world.edit(pull, state="open")
    yield
    await world.merge(pull, "merge")
    yield


# --------------------------------------------------------------------------------------------- forks


async def from_a_fork_that_is_deleted(world: World) -> Life:
    """One is merged, one is open when the fork goes."""
    fork = await world.fork("meta")
    main = await fork.tip("main")
    taken = await world.pull("meta", "mine", entry("fork-merged", "Raised."), start=main, fork=fork)
    left = await world.pull("meta", "mine-too", entry("fork-open", "Raised."), start=main, fork=fork)
    yield
    await world.amend(taken, entry("fork-merged", "Reviewed."))
    await world.amend(left, entry("fork-open", "Rewritten."), main)
    yield
    await world.merge(taken, "merge")
    yield
    await world.forge.api("DELETE", f"/repos/{fork.full_name}")
    yield


# --------------------------------------------------------------------------------------------- stacked


async def stacked(world: World) -> Life:
    """The lower one is merged and its branch deleted through the API: the upper one gets its base, or is closed."""
    lower = await world.pull("meta", "stack/lower", entry("stack-lower", "Raised."))
    yield
    upper = await world.pull("meta", "stack/upper", entry("stack-upper", "Raised."), base="stack/lower")
    yield
    await world.amend(lower, entry("stack-lower", "Reviewed."))
    yield
    await world.merge(lower, "squash", delete=True)
    yield
    if (await world.forge.pull(upper.full_name, upper.number))["state"] == "open":
        await world.amend(upper, entry("stack-upper", "Reviewed."))
        yield
        try:
            await world.merge(upper, "merge")
        except ForgeError:  # what is stacked on a squash may conflict
            await world.edit(upper, state="closed")
    yield


async def stacked_on_a_branch_that_is_deleted(world: World) -> Life:
    lower = await world.pull("meta", "pile/lower", entry("pile-lower", "Raised."))
    upper = await world.pull("meta", "pile/upper", entry("pile-upper", "Raised."), base="pile/lower")
    yield
    await world.amend(upper, entry("pile-upper", "Rewritten."), lower.heads[0])
    yield
    await world.merge(lower, "rebase")
    yield
    await world.clones["meta"].push(lower.branch, "")
    await world.forge.becomes(upper.full_name, upper.number, state="closed")
    yield


# --------------------------------------------------------------------------------------------- entries


async def over_several_entries(world: World) -> Life:
    files = {**entry("several-a", "Raised."), **entry("several-b", "Raised."), **entry("several-new", "Raised.")}
    pull = await world.pull("meta", "topic/several", files)
    yield
    await world.amend(pull, {**entry("several-c", "Raised late."), **entry("several-a", "Reviewed.")})
    yield
    await world.merge(pull, "rebase-merge")
    yield


async def over_an_entry_that_is_deleted(world: World) -> Life:
    pull = await world.pull("meta", "topic/deleted", entry("deleted", "Raised."))
    yield
    await world.merge(pull, "merge")
    yield
    await world.clones["meta"].commit("main", {path("deleted"): None})
    yield


async def removing_and_renaming(world: World) -> Life:
    files = {path("removed"): None, path("old-name"): None, **entry("new-name", "Old.")}
    pull = await world.pull("meta", "topic/removing", files)
    yield
    await world.amend(pull, entry("removed", "Not after all."))
    yield
    await world.merge(pull, "squash")
    yield


async def three_merged_the_other_way_round(world: World) -> Life:
    """The latest merged revision is by the time of merging, not by number."""
    pulls = []
    for n in range(3):
        files = {path("many"): None} if n == 1 else entry("many", f"As {n}.")
        pulls.append(await world.pull("meta", f"topic/many-{n}", files))
        yield
    await world.merge(pulls[2], "merge")
    yield
    await world.edit(pulls[1], state="closed")
    await world.amend(pulls[0], entry("many", "As 0 after all."), await world.clones["meta"].tip("main"))
    yield
    await world.merge(pulls[0], "squash")
    yield


async def named_by_its_branch(world: World) -> Life:
    """A claim that changes another file is about the entry all the same."""
    pull = await world.pull("meta", "claim/claimed", {"claims/x.txt": "ada\n"}, also={"claimed": path("claimed")})
    yield
    await world.merge(pull, "merge")
    yield


async def a_document_and_its_entry(world: World) -> Life:
    """Numbered together: one about the document, one about the entry's own file, one more about the document."""
    home = world.clones["home"]
    one = await world.pull("home", "work/one", {"RFC.md": "# One\n"})
    yield
    own = {path(HOMED): rfc(HOMED, "Raised.", "active", home.full_name)}
    own_pull = await world.pull("meta", f"edit/{HOMED}/x", own)
    yield
    await world.amend(one, {"RFC.md": "# One, rewritten\n"}, await home.tip("main"))
    await world.merge(own_pull, "squash", delete=True)
    yield
    await world.merge(one, "rebase", delete=True)
    yield
    await world.pull("home", "work/code", {"code.py": "1\n"})
    two = await world.pull("home", "work/two", {"RFC.md": "# Two\n"})
    yield
    await world.edit(two, state="closed")
    yield


ENDS: tuple[Callable[[World], Life], ...] = (
    closed_and_reopened, closed_and_its_branch_deleted, its_branch_deleted_while_open, pushed_while_closed,
    from_a_fork_that_is_deleted, stacked, stacked_on_a_branch_that_is_deleted, over_several_entries,
    over_an_entry_that_is_deleted, removing_and_renaming, three_merged_the_other_way_round, named_by_its_branch,
    a_document_and_its_entry,
)  # fmt: skip
