"""What pull requests do that surprises: heads that move, vanish or go stale, and what the timeline tells of them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gitea_client.fake import Refusal, StandIn

META = "acme/meta"


@pytest.fixture(params=["gitea", "forgejo"])
async def forge(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[StandIn]:
    async with StandIn(tmp_path, flavour=request.param) as forge:
        forge.create_organization("acme")
        await forge.create_repository(META)
        await forge.commit(META, {"n": "0"})
        yield forge


async def read(forge: StandIn, path: str) -> Any:
    headers = {"Authorization": f"Bearer {forge.token}"}
    async with aiohttp.ClientSession() as session, session.get(f"{forge.url}/api/v1{path}", headers=headers) as got:
        return await got.json()


async def pushes(forge: StandIn, number: int) -> list[tuple[bool, list[str]]]:
    """The pull_push events: forced, and the ids they list."""
    events = await read(forge, f"/repos/{META}/issues/{number}/timeline")
    bodies = [json.loads(event["body"]) for event in events if event["type"] == "pull_push"]
    return [(body["is_force_push"], body["commit_ids"]) for body in bodies]


async def test_the_timeline_lists_every_head(forge: StandIn) -> None:
    """Guards the heads of a pull request: opened with, pushed, forced [old, new]; each head is a last id."""
    base = forge.refs(META)["refs/heads/main"]
    one = await forge.commit(META, {"a": "1"}, "topic")
    two = await forge.commit(META, {"a": "2"}, "topic")
    await forge.open_pull(META, "topic")
    three = await forge.commit(META, {"a": "3"}, "topic")
    four = await forge.commit(META, {"a": "4"}, "topic", parents=[base], force=True)
    assert await pushes(forge, 1) == [(False, [one, two]), (False, [three]), (True, [three, four])]


async def test_a_push_of_what_the_base_has_lists_nothing(forge: StandIn) -> None:
    """Guards heads without an event: a fast-forward onto a commit of the base has no commit_ids."""
    await forge.create_branch(META, "topic")
    await forge.commit(META, {"a": "1"}, "topic")
    await forge.open_pull(META, "topic")
    await forge.merge(META, 1, "merge")
    await forge.create_branch(META, "second", start="main")
    await forge.commit(META, {"b": "1"}, "second")
    tip = await forge.commit(META, {"c": "1"}, "main", parents=[forge.refs(META)["refs/heads/second"]])
    await forge.create_branch(META, "third", start="second")
    await forge.commit(META, {"d": "1"}, "main")
    await forge.push_refs(META, {"refs/heads/late": forge.refs(META)["refs/heads/third"]})
    await forge.commit(META, {"e": "1"}, "late")
    number = await forge.open_pull(META, "late")
    head = await forge.commit(META, {"f": "1"}, "main", parents=[tip, forge.refs(META)["refs/heads/late"]], force=True)
    await forge.push_refs(META, {"refs/heads/late": head})
    assert (await pushes(forge, number))[-1] == (False, [])


async def test_a_closed_pull_requests_head_is_left_behind(forge: StandIn) -> None:
    """Guards "frozen while closed": a push moves head.sha in the API, not refs/pull/N/head; the API's reopening does
    not refresh it, the web's does; a merge takes the newer commit all the same."""
    old = await forge.commit(META, {"a": "1"}, "topic")
    await forge.open_pull(META, "topic")
    await forge.close(META, 1)
    new = await forge.commit(META, {"a": "2"}, "topic")
    assert forge.refs(META)["refs/pull/1/head"] == old
    assert (await read(forge, f"/repos/{META}/pulls/1"))["head"]["sha"] == new
    assert len(await pushes(forge, 1)) == 1
    await forge.reopen(META, 1, via="api")
    assert forge.refs(META)["refs/pull/1/head"] == old
    await forge.close(META, 1)
    await forge.reopen(META, 1, via="web")
    assert forge.refs(META)["refs/pull/1/head"] == new


async def test_a_merged_head_follows_its_branch(forge: StandIn) -> None:
    """Guards against head.sha of a merged pull request: it is the branch's present tip."""
    old = await forge.commit(META, {"a": "1"}, "topic")
    await forge.open_pull(META, "topic")
    await forge.merge(META, 1, "squash")
    new = await forge.commit(META, {"a": "2"}, "topic")
    head = (await read(forge, f"/repos/{META}/pulls/1"))["head"]
    assert (head["ref"], head["sha"]) == ("topic", new)
    assert forge.refs(META)["refs/pull/1/head"] == old
    await forge.delete_branch(META, "topic")
    head = (await read(forge, f"/repos/{META}/pulls/1"))["head"]
    assert (head["label"], head["ref"], head["sha"]) == ("topic", "refs/pull/1/head", old)


