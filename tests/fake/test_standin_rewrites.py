"""The stand-in rewrites timelines, renames branches and hides pull requests as live servers did.

Played is what was recorded on Gitea 1.26.3 and Forgejo 15.0.3: a pull request that is forced, forced to another entry
and merged; one that is given another base; two stacked ones; renamed head, base and default branches; pull requests off
and on. Compared is what tells of pull requests: their timelines event by event, refs, branches, ends, deliveries.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from standin_recordings import RECORDINGS, Comparison
from standin_scenario import Clock, at
from test_standin_contract import told

from gitea_client.fake import StandIn

META = "rewrites/meta"
FILES = {"gitea-1.26": "gitea-1.26-rewrites.json", "forgejo": "forgejo-15.0-rewrites.json"}
EVENTS = ["create", "delete", "push", "pull_request", "pull_request_sync", "repository"]

Step = Callable[[], Awaitable[Any]]


class Rewrites:
    """The steps of the recording, by their names; `status` is what the last call answered with."""

    def __init__(self, forge: StandIn, session: aiohttp.ClientSession) -> None:
        self.forge, self._session, self.status = forge, session, 0

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"token {self.forge.token}"}
        async with self._session.request(method, f"{self.forge.url}/api/v1{path}", json=body, headers=headers) as got:
            self.status = got.status
            text = await got.text()
            return json.loads(text) if text and "json" in got.content_type else None

    async def push(self, branch: str, files: dict[str, str], message: str, hours: float, start: str) -> None:
        """A commit on `start`, and the branch there: forced where it is elsewhere."""
        tip = self.forge.refs(META).get(f"refs/heads/{start}", start)
        await self.forge.commit(
            META, {f"rfcs/{name}.md": text for name, text in files.items()}, branch, message, date=at(hours),
            parents=[tip] if tip else [], force=True, by="root1",
        )  # fmt: skip

    async def raised(self, title: str, head: str, base: str = "main") -> None:
        await self.call("POST", f"/repos/{META}/pulls", {"title": title, "head": head, "base": base, "body": ""})

    async def merged(self, number: int) -> None:
        how = {"Do": "squash", "delete_branch_after_merge": True}
        await self.call("POST", f"/repos/{META}/pulls/{number}/merge", how)

    async def renamed(self, old: str, new: str) -> None:
        await self.call("PATCH", f"/repos/{META}/branches/{old.replace('/', '%2F')}", {"name": new})

    def steps(self) -> dict[str, Step]:
        """What each step of the recording does."""
        seed = dict.fromkeys(("one", "two", "three", "four"), "First.\n")

        async def second() -> None:
            await self.forge.push_refs(META, {"refs/heads/other": self.forge.refs(META)["refs/heads/main"]}, "root1")
            await self.push("edit/three/a", {"three": "a\n"}, "Three first", 0.4, "main")

        return {
            "create org": lambda: self.call("POST", "/orgs", {"username": "rewrites"}),
            "create repository": lambda: self.call("POST", "/orgs/rewrites/repos", {"name": "meta"}),
            "create hook": self.hook,
            "first push": lambda: self.push("main", seed, "Begin", 0.05, ""),
            "push a branch": lambda: self.push("edit/one/a", {"one": "a\n"}, "One first", 0.1, "main"),
            "raise 1": lambda: self.raised("One", "edit/one/a"),
            "ordinary push to 1": lambda: self.push("edit/one/a", {"one": "b\n"}, "One second", 0.2, "edit/one/a"),
            "forced push to 1": lambda: self.push("edit/one/a", {"one": "c\n"}, "One third", 0.2, self.below()),
            "forced to another entry": lambda: self.push("edit/one/a", {"two": "d\n"}, "Two instead", 0.3, "main"),
            "merge 1 by squash": lambda: self.merged(1),
            "push a second branch": second,
            "raise 2": lambda: self.raised("Three", "edit/three/a"),
            "ordinary push to 2": lambda: self.push("edit/three/a", {"three": "b\n"}, "T", 0.5, "edit/three/a"),
            "retarget 2": lambda: self.call("PATCH", f"/repos/{META}/pulls/2", {"base": "other"}),
            "push the lower of two": lambda: self.push("edit/four/low", {"four": "a\n"}, "Four low", 0.6, "main"),
            "raise 3, the lower": lambda: self.raised("Low", "edit/four/low"),
            "push the upper of two": lambda: self.push("edit/one/up", {"one": "u\n"}, "Up", 0.7, "edit/four/low"),
            "raise 4, the upper": lambda: self.raised("Up", "edit/one/up", "edit/four/low"),
            "merge 3 by squash, its branch deleted": lambda: self.merged(3),
            "rename the head branch of 4": lambda: self.renamed("edit/one/up", "edit/two/renamed"),
            "rename the base branch of 2": lambda: self.renamed("other", "other2"),
            "rename the default branch": lambda: self.renamed("main", "trunk"),
            "pull requests off": lambda: self.call("PATCH", f"/repos/{META}", {"has_pull_requests": False}),
            "pull requests on again": lambda: self.call("PATCH", f"/repos/{META}", {"has_pull_requests": True}),
        }

    async def hook(self) -> None:
        config = {"url": "http://127.0.0.1:1/webhooks/gitea", "content_type": "json", "secret": "x"}
        await self.call(
            "POST", "/orgs/rewrites/hooks", {"type": "gitea", "active": True, "events": EVENTS, "config": config}
        )

    def below(self) -> str:
        """The first commit of pull request 1, below its second."""
        first = next(event for event in self.forge.pull(META, 1).timeline if event.type == "pull_push")
        return str(json.loads(first.body)["commit_ids"][0])


def facts(path: str, value: Any) -> Any:
    """What of an answer tells of pull requests, refs and branches."""
    if path.endswith("/timeline"):
        said = ("type", "body", "old_ref", "new_ref")
        return [{name: event[name] for name in said} for event in value if event["type"] != "commit_ref"]
    if path.endswith("/branches"):
        return {branch["name"]: branch["commit"]["id"] for branch in value}
    if path.endswith("/git/refs/pull"):
        return {ref["ref"]: ref["object"]["sha"] for ref in value}
    if isinstance(value, list):
        return [facts(f"/pulls/{pull['number']}", pull) for pull in value]
    if "head" in value:
        ends = {end: {name: value[end][name] for name in ("label", "ref", "sha")} for end in ("head", "base")}
        said = ("number", "state", "merged", "merge_commit_sha", "merge_base")
        return {**ends, **{name: value[name] for name in said}}
    return {name: value.get(name) for name in ("default_branch", "has_pull_requests", "open_pr_counter")}


@pytest.mark.parametrize("flavour", FILES)
async def test_the_recorded_rewriting_is_told_as_recorded(flavour: str, tmp_path: Path) -> None:
    """Guards every test about timelines that forget, renamed branches and hidden pull requests."""
    recording = json.loads((RECORDINGS / FILES[flavour]).read_text())
    clock = Clock()
    async with StandIn(tmp_path, flavour=flavour, clock=clock) as forge, aiohttp.ClientSession() as session:
        forge.deliveries.drop = True
        played, comparison = Rewrites(forge, session), Comparison(forge.url)
        steps = played.steps()
        for recorded in recording["steps"]:
            name = recorded["step"]
            clock.tick(3)
            sent = len(forge.deliveries.sent)
            await steps.pop(name)()
            await forge.settle()
            if "call" in recorded:
                comparison.same(f"{name}: status", recorded["call"]["status"], played.status)
            for read in recorded["reads"]:
                ours = await played.call("GET", read["path"])
                where = f"{name}: {read['path']}"
                comparison.same(f"{where} status", read["status"], played.status)
                if read["status"] == 200:
                    theirs = facts(read["path"], json.loads(read["text"]))
                    comparison.same(where, theirs, facts(read["path"], ours))
            theirs = Counter(
                told(d["headers"]["X-Gitea-Event-Type"], json.loads(d["body"])) for d in recorded["deliveries"]
            )
            mine = Counter(told(d.event_type, json.loads(json.dumps(d.payload))) for d in forge.deliveries.sent[sent:])
            comparison.differences += [f"{name}: not delivered: {each}" for each in (theirs - mine).elements()]
            comparison.differences += [f"{name}: delivered too much: {each}" for each in (mine - theirs).elements()]
        assert not steps
    assert not comparison.differences, "\n".join(comparison.differences)
