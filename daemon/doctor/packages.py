"""Whether the four packages that Forgeglass is made of are its own: their names are common ones.

Where one is not, `forgeglass` says so before anything of them is imported; here is what only doctor tells.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import PathFinder
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

from forgeglass import MARKS, REMEDY, foreign

__all__ = ["REMEDY", "claimed", "foreign", "shadowed"]


def shadowed(path: Sequence[str] | None = None) -> Iterator[str]:
    """Packages of the same names further on the path, which ours hide: their users get ours instead."""
    for name in MARKS:
        used = find_spec(name)
        for folder in path if path is not None else sys.path:
            spec = PathFinder.find_spec(name, [folder or "."])
            if spec is None or used is None or spec.origin is None or spec.origin == used.origin:
                continue
            if not (Path(spec.origin).parent / MARKS[name]).is_file():
                yield f"{spec.origin} has the name of our package {name}"


def claimed() -> Iterator[str]:
    """Installed distributions that hold files in folders of ours."""
    holders = packages_distributions()
    for name in MARKS:
        for other in sorted({holder for holder in holders.get(name, ()) if holder.lower() != "forgeglass"}):
            yield f"the installed package {other} also has a {name}"
