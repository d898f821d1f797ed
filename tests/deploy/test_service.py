"""The systemd unit: systemd itself takes it, and it does what the service needs and no more."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from deploy_place import DEPLOY

UNIT = DEPLOY / "systemd" / "forgeglass.service"
NO_SYSTEMD = shutil.which("systemd-analyze") is None


def directives() -> configparser.SectionProxy:
    parser = configparser.RawConfigParser(strict=False, comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as the documentation of configparser has it
    parser.read_string(UNIT.read_text())
    return parser["Service"]


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that is there: systemd looks."""
    path = tmp_path / UNIT.name
    path.write_text(UNIT.read_text().replace("/opt/forgeglass/bin/forgeglass", sys.executable))
    return path


@pytest.mark.skipif(NO_SYSTEMD, reason="systemd-analyze (Debian: systemd) is not installed")
def test_systemd_takes_the_unit_without_a_word(unit: Path) -> None:
    """A directive that systemd does not know is passed over with a warning in a log, and protects nothing."""
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(NO_SYSTEMD, reason="systemd-analyze (Debian: systemd) is not installed")
def test_the_service_is_exposed_to_little(unit: Path) -> None:
    """systemd's own measure, from 0 (safe) to 10; what a line taken out of the unit would cost shows here."""
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-300:]


def test_the_unit_and_the_daemon_mean_the_same() -> None:
    """The unit waits for READY, gives the token as a credential, and lets the daemon write one folder."""
    service = directives()
    assert service["Type"] == "notify"
    assert service["LoadCredential"] == "token:/etc/forgeglass/token"
    assert service["StateDirectory"] == "forgeglass"
    assert service["ExecStart"].endswith("/forgeglass serve")
    assert "AF_UNIX" in service["RestrictAddressFamilies"], "commands reach the daemon through a Unix socket"


def test_no_secret_stands_in_the_unit() -> None:
    """Every user of the machine may read a unit, and the environment of a process is shown in more places."""
    assert not re.search(r"(?im)^Environment=.*(token|secret)", UNIT.read_text())
