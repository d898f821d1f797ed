"""Broken set-ups of this machine: its disk, its files, its git, its packages, and who else is at work there.

Root may read and write whatever permissions say, so what is about those runs without that privilege.
"""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from doctor_place import ROOT, Found, Place, Ran, spawn, taken

from daemon.control_socket import listen
from daemon.doctor.disk import disk, file_system, kind_of
from daemon.doctor.git_program import git_program, judged, version_in
from daemon.doctor.machine import has_wal_reset_bug, sqlite
from daemon.lock import DataLock

NOBODY = 65534


async def bound(place: Place, *arguments: str) -> Found:
    """Doctor where permissions hold."""
    return Found(await place.spawn("doctor", "--json", "--no-delivery", *arguments, bound=True), place.secrets)


# -------------------------------------------------------------------------------------------------------------- files


async def test_a_folder_that_is_read_only() -> None:
    async with Place() as place:
        place.data_dir.mkdir()
        place.data_dir.chmod(0o555)
        (await bound(place)).named("data_dir", str(place.data_dir), "read-only", remedy="data_dir")
        place.refused(await place.spawn("sweep", bound=True), str(place.data_dir), "permission denied")


async def test_a_folder_that_cannot_be_made() -> None:
    async with Place() as place:
        place.root.chmod(0o555)
        (await bound(place)).named("data_dir", "may not make it", remedy="install -d")
        place.refused(await place.spawn("serve", bound=True), "data", "permission denied", "let this user")
        place.root.chmod(0o755)


async def test_a_token_file_that_we_may_not_read() -> None:
    async with Place() as place:
        place.token_file.chmod(0)
        found = await bound(place)
        found.named("token file", "cannot be read", remedy="user read it")
        place.refused(await place.spawn("serve", bound=True), "forge.token_file", "cannot be read", "user read it")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files that are another's")
async def test_files_that_a_command_run_as_another_left() -> None:
    """Somebody ran a sweep as root once, and since then the service may not write."""
    async with Place() as place:
        assert (await place.command("sweep")).code == 0
        os.chown(place.data_dir / "cache.db", NOBODY, NOBODY)
        place.data_dir.chmod(0o750)
        found = await bound(place)
        assert [result.check for result in found.bad()] == ["data_dir"]
        assert "cache.db belongs to" in found.bad()[0].what
        assert "chown -R" in found.bad()[0].remedy


async def test_files_that_anybody_may_write() -> None:
    """Whoever writes the configuration has the token sent where they like."""
    async with Place() as place:
        place.data_dir.mkdir()
        place.data_dir.chmod(0o777)
        place.secret_file.chmod(0o622)
        place.config_file.chmod(0o666)
        found = await place.doctor("--no-delivery")
        assert {result.check for result in found.bad("warn")} == {"data_dir", "webhook secret", "configuration"}
        assert {result.remedy.split()[0] for result in found.bad("warn")} == {"chmod"}
        assert found.code == 0


@pytest.mark.parametrize("name", ["cache.db", "state.db"])
async def test_a_database_of_another_program(name: str) -> None:
    """Guards another program's data: it is neither written nor moved away."""
    async with Place() as place:
        place.data_dir.mkdir()
        with sqlite3.connect(place.data_dir / name) as connection:
            connection.execute("CREATE TABLE theirs (one)")
        connection.close()
        before = (place.data_dir / name).read_bytes()
        found = await place.doctor("--no-delivery")
        found.named(name, "another program's SQLite file", remedy="move")
        place.refused(await place.command("digest"), name, "another program's SQLite file", "data_dir")
        assert (place.data_dir / name).read_bytes() == before


async def test_a_database_that_is_none() -> None:
    async with Place() as place:
        place.data_dir.mkdir()
        (place.data_dir / "state.db").write_text("a shopping list, to be sure" * 10)
        (await place.doctor("--no-delivery")).named("state.db", "no SQLite file", remedy="move")
        place.refused(await place.command("digest"), "state.db", "not a SQLite file", "move it away")


# --------------------------------------------------------------------------------------------------------------- disk


