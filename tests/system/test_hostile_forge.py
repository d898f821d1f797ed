"""A forge that wants to run programs here: text of its answers in a configuration, an argument, a path (fault S1).

Each case spoils what the forge says of one repository. Nothing that it names may run, the repository alone is felt,
and what lies beside it stays fresh.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import META, OVERLAP, System, rfc

from cache.rows import EntryRow
from gitea_client.fake import Fault

HOME = "acme/home"


def _repositories(value: Any) -> list[Any]:
    """The repositories in an answer, whatever its shape."""
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        return [item for item in value["data"] if isinstance(item, dict)]
    return [value] if isinstance(value, dict) else value


def spoiling(full_name: str, changes: dict[str, Any]) -> Fault:
    """A fault that changes some fields of one repository wherever the API describes it."""

    def edit(value: Any) -> Any:
        for item in _repositories(value):
            if isinstance(item, dict) and item.get("full_name") == full_name:
                item.update(changes)
        return value

    return Fault("edit", r"/api/v1/(repos/search|repositories/|repos/[^/]+/[^/]+$)", edit=edit)


def configuring(canary: Path) -> str:
    """An object format that ends its line in `config` and goes on with what git obeys at the next fetch."""
    return f'sha1\n[url "ext::sh -c touch% {canary}"]\n\tinsteadOf = http\n[core]\n\tfsmonitor = touch {canary}\n'


ATTACKS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "a configuration in the object format": lambda canary: {"object_format_name": configuring(canary)},
    "an option for the object format": lambda canary: {"object_format_name": "--template=/"},
    "a hash that Git does not have": lambda canary: {"object_format_name": "sha512"},
    "a name that climbs": lambda canary: {"name": "..", "full_name": "acme/.."},
    "a name of two lines": lambda canary: {"name": f"home\n[core]\nfsmonitor = touch {canary}"},
    "a name with NUL": lambda canary: {"name": "home\0"},
    "an owner that climbs": lambda canary: {"owner": {"id": 2, "login": "../.."}},
    "a branch that is an option": lambda canary: {"default_branch": f"--upload-pack=touch {canary}"},
    "a branch of two lines": lambda canary: {"default_branch": f"main\n\ttouch {canary}"},
    "an id that is none": lambda canary: {"id": -7},
    "an id beyond all": lambda canary: {"id": 2**63},
    "an id that is text": lambda canary: {"id": f"1; touch {canary}"},
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("at_once", [True, False], ids=["from the start", "later"])
async def test_a_repository_described_by_an_attacker_is_felt_alone(attack: str, at_once: bool, tmp_path: Path) -> None:
    canary = tmp_path / "ran"
    async with System(daemon=False) as system:
        await system.forge.create_repository(HOME)
        await system.forge.commit(HOME, {"RFC.md": "# One\n"})
        await system.forge.commit(META, {"rfcs/a.md": rfc("A", "active", repo=HOME), "rfcs/b.md": rfc("B")})
        fault = spoiling(HOME, ATTACKS[attack](canary))
        if at_once:
            system.forge.faults.set(fault)
        await system.start()
        await system.command("sweep")
        system.forge.faults.set(fault)
        system.clock.tick(OVERLAP + 1)
        await system.forge.commit(HOME, {"RFC.md": "# Two\n"})
        await system.forge.commit(META, {"rfcs/c.md": rfc("C")})
        await system.settle()
        report, _ = await system.command("sweep", deep=True)
        assert not canary.exists()
        assert {row.key for row in (await system.table(EntryRow)).values()} == {"a", "b", "c"}
        assert META not in str(report["errors"])
        assert report["errors"], "nobody was told"
        for config in system.data_dir.glob("objects/*/config"):
            assert "insteadOf" not in config.read_text()


async def test_a_configuration_that_is_not_ours_is_never_obeyed(tmp_path: Path) -> None:
    """What an earlier version let a forge write into a store goes with the store, before git reads it."""
    canary = tmp_path / "ran"
    async with System() as system:
        await system.forge.commit(META, {"rfcs/a.md": rfc("A")})
        await system.sweep()
        (config,) = system.data_dir.glob("objects/*.git/config")
        with config.open("a") as file:
            file.write(f'[url "ext::sh -c touch% {canary} %S"]\n\tinsteadOf = http\n')
        system.clock.tick(OVERLAP + 1)
        await system.forge.commit(META, {"rfcs/b.md": rfc("B")})
        assert (await system.sweep(deep=True))["errors"] == []
        assert not canary.exists()
        assert {row.key for row in (await system.table(EntryRow)).values()} == {"a", "b"}
        assert "insteadOf" not in config.read_text()


@pytest.mark.parametrize(
    "place", ["/api/v1/repos/../../x", "/api/v1/repos/a%0ab/c", "/api/v1/repos/-o/..", "/repos/a b/c"]
)
async def test_a_redirect_to_what_is_no_repository_is_felt_by_its_name_alone(place: str) -> None:
    """The forge's word for where a repository went becomes part of the next address."""
    async with System() as system:
        gone = Fault("status", r"/api/v1/repos/acme/old$", status=307, headers={"Location": place})
        system.forge.faults.set(gone)
        await system.forge.commit(META, {"rfcs/a.md": rfc("A", "active", repo="acme/old"), "rfcs/b.md": rfc("B")})
        report, _ = await system.command("sweep", deep=True)
        assert {row.key for row in (await system.table(EntryRow)).values()} == {"a", "b"}
        assert {error["scope"] for error in report["errors"]} <= {"name:acme/old"}
