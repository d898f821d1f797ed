"""One process owns data_dir."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.lock import DataLock, LockedError

HOLD = "import sys; from pathlib import Path; from daemon.lock import DataLock\n"
HOLD += "lock = DataLock(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"


def test_the_second_is_told_who_holds_it(tmp_path: Path) -> None:
    with DataLock(tmp_path / "data"):
        with pytest.raises(LockedError, match=f"in use by process {os.getpid()}; stop it") as caught:
            DataLock(tmp_path / "data")
        assert caught.value.pid == os.getpid()
    with DataLock(tmp_path / "data"):
        pass


def test_a_killed_owner_leaves_no_lock_behind(tmp_path: Path) -> None:
    """A file that merely exists would need a person to remove it after every crash."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"held\n"
        with pytest.raises(LockedError, match=f"process {owner.pid}"):
            DataLock(tmp_path)
        owner.kill()
        owner.wait()
        with DataLock(tmp_path):
            pass


def test_a_dead_owner_s_child_is_waited_for(tmp_path: Path) -> None:
    """Between its fork and its exec a child holds what it will not inherit, and its owner may be killed just then."""
    program = HOLD.partition("print")[0] + "import os, time; os.fork() and os._exit(0); time.sleep(0.2)"
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)
    with DataLock(tmp_path):
        pass


def test_a_child_does_not_inherit_the_lock(tmp_path: Path) -> None:
    """git outlives a killed daemon for a moment; the next daemon must start nevertheless."""
    lock = DataLock(tmp_path)
    program = "print('running', flush=True); input()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", program], close_fds=False, **pipes) as child:
        assert child.stdout.readline() == b"running\n"  # until its exec, a child still holds what it will not inherit
        lock.release()
        with DataLock(tmp_path):
            pass
        child.kill()


def test_whatever_stands_in_the_file_the_error_is_clear(tmp_path: Path) -> None:
    with DataLock(tmp_path):
        (tmp_path / "lock").write_bytes(b"\xffnonsense")
        with pytest.raises(LockedError, match="in use by another process"):
            DataLock(tmp_path)


def test_a_link_in_the_lock_s_place_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "lock").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic links"):
        DataLock(tmp_path)
    assert victim.read_text() == "precious"