def space(free: int, inodes: int = 1000) -> SimpleNamespace:
    return SimpleNamespace(f_frsize=4096, f_bavail=free // 4096, f_files=2000, f_favail=inodes)


@pytest.mark.parametrize(
    ("free", "status"), [(50_000_000, "fail"), (99_000_000, "fail"), (500_000_000, "warn"), (2_000_000_000, "ok")]
)
def test_a_full_disk(free: int, status: str, tmp_path: Path) -> None:
    result = disk(tmp_path / "not" / "there", lambda _path: space(free))
    assert result.status == status
    assert (str(tmp_path) in result.what, bool(result.remedy)) == (True, status != "ok")


def test_a_disk_without_an_inode(tmp_path: Path) -> None:
    result = disk(tmp_path, lambda _path: space(10**10, inodes=0))
    assert (result.status, "inode" in result.what) == ("fail", True)


async def test_doctor_tells_of_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    from daemon.doctor import every

    monkeypatch.setattr(every, "disk", lambda folder: disk(folder, lambda _path: space(2_000_000)))
    async with Place() as place:
        (await place.doctor("--no-delivery")).named("disk", "only 1 MB free", remedy="free")


@pytest.mark.parametrize("blocks", [0, 64])
async def test_a_disk_that_fills_up_while_the_daemon_starts(blocks: int, tmp_path: Path) -> None:
    """A limit on the size of files stands in for the disk: what is written beyond it fails."""
    async with Place() as place:
        limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({blocks * 1024}, {blocks * 1024}))"
        program = f"{limit}; from daemon.cli import main; main()"
        made = await asyncio.create_subprocess_exec(
            sys.executable, "-B", "-c", program, "--config", str(place.config_file), "digest",
            env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await made.communicate()
        place.refused(Ran(made.returncode or 0, out.decode(), err.decode()), "; ")
        assert not list(place.data_dir.glob("*.damaged"))


MOUNTS = """\
24 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 24 0:26 / /srv rw,relatime shared:1 - nfs4 server:/export rw
31 30 0:27 / /srv/local\\040disk rw,relatime - xfs /dev/vdb rw
broken line
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [("/var/lib/x", "ext4"), ("/srv/data", "nfs4"), ("/srv/local disk/data", "xfs"), ("/srvx", "ext4")],
)
def test_the_file_system_of_a_folder(folder: str, kind: str) -> None:
    assert kind_of(Path(folder), MOUNTS) == kind
    assert kind_of(Path(folder), "") == ""


def test_a_network_file_system_is_refused() -> None:
    (result,) = file_system(Path("/srv/data"), MOUNTS)
    assert (result.status, "nfs4" in result.what, "local disk" in result.remedy) == ("fail", True, True)
    assert not list(file_system(Path("/var"), MOUNTS))


# ---------------------------------------------------------------------------------------------------------------- git


def old_git(place: Place, version: str) -> Path:
    """A git that says that it is of this version."""
    path = place.root / "old-git"
    path.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "git version {version}" && exit\nexec git "$@"\n')
    path.chmod(0o755)
    return path


async def test_a_git_that_is_too_old() -> None:
    async with Place() as place:
        place.configure(forge=f'git = "{old_git(place, "2.25.1")}"')
        found = await place.doctor("--no-delivery")
        found.named("git", "2.25.1", "too old", remedy="2.34 or newer")
        assert "git comes first" in found.one("git over http").what
        for command in ("serve", "sweep", "verify"):
            place.refused(await place.command(command), "git 2.25.1", "2.34 or newer")
        assert (await place.command("digest")).code == 0  # needs none


async def test_no_git_at_all() -> None:
    async with Place() as place:
        place.configure(forge='git = "git-that-is-not-there"')
        (await place.doctor("--no-delivery")).named("git", "no program git-that-is-not-there", remedy="install git")
        place.refused(await place.command("sweep"), "no program", "install git")


def test_a_git_that_hangs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Guards against the name of an exception as all that is said."""
    monkeypatch.setattr("daemon.doctor.git_program._SECONDS", 0.1)
    (tmp_path / "git").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "git").chmod(0o755)
    result = git_program(str(tmp_path / "git"))
    assert (result.status, "did not answer within 0.1 s" in result.what, "forge.git" in result.remedy) == (
        "fail", True, True,
    )  # fmt: skip


