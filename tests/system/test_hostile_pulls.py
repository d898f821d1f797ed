"""What anybody may bring in a pull request from a fork (S8), and a forge that fails at one of them (S9).

Entries of the default branch go on whatever a pull request brings; that one is a finding, and stands as it was.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from harness import META, OVERLAP, RFC, System, rfc
from revising import proposed, revisions

from cache.rows import EntryRow, FindingRow, PullRow
from daemon import histories, reading
from gitea_client.errors import ForgeError, GitFailed, Malformed, Unreachable
from gitea_client.fake import Fault
from gitea_client.objects import ObjectStore


@pytest.fixture
async def begun() -> AsyncIterator[System]:
    """Two entries, and a daemon that reads at most a thousand paths of one listing."""
    async with System(profile=f"{RFC}[limits]\ntree_paths = 1000\n") as system:
        await system.sweep()
        await system.forge.commit(META, {"rfcs/a.md": rfc("First"), "rfcs/b.md": rfc("B")})
        system.clock.tick()
        yield system


async def title(system: System, key: str = "b") -> str:
    """What an entry is called."""
    return str((await system.table(EntryRow))["rfc", "rfcs", key].title)


async def told_of(system: System) -> list[tuple[str, str | None]]:
    """The findings: the rule and what it is about."""
    return sorted((row.rule, row.path) for row in (await system.table(FindingRow)).values())


async def quiet(system: System) -> None:
    """Nothing has failed."""
    assert not [look for look in system.engine.desk.book.looks().values() if look.failures]


async def bomb(system: System, *, folder: str = "rfcs/x", depth: int = 4, width: int = 10) -> str:
    """A tree of `width` to the power of `depth` paths in `depth` objects; the commit, in a fork of anybody."""
    fork = await system.forge.fork(META, "ada")
    git = system.forge.repository(fork).git
    item = (await git.run("hash-object", "-w", "--stdin", stdin=b"x\n")).decode().strip()
    kind, mode = "blob", "100644"
    for _ in range(depth):
        lines = "".join(f"{mode} {kind} {item}\t{n}\n" for n in range(width))
        item = (await git.run("mktree", stdin=lines.encode())).decode().strip()
        kind, mode = "tree", "040000"
    main = git.ref("refs/heads/main")
    for name in reversed(folder.split("/")):
        item = (await git.run("mktree", stdin=f"040000 tree {item}\t{name}\n".encode())).decode().strip()
    environment = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    told = await git.run("commit-tree", item, "-p", str(main), "-m", "x", environment=environment)
    sha = told.decode().strip()
    await system.forge.push_refs(fork, {"refs/heads/bomb": sha})
    return fork


async def test_a_tree_that_holds_too_many_paths_is_that_pull_requests_own_trouble(begun: System) -> None:
    """A few objects of ten names each make as many paths as one likes: the others are read in the same look."""
    mine = await proposed(begun)
    await bomb(begun)
    await begun.forge.open_pull(META, "ada:bomb")
    await begun.forge.commit(META, {"rfcs/b.md": rfc("B went on")})
    await begun.settle()
    await begun.sweep(deep=True)
    assert await title(begun) == "B went on"
    assert [row.content for row in await revisions(begun)] == [rfc("Proposed")]
    assert await told_of(begun) == [("pull-request-unreadable", "changes of pull request 2")]
    assert sorted(row.number for row in (await begun.table(PullRow)).values()) == [mine, 2]
    await quiet(begun)
    (finding,) = (await begun.table(FindingRow)).values()
    assert "limits.tree_paths" in finding.message
    await begun.forge.commit(META, {"rfcs/b.md": rfc("B again")})
    await begun.settle()
    assert await title(begun) == "B again"
    report, code = await begun.command("verify")
    assert code == 0, report["differences"]
    report, code = await begun.command("rebuild")
    assert code == 0, report


async def test_a_bomb_is_not_looked_into_again_until_it_changes(
    begun: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit of seconds and bytes that is reached at every push would be a way to slow everything down."""
    await bomb(begun)
    number = await begun.forge.open_pull(META, "ada:bomb")
    await begun.settle()
    looked, look_into = [], histories._look_into

    async def counted(*arguments: Any) -> Any:
        looked.append(arguments)
        return await look_into(*arguments)

    monkeypatch.setattr(histories, "_look_into", counted)
    begun.clock.tick(OVERLAP + 1)
    await begun.forge.commit(META, {"rfcs/b.md": rfc("B again")})
    await begun.settle()
    assert (await title(begun), looked) == ("B again", [])
    await begun.forge.close(META, number)
    await begun.settle()
    assert len(looked) == 1


@pytest.mark.parametrize("error", [GitFailed, Malformed, Unreachable])
async def test_a_pack_that_cannot_be_fetched_is_found_among_many(
    begun: System, monkeypatch: pytest.MonkeyPatch, error: type[ForgeError]
) -> None:
    """Fetched together they fail together; halved, one is left alone with it, and branches never were in it."""
    fetch, bad = ObjectStore.fetch, set[str]()

    async def fails(self: ObjectStore, url: str, ids: Any, **options: Any) -> None:
        if bad & set(ids):
            raise error("the pack is larger than it may be")
        await fetch(self, url, ids, **options)

    monkeypatch.setattr(ObjectStore, "fetch", fails)
    fork = await begun.forge.fork(META, "ada")
    for n in range(5):
        sha = await begun.forge.commit(fork, {f"rfcs/n{n}.md": rfc(f"N{n}")}, branch=f"n{n}", start="main", by="ada")
        await begun.forge.open_pull(META, f"ada:n{n}")
        bad |= {sha} if n == 3 else set()
    await begun.forge.commit(META, {"rfcs/b.md": rfc("B went on")})
    await begun.settle()
    await begun.command("sweep", deep=True)
    assert await title(begun) == "B went on"
    assert [len(await revisions(begun, f"n{n}")) for n in range(5)] == [1, 1, 1, 0, 1]
    assert ("pull-request-unreadable", "commits of pull request 4") in await told_of(begun)
    bad.clear()
    await begun.command("sweep", deep=True)
    await begun.sweep(deep=True)
    assert (await told_of(begun), len(await revisions(begun, "n3"))) == ([], 1)


