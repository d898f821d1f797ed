"""What git programs may take, and what they are given: faults S1 (environment), S8 and S12 (amounts), S10 (rights)."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from collections import namedtuple
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from client_repos import Node, files, git, grow, make
from client_servers import TOKEN, GitForge, git_forge

from gitea_client import errors, program
from gitea_client.endings import limit_reached
from gitea_client.limits import MiB, ProgramLimits, StoreLimits
from gitea_client.objects import ObjectStore

Usage = namedtuple("Usage", "total used free")
ALL = "blob:limit=1g"


@pytest.fixture
async def forge(tmp_path: Path) -> AsyncIterator[GitForge]:
    async with git_forge(tmp_path / "forge") as forge:
        yield forge


@pytest.fixture
def origin(forge: GitForge) -> Path:
    return make(forge.root / "acme" / "meta")


async def made(tmp_path: Path, **limits: int) -> ObjectStore:
    store = ObjectStore(tmp_path / "objects" / "1.git", limits=StoreLimits(**limits))
    await store.ensure()
    return store


async def fetch(store: ObjectStore, forge: GitForge, *ids: str) -> None:
    await store.fetch(f"{forge.url}/acme/meta.git", ids, token=TOKEN, filter=ALL)


def left(store: ObjectStore) -> list[str]:
    """What stands in the store's folder of packs."""
    return [path.name for path in (store.path / "objects" / "pack").iterdir()]


async def test_a_pack_without_end_is_cut_and_leaves_nothing(forge: GitForge, origin: Path, tmp_path: Path) -> None:
    """S12: what a fetch brings is limited, the error names the limit, and the next fetch is none the worse."""
    big, small = grow(origin, [Node((), files(a=os.urandom(3 * MiB).hex())), Node((), files(a="1"))])
    store = await made(tmp_path, fetch_size=MiB)
    with pytest.raises(errors.TooMuch, match="fetch_size") as caught:
        await fetch(store, forge, big)
    assert not caught.value.retry
    assert left(store) == []
    await fetch(store, forge, small)
    assert await store.missing([small]) == set()


async def test_an_object_that_unfolds_in_memory_ends_one_program(forge: GitForge, origin: Path, tmp_path: Path) -> None:
    """S8: a commit of 200 MB is a few hundred bytes a megabyte on the wire; index-pack holds it whole."""
    (plain,) = grow(origin, [Node((), files(a="1"))])
    text = git(origin, "cat-file", "commit", plain) + b"x" * (200 * MiB)
    bomb = git(origin, "hash-object", "-w", "--stdin", "-t", "commit", stdin=text).decode().strip()
    store = await made(tmp_path, memory=160 * MiB)
    with pytest.raises(errors.TooMuch, match="git_memory"):
        await fetch(store, forge, bomb)
    assert left(store) == []
    await fetch(store, forge, plain)
    assert (await store.commits([plain]))[plain].message == "a change"


async def test_a_program_that_computes_for_ever_is_ended(tmp_path: Path) -> None:
    """S8: time that is computed is limited as well as time that passes."""
    limits = ProgramLimits(processor=1)
    ran = await program.run(
        ["sh", "-c", "while :; do :; done"], cwd=tmp_path, env={"PATH": os.defpath}, timeout=60, limits=limits
    )
    assert "git_time" in str(limit_reached(ran, limits, "it"))


async def test_what_git_starts_has_the_limits_too(tmp_path: Path) -> None:
    """Fetching is done by programs that git starts before we could reach them."""
    limits = ProgramLimits(memory=512 * MiB, processor=77, file=8 * MiB)
    child = "ulimit -v; ulimit -t; ulimit -f; ulimit -c"
    ran = await program.run(
        ["sh", "-c", f'sh -c "{child}"'], cwd=tmp_path, env={"PATH": os.defpath}, timeout=60, limits=limits,
        starts_others=True,
    )  # fmt: skip
    assert ran.stdout.split() == [b"524288", b"77", b"16384", b"0"]