async def test_a_fork_with_its_own_pull_request_gives_a_wrong_head(forge: StandIn) -> None:
    """Guards against trusting head.sha once a fork's branch is gone: it is looked up in the fork first."""
    await forge.fork(META, "bob")
    theirs = await forge.commit("bob/meta", {"a": "1"}, "topic", author="bob")
    await forge.open_pull(META, "bob:topic", by="bob")
    await forge.commit("bob/meta", {"x": "1"}, "own", author="bob")
    wrong = forge.refs("bob/meta")["refs/heads/own"]
    await forge.open_pull("bob/meta", "own", by="bob")
    await forge.delete_branch("bob/meta", "topic", by="bob")
    head = (await read(forge, f"/repos/{META}/pulls/1"))["head"]
    assert (head["sha"], forge.refs(META)["refs/pull/1/head"]) == (wrong, theirs)
    await forge.delete_repository("bob/meta")
    head = (await read(forge, f"/repos/{META}/pulls/1"))["head"]
    assert (head["repo"], head["repo_id"], head["sha"]) == (None, -1, theirs)


async def test_a_fork_forced_while_closed_leaves_no_event(forge: StandIn) -> None:
    """Guards heads without an event: the old head never reached the base repository."""
    await forge.fork(META, "bob")
    base = forge.refs(META)["refs/heads/main"]
    await forge.commit("bob/meta", {"a": "1"}, "topic", author="bob")
    await forge.open_pull(META, "bob:topic", by="bob")
    await forge.close(META, 1)
    await forge.commit("bob/meta", {"a": "2"}, "topic", author="bob", parents=[base], force=True)
    await forge.reopen(META, 1, via="api")
    new = await forge.commit("bob/meta", {"a": "3"}, "topic", author="bob", parents=[base], force=True)
    assert len(await pushes(forge, 1)) == 1
    assert forge.refs(META)["refs/pull/1/head"] == new


async def test_deleting_the_base_closes_and_empties_it(forge: StandIn) -> None:
    """Guards base.sha: it is "" once the base branch is gone."""
    await forge.create_branch(META, "target")
    await forge.commit(META, {"a": "1"}, "topic")
    await forge.open_pull(META, "topic", "target")
    await forge.delete_branch(META, "target")
    pull = await read(forge, f"/repos/{META}/pulls/1")
    assert (pull["state"], pull["base"]["sha"], pull["base"]["ref"]) == ("closed", "", "target")


async def test_agit_pull_requests_have_no_branch(forge: StandIn) -> None:
    """Guards readers of head.label: it is empty, and a push moves nothing but the pull request."""
    base = forge.refs(META)["refs/heads/main"]
    one = await forge.commit(META, {"a": "1"}, None, parents=[base])
    number = await forge.open_agit_pull(META, one, "topic")
    head = (await read(forge, f"/repos/{META}/pulls/{number}"))["head"]
    assert (head["label"], head["ref"], head["sha"]) == ("", "refs/pull/1/head", one)
    two = await forge.commit(META, {"a": "2"}, None, parents=[one])
    before = forge.repository(META).branches.copy()
    await forge.push_agit(META, number, two)
    assert await pushes(forge, number) == [(False, [one]), (False, [two])]
    assert forge.repository(META).branches == before


@pytest.mark.parametrize(
    ("style", "parents", "linear"),
    [("merge", 2, False), ("rebase-merge", 2, False), ("rebase", 1, True), ("squash", 1, True)],
)
async def test_the_shape_each_merge_style_leaves(style: Any, parents: int, linear: bool, forge: StandIn) -> None:
    """Guards fork points: what a base that has moved on looks like after each style, and that content is merged."""
    git = forge.repository(META).git
    await forge.commit(META, {"a": "1"}, "topic")
    await forge.commit(META, {"b": "1"}, "topic")
    await forge.open_pull(META, "topic")
    await forge.commit(META, {"n": "1"})
    merged = await forge.merge(META, 1, style)
    assert forge.pull(META, 1).merge_commit == merged == forge.refs(META)["refs/heads/main"]
    commit = await git.commit(merged)
    assert commit is not None
    assert len(commit.parents) == parents
    assert bool(await git.rev_list("--merges", merged)) is not linear
    assert {item.path for item in await git.tree(merged)} == {"a", "b", "n"}


async def test_what_cannot_be_merged_is_refused(forge: StandIn) -> None:
    """Guards the scenario tools: a conflict or a moved base changes nothing."""
    await forge.commit(META, {"n": "topic"}, "topic")
    await forge.open_pull(META, "topic")
    main = await forge.commit(META, {"n": "main"})
    for style in ("merge", "rebase", "squash", "rebase-merge", "fast-forward-only"):
        with pytest.raises(Refusal) as refusal:
            await forge.merge(META, 1, style)  # type: ignore[arg-type]
        assert refusal.value.status == 409
    assert forge.refs(META)["refs/heads/main"] == main
    assert forge.pull(META, 1).open
    await forge.close(META, 1)
    with pytest.raises(Refusal) as refusal:
        await forge.merge(META, 1)
    assert refusal.value.status == 405


async def test_rapid_pushes_may_become_one_event(forge: StandIn) -> None:
    """Guards heads that are told only inside a list: a busy server's queue makes one of several pushes."""
    await forge.commit(META, {"a": "1"}, "topic")
    await forge.open_pull(META, "topic")
    forge.processing_delay, forge.merge_rapid_pushes = 0.05, True
    ids = [await forge.commit(META, {"a": f"{n}"}, "topic") for n in (2, 3, 4)]
    await forge.settle()
    assert (await pushes(forge, 1))[1:] == [(False, ids)]
    assert forge.refs(META)["refs/pull/1/head"] == ids[-1]
