"""Where the `forgeglass` command begins: whether the packages that it is made of are its own, and then the command.

Their names are common ones. This stands beside them, under a name of its own, and imports none of them before it has
looked: a package of somebody else's that comes first on the path is told in one line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

MARKS: Final = {
    "gitea_client": "transport.py",
    "cache": "store/migrating.py",
    "webhooks": "receiver.py",
    "daemon": "serving.py",
}
"""A module that each of ours has: telling a package by its folder alone would refuse installations that split it."""

REMEDY: Final = (
    "install Forgeglass into an environment of its own (pipx install, uv tool install), and unset PYTHONPATH"
)


def main() -> None:
    """Run the command, with the arguments of the process."""
    wrong = foreign()
    if wrong is not None:
        sys.exit(tell(wrong, sys.argv[1:]))
    from daemon.cli import main as command

    command()


def foreign() -> str | None:
    """What is wrong where a package that would be imported is not ours; None where all are."""
    for name, mark in MARKS.items():
        spec = find_spec(name)
        places = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
        if not any((place / mark).is_file() for place in places):
            where = (spec.origin if spec else None) or (str(places[0]) if places else "nowhere")
            return f"the package {name} is somebody else's ({where})"
    return None


def tell(wrong: str, arguments: Sequence[str]) -> int:
    """Say it as the command itself would, and give the exit code: 1 and a result where doctor was asked, else 2."""
    if "doctor" not in arguments:
        sys.stderr.write(f"forgeglass: {wrong}; {REMEDY}\n")
        return 2
    result = {"check": "packages", "status": "fail", "what": wrong, "remedy": REMEDY}
    told = json.dumps({"well": False, "checks": [result]})
    shown = f"fail  packages  {wrong}\n                → {REMEDY}\n\nnot well: 1 failure"
    sys.stdout.write(f"{told if '--json' in arguments else shown}\n")
    return 1
