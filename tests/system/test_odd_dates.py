"""A commit dated beyond the year 9999, through the whole: last in order, with a finding (fault W5)."""

from __future__ import annotations

from harness import META, OVERLAP, System, rfc

from cache.rows import EntryRow, FindingRow
from gitea_client.git import LATEST


async def test_a_date_beyond_9999_sorts_last_and_is_a_finding() -> None:
    """It sorted first, as 1970, and nobody was told."""
    async with System() as system:
        await system.forge.commit(META, {"rfcs/a.md": rfc("A"), "rfcs/b.md": rfc("B")})
        await system.sweep()
        bare = system.forge.repository(META).git
        parent = bare.branches()["main"]
        tree = (await bare.run("rev-parse", f"{parent}^{{tree}}")).decode().strip()
        blob = (await bare.run("hash-object", "-w", "--stdin", stdin=rfc("A", "active").encode())).decode().strip()
        old = (await bare.run("rev-parse", f"{parent}:rfcs/b.md")).decode().strip()
        listing = f"100644 blob {blob}\ta.md\n100644 blob {old}\tb.md\n"
        folder = (await bare.run("mktree", stdin=listing.encode())).decode().strip()
        rest = [line for line in (await bare.run("ls-tree", tree)).decode().splitlines() if "\trfcs" not in line]
        root = (await bare.run("mktree", stdin="\n".join([*rest, f"040000 tree {folder}\trfcs", ""]).encode())).decode()
        who = "Ann <ann@example.org> 253402300800 +0000"
        raw = f"tree {root.strip()}\nparent {parent}\nauthor {who}\ncommitter {who}\n\nfuture\n".encode()
        head = (await bare.run("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=raw)).decode()
        await bare.update_refs({"refs/heads/main": head.strip()})
        system.clock.tick(OVERLAP + 1)
        await system.sweep(deep=True)
        entries = {row.key: row for row in (await system.table(EntryRow)).values()}
        assert entries["a"].last_entry_commit_at == LATEST
        assert max(entries.values(), key=lambda row: row.last_entry_commit_at).key == "a"
        (finding,) = [row for row in (await system.table(FindingRow)).values() if row.rule == "odd-date"]
        assert (finding.path, finding.severity) == ("rfcs/a.md", "warning")
        result, code = await system.command("verify")
        assert code == 0, result