def test_a_git_that_is_no_program(tmp_path: Path) -> None:
    (tmp_path / "git").write_text("\0")
    (tmp_path / "git").chmod(0o755)
    result = git_program(str(tmp_path / "git"))
    assert (result.status, "does not run (Exec format error)" in result.what) == ("fail", True)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("git version 2.33.8\n", "fail"), ("git version 1.8.3.1", "fail"), ("hello", "fail"), ("", "fail"),
        ("git version 2.34.1", "warn"), ("git version 2.39.0", "warn"), ("git version 2.39.3 (Apple Git-146)", "ok"),
        ("git version 2.45.1.windows.1", "ok"), ("git version 2.34.8", "ok"), ("git version 3.0", "ok"),
    ],
)  # fmt: skip
def test_versions_of_git(said: str, status: str) -> None:
    result = judged("/usr/bin/git", said)
    assert result.status == status
    assert ("CVE-2022-41903" in result.what) is (status == "warn")
    assert (version_in(said) is None) is (not said.startswith("git"))


# ------------------------------------------------------------------------------------------------------------- SQLite


@pytest.mark.parametrize(
    ("version", "has"),
    [((3, 40, 1), True), ((3, 44, 5), True), ((3, 44, 6), False), ((3, 45, 0), True), ((3, 50, 6), True),
     ((3, 50, 7), False), ((3, 51, 2), True), ((3, 51, 3), False), ((3, 53, 0), False), ((4, 0, 0), False)],
)  # fmt: skip
def test_which_sqlite_has_the_wal_reset_bug(version: tuple[int, ...], has: bool) -> None:
    """sqlite.org/wal.html: mended in 3.51.3, and in 3.44.6 and 3.50.7 of older lines."""
    assert has_wal_reset_bug(version) is has
    assert ("WAL-reset" in sqlite(version).what) is has
    assert sqlite(version).status == "ok"


def test_a_sqlite_that_is_too_old() -> None:
    assert sqlite((3, 31, 1)).status == "fail"


# ----------------------------------------------------------------------------------------------------------- packages


@pytest.mark.parametrize("name", ["cache", "daemon", "gitea_client", "webhooks"])
async def test_a_foreign_package_on_the_path(name: str, tmp_path: Path) -> None:
    """`cache` and `daemon` are common names: with another one first on the path nothing of ours can be imported."""
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("def get(key): ...\n")
    async with Place() as place:
        path = f"{tmp_path}:{ROOT}"
        found = Found(await place.spawn("doctor", "--json", PYTHONPATH=path), place.secrets)
        found.named("packages", f"package {name} is somebody else's", str(tmp_path), remedy="environment of its own")
        place.refused(await place.spawn("serve", PYTHONPATH=path), f"package {name}", "environment of its own")


async def test_a_foreign_package_that_ours_hides(tmp_path: Path) -> None:
    (tmp_path / "webhooks.py").write_text("")
    async with Place() as place:
        ran = await place.spawn("doctor", "--json", "--no-delivery", PYTHONPATH=f"{ROOT}:{tmp_path}")
        found = Found(ran, place.secrets)
        found.warned("packages", str(tmp_path / "webhooks.py"), remedy="environment of its own")


# ------------------------------------------------------------------------------------------------------ who else works


async def test_a_daemon_at_work_is_well_and_is_used() -> None:
    async with Place() as place, place.daemon():
        found = await place.doctor("--no-delivery")
        found.healthy()
        assert f"process {os.getpid()}" in found.one("daemon").what


async def test_a_second_daemon_on_the_folder() -> None:
    async with Place() as place, place.daemon():
        place.refused(await place.spawn("serve"), f"process {os.getpid()}", "data_dir")


async def test_a_lock_that_is_held_by_what_answers_nothing() -> None:
    async with Place() as place:
        place.data_dir.mkdir()
        with DataLock(place.data_dir):
            (await place.doctor("--no-delivery")).named("daemon", f"process {os.getpid()}", remedy="kill")


