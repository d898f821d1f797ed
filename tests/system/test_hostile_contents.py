"""Contents that only somebody who tries would push: each costs itself, and is a finding."""

from __future__ import annotations

import sys
from pathlib import Path

import aiohttp
import pytest
from harness import META, System, rfc

from cache.rows import EntryRow, FindingRow

sys.path.insert(0, str(Path(__file__).parents[1] / "client"))
from client_repos import plant_blob, plant_bomb, plant_commit, plant_tree

pytestmark = pytest.mark.flavours("gitea")

TEXT = rfc(body="Text.\n" * 50)


def findings(rows: dict[str, FindingRow], rule: str) -> list[FindingRow]:
    return [row for row in rows.values() if row.rule == rule]


async def push_tree(system: System, folders: dict[bytes, list[tuple[str, bytes, str]]]) -> str:
    """Put a commit with these trees on the main branch, as `git push` of odd objects does."""
    repository = system.forge.repository(META)
    path = repository.git.path
    entries = [("40000", name, plant_tree(path, inside)) for name, inside in folders.items()]
    before = repository.branches.get("main")
    commit = plant_commit(path, plant_tree(path, entries), *([before] if before else []), ref="refs/heads/main")
    repository.branches["main"] = commit
    repository.updated_at = system.clock()
    return commit


async def test_a_name_held_twice_is_a_finding_and_heals(system: System) -> None:
    """S9: such a push froze the repository for ever, unseen: `two rows claim history`."""
    await system.forge.commit(META, {"rfcs/a.md": rfc("First"), "rfcs/b.md": rfc("B")})
    await system.settle()
    await system.sweep()
    path = system.forge.repository(META).git.path
    one, two, other = (plant_blob(path, rfc(title).encode()) for title in ("One", "Two", "B2"))
    file = "100644"
    await push_tree(system, {b"rfcs": [(file, b"a.md", one), (file, b"a.md", two), (file, b"b.md", other)]})
    system.clock.tick()
    report, code = await system.command("sweep", deep=True)
    assert (code, report["errors"]) == (0, [])
    rows = await system.table(EntryRow)
    assert {key[2]: row.title for key, row in rows.items()} == {"a": "One", "b": "B2"}
    (finding,) = findings(await system.table(FindingRow), "doubled-name")
    assert (finding.path, finding.repository_id) == ("rfcs/a.md", system.forge.repository(META).id)
    verified, code = await system.command("verify")
    assert code == 0, verified["differences"]
    await push_tree(system, {b"rfcs": [(file, b"a.md", two), (file, b"b.md", other)]})
    system.clock.tick()
    await system.command("sweep", deep=True)
    rows = await system.table(EntryRow)
    assert {key[2]: row.title for key, row in rows.items()} == {"a": "Two", "b": "B2"}
    assert not findings(await system.table(FindingRow), "doubled-name")
    verified, code = await system.command("verify")
    assert code == 0, verified["differences"]


@pytest.mark.parametrize(("limit", "value"), [("files", "100"), ("text", '"1MB"')])
async def test_what_is_over_a_limit_is_left_out_and_the_rest_is_served(limit: str, value: str) -> None:
    """S7: a small push of much text made the repository unreadable for ever; now what came last finds no room."""
    profile = RFC_WITH_LIMITS.format(limit=limit, value=value)
    async with System(profile=profile) as system:
        body = "Text.\n" * 3000 if limit == "text" else "Text.\n"
        many = {f"rfcs/entry-{number:03}.md": rfc(f"E{number}", body=body) for number in range(2, 110)}
        await system.forge.commit(META, {"rfcs/z-first.md": rfc("Z", body=body)})
        await system.forge.commit(META, many)
        await system.settle()
        report = await system.sweep()
        assert report["errors"] == []
        rows = await system.table(EntryRow)
        kept = 100 if limit == "files" else 1_000_000 // len(many["rfcs/entry-002.md"])
        assert abs(len(rows) - kept) <= 1
        assert ("rfc", "rfcs", "z-first") in rows, "what was there before is not pushed out"
        (finding,) = findings(await system.table(FindingRow), "repository-limit")
        assert f"limits.repository_{limit}" in finding.message
        assert f"{109 - len(rows)} files are left out" in finding.message
        verified, code = await system.command("verify")
        assert code == 0, verified["differences"]
        await system.forge.commit(META, dict.fromkeys(list(many)[:60]))
        await system.settle()
        await system.sweep()
        assert len(await system.table(EntryRow)) == 49, "room again for all that is left"
        assert not findings(await system.table(FindingRow), "repository-limit")


async def test_a_bomb_outside_the_folders_of_a_profile_concerns_nobody(system: System) -> None:
    """S8: ten thousand million paths in another folder of the default branch are never unfolded."""
    path = system.forge.repository(META).git.path
    entry = ("100644", b"a.md", plant_blob(path, rfc("Kept").encode()))
    bomb = [("40000", b"%d" % number, plant_bomb(path, 11)) for number in range(10)]
    await push_tree(system, {b"other": bomb, b"rfcs": [entry]})
    report, code = await system.command("sweep", deep=True)
    assert (code, report["errors"]) == (0, [])
    assert [row.title for row in (await system.table(EntryRow)).values()] == ["Kept"]


RFC_WITH_LIMITS = """\
use = "rfc"
meta = "acme/meta"
bot = "rfcbot"
[limits]
repository_{limit} = {value}
"""


async def test_a_repository_that_was_never_read_is_told_everywhere() -> None:
    """R1: it failed for ever, and `/readyz`, doctor and the findings said that all is well."""
    async with System(profile=FEW_CHANGES, daemon=False) as system:
        for _ in range(3):
            texts = {f"rfcs/entry-{number}.md": rfc(body=f"{system.clock()}\n") for number in range(400)}
            await system.forge.commit(META, texts)
            system.clock.tick()
        await system.settle()
        await system.start()
        report, code = await system.command("sweep")
        assert code == 3
        assert "limits.repository_changes" in report["errors"][0]["error"]
        (finding,) = findings(await system.table(FindingRow), "never-read")
        assert META in finding.message
        assert "raise limits.repository_changes" in finding.message
        about, _ = await system.command("about")
        assert [each["repository"] for each in about["never_read"]] == [META]
        async with aiohttp.ClientSession() as session, session.get(f"{system.served.url}/readyz") as answer:
            assert (answer.status, await answer.json()) == (200, {"ready": True, "never_read": 1})
        await system.stop()
        system.config_file.write_text(system.config_file.read_text().replace("= 1000", "= 2000"))
        await system.start()
        await system.sweep()
        assert len(await system.table(EntryRow)) == 400
        assert not findings(await system.table(FindingRow), "never-read")
        about, _ = await system.command("about")
        assert about["never_read"] == []


FEW_CHANGES = """\
use = "rfc"
meta = "acme/meta"
bot = "rfcbot"
[limits]
repository_changes = 1000
"""
