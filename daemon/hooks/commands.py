"""What `forgeglass hooks` asks of whoever owns `data_dir`: `state.db` has one writer, and it knows the reach."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

import msgspec

from cache.installed_hook import InstalledHook
from cache.rows import OwnerRow

if TYPE_CHECKING:
    from daemon.engine import Engine

Progress = Callable[[Mapping[str, Any]], None]
Result = tuple[dict[str, Any], int]


class Known(msgspec.Struct, frozen=True):
    """What is known of webhooks: those that we made, and the repositories that profiles reach, by owner."""

    made: tuple[InstalledHook, ...]
    repositories: dict[str, tuple[str, ...]]
    """Names without their owner, under the owner's login in lower case."""
    users: tuple[str, ...] = ()
    """Owners, in lower case, of whom a sweep found that they are users and no organizations."""


async def hooks_known(engine: Engine, arguments: Mapping[str, Any], progress: Progress) -> Result:
    """Give `Known`."""
    book = engine.desk.book
    reached: dict[str, list[str]] = {}
    for repository_id in book.reach.interests:
        repository = book.world.listed[repository_id]
        reached.setdefault(repository.owner.lower(), []).append(repository.name)
    owners = cast("Iterable[OwnerRow]", book.rows[OwnerRow].values())
    known = Known(
        await engine.state.hooks.all(),
        {owner: tuple(sorted(names)) for owner, names in reached.items()},
        tuple(sorted(owner.name.lower() for owner in owners if not owner.organization)),
    )
    return msgspec.to_builtins(known), 0


async def hooks_note(engine: Engine, arguments: Mapping[str, Any], progress: Progress) -> Result:
    """Remember the webhook `made`, and forget those whose numbers are in `gone`."""
    made = arguments.get("made")
    if made is not None:
        await engine.state.hooks.put(msgspec.convert(made, InstalledHook))
    await engine.state.hooks.remove(msgspec.convert(arguments.get("gone", []), list[int]))
    return {}, 0
