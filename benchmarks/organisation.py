"""The organisation that is measured: a meta repository with entries, and entry repositories with branches and pulls."""

from __future__ import annotations

import asyncio
from pathlib import Path

from msgspec import Struct

from benchmarks.forge import Forge

START = 1_767_225_600  # 2026-01-01T00:00:00Z


class Size(Struct, frozen=True):
    """How much of everything there is."""

    entries: int = 1000
    repositories: int = 40
    branches: int = 4
    pulls: int = 2


async def build(forge: Forge, owner: str, size: Size) -> None:
    """Make the organisation on a server: one commit an entry, the first of them active with repositories."""
    await forge.call("POST", "/orgs", {"username": owner})
    await forge.call("POST", f"/orgs/{owner}/repos", {"name": "meta", "default_branch": "main"})
    local = forge.work / "meta"
    await forge.git("init", "--quiet", "--bare", str(local))
    await forge.git("fast-import", "--quiet", cwd=local, stdin=_entries(owner, size))
    await forge.push(f"{owner}/meta", ["refs/heads/main"], local)
    seed = forge.work / "seed"
    await forge.git("init", "--quiet", "--bare", str(seed))
    await forge.git("fast-import", "--quiet", cwd=seed, stdin=_document(size))
    for start in range(0, size.repositories, 8):
        await asyncio.gather(
            *(_repository(forge, owner, i, seed, size) for i in range(start, min(start + 8, size.repositories)))
        )


async def _repository(forge: Forge, owner: str, number: int, seed: Path, size: Size) -> None:
    name = f"rfc-{number:04}"
    await forge.call("POST", f"/orgs/{owner}/repos", {"name": name, "default_branch": "main"})
    branches = [f"refs/heads/work-{i}" for i in range(1, size.branches)]
    await forge.push(f"{owner}/{name}", ["refs/heads/main", *branches], seed)
    for i in range(1, size.pulls + 1):
        body = {"head": f"work-{i}", "base": "main", "title": f"Work {i}", "body": "As discussed."}
        await forge.call("POST", f"/repos/{owner}/{name}/pulls", body)


def entry(owner: str, number: int, size: Size, text: str = "As first written.") -> bytes:
    """The file of one entry."""
    active = number < size.repositories
    return (
        f"---\ntitle: Entry {number}\nstate: {'active' if active else 'idea'}\n"
        + (f"repo: {owner}/rfc-{number:04}\n" if active else "")
        + f"proposed_by: ada\nproposed_at: 2026-01-02\nowners: [ada]\ntags: [area-{number % 7}]\n---\n"
        + f"# Entry {number}\n\n{text}\n"
    ).encode()


def _entries(owner: str, size: Size) -> bytes:
    return b"".join(
        _commit("refs/heads/main", i, f"Propose entry {i}", {f"rfcs/entry-{i:04}.md": entry(owner, i, size)})
        for i in range(size.entries)
    )


def _document(size: Size) -> bytes:
    first = _commit("refs/heads/main", 0, "Begin", {"RFC.md": b"# The document\n\nText.\n"}, mark=1)
    others = (
        _commit(f"refs/heads/work-{i}", i, f"Work {i}", {f"work-{i}.md": b"Work.\n"}, parent=1)
        for i in range(1, size.branches)
    )
    return b"".join((first, *others))


def _commit(
    ref: str, number: int, message: str, files: dict[str, bytes], *, mark: int | None = None, parent: int | None = None
) -> bytes:
    when = START + 60 * number
    text = message.encode()
    lines = [f"commit {ref}\n".encode()]
    if mark is not None:
        lines.append(f"mark :{mark}\n".encode())
    lines.append(f"committer Ada <ada@example.org> {when} +0000\ndata {len(text)}\n".encode() + text + b"\n")
    if parent is not None:
        lines.append(f"from :{parent}\n".encode())
    for path, content in files.items():
        lines.append(f"M 100644 inline {path}\ndata {len(content)}\n".encode() + content + b"\n")
    return b"".join(lines)
