"""The two commands at the top of the README, and the gate that runs the second."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from house_files import ROOT


def make(*arguments: str, **environment: str) -> str:
    """What `make` would run for the given targets: nothing is run."""
    done = subprocess.run(
        ["make", "--no-print-directory", "-n", *arguments],
        cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_the_readme_begins_with_the_two_commands() -> None:
    """A stranger reads the first lines and nothing else."""
    block = re.search(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block is not None
    assert [line.split("#")[0].strip() for line in block[1].splitlines()] == ["make demo", "make test"]
    assert (ROOT / "README.md").read_text().index("```sh") < 60


def test_make_demo_hands_its_arguments_on() -> None:
    assert ".venv/bin/forgeglass demo --still" in make("demo", "ARGS=--still")


def test_make_test_checks_everything_and_leaves_no_test_out() -> None:
    """A gate that skips a check or a directory is passed by what it should stop."""
    commands = make("test")
    for command in ("ruff check .", "bin/mypy", "lint-imports", "-m pytest"):
        assert command in commands
    pytest_line = next(line for line in commands.splitlines() if "-m pytest" in line)
    assert not re.search(r" -k | -m [^p]|--ignore|--deselect|tests/", pytest_line)


def test_the_gate_runs_the_test_command_and_hides_no_failure() -> None:
    """`make test || true`, or a pipe without pipefail, is always green."""
    script = (ROOT / ".ci" / "run").read_text()
    assert script.rstrip().endswith("\nexec make test")
    assert "set -euo pipefail" in script
    assert "|| true" not in script
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=True)


def _environment_maker(folder: Path, *broken: str, working: str) -> str:
    """A PATH where commands of the given names fail, as a version manager's do, and one is this Python.

    Its environments come without pip, which nothing here asks for and which takes seconds to unpack.
    """
    for name in broken:
        (folder / name).write_text("#!/bin/sh\necho 'no such version' >&2\nexit 127\n")
        (folder / name).chmod(0o755)
    real = shlex.quote(sys.executable)
    line = f'[ "$1 $2" = "-m venv" ] && exec {real} "$@" --without-pip\nexec {real} "$@"\n'
    (folder / working).write_text(f"#!/bin/sh\n{line}")
    (folder / working).chmod(0o755)
    return str(folder)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the Makefile beside a lock that pins nothing and a project that is not one."""
    folder = tmp_path / "house"
    folder.mkdir()
    text = (ROOT / "Makefile").read_text()
    (folder / "Makefile").write_text(re.sub(r"\t@\$\(BIN\)/python -m pip install.*\n", "", text))
    (folder / "requirements-dev.txt").touch()
    (folder / "pyproject.toml").touch()
    return folder


def test_set_up_passes_over_commands_that_do_not_run(house: Path, tmp_path: Path) -> None:
    """A version manager puts `python3.13` in PATH that fails when run: taking the first name found would fail."""
    tools = tmp_path / "tools"
    tools.mkdir()
    path = _environment_maker(tools, "python3.13", "python3.12", working="python3.11")
    environment = {**os.environ, "PATH": f"{path}:/usr/bin:/bin"}
    subprocess.run(["make", ".venv/.ready"], cwd=house, env=environment, check=True, capture_output=True)
    assert (house / ".venv" / "bin" / "python").exists()
    again = subprocess.run(["make", ".venv/.ready"], cwd=house, env=environment, check=True, capture_output=True)
    assert b"setting up" not in again.stdout


def test_set_up_without_a_python_says_what_to_do(house: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "rm", "touch"):
        (tools / name).symlink_to(f"/bin/{name}" if Path(f"/bin/{name}").exists() else f"/usr/bin/{name}")
    environment = {**os.environ, "PATH": str(tools)}
    done = subprocess.run(
        ["/usr/bin/make", ".venv/.ready"], cwd=house, env=environment, check=False, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "no Python 3.11 or newer" in done.stderr
    assert "make PYTHON=" in done.stderr


def test_pre_commit_runs_only_what_the_environment_holds() -> None:
    """A hook from elsewhere would bring a second version of a tool, and an address to fetch it from."""
    configuration = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repository["repo"] for repository in configuration["repos"]] == ["local"]
    for hook in configuration["repos"][0]["hooks"]:
        assert hook["language"] == "system"
        assert hook["entry"].startswith(".venv/bin/")
