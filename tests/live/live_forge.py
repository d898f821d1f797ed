"""A live forge as the tests use it: its API, and Git over HTTP. What is written stays within two owners of our own.

`LiveForge` makes two organizations, one that is watched and one that forks, and removes both at the end.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec

WAITING = 30.0
"""Seconds by which a forge has acted on a push: its queues are behind its refs."""
PATIENCE = 120
"""How often it is asked for the same, every half second: after a push it looks into every open pull request."""
BUSY = frozenset({404, 405, 409, 500})
"""What a forge answers for a moment after a push: the branch is not known to it yet, or being looked into."""


class ForgeError(Exception):
    """The forge declined."""


class LiveForge:
    """One forge, reached with a token that may create organizations."""

    def __init__(self, url: str, token: str, place: Path) -> None:
        self.url = url.rstrip("/")
        self.token = token
        self.place = place
        name = secrets.token_hex(3)
        self.owner, self.forker = f"fg-{name}", f"fg-{name}-forks"
        self.ids: dict[str, int] = {}
        """Repositories by their full names."""
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers={"Authorization": f"token {self.token}"})
        for owner in (self.owner, self.forker):
            await self.api("POST", "/orgs", {"username": owner})
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            for owner in (self.forker, self.owner):
                for each in await self.api("GET", f"/orgs/{owner}/repos?limit=50"):
                    await self.api("DELETE", f"/repos/{each['full_name']}")
                await self.api("DELETE", f"/orgs/{owner}")
        finally:
            assert self._session is not None
            await self._session.close()

    async def gitea(self) -> tuple[int, ...]:
        """Major and minor version of a Gitea; nothing of a Forgejo, which is smaller than any."""
        version = (await self.api("GET", "/version"))["version"]
        return () if "+gitea" in version else tuple(map(int, version.split(".")[:2]))

    # ------------------------------------------------------------------------------------------------- its API

    async def api(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """One call. Raises ForgeError for what is not 2xx, after some patience with one that is busy."""
        assert self._session is not None
        for waited in range(PATIENCE):
            async with self._session.request(method, f"{self.url}/api/v1{path}", json=body) as answer:
                raw = await answer.read()
                if answer.status < 300:
                    return msgspec.json.decode(raw) if raw else None
                if method == "GET" or answer.status not in BUSY or waited == PATIENCE - 1:
                    raise ForgeError(f"{method} {path}: {answer.status} {raw[:300]!r}")
            await asyncio.sleep(0.5)
        return None

    async def create(self, name: str) -> str:
        """A repository of the watched owner in which every style of merging is allowed; its full name."""
        made = await self.api("POST", f"/orgs/{self.owner}/repos", {"name": name, "default_branch": "main"})
        styles = ("merge_commits", "rebase", "rebase_explicit", "squash_merge", "fast_forward_only_merge")
        allowed = {f"allow_{style}": True for style in styles} | {"allow_manual_merge": True}
        units = {"has_pull_requests": True, "ignore_whitespace_conflicts": False, "autodetect_manual_merge": False}
        await self.api("PATCH", f"/repos/{made['full_name']}", {**units, **allowed})
        self.ids[made["full_name"]] = made["id"]
        return str(made["full_name"])

    async def pull(self, full_name: str, number: int) -> Any:
        """A pull request as the API tells it."""
        return await self.api("GET", f"/repos/{full_name}/pulls/{number}")

    async def pushes(self, full_name: str, number: int) -> list[tuple[str, datetime]]:
        """What each push that the timeline tells of led to, and when."""
        events = await self.api("GET", f"/repos/{full_name}/issues/{number}/timeline")
        pushed = [(time(event["created_at"]), event["id"], event["body"]) for event in events if _is_push(event)]
        told = [(at, msgspec.json.decode(body)["commit_ids"]) for at, _, body in sorted(pushed)]
        return [(commits[-1], at) for at, commits in told if commits]

    async def has_told(self, full_name: str, number: int, sha: str) -> None:
        """Wait until the timeline tells of a head, and the ref of the pull request is there."""
        async with asyncio.timeout(WAITING):
            while True:
                ref = await self.api("GET", f"/repos/{full_name}/git/refs/pull/{number}/head")
                pushed = await self.pushes(full_name, number)
                if pushed and pushed[-1][0] == sha and ref[0]["object"]["sha"] == sha:
                    return
                await asyncio.sleep(0.2)

    async def becomes(self, full_name: str, number: int, **wanted: Any) -> Any:
        """Wait until a pull request is so; it."""
        async with asyncio.timeout(WAITING):
            while True:
                pull = await self.pull(full_name, number)
                if all(pull[name] == value for name, value in wanted.items()):
                    return pull
                await asyncio.sleep(0.3)

    async def webhook(self, url: str, secret: str) -> None:
        """A webhook for everything that happens at the watched owner."""
        events = ["push", "create", "delete", "pull_request", "pull_request_sync", "repository", "fork"]
        config = {"url": url, "content_type": "json", "secret": secret}
        hook = {"type": "gitea", "active": True, "events": events, "config": config}
        await self.api("POST", f"/orgs/{self.owner}/hooks", hook)


class Clone:
    """A clone of a repository in which commits are made for it."""

    def __init__(self, forge: LiveForge, full_name: str) -> None:
        self._forge = forge
        self.full_name = full_name
        self.path = forge.place / full_name.replace("/", "_")

    async def begin(self) -> Self:
        """Clone it."""
        await self._git("clone", "-q", f"{self._forge.url}/{self.full_name}.git", str(self.path), at=self._forge.place)
        return self

    async def commit(
        self, branch: str, files: Mapping[str, str | None], start: str | None = None, *, more: Collection[str] = (),
        after: str = "",
    ) -> str:  # fmt: skip
        """A commit on top of a branch, pushed; its id.

        `start` is where it begins instead of the branch's own tip; the branch is then forced there. `more` are further
        parents, for a merge by hand; `after` is text for the message.
        """
        await self.fetch()
        await self._git("checkout", "-q", "-f", "--detach", start or f"refs/remotes/origin/{branch}")
        sha = await self.local(files, more=more, after=after)
        await self.push(branch, sha)
        return sha

    async def first(self, files: Mapping[str, str | None]) -> str:
        """The first commit of an empty repository, pushed as `main`; its id."""
        sha = await self.local(files)
        await self.push("main", sha)
        return sha

    async def local(self, files: Mapping[str, str | None], *, more: Collection[str] = (), after: str = "") -> str:
        """A commit on top of what is checked out, not pushed; its id."""
        for name, text in files.items():
            path = self.path / name
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        await self._git("add", "-A")
        tree = await self._git("write-tree")
        parents = [await self._git("rev-parse", "HEAD"), *more] if await self._began() else [*more]
        told = [argument for parent in parents for argument in ("-p", parent)]
        sha = await self._git("commit-tree", tree, *told, "-m", f"Change {', '.join(files)}\n\n{after}")
        await self._git("checkout", "-q", "-f", "--detach", sha)
        return sha

    async def push(self, branch: str, sha: str) -> None:
        """Have a branch at a commit, whatever it was; nothing for "" but the branch's end."""
        await self._git("push", "-q", "-f", "origin", f"{sha}:refs/heads/{branch}")

    async def fetch(self) -> None:
        """Know what is there, of pull requests too."""
        pulls = "+refs/pull/*:refs/pull/*"
        await self._git("fetch", "-q", "-p", "origin", "+refs/heads/*:refs/remotes/origin/*", pulls)

    async def blob(self, commit: str, path: str) -> tuple[str | None, str | None]:
        """The id of a file at a commit and its text; None and None where there is none."""
        told = await self._git("ls-tree", commit, "--", path)
        if not told:
            return None, None
        sha = told.split()[2]
        return sha, await self._git("cat-file", "blob", sha, strip=False)

    async def date(self, commit: str) -> datetime:
        """When a commit was made."""
        return time(await self._git("show", "-s", "--format=%cI", commit))

    async def tip(self, branch: str) -> str:
        """Where a branch is."""
        await self.fetch()
        return await self._git("rev-parse", f"refs/remotes/origin/{branch}")

    async def has(self, commit: str) -> bool:
        """Whether a commit is at hand."""
        try:
            await self._git("cat-file", "-e", commit)
        except ForgeError:
            return False
        return True

    async def take(self, commit: str) -> None:
        """Fetch one commit by its id."""
        if not await self.has(commit):
            await self._git("fetch", "-q", "origin", commit)

    async def _began(self) -> bool:
        return await self.has("HEAD")

    async def _git(self, *arguments: str, at: Path | None = None, strip: bool = True) -> str:
        process = await asyncio.create_subprocess_exec(
            "git", *arguments, cwd=at or self.path, env=_environment(self._forge.token),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, told = await process.communicate()
        if process.returncode:
            raise ForgeError(f"git {' '.join(arguments)}: {told.decode(errors='replace')}")
        return out.decode().strip() if strip else out.decode()


def time(value: str) -> datetime:
    """An instant as the forge writes it."""
    return datetime.fromisoformat(value).astimezone(UTC)


def _is_push(event: Mapping[str, Any]) -> bool:
    return bool(event["type"] == "pull_push")


def _environment(token: str) -> dict[str, str]:
    who = {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER") for part, value in _PERSON.items()}
    header = {
        "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "http.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: token {token}", "GIT_TERMINAL_PROMPT": "0",
    }  # fmt: skip
    return {**os.environ, **who, **header}


_PERSON = {"NAME": "Ada", "EMAIL": "ada@example.org"}
