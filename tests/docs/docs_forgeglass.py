"""The `forgeglass` that pages run: the real one, but a daemon that would take port 8088 takes the test's port."""

from __future__ import annotations

import itertools
import os
import sys
import tomllib
from pathlib import Path

USUAL = "127.0.0.1:8088"


def listen(arguments: list[str]) -> str | None:
    """The address that the configuration names; None where there is none yet, or it names none."""
    named = dict(itertools.pairwise(arguments)).get("--config")
    path = Path(named or os.environ.get("FORGEGLASS_CONFIG") or "forgeglass.toml")
    try:
        value = tomllib.loads(path.read_text()).get("listen")
    except (OSError, ValueError):
        return None
    return value if isinstance(value, str) else None


def main() -> None:
    """Run the command, or tell its address alone."""
    address = os.environ.get("FORGEGLASS_LISTEN") or listen(sys.argv)
    if address in (None, USUAL):
        os.environ["FORGEGLASS_LISTEN"] = address = os.environ["LISTEN"]
    if os.environ.pop("FORGEGLASS_ADDRESS_ONLY", None):
        sys.stdout.write(address)
        return
    from daemon.cli import main as forgeglass

    forgeglass()


if __name__ == "__main__":
    main()
