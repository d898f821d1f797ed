"""The direction of imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from house_files import ROOT


def test_the_contracts_hold() -> None:
    """A pure module that does I/O, or a lower package that calls a higher one, is found here and not in review."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def test_the_command_starts_without_the_server() -> None:
    """`forgeglass --help` and shell completion must not wait for aiohttp, SQLAlchemy and Alembic to be imported."""
    program = "import sys, daemon.cli; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert not {"aiohttp", "sqlalchemy", "alembic", "yaml"} & set(done.stdout.split())
