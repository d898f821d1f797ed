"""What an installation carries."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from house_files import ROOT

PACKAGES = ("cache", "daemon", "gitea_client", "webhooks")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    """The wheel, built here without asking anybody for anything."""
    place = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place)],
        cwd=ROOT, check=True, capture_output=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    (built,) = place.glob("*.whl")
    return zipfile.Path(built)


def names(wheel: zipfile.Path) -> set[str]:
    return set(wheel.root.namelist())


def test_the_wheel_carries_the_profiles(wheel: zipfile.Path) -> None:
    """Without them `use = "rfc"` works in the source tree and nowhere else."""
    shipped = {path.name for path in (ROOT / "deploy" / "profiles").glob("*.yaml")}
    assert "rfc.yaml" in shipped
    assert {f"cache/profiles/{name}" for name in shipped} <= names(wheel)


def test_the_wheel_carries_every_module_and_nothing_else(wheel: zipfile.Path) -> None:
    """A module left out fails at the first import; tests and secrets have no place in an installation."""
    modules = {str(path.relative_to(ROOT)) for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    assert modules <= names(wheel)
    tops = {name.split("/")[0] for name in names(wheel)}
    assert {top for top in tops if not top.endswith(".dist-info")} == {*PACKAGES, "forgeglass.py"}
    for package in PACKAGES:
        assert f"{package}/py.typed" in names(wheel)


def test_the_wheel_carries_the_pages_of_the_console(wheel: zipfile.Path) -> None:
    """A template or a style left out fails at the first page that a person opens."""
    console = ROOT / "daemon" / "console"
    shown = {f"daemon/console/{path.relative_to(console)}" for name in ("templates", "static")
             for path in (console / name).iterdir()}  # fmt: skip
    assert len(shown) > 10
    assert shown <= names(wheel)


def test_the_installed_command_finds_its_profiles(wheel: zipfile.Path, tmp_path: Path) -> None:
    """Run from the unpacked wheel, with no source tree in sight."""
    with zipfile.ZipFile(wheel.root.filename or "") as archive:
        archive.extractall(tmp_path)
    program = "import cache.profile.loader as it; print(it.__file__, it.load_profile('rfc').spec.profile)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)},
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    where, profile = done.stdout.split()
    assert where.startswith(str(tmp_path))
    assert profile == "rfc"


def test_the_command_begins_in_a_module_whose_name_is_nobody_elses(wheel: zipfile.Path) -> None:
    """A command that begins in `daemon` ends in a traceback where somebody else's `daemon` comes first."""
    (points,) = [name for name in names(wheel) if name.endswith(".dist-info/entry_points.txt")]
    assert "forgeglass = forgeglass:main" in wheel.root.read(points).decode()
