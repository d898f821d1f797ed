"""From the configuration's blocks to profiles in use."""

from __future__ import annotations

import hashlib

from cache.profile.block import Block, ProfileError, bind, load_profile
from cache.profile.problems import ProfileProblem
from daemon.config import Config

PROJECTION = 1
"""Raise it when the same evidence gives other rows than before: every row is then projected anew at the next start."""


def load_blocks(config: Config) -> tuple[Block, ...]:
    """Every block of the configuration. ProfileError: every mistake in any of them."""
    blocks: list[Block] = []
    problems: list[ProfileProblem] = []
    for wanted in config.profiles:
        try:
            profile = load_profile(wanted.use)
            blocks.append(bind(profile, wanted.name, wanted.view_prefix, wanted.parameters))
        except ProfileError as error:
            problems.extend(error.problems)
    if problems:
        raise ProfileError(problems)
    return tuple(blocks)


def fingerprint(blocks: tuple[Block, ...]) -> str:
    """One text that changes when rows have to be projected anew."""
    parts = [f"{PROJECTION}", *sorted(f"{block.name}={block.fingerprint}" for block in blocks)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
