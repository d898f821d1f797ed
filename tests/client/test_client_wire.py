"""The API's JSON: recorded answers of both servers decode, loose ones decode to defaults, broken ones say why."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitea_client import wire
from gitea_client.errors import Malformed
from gitea_client.rest import searched
from gitea_client.wire import decode

RECORDINGS = Path(__file__).parents[1] / "recordings"
ROUTES: list[tuple[str, Any]] = [
    (r"/repos/search", wire.SearchResults),
    (r"/repos/issues/search", list[wire.IssueHit]),
    (r"/repos/[^/]+/[^/]+/pulls", list[wire.PullRequest | None]),
    (r"/repos/[^/]+/[^/]+/pulls/\d+", wire.PullRequest),
    (r"/repos/[^/]+/[^/]+/issues/\d+/timeline", list[wire.Comment]),
    (r"/(?:repos/[^/]+|orgs|users)/[^/]+/activities/feeds", list[wire.Activity]),
    (r"/(?:repos/[^/]+|orgs)/[^/]+/hooks", list[wire.Hook]),
    (r"/repos/[^/]+/[^/]+", wire.Repository),
    (r"/version", wire.Version),
    (r"/settings/api", wire.ApiSettings),
    (r"/users?(?:/[^/]+)?", wire.User),
]
SERVERS = ["gitea-1.23", "forgejo-15.0"]


def reads(server: str) -> list[tuple[str, str, Any, Any]]:
    """(step, path, type, value) of each recorded 200 that has a type here."""
    found = []
    for step in json.loads((RECORDINGS / f"{server}.json").read_text())["steps"]:
        for read in step["reads"]:
            path = read["path"].partition("?")[0]
            kind = next((kind for pattern, kind in ROUTES if re.fullmatch(pattern, path)), None)
            if read["status"] == 200 and kind is not None:
                found.append((step["step"], path, kind, _decoded(kind, read["text"].encode(), path)))
    return found


def _decoded(kind: Any, body: bytes, path: str) -> Any:
    if kind is not wire.SearchResults:
        return decode(kind, body, path)
    repositories = searched(body, path)
    assert all(isinstance(item, wire.Repository) for item in repositories)
    return repositories


@pytest.mark.parametrize("server", SERVERS)
def test_recorded_answers_decode(server: str) -> None:
    """Guards the types against what the servers really send."""
    kinds = {str(kind) for _, _, kind, _ in reads(server)}
    assert kinds == {str(kind) for _, kind in ROUTES}


@pytest.mark.parametrize("server", SERVERS)
def test_recorded_pull_requests_say_what_happened(server: str) -> None:
    """Guards the oddities of `head`: the label outlives the branch; a deleted fork has no repository."""
    last: dict[int, wire.PullRequest] = {v.number: v for _, _, k, v in reads(server) if k is wire.PullRequest}
    merged = last[1]
    assert (merged.merged, merged.state, merged.head.label) == (True, "closed", "propose/cold-start")
    assert merged.head.ref == "refs/pull/1/head"
    assert merged.merged_at is not None
    assert merged.merged_at.tzinfo is UTC
    assert merged.merge_commit_sha
    fork = [v for step, _, k, v in reads(server) if k is wire.PullRequest and step.startswith("fork deleted")][-1]
    assert (fork.number, fork.head.repo_id) == (7, -1)


@pytest.mark.parametrize("server", SERVERS)
def test_recorded_pushes_tell_every_head(server: str) -> None:
    """Guards the heads of a pull request: opened with one, pushed one, then forced from the old to the new."""
    timelines = [v for _, path, k, v in reads(server) if path.endswith("/issues/1/timeline")]
    events = [event for comment in timelines[-1] if (event := comment.push_event)]
    assert [(event.is_force_push, len(event.commit_ids)) for event in events] == [(False, 1), (False, 1), (True, 2)]
    assert events[2].commit_ids[0] == events[1].commit_ids[-1]


def test_null_missing_and_unset_are_one_thing() -> None:
    """Guards Go's nil slices and zero times, which come and go with the server's version."""
    body = b"""{"id":1,"name":"m","full_name":"a/m","owner":{"id":2,"login":"a"},"topics":null,"description":null,
        "created_at":"0001-01-01T00:00:00Z","updated_at":"","new_field":{"deep":[1]}}"""
    repository = decode(wire.Repository, body, "x")
    assert (repository.topics, repository.description) == ((), "")
    assert (repository.created_at, repository.updated_at) == (None, None)


def test_times_come_in_the_servers_zone_and_leave_in_utc() -> None:
    """Guards watermarks: servers write times with the offset of their own time zone."""
    body = b'{"number":1,"updated_at":"2026-11-21T03:04:05+09:00","repository":{"id":1,"full_name":"a/b"}}'
    assert decode(wire.IssueHit, body, "x").updated_at == datetime(2026, 11, 20, 18, 4, 5, tzinfo=UTC)


def test_a_null_item_of_a_list_stays() -> None:
    """Guards the count of a list: null stands for a pull request that the server failed to convert."""
    assert decode(list[wire.PullRequest | None], b"[null]", "x") == [None]
    assert decode(list[wire.Hook], b"[]", "x") == decode(list[wire.Hook], b"null", "x") == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (wire.User, b""),
        (wire.User, b"null"),
        (wire.User, b'{"id":1}'),
        (wire.User, b'{"id":99999999999999999999,"login":"a"}'),
        (wire.User, b'{"id":"1","login":"a"}'),
        (wire.User, b'{"id":1,"login":"a"'),
        (list[wire.User], b'{"id":1,"login":"a"}'),
        (wire.IssueHit, b'{"number":0,"updated_at":"2026-11-21T03:04:05Z","repository":{"id":1,"full_name":"a/b"}}'),
        (wire.IssueHit, b'{"number":1,"updated_at":"2026-11-21T03:04:05","repository":{"id":1,"full_name":"a/b"}}'),
        (wire.IssueHit, b'{"number":1,"updated_at":"yesterday","repository":{"id":1,"full_name":"a/b"}}'),
        (wire.User, b"[" * 100_000),
        (wire.User, b'{"a":' * 100_000),
        (wire.User, b'{"id":1,"login":"\xff"}'),
        (wire.User, b"<html>"),
    ],
)
def test_what_is_not_what_it_claims_to_be(kind: type, body: bytes) -> None:
    """Guards against another error than ours, and against contents in its message."""
    with pytest.raises(Malformed, match="GET /x") as caught:
        decode(kind, body, "GET /x")
    assert "yesterday" not in str(caught.value)


@given(st.binary(max_size=100) | st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner:
       st.lists(inner) | st.dictionaries(st.sampled_from(["id", "login", "created_at", "head", "x"]), inner))
       .map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_no_bytes_make_another_error(body: bytes) -> None:
    """Guards the whole tree of types against hostile JSON."""
    for _, kind in ROUTES:
        try:
            decode(kind, body, "x")
        except Malformed:
            continue


@pytest.mark.parametrize(
    "body",
    ['{"commit_ids":["HEAD"]}', '{"is_force_push":true,"commit_ids":["' + "a" * 40 + '"]}', "", "pushed", '"\ud800"'],
)
def test_a_push_event_that_does_not_say_what_was_pushed(body: str) -> None:
    """Guards the frozen contents of revisions: a head is an object id or an error."""
    comment = wire.Comment(1, "pull_push", datetime(2026, 1, 1, tzinfo=UTC), body)
    with pytest.raises(Malformed, match="timeline event 1"):
        _ = comment.push_event


def test_a_push_of_commits_the_base_has_is_empty() -> None:
    """Guards the case that tells no head: both an empty and a null list."""
    when = datetime(2026, 1, 1, tzinfo=UTC)
    for ids in ("[]", "null"):
        event = wire.Comment(1, "pull_push", when, f'{{"is_force_push":false,"commit_ids":{ids}}}').push_event
        assert event is not None
        assert event.commit_ids == ()
    assert wire.Comment(1, "comment", when, "text").push_event is None


@pytest.mark.parametrize(
    ("version", "wanted", "enough"),
    [("1.23.0-dev", (1, 20), True), ("1.20.0+rc0", (1, 20), True), ("1.19.4", (1, 20), False),
     ("15.0.3+gitea-1.22.0", (7,), True), ("v1.24", (1, 24, 1), False), ("unknown", (0,), False)],
)  # fmt: skip
def test_versions(version: str, wanted: tuple[int, ...], enough: bool) -> None:
    """Guards the least versions that Forgeglass asks for."""
    assert wire.ServerVersion(version, forgejo=False).at_least(*wanted) is enough
