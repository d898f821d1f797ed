"""What a list of repositories makes of the world, and what is too odd in it to be taken."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from cache.model import Repository
from cache.world import World
from daemon.report import Trouble
from gitea_client import wire


def unusable(owner: str, item: wire.Unusable) -> Trouble:
    """A repository whose description by the forge is not allowed: it is not read, and what was known of it stays."""
    which = f"repository {item.id}" if item.id is not None else "a repository without a usable id"
    what = f"the forge describes {which} of {owner} in a way that is not allowed: {item.why}"
    remedy = "look at what the forge's API says of it, whether forge.url is right, and for a proxy between"
    return Trouble(f"repository:{item.id or owner}", what, remedy)


def with_former_names(world: World, before: World) -> World:
    """A newly listed world in which the names that repositories bore until now lead to them still, unless taken."""
    moved = {key: r for key, r in before.listed.items() if r.full_name.lower() != world.listed[key].full_name.lower()}
    former = {r.full_name.lower(): key for key, r in moved.items() if r.full_name.lower() not in world.by_name}
    return replace(world, aliases={**world.aliases, **former}) if former else world


def merged(world: World, repository: Repository) -> Repository:
    """A repository as listed; a mirrored one keeps the default branch that its refs told."""
    evidence = world.mirrored.get(repository.id)
    if evidence is None or not evidence.repository.default_branch:
        return repository
    return replace(repository, default_branch=evidence.repository.default_branch)


def differs(world: World, repository: Repository) -> bool:
    evidence = world.mirrored.get(repository.id)
    return evidence is not None and evidence.repository != merged(world, repository)


def newest(known: datetime | None, times: Iterable[datetime | None]) -> datetime | None:
    present = [time for time in (known, *times) if time is not None]
    return max(present, default=None)