async def test_what_was_known_of_a_pull_request_stands_when_it_becomes_a_bomb(begun: System) -> None:
    """Its revision, its amendments and what it proposes, as they were last seen: live, verified and rebuilt."""
    fork = await bomb(begun)
    await begun.forge.commit(fork, {"rfcs/a.md": rfc("Proposed")}, branch="good", start="main")
    number = await begun.forge.open_pull(META, "ada:good")
    await begun.settle()
    before = await revisions(begun)
    assert len(before) == 1
    begun.clock.tick(OVERLAP + 1)
    tip = begun.forge.refs(fork)["refs/heads/bomb"]
    await begun.forge.push_refs(fork, {"refs/heads/good": tip})
    await begun.forge.commit(META, {"rfcs/b.md": rfc("B went on")})
    await begun.settle()
    assert (await title(begun), await revisions(begun)) == ("B went on", before)
    assert await told_of(begun) == [("pull-request-unreadable", f"changes of pull request {number}")]
    report, code = await begun.command("verify")
    assert code == 0, report["differences"]
    report, code = await begun.command("rebuild")
    assert code == 0, report
    assert await revisions(begun) == before
    await begun.restart()
    assert await revisions(begun) == before


@pytest.mark.parametrize(
    ("what", "match", "about"),
    [
        ("one", r"/repos/acme/meta/pulls/1$", "pull request 1"),
        ("its timeline", r"/repos/acme/meta/issues/1/timeline", "timeline of pull request 1"),
        ("the list", r"/repos/acme/meta/pulls\?", "pull requests"),
    ],
)
@pytest.mark.parametrize("fault", ["status", "cut", "delay"])
async def test_what_the_api_does_not_give_holds_up_no_entry(what: str, match: str, about: str, fault: str) -> None:
    """In the very look that fails: entries are written first. It heals by itself."""
    async with System(timeout="1s") as system:
        system.engine.forge.transport.LONGEST_WAIT = 0.01  # type: ignore[misc]  # nobody waits to ask again
        await system.forge.commit(META, {"rfcs/a.md": rfc("First"), "rfcs/b.md": rfc("B")})
        number = await proposed(system)
        await system.settle()
        await system.sweep(deep=True)
        before = await revisions(system)
        system.clock.tick(OVERLAP + 1)
        system.forge.deliveries.drop = True
        slow: dict[str, Any] = {"seconds": 30} if fault == "delay" else {}
        system.forge.faults.set(Fault(fault, match, **slow))  # type: ignore[arg-type]  # one of its kinds
        await system.forge.commit(META, {"rfcs/b.md": rfc("B went on")})
        await system.forge.edit_pull(META, number, title="Meanwhile")
        report, code = await system.command("sweep", deep=what == "the list")
        assert (code, [trouble["scope"] for trouble in report["errors"]]) == (3, [f"repository:{META}"])
        assert (await title(system), await revisions(system)) == ("B went on", before)
        rule = "pull-requests-unreadable" if what == "the list" else "pull-request-unreadable"
        assert (rule, about) in await told_of(system)
        report, code = await system.command("sweep", deep=what == "the list")
        assert code == 0, "what has failed twice, or is read by the list, holds up nothing any more"
        await system.forge.commit(META, {"rfcs/b.md": rfc("B again")})
        await system.command("sweep", deep=False)
        assert await title(system) == "B again"
        system.forge.faults.clear()
        await system.sweep(deep=True)
        assert await told_of(system) == []
        assert [row.title for row in (await system.table(PullRow)).values()] == ["Meanwhile"]
        await quiet(system)


async def test_a_default_branch_with_too_many_paths_is_not_read_again_until_it_changes(
    begun: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S8: a million paths in a dozen objects would be walked through at every sweep, for the same error each time. The
    rows stand meanwhile, and the first look at other refs reads again."""
    calls: list[str] = []
    loading = reading.load

    async def counted(*arguments: Any) -> Any:
        calls.append("load")
        return await loading(*arguments)

    monkeypatch.setattr(reading, "load", counted)
    await begun.sweep()
    good = begun.forge.repository(META).git.ref("refs/heads/main")
    bad = await begun.forge.commit(META, {f"rfcs/{n}.md": "x" for n in range(1001)}, branch=None)
    for _ in range(3):
        await begun.forge.push_refs(META, {"refs/heads/main": bad})
        calls.clear()
        for deep in (False, True, False):
            report, _ = await begun.command("sweep", deep=deep)
            assert "limits.tree_paths" in report["errors"][0]["error"]
            begun.clock.tick(OVERLAP)
        assert (len(calls), await title(begun)) == (1, "B")
        await begun.forge.push_refs(META, {"refs/heads/main": good})
        begun.clock.tick()
        await begun.sweep()
        await quiet(begun)
    assert (await begun.command("verify"))[1] == 0
