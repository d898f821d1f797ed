"""The scenario that was recorded on live servers, played on the stand-in: one coroutine a step, under its name."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from gitea_client.fake import StandIn, Symlink

META, RFC, RENAMED = "acme/meta", "acme/rfc-0001-open-hub", "acme/rfc-0001-renamed"
EVENTS = (
    "create", "delete", "fork", "push", "issues", "issue_assign", "issue_label", "issue_milestone", "issue_comment",
    "pull_request", "repository", "release",
)  # fmt: skip


class Clock:
    """A clock that a scenario moves: every step happens in seconds of its own."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 3, 4, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def tick(self, seconds: float = 1) -> None:
        self.now += timedelta(seconds=seconds)


def entry(slug: str, title: str, extra: str = "", state: str = "idea") -> str:
    """Fifteen lines."""
    return (
        f"---\nslug: {slug}\ntitle: {title}\nstate: {state}\nid: null\nrepo: null\n"
        f"proposed_by: ada\nproposed_at: 2026-01-02\nowners: [ada]\narbiters: [root1]\n"
        f"tags: [governance]\n---\n# {title}\n\nBody of {slug}.{extra}\n"
    )


def at(hours: float) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=round(hours * 60))


class Scenario:
    """Plays steps; `answer` is what the last call answered."""

    def __init__(self, forge: StandIn, session: aiohttp.ClientSession, hook_url: str, secret: str) -> None:
        self.forge = forge
        self.answer: tuple[int, Any] | None = None
        self._session = session
        self._hook_url = hook_url
        self._secret = secret
        for login in ("ada", "rfcbot", "outsider"):
            forge.create_user(login)

    async def call(self, method: str, path: str, body: Any = None, by: str = "root1") -> None:
        headers = {"Authorization": f"token {self.forge.token_of(by)}"}
        async with self._session.request(method, f"{self.forge.url}/api/v1{path}", json=body, headers=headers) as got:
            text = await got.text()
            self.answer = (got.status, await got.json() if text and "json" in got.content_type else text)

    async def push(self, name: str, files: dict[str, Any], branch: str, message: str, hours: float, **more: Any) -> str:
        more.setdefault("by", "root1")
        return await self.forge.commit(name, files, branch, message, author="ada", date=at(hours), **more)

    def steps(self) -> dict[str, Callable[[], Awaitable[Any]]]:
        """Every step of the recording that changes something, by its name."""
        beginning = self._beginning() | self._first_pull() | self._merges()
        return beginning | self._closing() | self._elsewhere() | self._end()

    def _beginning(self) -> dict[str, Callable[[], Awaitable[Any]]]:
        seed = {
            "rfcs/README.txt": "Proposals!!!\n", "rfcs/bom.md": "\ufeff---\n", "rfcs/broken.md": "---\n[\n",
            "rfcs/crlf.md": "---\r\n", "rfcs/latin1.md": b"\xe4\n", "rfcs/link.md": Symlink("open-hub.md"),
            "rfcs/naming.md": entry("naming", "Naming"), "rfcs/nofront.md": "No front matter\n",
            "rfcs/open-hub.md": entry("open-hub", "Open hub", state="active"),
            "rfcs/slow-reads.md": entry("slow-reads", "Slow reads"),
            "rfcs/sub/deep.md": entry("deep", "Deep"), "rfcs/ünïcode name.md": entry("uni", "Uni"),
        }  # fmt: skip
        hook = {
            "type": "gitea", "active": True, "events": list(EVENTS),
            "config": {"url": self._hook_url, "content_type": "json", "secret": self._secret},
        }  # fmt: skip
        content = base64.b64encode(entry("via-api", "Via API").encode()).decode()
        contents = f"/repos/{META}/contents/rfcs/via-api.md"

        async def repository() -> None:
            await self.call("POST", "/orgs/acme/repos", {"name": "meta"})
            self.forge.add_collaborator(META, "ada")
            self.forge.add_collaborator(META, "rfcbot")

        return {
            "org created": lambda: self.call("POST", "/orgs", {"username": "acme"}),
            "org webhook created": lambda: self.call("POST", "/orgs/acme/hooks", hook),
            "empty repo created": repository,
            "first push": lambda: self.push(META, seed, "main", "Seed entries", 0.5),
            "file created through the API on main": lambda: self.call(
                "POST", contents, {"content": content, "message": "Add via-api", "branch": "main"}, "ada"
            ),
        }

    def _first_pull(self) -> dict[str, Callable[[], Awaitable[Any]]]:
        path, branch, file = f"/repos/{META}/pulls/1", "propose/cold-start", "rfcs/cold-start.md"
        text = entry("cold-start", "Cold start")
        second = text.replace("Body", "A body")
        body = "New entry.\n\nOn-behalf-of: Grace Hopper <grace@example.org>"
        message = "Propose cold-start\n\nOn-behalf-of: Grace <grace@example.org>\n"

        async def force() -> None:
            first = (await self.forge.repository(META).git.rev_list(branch))[1]
            await self.push(
                META, {file: text.replace("Body", "Bodies")}, branch, "Second draft, reworded", 2.5, parents=[first],
                force=True, author_date=at(2),
            )  # fmt: skip

        async def label() -> None:
            await self.call("POST", f"/repos/{META}/labels", {"name": "ready", "color": "00ff00"})
            await self.call("POST", f"/repos/{META}/issues/1/labels", {"labels": ["ready"]})

        return {
            "branch propose/cold-start pushed": lambda: self.push(META, {file: text}, branch, message, 1.334),
            "PR 1 opened by the bot": lambda: self.open(branch, "Propose: Cold start", body, "rfcbot"),
            "PR 1 head pushed": lambda: self.push(META, {file: second}, branch, "Second draft", 2),
            "PR 1 head force-pushed": force,
            "PR 1 retitled": lambda: self.call(
                "PATCH", path, {"title": "Propose: Cold starts", "body": body.replace("New entry", "Edited")}, "ada"
            ),
            "PR 1 labelled": label,
            "PR 1 approved": lambda: self.call("POST", f"{path}/reviews", {"event": "APPROVED", "body": "ok"}, "ada"),
            "PR 1 merged, head branch deleted": lambda: self.call(
                "POST", f"{path}/merge", {"Do": "merge", "delete_branch_after_merge": True}, "ada"
            ),
        }

    async def open(self, head: str, title: str, body: str = "", by: str = "ada", base: str = "main") -> None:
        await self.call(
            "POST", f"/repos/{META}/pulls", {"head": head, "base": base, "title": title, "body": body}, by
        )

    def _merges(self) -> dict[str, Callable[[], Awaitable[Any]]]:
        found: dict[str, Callable[[], Awaitable[Any]]] = {}
        cases = [
            (2, "open-hub", "Open hub", "squash", 3.5, 3), (3, "slow-reads", "Slow reads", "rebase", 4.5, 4),
            (4, "naming", "Naming", "fast-forward-only", 5.5, 2),
        ]  # fmt: skip
        for number, slug, title, style, hours, lines in cases:
            branch, state = f"edit/{slug}/{style}", "active" if number == 2 else "idea"
            old = entry(slug, title, state=state).split("\n")
            text = "\n".join(f"{line}!" if n < lines else line for n, line in enumerate(old))

            async def edit(b: str = branch, s: str = slug, t: str = text, h: float = hours) -> None:
                await self.push(META, {f"rfcs/{s}.md": t}, b, f"Edit {s}", h)

            async def raise_(b: str = branch, s: str = slug) -> None:
                await self.open(b, f"Edit {s}")

            async def merge(n: int = number, how: str = style) -> None:
                title = {"MergeTitleField": f"Merge {n}"} if how == "squash" else {}
                await self.call("POST", f"/repos/{META}/pulls/{n}/merge", {"Do": how, **title}, "ada")

            found[f"branch {branch}"] = edit
            found[f"PR {number} opened"] = raise_
            found[f"PR {number} merged by {style}"] = merge
        return found

    def _closing(self) -> dict[str, Callable[[], Awaitable[Any]]]:
        path = f"/repos/{META}/pulls"
        naming = entry("naming", "Naming").split("\n")
        claimed = "\n".join(["---!", "slug: naming!", *naming[2:-2], "claimed", "again", ""])
        tagged = claimed.replace("claimed", "tagged")
        return {
            "branch claim/naming": lambda: self.push(
                META, {"rfcs/naming.md": claimed}, "claim/naming", "Claim naming", 6.5
            ),
            "PR 5 opened": lambda: self.open("claim/naming", "Claim naming"),
            "PR 5 closed": lambda: self.call("PATCH", f"{path}/5", {"state": "closed"}, "ada"),
            "PR 5 reopened": lambda: self.call("PATCH", f"{path}/5", {"state": "open"}, "ada"),
            "head branch of open PR 5 deleted by git push": lambda: self.forge.delete_branch(
                META, "claim/naming", via="push", by="root1"
            ),
            "branch metadata/naming pushed": lambda: self.push(
                META, {"rfcs/naming.md": tagged}, "metadata/naming", "Retag", 7.334
            ),
            "branch deleted through the API": lambda: self.call("DELETE", f"/repos/{META}/branches/metadata/naming"),
            "branch created through the API": lambda: self.call(
                "POST", f"/repos/{META}/branches", {"new_branch_name": "side", "old_branch_name": "main"}
            ),
            "branch wip/x": lambda: self.push(META, {"notes.txt": "n\n"}, "wip/x", "WIP", 8),
            "PR 6 opened as draft": lambda: self.open("wip/x", "WIP: notes"),
            "PR 6 retargeted to side": lambda: self.call("PATCH", f"{path}/6", {"base": "side"}, "ada"),
        }

    def _elsewhere(self) -> dict[str, Callable[[], Awaitable[Any]]]:
        text = entry("from-fork", "From fork")

        async def branches() -> None:
            tip = self.forge.repository(RFC).branches["main"]
            await self.forge.push_refs(RFC, {f"refs/heads/b/{n:03}": tip for n in range(55)}, by="root1")

        async def bulk() -> None:
            tip = self.forge.repository(META).branches["main"]
            for n in range(31):
                tip = await self.forge.commit(
                    META, {"rfcs/bulk-000.md": f"{n}\n"}, None, f"c{n - 1}", date=at(20 + n / 6), parents=[tip]
                )
            await self.forge.push_refs(META, {"refs/heads/main": tip}, by="root1")

        async def tag() -> None:
            await self.forge.push_refs(RFC, {"refs/tags/v1": self.forge.repository(RFC).branches["main"]}, by="root1")

        async def forced() -> None:
            over = {"author_date": at(9.334), "parents": [], "force": True}
            await self.push(RFC, {"RFC.md": "# Other\n"}, "main", "Seed RFC.md", 11, **over)

        return {
            "fork by outsider": lambda: self.call("POST", f"/repos/{META}/forks", {}, "outsider"),
            "fork branch pushed": lambda: self.push(
                "outsider/meta", {"rfcs/from-fork.md": text}, "propose/from-fork", "Propose", 8.5, by="outsider"
            ),
            "PR 7 opened from the fork": lambda: self.open(
                "outsider:propose/from-fork", "From a fork", by="outsider"
            ),
            "fork deleted while PR 7 is open": lambda: self.call("DELETE", "/repos/outsider/meta", by="outsider"),
            "entry repo created": lambda: self.call("POST", "/orgs/acme/repos", {"name": "rfc-0001-open-hub"}),
            "entry repo pushed": lambda: self.push(RFC, {"RFC.md": "# RFC\n"}, "main", "Seed RFC.md", 9.334),
            "entry graduates on main": lambda: self.push(
                META, {"rfcs/open-hub.md": entry("open-hub", "Hub")}, "main", "Graduate open-hub", 10.167
            ),
            "55 branches in one push": branches,
            "main force-pushed": forced,
            "tag pushed": tag,
            "31 commits in one push": bulk,
        }

    def _end(self) -> dict[str, Callable[[], Awaitable[Any]]]:
        renamed = f"/repos/{RENAMED}"
        hook = {"type": "gitea", "active": True, "events": ["push"], "authorization_header": "Bearer abc"}
        config = {"url": self._hook_url, "content_type": "json", "secret": self._secret}
        form = {"url": self._hook_url.replace("webhooks/gitea", "form"), "content_type": "form", "secret": self._secret}

        async def test() -> None:
            number = max(self.forge.world.hooks)
            await self.call("POST", f"/repos/{META}/hooks/{number}/tests")

        return {
            "entry repo renamed": lambda: self.call("PATCH", f"/repos/{RFC}", {"name": "rfc-0001-renamed"}),
            "default branch changed": lambda: self.call("PATCH", renamed, {"default_branch": "b/000"}),
            "repo made private": lambda: self.call("PATCH", renamed, {"private": True}),
            "repo archived": lambda: self.call("PATCH", renamed, {"archived": True}),
            "repo transferred": lambda: self.call("POST", f"{renamed}/transfer", {"new_owner": "root1"}),
            "short-lived repo created": lambda: self.call("POST", "/orgs/acme/repos", {"name": "short-lived"}),
            "repo deleted": lambda: self.call("DELETE", "/repos/acme/short-lived"),
            "repo webhook with an authorization header": lambda: self.call(
                "POST", f"/repos/{META}/hooks", {**hook, "config": config}
            ),
            "webhook test delivery": test,
            "repo webhook with form encoding": lambda: self.call(
                "POST", f"/repos/{META}/hooks", {"type": "gitea", "active": True, "events": ["push"], "config": form}
            ),
            "push seen by three hooks": lambda: self.push(META, {"s.txt": "s\n"}, "side2", "s", 26.5),
        }
