"""A forge that floods (fault S12): what it says is limited in bytes, in items and in what it becomes in memory."""

from __future__ import annotations

import json
import threading
import tracemalloc
from typing import Any

import pytest
from client_api import repository, talking
from client_servers import TOKEN, saying

from gitea_client import decoding, errors, paging, sizes
from gitea_client.apart import BESIDE, apart
from gitea_client.decoding import Unusable, decode_each
from gitea_client.rest import Rest, searched
from gitea_client.transport import Transport
from gitea_client.wire import Activity, Repository

MB = 1 << 20


def peak(body: bytes) -> int:
    """The bytes that reading a list of repositories takes at most, beside the answer itself."""
    tracemalloc.start()
    try:
        searched(body, "it")
    except errors.Malformed:
        pass
    finally:
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return most


@pytest.mark.parametrize("item", [b"0", b"{}", b'{"id":1}', b"[[]]", b'"x"', b'{"id":1,"a":[0,0,0,0,0,0,0,0]}'])
def test_a_list_of_millions_is_refused_before_it_unfolds(item: bytes) -> None:
    """64 MB of JSON took 3 to 4 GB."""
    body = b'{"ok":true,"data":[' + b",".join([item] * (8 * MB // len(item))) + b"]}"
    assert peak(body) < 4 * MB


@pytest.mark.parametrize("inner", [b"0", b"[]", b'{"a":0}'])
def test_an_item_of_millions_is_unusable_by_itself(inner: bytes) -> None:
    """The others beside it are read; which one it is, is known."""
    bomb = b'{"id":7,"x":[' + b",".join([inner] * (8 * MB // len(inner))) + b"]}"
    good = json.dumps(repository(1)).encode()
    body = b'{"ok":true,"data":[' + bomb + b"," + good + b"]}"
    assert peak(body) < 20 * MB  # the answer is held once more, as bytes
    bad, fine = searched(body, "it")
    assert isinstance(bad, Unusable)
    assert bad.id == 7
    assert isinstance(fine, Repository)


@pytest.mark.parametrize("deep", [b"[" * MB, b'{"ok":true,"data":' + b"[" * MB, b'[{"id":1,"x":' + b"[" * (MB // 2)])
def test_depth_is_no_way_in(deep: bytes) -> None:
    """Nesting without end is an answer that is none."""
    for read in (searched, lambda body, what: decode_each(Activity, body, what)):
        with pytest.raises(errors.Malformed):
            read(deep, "it")


async def test_a_long_answer_is_read_beside_the_event_loop() -> None:
    """10 to 30 s of the loop; a short one is not worth a thread."""
    here = threading.get_ident()

    def where(body: bytes, what: str) -> int:
        return threading.get_ident()

    assert await apart(where, b"x" * BESIDE, "it") == here
    assert await apart(where, b"x" * (BESIDE + 1), "it") != here


@pytest.mark.parametrize(("ask", "most"), [
    (lambda rest: rest.version(), 256 << 10),
    (lambda rest: rest.user("ada"), 256 << 10),
    (lambda rest: rest.repository_by_id(1), MB),
    (lambda rest: rest.repository("acme", "meta"), MB),
])  # fmt: skip
async def test_an_answer_has_the_length_that_its_route_can_need(ask: Any, most: int) -> None:
    """The limit of all is for what people write; a description of a repository needs a fraction."""
    body = b'{"x":"' + b"y" * most + b'"}'
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with saying(head + body) as url, Transport(url, TOKEN) as transport:
        with pytest.raises(errors.TooLong, match=str(most)):
            await ask(Rest(transport))


def test_the_limit_of_all_is_never_exceeded() -> None:
    """Whoever lowers `limits.answer_size` lowers every route."""
    assert sizes.most_bytes("/api/v1/repos/search", 32 * MB) == 8 * MB
    assert sizes.most_bytes("/api/v1/repos/search", MB) == MB
    assert sizes.most_bytes("/{owner}/{name}.git/git-upload-pack", 32 * MB) == 32 * MB


@pytest.mark.parametrize("total", [True, False])
async def test_pages_without_end_are_ended_by_their_number(total: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that grows while it is read, or claims to be endless, stops at so many items."""
    monkeypatch.setattr(paging, "MOST_LISTED", 300)
    async with talking() as (api, rest):
        api.total = total
        api.lists["/repos/search"] = [repository(number) for number in range(1, 1000)]
        with pytest.raises(errors.TooLong, match="300 items"):
            await rest.repositories(5)
        assert api.pages_of("/repos/search") == (1 if total else 7)


async def test_pages_without_end_are_ended_by_their_bytes() -> None:
    """A few long pages are as much as many short ones."""
    async with talking() as (api, rest):
        rest.transport.most_of_list = 200_000
        api.lists["/repos/search"] = [{**repository(n), "description": "x" * 2000} for n in range(1, 1000)]
        with pytest.raises(errors.TooLong, match="200000 bytes together"):
            await rest.repositories(5)
        assert api.pages_of("/repos/search") == 2


async def test_a_long_comment_hides_no_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may write one; only pushes and other bases say what the heads were, and those are never passed over."""
    monkeypatch.setattr(decoding, "MOST_ITEM", 1000)
    push = {"id": 2, "type": "pull_push", "created_at": "2026-01-01T00:00:00Z",
            "body": json.dumps({"is_force_push": False, "commit_ids": ["a" * 40]})}  # fmt: skip
    talk = {"id": 1, "type": "comment", "created_at": "2026-01-01T00:00:00Z", "body": "x" * 1000}
    async with talking() as (api, rest):
        api.lists["/repos/acme/meta/issues/1/timeline"] = [talk, push]
        assert [event.id for event in await rest.timeline("acme", "meta", 1)] == [2]
        api.lists["/repos/acme/meta/issues/1/timeline"] = [{**push, "body": "x" * 1000}]
        with pytest.raises(errors.Malformed):
            await rest.timeline("acme", "meta", 1)