async def test_a_daemon_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a doctor that waits for it: the socket is there, and nobody takes what is sent."""
    from daemon.doctor import ownership

    monkeypatch.setattr(ownership, "ANSWERS", 0.3)
    async with Place() as place:
        place.data_dir.mkdir()
        with DataLock(place.data_dir), listen(place.data_dir / "control.sock"):
            (await place.doctor("--no-delivery")).named("daemon", "answers on no control.sock", remedy="kill")


async def test_what_a_dead_daemon_left_does_no_harm() -> None:
    async with Place() as place:
        place.data_dir.mkdir()
        DataLock(place.data_dir).release()
        listen(place.data_dir / "control.sock").close()
        found = await place.doctor("--no-delivery")
        found.healthy()
        assert "no harm" in found.one("daemon").what
        with DataLock(place.data_dir):
            pass  # nobody was kept from it


async def test_a_port_in_use() -> None:
    async with Place() as place:
        with taken(place.port):
            place.refused(await place.spawn("serve"), f"127.0.0.1:{place.port}", "in use", "another port")


async def test_an_address_that_is_not_this_machines() -> None:
    async with Place() as place:
        text = place.config_file.read_text().replace(f"127.0.0.1:{place.port}", "192.0.2.1:8088")
        place.config_file.write_text(text)
        place.refused(await place.spawn("serve"), "listen 192.0.2.1:8088", "no such address")


# ----------------------------------------------------------------------------------------------------------- profiles


async def test_a_mistake_in_a_profile() -> None:
    async with Place() as place:
        (place.root / "ours.yaml").write_text("format: 1\nprofile: ours\ncolections: {}\n")
        place.configure(profile="./ours.yaml")
        place.config_file.write_text(place.config_file.read_text().replace('meta = "acme/meta"\n', ""))
        found = await place.doctor("--no-delivery")
        assert {result.check for result in found.bad()} == {"profiles"}
        assert any("colections" in result.what for result in found.bad())
        assert found.code == 1
        assert "profiles comes first" in found.one("selection").what


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ('use = "markdown"', "the block 'markdown' (profiles.1): "),
        ('use = "markdown"\nname = "notes"\nrepositry = "acme/meta"', "the block 'notes' (profiles.1): "),
        ('use = "markdwon"\nname = "notes"', "the block 'notes' (profiles.1): "),
        ('use = "./nowhere.yaml"', "nowhere.yaml"),
        ('use = "rfc"\nname = "more"\nmeta = "acme/meta"', "view"),
    ],
)
async def test_a_mistake_in_a_block_is_told_of_the_configuration(block: str, said: str) -> None:
    """Guards a shipped profile from being edited in site-packages for what stands in forgeglass.toml."""
    async with Place() as place:
        with place.config_file.open("a") as file:
            file.write(f"[[profiles]]\n{block}\n")
        for result in (await place.doctor("--no-delivery")).bad():
            assert result.check == "profiles"
            assert result.what.startswith(f"{place.config_file}: ")
            assert said in result.what
            assert "deploy/profiles" not in result.what
            assert result.remedy == f"correct it in {place.config_file}"


async def test_many_selections_that_are_well_are_one_line() -> None:
    """Guards what is wrong from being lost among eighty lines of what is not."""
    async with Place() as place:
        with place.config_file.open("a") as file:
            for number in range(8):
                meta = "acme/meta" if number else "acme/metta"
                file.write(f'[[profiles]]\nuse = "rfc"\nname = "b{number}"\nview_prefix = "b{number}_"\n')
                file.write(f'meta = "{meta}"\n')
        well, *wrong = (await place.doctor("--no-delivery")).of("selection")
        assert well.status == "ok"
        assert re.fullmatch(r"\d+ collections of 8 blocks look in 1 repository", well.what)
        assert {(result.status, "b0/" in result.what) for result in wrong} == {("fail", True)}


async def test_a_profile_that_names_a_repository_wrongly() -> None:
    async with Place() as place:
        place.configure(meta="acme/metta")
        found = await place.doctor("--no-delivery")
        assert {result.check for result in found.bad()} == {"selection"}
        assert "acme/metta" in found.bad()[0].what
        assert 'did you mean "acme/meta"?' in found.bad()[0].remedy


async def test_mistakes_of_the_configuration_are_all_told_and_end_with_2() -> None:
    async with Place() as place:
        text = place.config_file.read_text().replace("owners", "ownres").replace('timeout = "5s"', "timeout = 5")
        place.config_file.write_text(text)
        found = await place.doctor()
        assert found.code == 2
        assert {result.check for result in found.results} == {"configuration"}
        assert all(result.status == "fail" for result in found.results)
        for said in ("forge.ownres", "forge.owners", "forge.timeout"):
            assert any(said in result.what for result in found.results)
        shown = await place.command("doctor")
        assert (shown.code, "forge.ownres" in shown.out) == (2, True)


async def test_no_configuration_at_all(tmp_path: Path) -> None:
    ran = await spawn("--config", str(tmp_path / "nowhere.toml"), "doctor")
    assert ran.code == 2
    assert "forgeglass init" in ran.out + ran.err
    assert "Traceback" not in ran.out + ran.err


