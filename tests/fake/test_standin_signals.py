"""Which signal moves on which operation, as tried on live servers: the table that every sweep is built upon."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from standin_scenario import Clock

from gitea_client.fake import StandIn

META = "acme/meta"


@dataclass(frozen=True)
class Case:
    """`repository` and `pull`: whether updated_at moves; `feed`: the owner's feed grows; `hooks`: deliveries."""

    name: str
    act: Callable[[StandIn], Awaitable[Any]]
    repository: bool = False
    pull: bool = False
    feed: bool | tuple[str, ...] = False
    hooks: tuple[str, ...] = ()
    forgejo_hooks: tuple[str, ...] | None = None


CASES = [
    Case("push to a branch", lambda f: f.commit(META, {"n": "1"}), True, False, True, ("push",)),
    Case(
        "push to an open pull request's head", lambda f: f.commit(META, {"a": "3"}, "topic"), True, True, True,
        ("push", "pull_request_sync"),
    ),
    Case(
        "force-push to an open pull request's head",
        lambda f: f.commit(META, {"a": "4"}, "topic", parents=[f.refs(META)["refs/heads/main"]], force=True),
        True, True, True, ("push", "pull_request_sync"),
    ),
    Case("branch created by API", lambda f: f.create_branch(META, "new"), True, False, True, ("create", "push")),
    Case("branch deleted by API", lambda f: f.delete_branch(META, "spare"), True, False, True, ("delete",)),
    Case(
        "head branch deleted by push", lambda f: f.delete_branch(META, "topic", via="push"), True, True, True,
        ("delete", "pull_request"),
    ),
    Case(
        "branch renamed by API", lambda f: f.rename_branch(META, "spare", "other"), False, False, ("forgejo",),
        ("create", "delete"),
    ),
    Case(
        "head branch renamed", lambda f: f.rename_branch(META, "topic", "t2"), False, False, ("forgejo",),
        ("create", "delete"),
    ),
    Case("label", lambda f: f.label(META, 1, "ready"), False, True, False, ("pull_request_label",)),
    Case("retitle", lambda f: f.edit_pull(META, 1, title="Other"), False, True, False, ("pull_request",)),
    Case("body", lambda f: f.edit_pull(META, 1, body="Other"), False, True, False, ("pull_request",)),
    Case("retarget", lambda f: f.edit_pull(META, 1, base="spare"), False, True, False, ("pull_request",)),
    Case(
        "comment", lambda f: f.comment(META, 1, "Well"), False, True, True, (), ("pull_request_comment",)
    ),
    Case("comment edited", lambda f: f.edit_comment(META, 1, f.pull(META, 1).timeline[1].id, "Hm")),
    Case("pull request opened", lambda f: f.open_pull(META, "spare", "topic"), False, False, True, ("pull_request",)),
    Case("pull request closed", lambda f: f.close(META, 1), False, True, True, ("pull_request",)),
    Case("pull request deleted", lambda f: f.delete_pull(META, 2)),
    Case("merge", lambda f: f.merge(META, 1), True, True, True, ("pull_request", "push")),
    Case(
        "merge, head branch deleted", lambda f: f.merge(META, 1, delete_branch=True), True, True, True,
        ("delete", "pull_request", "push"),
    ),
    Case("repository renamed", lambda f: f.rename_repository(META, "other"), True, False, True),
    Case("default branch changed", lambda f: f.set_default_branch(META, "spare"), True),
    Case("made private", lambda f: f.set_private(META), True),
    Case("archived by API", lambda f: f.archive(META), True),
    Case("archived in the web", lambda f: f.archive(META, via="web")),
    Case("transferred", lambda f: f.transfer(META, "other"), True, False, ("forgejo",)),
    Case("ref planted on disk", lambda f: f.plant_ref(META, "refs/heads/ghost", f.refs(META)["refs/heads/main"])),
    Case("objects pruned", lambda f: f.gc(META)),
    Case("push to a fork", lambda f: f.commit("bob/meta", {"z": "z"}, "unrelated"), False, False, False),
    Case(
        "push to the head in a fork", lambda f: f.commit("bob/meta", {"z": "z"}, "theirs"), False, False, False,
        ("pull_request_sync",),
    ),
    Case("fork deleted", lambda f: f.delete_repository("bob/meta"), False, False, True, ("pull_request",)),
]  # fmt: skip


@pytest.mark.parametrize("flavour", ["gitea", "forgejo"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_signals(case: Case, flavour: str, tmp_path: Path) -> None:
    """Guards the sweeps: an operation signals where the servers do, and is silent where they are."""
    clock = Clock()
    async with StandIn(tmp_path, flavour=flavour, clock=clock) as forge:
        await prepare(forge)
        clock.tick(60)
        owner = forge.world.user("acme")
        repository, pull = forge.repository(META), forge.pull(META, 1)
        repository_time, pull_time = repository.updated_at, pull.updated
        feed = len([item for item in forge.world.activities if item.receiver is owner])
        del forge.deliveries.sent[:]
        await case.act(forge)
        grown = len([item for item in forge.world.activities if item.receiver is owner]) > feed
        hooks = case.forgejo_hooks if flavour == "forgejo" and case.forgejo_hooks is not None else case.hooks
        expected_feed = flavour in case.feed if isinstance(case.feed, tuple) else case.feed
        assert (repository.updated_at > repository_time, pull.updated > pull_time) == (case.repository, case.pull)
        assert tuple(sorted(d.event_type for d in forge.deliveries.sent)) == tuple(sorted(hooks))
        assert grown == expected_feed


async def prepare(forge: StandIn) -> None:
    """Two pull requests (one from a fork), a spare branch, a hook that hears everything, another owner."""
    forge.create_organization("acme")
    forge.create_organization("other")
    forge.deliveries.drop = True
    await forge.create_repository(META)
    await forge.commit(META, {"n": "0"})
    await forge.commit(META, {"a": "1"}, "topic")
    await forge.commit(META, {"b": "1"}, "spare")
    await forge.open_pull(META, "topic")
    await forge.comment(META, 1, "First")
    await forge.fork(META, "bob")
    await forge.commit("bob/meta", {"c": "1"}, "theirs", author="bob")
    await forge.open_pull(META, "bob:theirs", by="bob")
    forge.add_hook("acme", "http://127.0.0.1:9/", "secret")


async def test_a_push_to_a_forks_head_moves_only_its_pull_request(tmp_path: Path) -> None:
    """Guards the watermark on repositories: here only the pull request's own time tells."""
    clock = Clock()
    async with StandIn(tmp_path, clock=clock) as forge:
        await prepare(forge)
        clock.tick(60)
        base, pull = forge.repository(META).updated_at, forge.pull(META, 2).updated
        await forge.commit("bob/meta", {"c": "2"}, "theirs")
        assert forge.repository(META).updated_at == base
        assert forge.pull(META, 2).updated > pull
        assert forge.refs(META)["refs/pull/2/head"] == forge.refs("bob/meta")["refs/heads/theirs"]


async def test_times_are_whole_seconds(tmp_path: Path) -> None:
    """Guards watermarks: two changes within a second cannot be told apart by their times."""
    clock = Clock()
    async with StandIn(tmp_path, clock=clock) as forge:
        await prepare(forge)
        clock.tick(0.9)
        assert forge.world.now().microsecond == 0
        assert forge.repository(META).updated_at == forge.world.now()