async def test_nothing_is_fetched_where_the_disk_is_nearly_full(forge: GitForge, origin: Path, tmp_path: Path) -> None:
    """S12: a disk is kept free for the databases; the forge is not even asked."""
    (tip,) = grow(origin, [Node((), files(a="1"))])
    store = await made(tmp_path, disk_free=1 << 60)
    with pytest.raises(errors.NoRoom, match="disk_free"):
        await fetch(store, forge, tip)
    assert forge.requests == []


async def test_a_disk_that_fills_while_a_fetch_runs_ends_it(
    forge: GitForge, origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S12: several fetches, or somebody else, may fill it meanwhile."""
    (tip,) = grow(origin, [Node((), files(a="1"))])
    store = await made(tmp_path, disk_free=MiB)
    forge.hold = asyncio.Event()
    fetching = asyncio.create_task(fetch(store, forge, tip))
    await forge.seen.wait()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(MiB, MiB, 0))
    with pytest.raises(errors.NoRoom):
        await fetching
    forge.hold.set()


async def test_a_store_is_the_daemons_alone(forge: GitForge, origin: Path, tmp_path: Path) -> None:
    """S10: packs, configuration and folders have no rights for others, whatever made them."""
    (tip,) = grow(origin, [Node((), files(a="1"))])
    before = os.umask(0o022)
    try:
        store = await made(tmp_path)
        await fetch(store, forge, tip)
    finally:
        os.umask(before)
    assert {path for path in (store.path, *store.path.rglob("*")) if path.stat().st_mode & 0o077} == set()
    assert stat.S_IMODE((store.path / "config").stat().st_mode) == 0o600
    for path in (store.path, *store.path.rglob("*")):  # as an earlier version left it
        path.chmod(0o755 if path.is_dir() else 0o644)
    await store.ensure()
    assert {path for path in (store.path, *store.path.rglob("*")) if path.stat().st_mode & 0o077} == set()
    assert await store.missing([tip]) == set()


async def test_git_is_given_a_list_of_ours(
    forge: GitForge, origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S1: no variable of the operator's reaches git, and the token only the program that speaks to the forge."""
    (tip,) = grow(origin, [Node((), files(a="1"))])
    spy = tmp_path / "git-spy"
    seen = tmp_path / "seen"
    spy.write_text(f'#!/bin/sh\n{{ echo "== $*"; env; }} >> {seen}\nexec git "$@"\n')
    spy.chmod(0o755)
    foreign = {
        "GIT_SSH_COMMAND": "touch ran", "GIT_CONFIG_PARAMETERS": "'core.pager'='x'", "GIT_EXTERNAL_DIFF": "x",
        "GIT_PROXY_COMMAND": "x", "GIT_EXEC_PATH": "/nowhere", "LD_PRELOAD": "", "FORGEGLASS_FORGE_TOKEN": "secret",
    }  # fmt: skip
    for name, value in foreign.items():
        monkeypatch.setenv(name, value)
    store = ObjectStore(tmp_path / "s", git=str(spy))
    await store.ensure()
    await fetch(store, forge, tip)
    await store.commits([tip])
    await store.tree(tip)
    calls = seen.read_text().split("== ")[1:]
    assert len(calls) >= 5
    for call in calls:
        names = {line.partition("=")[0] for line in call.splitlines()[1:]}
        assert not names & foreign.keys()
        settings = SimpleNamespace(**dict(line.split("=", 1) for line in call.splitlines()[1:] if "=" in line))
        assert settings.GIT_ALLOW_PROTOCOL == "http:https"
        assert settings.GIT_CONFIG_NOSYSTEM == "1"
        assert settings.GIT_CONFIG_GLOBAL == "/dev/null"
        assert "protocol.ext.allow" in call
        assert "core.hooksPath" in call
        assert (TOKEN.reveal() in call) == (" fetch forge " in call.splitlines()[0])
