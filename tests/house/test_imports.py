"""The direction of imports."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from house_files import ROOT

from daemon.control import Progress
from daemon.control_server import ControlServer
from daemon.control_socket import SOCKET_NAME

CONFIG = """\
data_dir = "."
[forge]
url = "http://127.0.0.1:1"
owners = ["acme"]
[[profiles]]
use = "rfc"
meta = "acme/meta"
"""


def test_the_contracts_hold() -> None:
    """A pure module that does I/O, or a lower package that calls a higher one, is found here and not in review."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


SERVER = {"aiohttp", "sqlalchemy", "alembic", "jsonschema", "structlog", "yaml", "markdown_it", "jinja2"}
"""What a daemon is made of takes most of a second to import: too long for whoever asks a daemon that runs."""


def imported(program: str) -> set[str]:
    """The packages and modules that a program has imported at its end."""
    program += "\nprint(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_the_command_starts_without_the_server() -> None:
    """`forgeglass --help` and shell completion must not wait for aiohttp, SQLAlchemy and Alembic to be imported."""
    assert not SERVER & imported("import sys, daemon.cli")


@pytest.mark.parametrize("line", [("status",), ("token", "list"), ("digest",), ("query", "SELECT 1")], ids=" ".join)
async def test_asking_a_daemon_that_runs_needs_nothing_of_what_it_is_made_of(
    line: tuple[str, ...], tmp_path: Path
) -> None:
    """They send one line and print one: that is to be there at once."""

    async def answer(arguments: dict[str, Any], progress: Progress) -> tuple[dict[str, Any], int]:
        return {"asked": True, "rows": []}, 0

    (tmp_path / "forgeglass.toml").write_text(CONFIG)
    handlers = dict.fromkeys(("status", "token-list", "digest", "query"), answer)
    run = f"try: main({['--json', '--config', str(tmp_path / 'forgeglass.toml'), *line]})\nexcept SystemExit: pass"
    async with ControlServer(tmp_path / SOCKET_NAME, handlers):
        found = await asyncio.to_thread(imported, f"import sys\nfrom daemon.cli import main\n{run}")
    assert "daemon.control" in found
    assert not SERVER & found


def test_the_feed_of_a_daemon_that_runs_is_read_with_an_http_client_alone() -> None:
    """`changes` opens the database, with all that goes with it, only where no daemon answers."""
    assert not (SERVER - {"aiohttp"} | {"aiohttp.web"}) & imported("import sys, daemon.cli.feed_client, daemon.cli.run")


def test_a_start_imports_alembic_only_where_something_is_to_be_migrated() -> None:
    """It takes as long as all of ours, and nearly every start finds the schema as it should be."""
    assert "alembic" not in imported("import sys, daemon.serving, daemon.cli.alone")


@pytest.mark.parametrize("module", ["daemon.hooks.running", "daemon.doctor.running", "daemon.clock", "daemon.backup"])
def test_a_command_that_opens_no_database_is_not_kept_waiting_for_one(module: str) -> None:
    """Beside a daemon webhooks are put in order and everything is looked at; a back-up copies a file."""
    assert not {"sqlalchemy", "alembic", "daemon.engine"} & imported(f"import sys, {module}")
