"""From the configuration's blocks to profiles in use."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from cache.profile.block import Block, ProfileError, bind, load_profile
from cache.profile.problems import ProfileProblem
from daemon.config import Config

PROJECTION = 2
"""Raise it when the same evidence gives other rows than before: every row is then projected anew at the next start."""


def load_blocks(config: Config) -> tuple[Block, ...]:
    """Every block of the configuration. ProfileError: every mistake in any of them; a block over an owner that nobody
    lists, which would stay empty for ever; two blocks that give one name to a view.
    """
    blocks: list[Block] = []
    problems: list[ProfileProblem] = []
    for wanted in config.profiles:
        try:
            profile = load_profile(wanted.use)
            block = _at(bind(profile, wanted.name, wanted.view_prefix, wanted.parameters), config)
        except ProfileError as error:
            problems.extend(error.problems)
        else:
            blocks.append(block)
            problems.extend(_unlisted(block, config.forge.owners))
    problems.extend(_same_views(blocks))
    if problems:
        raise ProfileError(problems)
    return tuple(blocks)


def _at(block: Block, config: Config) -> Block:
    """A block of this forge: what follows from addresses follows from those of the forge."""
    forge = (config.forge.url, *config.forge.aliases)
    named = any(c.revisions is not None for c in block.collections)
    whole = "\n".join((block.fingerprint, *forge)) if named else block.fingerprint
    return replace(block, forge=forge, fingerprint=hashlib.sha256(whole.encode()).hexdigest())


def _unlisted(block: Block, owners: Sequence[str]) -> Iterator[ProfileProblem]:
    known = {owner.lower() for owner in owners}
    chosen = {collection.repository.owner for collection in block.collections} - {None}
    for owner in sorted(str(one) for one in chosen):
        if owner.lower() not in known:
            message = f"It selects repositories of {owner!r}, who is not among forge.owners; add {owner!r} there."
            yield ProfileProblem(f"the block {block.name!r}", 0, "unknown-owner", message)


def _same_views(blocks: Iterable[Block]) -> Iterator[ProfileProblem]:
    named: dict[str, list[str]] = defaultdict(list)
    for block in blocks:
        for view in block.views:
            named[(block.view_prefix + view.name).lower()].append(block.name)
    for name, among in named.items():
        if len(among) > 1:
            shown = ", ".join(among[:5]) + (f" and {len(among) - 5} more" if len(among) > 5 else "")
            message = f"{shown} all make the SQL view {name!r}; give all but one a view_prefix of its own."
            yield ProfileProblem("the blocks", 0, "same-view", message)


def fingerprint(blocks: tuple[Block, ...]) -> str:
    """One text that changes when rows have to be projected anew."""
    parts = [f"{PROJECTION}", *sorted(f"{block.name}={block.fingerprint}" for block in blocks)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
