"""A disk that is full, read-only or failing is said as that, with its remedy, on every surface (fault O9).

Where the machine allows it the disk is a real one: a small tmpfs, filled to the last byte or mounted read-only.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from outages import ask
from serving_place import Daemon, Place, rfc, until
from sqlalchemy.exc import OperationalError
from test_outages import logged, swept

from daemon.failing.storage_errors import storage_trouble
from gitea_client.errors import DiskFailed, GitFailed
from gitea_client.fetching import error_from


@contextmanager
def small_disk(place: Place, megabytes: int = 8) -> Iterator[Path]:
    """data_dir on a disk of its own; skips the test where this user may not mount one."""
    place.data_dir.mkdir(exist_ok=True)
    place.configure(more='\n[limits]\ndisk_free = "1B"\n')
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place.data_dir)], capture_output=True,
        check=False,
    )  # fmt: skip
    if mounted.returncode != 0:
        pytest.skip("this user may not mount a file system")
    try:
        yield place.data_dir
    finally:
        subprocess.run(["umount", "-l", str(place.data_dir)], check=True)


def fill(folder: Path) -> Path:
    """Leave no byte free."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 4096)
    assert os.statvfs(folder).f_bavail == 0
    return ballast


async def push_much(place: Place, title: str) -> None:
    """A change that needs more room than is left in any file."""
    await place.push(one=rfc(title, body=os.urandom(200_000).hex() + "\n"))


async def test_a_full_disk_is_said_everywhere_and_heals() -> None:
    """Expected: cause and remedy everywhere, failed sweeps are counted, no word of a fault of ours; then well."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        with small_disk(place) as disk:
            async with place.daemon() as daemon:
                await swept(daemon)
                (await ask(place, daemon)).well()
                ballast = fill(disk)
                await push_much(place, "Two")
                await swept(daemon, 2)
                said = await ask(place, daemon)
                said.fails("storage")
                said.everywhere("the disk is full", "free some space")
                assert "disk_free" not in str(said.stranger), "what our disk lacks is not a stranger's business"
                assert not said.status["paused"], "the forge answers"
                assert await daemon.titles() == {"one": "One"}
                assert "fault of Forgeglass" not in str(place.lines)
                told = [line["error"] for line in logged(place, "storage.failing")]
                assert len(told) == len(set(told)), "each is logged once"
                assert await failed_sweeps(daemon) == 2
                ran = await place.command("sweep")
                assert ran.code == 3, "something could not be written"
                assert "the disk is full" in ran.err
                ballast.unlink()
                await swept(daemon, 2)
                await daemon.engine.desk.workers.idle()
                await until(lambda: not daemon.engine.desk.queue.backoffs())
                await swept(daemon)
                assert await daemon.titles() == {"one": "Two"}
                (await ask(place, daemon)).well()
                assert len(logged(place, "storage.recovered")) == 1


async def test_a_disk_with_less_room_than_is_to_stay_free_is_said_everywhere() -> None:
    """limits.disk_free: nothing is fetched, everything else goes on; a stranger is not told what our disk lacks."""
    async with Place() as place:
        place.configure(more='\n[limits]\ndisk_free = "9000000GB"\n')
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await swept(daemon, 2)
            said = await ask(place, daemon)
            said.fails("storage")
            said.fails("repository")
            said.everywhere("limits.disk_free")
            (told,) = said.stranger["repositories"]
            assert told["last_error"], "null would read as health"
            assert told["remedy"]


def refused(name: str) -> sqlite3.OperationalError:
    """What SQLite raises, by the name of its code."""
    error = sqlite3.OperationalError("said in SQLite's own words")
    error.sqlite_errorname = name
    return error


ERRORS = {
    "full, of SQLite": (refused("SQLITE_FULL"), "the disk is full"),
    "full, by SQLAlchemy": (OperationalError("COMMIT", {}, refused("SQLITE_FULL")), "the disk is full"),
    "a write that fails": (refused("SQLITE_IOERR_WRITE"), "the disk cannot be written"),
    "an fsync that fails": (refused("SQLITE_IOERR_FSYNC"), "the disk cannot be written"),
    "read-only, of SQLite": (refused("SQLITE_READONLY"), "it is read-only"),
    "read-only, a directory": (refused("SQLITE_READONLY_DIRECTORY"), "it is read-only"),
    "no file to be opened": (refused("SQLITE_CANTOPEN"), "it cannot be opened"),
    "full": (OSError(errno.ENOSPC, "No space left on device", "/data/objects/1.git"), "the disk is full"),
    "quota": (OSError(errno.EDQUOT, "Disk quota exceeded"), "the disk quota is used up"),
    "read-only": (OSError(errno.EROFS, "Read-only file system"), "mounted read-only"),
    "input or output": (OSError(errno.EIO, "Input/output error"), "the disk fails"),
    "rights": (PermissionError(errno.EACCES, "Permission denied"), "permission denied"),
}


@pytest.mark.parametrize("what", ERRORS)
async def test_each_error_of_a_disk_is_said_as_what_it_is(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Expected, whichever write it hits: cause and remedy everywhere, a failed sweep, and its end.

    The write of the sweep's own record is what fails here, wherever a disk may be had or not.
    """
    error, told = ERRORS[what]
    async with Place() as place:
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await swept(daemon)
            (await ask(place, daemon)).well()

            async def fail(*_: object, **__: object) -> None:
                raise error

            with monkeypatch.context() as patch:
                patch.setattr(daemon.engine.state.sweeps, "add", fail)
                await swept(daemon, 2)
                said = await ask(place, daemon)
                said.fails("storage")
                said.everywhere(told)
                assert await failed_sweeps(daemon) == 2
                ran = await place.command("sweep")
                assert ran.code == 3
                assert told in ran.out + ran.err
            assert "fault of Forgeglass" not in str(place.lines) + said.words
            await swept(daemon, 2)
            (await ask(place, daemon)).well()


