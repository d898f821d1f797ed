"""File descriptors: as many as the system allows, and some kept back for what must work when strangers take theirs."""

from __future__ import annotations

import resource
from typing import Final

MOST: Final = 65_536
"""More are never asked for: some programs that git runs visit every number up to the limit."""
KEPT_BACK: Final = 192
"""For the control socket, eight runs of git with their pipes, requests to the forge, and the databases."""
FEWEST: Final = 16


def raise_limit() -> int:
    """Raise the soft limit of this process to the hard one; how many descriptors it may open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return MOST if soft == resource.RLIM_INFINITY else soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):  # a sandbox that forbids it
        return soft
    return wanted


def affordable(connections: int, descriptors: int) -> int:
    """How many of so many connections there may be, with so many descriptors in all."""
    return max(FEWEST, min(connections, descriptors - KEPT_BACK))
