"""Whose rights: what somebody pushes or proposes must not be answered with the rights of our token."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from comparing import Witness
from harness import META, RFC, System, rfc
from test_cases import proven
from test_proposals import proposals

from cache.rows import EntryRow, FindingRow, RelationRow, RepositoryRow

pytestmark = pytest.mark.flavours("gitea")

NOTES = """
format: 1
profile: notes
collections:
  notes:
    files: {repository: {owner: acme, name: "n-*"}, path: "notes/{slug}.md"}
    key: [slug]
    body: body
    fields:
      title: {type: string, required: true}
      see: {type: ref, to: notes}
      repo: {type: repository}
"""


def note(title: str, **fields: str) -> str:
    return "\n".join(["---", f"title: {title}", *(f"{name}: {value}" for name, value in fields.items()), "---", ""])


@pytest.fixture
async def notes(system: System) -> System:
    """Repositories of notes, in the order of their ids: the attacker's, and two that hold what others rely on."""
    await system.stop()
    profile = system.config_file.with_name("notes.yaml")
    profile.write_text(NOTES)
    text = system.config_file.read_text()
    system.config_file.write_text(text.replace(RFC, f'use = "{profile}"\n'))
    for name in ("n-attacker", "n-public", "n-private"):
        await system.forge.create_repository(f"acme/{name}")
        await system.forge.commit(f"acme/{name}", {"README.md": "x"})
    await system.forge.set_private("acme/n-private")
    await system.start()
    await system.sweep()
    return system


async def by_key(system: System) -> dict[str, Any]:
    return {row.key: row for row in (await system.table(EntryRow)).values()}


async def rules(system: System) -> list[str]:
    return sorted(row.rule for row in (await system.table(FindingRow)).values())


async def test_a_private_repository_of_others_is_neither_read_nor_known(system: System, witness: Witness) -> None:
    """The daemon's token may see it; whoever pushed the entry, and whoever reads it here, may not."""
    system.forge.create_organization("zed")
    await system.forge.create_repository("zed/secret", private=True)
    await system.forge.commit("zed/secret", {"RFC.md": "# Secret\n"})
    files = {f"rfcs/{name}.md": rfc(name, "active", repo=f"zed/{name}") for name in ("secret", "absent")}
    await system.forge.commit(META, files)
    mark = system.forge.mark()
    await proven(system, witness, deep=True)
    assert not [line for line in system.spent(mark) if ".git/" in line and "zed" in line]
    assert [(row.target_id, row.resolved) for row in (await system.table(RelationRow)).values()] == [(None, False)] * 2
    told = {row.key: row.message.replace(row.key, "NAME") for row in (await system.table(FindingRow)).values()}
    assert told["secret"] == told["absent"]
    assert all(row.body == "Text.\n" for row in (await by_key(system)).values())
    assert {row.full_name for row in (await system.table(RepositoryRow)).values()} == {META}


async def test_after_a_rebuild_a_repository_of_others_is_read_as_little_as_before(system: System) -> None:
    """Guards the world that a rebuild puts in place: it forgot whose repositories may be read."""
    system.forge.create_organization("zed")
    await system.forge.create_repository("zed/far")
    await system.forge.commit("zed/far", {"RFC.md": "# Far\n"})
    report, code = await system.command("rebuild")
    assert code == 0, report
    mark = system.forge.mark()
    await system.forge.commit(META, {"rfcs/a.md": rfc("A", "active", repo="zed/far")})
    await system.settle()
    await system.sweep(deep=True)
    assert not [line for line in system.spent(mark) if ".git/" in line and "zed" in line]
    assert await rules(system) == ["outside-owners"]


async def test_a_repository_of_others_that_turns_private_is_forgotten(system: System, witness: Witness) -> None:
    system.forge.create_organization("zed")
    await system.forge.create_repository("zed/far")
    await system.forge.commit(META, {"rfcs/a.md": rfc("A", repo="zed/far")})
    await proven(system, witness)
    assert await rules(system) == ["outside-owners"]
    await system.forge.set_private("zed/far")
    await proven(system, witness, deep=True)
    assert await rules(system) == ["dangling"]


async def test_a_commit_dated_1970_takes_no_key_of_another_repository(notes: System) -> None:
    """Not live, not after a rebuild, not with `cache.db` lost; the holder's own repository may be the younger one."""
    await notes.forge.commit("acme/n-public", {"notes/a.md": note("Held")})
    await notes.settle()
    await notes.sweep()
    await notes.forge.commit("acme/n-attacker", {"notes/a.md": note("Taken")}, date=datetime(1970, 1, 2, tzinfo=UTC))
    await notes.settle()
    await notes.sweep(deep=True)
    assert (await by_key(notes))["a"].title == "Held"
    assert await rules(notes) == ["duplicate-key-claim"]
    report, code = await notes.command("verify")
    assert code == 0, report["differences"]
    digest = await notes.digest()
    await notes.command("rebuild")
    assert await notes.digest() == digest
    await notes.lose("cache.db", "objects")
    await notes.sweep()
    assert (await by_key(notes))["a"].title == "Held"
    assert await notes.digest() == digest
    await notes.forge.commit("acme/n-public", {"notes/a.md": None})
    await notes.settle()
    await notes.sweep()
    assert (await by_key(notes))["a"].title == "Taken", "nobody else claims it any more"
    assert await notes.engine.state.holders.all() == {}


async def test_a_proposal_does_not_tell_which_private_keys_and_repositories_exist(notes: System) -> None:
    """A fork's pull request that names them was answered by the findings that were missing, and by "changed"."""
    await notes.forge.commit("acme/n-private", {f"notes/{key}.md": note(key) for key in ("hidden", "taken")})
    await notes.forge.commit("acme/n-public", {"notes/shown.md": note("Shown")})
    names = {"hidden": "acme/n-private", "absent": "acme/n-absent"}
    files = {f"notes/of-{key}.md": note(key, see=key, repo=home) for key, home in names.items()}
    files["notes/taken.md"] = note("Mine")
    files["notes/fine.md"] = note("Fine", see="shown", repo="acme/n-attacker")
    fork = await notes.forge.fork("acme/n-public", "ada")
    await notes.forge.commit(fork, files, branch="topic", start="main")
    await notes.forge.open_pull("acme/n-public", "ada:topic")
    await notes.settle()
    await notes.sweep(deep=True)
    found = {key: row for (_, key), row in (await proposals(notes)).items()}
    said = {
        key: sorted(each["message"].replace(home, "REPO").replace(key, "KEY") for each in found[f"of-{key}"].findings)
        for key, home in names.items()
    }
    assert said["hidden"] == said["absent"]
    assert len(said["hidden"]) == 2
    assert (found["taken"].change, found["taken"].findings) == ("added", ())
    assert found["fine"].findings == (), "what everybody sees is not doubted"
