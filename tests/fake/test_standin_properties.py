"""What must hold of the stand-in for any input: pages add up, pushes are told whole, bad requests are refused."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitea_client.fake import StandIn
from gitea_client.fake.deliveries import encode
from gitea_client.fake.pushes import compare_refs
from gitea_client.fake.replies import Replies
from gitea_client.fake.signals import expand_events
from gitea_client.fake.state import World

NAMES = st.sampled_from([f"refs/heads/{c}" for c in "abcdef"])
REFS = st.dictionaries(NAMES, st.sampled_from(["1" * 40, "2" * 40, "3" * 40]))


@given(total=st.integers(0, 40), limit=st.integers(1, 12), cap=st.integers(1, 9))
def test_following_links_shows_every_item_once(total: int, limit: int, cap: int) -> None:
    """Guards complete listings: whatever the cap, `rel=next` leads through all of it and then ends."""
    replies = Replies(World("gitea", lambda: datetime.now(UTC)), lambda: "http://forge", cap)
    items, seen = list(range(total)), []
    address: str | None = f"/api/v1/things?limit={limit}&q=x"
    while address is not None:
        answer = replies.page(make_mocked_request("GET", address), items)
        assert isinstance(answer.body, bytes)
        assert answer.headers["X-Total-Count"] == str(total)
        seen += json.loads(answer.body)
        links = [part.split(">; rel=") for part in answer.headers.get("Link", "").split(",<")]
        following = next((link[0].lstrip("<") for link in links if link[-1] == '"next"'), None)
        address = following and "{0.path}?{0.query}".format(urlsplit(following))
    assert seen == items


@given(before=REFS, after=REFS)
def test_what_a_push_changed_rebuilds_the_refs(before: dict[str, str], after: dict[str, str]) -> None:
    """Guards push processing: applying the changes to the refs before gives those after, and nothing is told twice."""
    changes = compare_refs(before, after)
    rebuilt = dict(before)
    for change in changes:
        assert rebuilt.get(change.ref) == change.old != change.new
        if change.new is None:
            del rebuilt[change.ref]
        else:
            rebuilt[change.ref] = change.new
    assert rebuilt == after
    assert len({change.ref for change in changes}) == len(changes)


@given(st.lists(st.sampled_from(["push", "create", "pull_request", "pull_request_only", "pull_request_review"])))
def test_expanding_events_twice_changes_nothing_more(events: list[str]) -> None:
    """Guards hooks read and written back: the expanded list holds no event twice and never nothing."""
    expanded = expand_events(events)
    assert expanded
    assert len(set(expanded)) == len(expanded)
    assert set(expanded) <= set(expand_events(expanded))


PLAIN = st.none() | st.booleans() | st.text()
JSON = st.recursive(PLAIN, lambda inner: st.dictionaries(st.text(), inner), max_leaves=9)


@given(JSON)
def test_payloads_survive_their_encoding(value: Any) -> None:
    """Guards signatures: what is signed decodes to what was meant, and holds no bare < or >."""
    body = encode({"value": value})
    assert b"<" not in body
    assert b">" not in body
    if "\ud800" <= max(json.dumps(value, ensure_ascii=False)) <= "\udfff":
        return  # half a surrogate pair cannot be sent at all
    assert json.loads(body) == {"value": value}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.text(st.characters(blacklist_characters="/\0", blacklist_categories=("Cs",)), min_size=1, max_size=20)
        .filter(lambda name: name not in (".", "..") and not name.lower().startswith(".git")),
        st.binary(max_size=50), min_size=1, max_size=4,
    )
)  # fmt: skip
def test_any_name_and_content_comes_back(files: dict[str, bytes]) -> None:
    """Guards the tests of odd paths: what was committed is what git holds."""

    async def roundtrip() -> dict[str, bytes]:
        with tempfile.TemporaryDirectory() as root:
            async with StandIn(Path(root)) as forge:
                await forge.create_repository("root1/r")
                await forge.commit("root1/r", files)
                git = forge.repository("root1/r").git
                tree = await git.tree("main")
                held = await git.objects([item.id for item in tree])
                return {item.path: held[item.id][1] for item in tree}

    assert asyncio.run(roundtrip()) == files


@pytest.fixture
async def forge(tmp_path: Path) -> AsyncIterator[StandIn]:
    async with StandIn(tmp_path) as forge:
        forge.create_organization("acme")
        await forge.create_repository("acme/meta")
        await forge.commit("acme/meta", {"a": "a"})
        await forge.commit("acme/meta", {"b": "b"}, "b")
        await forge.open_pull("acme/meta", "b")
        yield forge


@pytest.mark.parametrize(
    "path",
    [
        "repos/acme/meta/branches?page=²&limit=-1", "repos/acme/meta/git/trees/main?page=x&per_page=999999999999",
        "repos/acme/meta/git/trees/%00", "repos/acme/meta/git/trees/--help", "repos/acme/meta/git/blobs/--batch",
        "repos/acme/meta/raw/..%2F..%2Fconfig", "repos/acme/meta/contents/..%2F..?ref=--all",
        "repos/acme/meta/commits?sha=--all&path=:(bad", "repos/acme/meta/commits?not=--help", "repositories/²",
        "repos/acme/meta/pulls/0", "repos/acme/meta/pulls/99999999999999999999", "repos/search?uid=x&exclusive=maybe",
        "repos/issues/search?since=2026-13-01T00:00:00Z", "repos/acme/meta/activities/feeds?date=never",
        "repos/acme/meta/issues/1/timeline?page=-3",
    ],
)  # fmt: skip
async def test_bad_questions_are_answered(path: str, forge: StandIn) -> None:
    """Guards against a stand-in that falls over: an odd question gets an answer, and git no option from it."""
    headers = {"Authorization": f"token {forge.token}"}
    async with aiohttp.ClientSession() as session, session.get(f"{forge.url}/api/v1/{path}", headers=headers) as got:
        assert got.status in (200, 400, 404, 422)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b'{"title": 1, "head": [], "config": 3}', b"\xff"])
@pytest.mark.parametrize(
    "path", ["repos/acme/meta/pulls", "orgs/acme/hooks", "repos/acme/meta/contents/x", "orgs/acme/repos", "orgs"]
)
async def test_bad_bodies_are_refused(path: str, body: bytes, forge: StandIn) -> None:
    """Guards against a stand-in that falls over: a body of any shape is 422, and changes nothing."""
    headers = {"Authorization": f"token {forge.token}"}
    url = f"{forge.url}/api/v1/{path}"
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as got:
        assert got.status == 422
    assert len(forge.world.repositories) == 1
    assert forge.world.hooks == {}
