"""What a test does at a live forge, and what follows from that for revisions, told without the daemon's code.

The forge is believed about times and states. Which heads a pull request had, what each changes and in which order is
what was done; texts come from a clone.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from unittest.mock import ANY

from live_forge import WAITING, Clone, LiveForge, time

RFCS, DIRECTIVES, RAISED = "rfc/rfcs", "directives/directives", "raised/directives"
"""The collections: the last are the directives once more, by the rule `pull_request`."""
HOMED = "homed"
"""The entry that has a document in a repository of its own."""
Key = tuple[str, str]
"""A collection and the key of an entry."""
Expected = dict[Key, list[dict[str, Any]]]


@dataclass
class Pull:
    """A pull request that was raised: every head that it had, and from which on it touches which files."""

    full_name: str
    number: int
    branch: str
    clone: Clone
    """Where its commits are made."""
    heads: list[str]
    touches: dict[tuple[str, str, str], int] = field(default_factory=dict)
    """By collection, key and path."""


@dataclass(frozen=True)
class Named:
    """A commit on the default branch by which a directive names a pull request for the first time."""

    key: str
    landed: str
    url: str
    pull: Pull | None
    position: int


class World:
    """What was done, and what is to follow from it."""

    def __init__(self, forge: LiveForge) -> None:
        self.forge = forge
        self.clones: dict[str, Clone] = {}
        self.pulls: list[Pull] = []
        self.named: list[Named] = []

    async def begin(self, files: Mapping[str, Mapping[str, str | None]]) -> None:
        """Repositories with these files."""
        for name, content in files.items():
            full_name = await self.forge.create(name)
            self.clones[name] = await Clone(self.forge, full_name).begin()
            await self.clones[name].first(content)

    async def fork(self, name: str) -> Clone:
        """A clone of a fork of a repository."""
        asked = {"organization": self.forge.forker}
        made = await self.forge.api("POST", f"/repos/{self.clones[name].full_name}/forks", asked)
        async with asyncio.timeout(WAITING):
            while (await self.forge.api("GET", f"/repos/{made['full_name']}"))["empty"]:
                await asyncio.sleep(0.2)
        return await Clone(self.forge, made["full_name"]).begin()

    # ------------------------------------------------------------------------------------------------- doing

    async def pull(
        self, name: str, branch: str, files: Mapping[str, str | None], *, base: str = "main", start: str = "",
        fork: Clone | None = None, also: Mapping[str, str] | None = None,
    ) -> Pull:  # fmt: skip
        """Raise one with one commit on its base or `start`. `also` are keys that its branch names, and their paths."""
        clone = fork or self.clones[name]
        full_name = self.clones[name].full_name
        await clone.fetch()
        sha = await clone.commit(branch, files, start or f"refs/remotes/origin/{base}")
        head = branch if fork is None else f"{self.forge.forker}:{branch}"
        raised = {"head": head, "base": base, "title": f"About {', '.join(files)}", "body": ""}
        made = await self.forge.api("POST", f"/repos/{full_name}/pulls", raised)
        pull = Pull(full_name, made["number"], branch, clone, [sha])
        self._touch(pull, {**dict.fromkeys(files), **dict.fromkeys((also or {}).values())})
        self.pulls.append(pull)
        await self.forge.has_told(full_name, pull.number, sha)
        return pull

    async def amend(self, pull: Pull, files: Mapping[str, str | None], start: str | None = None) -> str:
        """A further head: one more commit, or what begins at `start`, forced."""
        sha = await pull.clone.commit(pull.branch, files, start)
        await self.pushed(pull, sha, files)
        return sha

    async def pushed(self, pull: Pull, sha: str, files: Mapping[str, str | None]) -> None:
        """A further head was pushed."""
        await self.forge.has_told(pull.full_name, pull.number, sha)
        pull.heads.append(sha)
        self._touch(pull, files)

    def _touch(self, pull: Pull, paths: Mapping[str, Any]) -> None:
        for path in paths:
            for collection, key in _entries(pull.full_name.rpartition("/")[2], path):
                pull.touches.setdefault((collection, key, path), len(pull.heads) - 1)

    async def merge(self, pull: Pull, style: str, *, delete: bool = False, **more: Any) -> None:
        """Merge it."""
        asked = {"Do": style, "delete_branch_after_merge": delete, **more}
        await self.forge.api("POST", f"/repos/{pull.full_name}/pulls/{pull.number}/merge", asked)
        await self.forge.becomes(pull.full_name, pull.number, merged=True)

    async def edit(self, pull: Pull, **values: Any) -> None:
        """Close it, reopen it, or have another base."""
        await self.forge.api("PATCH", f"/repos/{pull.full_name}/pulls/{pull.number}", values)

    def name_pull(self, key: str, landed: str, url: str, pull: Pull | None) -> None:
        """A directive names a pull request by a commit that landed on the default branch."""
        self.named.append(Named(key, landed, url, pull, len(self.named)))

    def url(self, pull: Pull) -> str:
        """The address of a pull request's page."""
        return f"{self.forge.url}/{pull.full_name}/pulls/{pull.number}"

    # ------------------------------------------------------------------------------------------------- expecting

    async def expected(self) -> Expected:
        """Every revision as it must be by now, of each entry the newest first."""
        for clone in self.clones.values():
            await clone.fetch()
        found: dict[Key, list[tuple[Any, dict[str, Any]]]] = defaultdict(list)
        standing = {id(pull): await self.forge.pull(pull.full_name, pull.number) for pull in self.pulls}
        for pull in self.pulls:
            for (collection, key, path), first in pull.touches.items():
                row = await self._by_pull(pull, standing[id(pull)], collection, key, path, first)
                order = row["frozen_at"], row["repository_id"], row["number"]
                found[collection, key].append((order, row))
        for named in self.named:
            row = await self._by_field(named, standing[id(named.pull)] if named.pull is not None else None)
            found[DIRECTIVES, named.key].append(((named.position,), row))
        return {at: _numbered(rows) for at, rows in found.items()}

    async def _by_pull(
        self, pull: Pull, now: Any, collection: str, key: str, path: str, first: int
    ) -> dict[str, Any]:
        pushes = await self.forge.pushes(pull.full_name, pull.number)
        assert [sha for sha, _ in pushes] == pull.heads, f"the timeline of {self.url(pull)} tells other heads"
        home = self.clones[pull.full_name.rpartition("/")[2]]
        blobs = []
        for sha in pull.heads:
            await home.take(sha)
            blobs.append(await home.blob(sha, path))
        amendments = [
            {"sha": sha, "at": _json(at), "blob": blobs[n][0]}
            for n, (sha, at) in enumerate(pushes) if n > first and blobs[n][0] != blobs[n - 1][0]
        ]  # fmt: skip
        merged = await home.blob(now["merge_commit_sha"], path) if now["merged"] else (None, None)
        sha, text = pull.heads[first], blobs[first][1]
        return {
            **_standing(collection, key, "pull_request", now), "part": "document" if path == "RFC.md" else "entry",
            "path": path, "repository": pull.full_name, "repository_id": self.forge.ids[pull.full_name],
            "number": pull.number, "pr_url": self.url(pull), "pr_branch": pull.branch,
            "frozen_at": _json(pushes[first][1]), "head_sha": sha, "content": text,
            "content_state": "text" if text is not None else "removed", "amendments": amendments,
            "merged_commit": now["merge_commit_sha"] if now["merged"] else None, "merged_content": merged[1],
        }  # fmt: skip

    async def _by_field(self, named: Named, now: Any) -> dict[str, Any]:
        plans, path = self.clones["plans"], f"directives/{named.key}.md"
        _, text = await plans.blob(named.landed, path)
        pull = named.pull
        return {
            **_standing(DIRECTIVES, named.key, "field", now), "part": "entry", "path": path,
            "repository": pull.full_name if pull is not None else None,
            "repository_id": self.forge.ids[pull.full_name] if pull is not None else ANY,
            "number": pull.number if pull is not None else ANY, "pr_url": named.url,
            "pr_branch": pull.branch if pull is not None else "", "frozen_at": _json(await plans.date(named.landed)),
            "head_sha": named.landed, "content": (text or "").split("\n---\n", 1)[1], "content_state": "text",
            "amendments": [], "merged_commit": None, "merged_content": None,
        }  # fmt: skip


def _entries(repository: str, path: str) -> list[Key]:
    """The entries that a file makes."""
    folder, _, name = path.rpartition("/")
    key = name.removesuffix(".md")
    if repository == "home":
        return [(RFCS, HOMED)] if path == "RFC.md" else []
    if repository == "plans":
        return [(RAISED, key)] if folder == "directives" else []
    return [(RFCS, key)] if (repository, folder) == ("meta", "rfcs") else []


def _standing(collection: str, key: str, rule: str, now: Any) -> dict[str, Any]:
    block, _, name = collection.partition("/")
    state = "open" if now is None else "merged" if now["merged"] else now["state"]
    merged_at, closed_at = (now["merged_at"], now["closed_at"]) if now is not None else (None, None)
    return {
        "block": block, "collection": name, "key": key, "rule": rule, "pr_state": state,
        "merged_at": _json(time(merged_at)) if merged_at else None,
        "closed_at": _json(time(closed_at)) if closed_at else None,
    }  # fmt: skip


def _numbered(rows: list[tuple[Any, dict[str, Any]]]) -> list[dict[str, Any]]:
    ordered = sorted(rows, key=lambda each: each[0])
    return [{**row, "version": n} for n, (_, row) in enumerate(ordered, 1)][::-1]


def _json(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