async def test_housekeeping_that_the_disk_refuses_is_a_failed_sweep_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a sweep that is counted as good, and says that it failed in the same breath."""
    async with Place() as place, place.daemon() as daemon:
        async def fail(_keep: int) -> int:
            raise refused("SQLITE_FULL")

        monkeypatch.setattr(daemon.engine.state.sweeps, "prune", fail)
        await swept(daemon, 2)
        (await ask(place, daemon)).fails("storage")
        assert await failed_sweeps(daemon) == 2


async def test_a_fault_of_ours_is_said_as_that_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards the other side: what no disk and no forge explains is to be reported, on every surface."""
    async with Place() as place, place.daemon() as daemon:
        async def fail(**_: object) -> None:
            raise ZeroDivisionError("one by nothing")

        with monkeypatch.context() as patch:
            patch.setattr(daemon.engine.desk.sweeper, "sweep", fail)
            await swept(daemon, 2)
            said = await ask(place, daemon)
            said.fails("program")
            said.everywhere("ZeroDivisionError", "please report it")
            assert await failed_sweeps(daemon) == 2
            (line,) = logged(place, "program.failing")
            assert isinstance(line["exc_info"], ZeroDivisionError), "the first line has the traceback"
        await swept(daemon)
        (await ask(place, daemon)).well()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"error: unable to write file objects/aa/bb: No space left on device\nfatal: failed to write\n", "full"),
        (b"fatal: unable to create '/d/x.lock': Read-only file system\n", "read-only"),
        (b"fatal: write error: Input/output error\n", "the disk fails"),
        (b"error: file write error: Disk quota exceeded\n", "quota"),
    ],
)
def test_what_git_says_of_our_disk_is_told_as_that(said: bytes, told: str) -> None:
    """Expected: cause and remedy of the disk, not advice about the git program."""
    error = error_from(said, (), "fetch x", None)
    assert isinstance(error, DiskFailed)
    found = storage_trouble(error)
    assert found is not None
    assert told in found[0]


def test_the_disk_of_the_forge_is_not_ours() -> None:
    """Guards against sending somebody to the wrong machine: git hands on what the forge says behind `remote:`."""
    error = error_from(b"remote: fatal: write error: No space left on device\nfatal: early EOF\n", (), "fetch x", None)
    assert not isinstance(error, GitFailed)
    assert storage_trouble(error) is None


def test_what_is_not_about_files_is_no_trouble_of_the_disk() -> None:
    """Guards against a bug, or a refused connection, that is told as a full disk."""
    for error in (ValueError("x"), KeyError("x"), ConnectionRefusedError(errno.ECONNREFUSED, "refused"),
                  sqlite3.ProgrammingError("x"), sqlite3.IntegrityError("x")):  # fmt: skip
        assert storage_trouble(error) is None


async def failed_sweeps(daemon: Daemon) -> int:
    """Quiet sweeps that `/metrics` counts as failed."""
    _, text, _ = await daemon.get("/metrics")
    begins = 'forgeglass_sweeps_total{kind="quiet",outcome="failed"'
    return sum(int(float(line.rpartition(" ")[2])) for line in text.splitlines() if line.startswith(begins))
