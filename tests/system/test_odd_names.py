"""Names that are options to git, magic to its pathspecs, or commands to a shell: they name what they spell, no more."""

from __future__ import annotations

from pathlib import Path

import pytest
from comparing import Witness
from harness import META, System, rfc
from test_cases import proven

from cache.rows import BranchRow, EntryRow

pytestmark = pytest.mark.flavours("gitea")


def names(canary: Path) -> dict[str, str]:
    """What each name would do to whoever handed it over without a guard."""
    return {
        "upload-pack": f"--upload-pack=touch${{IFS}}{canary}",
        "exec": f"--exec=touch {canary}",
        "output": f"--output={canary}",
        "config": f"-c core.fsmonitor=touch${{IFS}}{canary}",
        "dash": "-",
        "dashes": "--",
        "all": "--all",
        "stdin": "--stdin",
        "magic": ":(glob)**",
        "exclude": ":!rfcs",
        "shell": f"$(touch {canary})",
        "backtick": f"`touch {canary}`",
        "semicolon": f"; touch {canary} #",
        "pipe": f"| touch {canary}",
        "glob": "*[a-z]?",
        "at": "@{-1}",
        "range": "a..b",
        "percent": "%(refname)",
    }


def refname(name: str) -> str:
    """The branch as Git allows it (git-check-ref-format(1)): no blanks, no `~^:?*[\\`, no `..`, no `@{`."""
    for forbidden in ("..", "@{", *" ~^:?*[\\"):
        name = name.replace(forbidden, "_")
    return "/".join(part for part in name.split("/") if part)


async def test_names_are_never_options_nor_commands(system: System, witness: Witness, tmp_path: Path) -> None:
    """Guards each call of git: in files, folders, branches and heads of pull requests."""
    canary = tmp_path / "ran"
    odd = names(canary)
    await system.forge.commit(META, {"rfcs/plain.md": rfc("Plain")})
    for key, name in odd.items():
        await system.forge.commit(META, {f"rfcs/{name.replace('/', '_')}.md": rfc(key), f"{name}/x": key})
        await system.forge.commit(META, {"rfcs/plain.md": rfc(f"By {key}")}, branch=refname(name), start="main")
        await system.forge.open_pull(META, refname(name))
    await proven(system, witness, deep=True)
    entries = {row.path: row for row in (await system.table(EntryRow)).values()}
    assert {row.title for row in entries.values()} == {"Plain", *odd}, "each is read, as what it is"
    assert not canary.exists()
    assert not list(system.data_dir.rglob("ran"))
    assert not list(Path.cwd().glob("*IFS*"))


async def test_a_repository_named_like_an_option_is_a_name(system: System) -> None:
    """Guards addresses and arguments against what an entry's `repo:` says."""
    named = ("-c/x", "--upload-pack=x/y", "acme/-x", "acme/--exec=x", "-/-", "acme/..", "../..", "acme/a?b", "acme/%2e")
    files = {f"rfcs/n{number}.md": rfc(name, "active", repo=f"'{name}'") for number, name in enumerate(named)}
    await system.forge.commit(META, {"rfcs/plain.md": rfc("Plain"), **files})
    await system.settle()
    assert (await system.sweep(deep=True))["errors"] == []
    assert "plain" in {row.key for row in (await system.table(EntryRow)).values()}
    assert {row.repository_id for row in (await system.table(BranchRow)).values()} <= {1}
    assert len(list(system.data_dir.glob("objects/*.git"))) == 1, "none of them was read"
