"""Whether the four packages that Forgeglass is made of are its own: their names are common ones.

Imports nothing of them, so that it can still tell when one of them is somebody else's.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import PathFinder
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

NAMES = ("gitea_client", "cache", "webhooks", "daemon")
MARKS = {
    "gitea_client": "transport.py",
    "cache": "migrating.py",
    "webhooks": "receiver.py",
    "daemon": "serving.py",
}
"""A module that ours has: telling a package by its folder alone would refuse installations that split it."""

REMEDY = "install Forgeglass into an environment of its own (pipx install, uv tool install), and unset PYTHONPATH"


def foreign() -> str | None:
    """What is wrong where a package that is imported is not ours; None where all are."""
    for name in NAMES:
        spec = find_spec(name)
        places = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
        if not any((place / MARKS[name]).is_file() for place in places):
            where = (spec.origin if spec else None) or (str(places[0]) if places else "nowhere")
            return f"the package {name} is somebody else's ({where})"
    return None


def shadowed(path: Sequence[str] | None = None) -> Iterator[str]:
    """Packages of the same names further on the path, which ours hide: their users get ours instead."""
    for name in NAMES:
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
    for name in NAMES:
        for other in sorted({holder for holder in holders.get(name, ()) if holder.lower() != "forgeglass"}):
            yield f"the installed package {other} also has a {name}"
