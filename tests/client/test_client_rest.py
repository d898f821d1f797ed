"""Lists are complete or an error; what stops early says so; single reads fail by name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from client_api import START, Api, activity, hit, pull, repository, talking
from client_repos import Node, files, grow, make
from client_servers import TOKEN, git_forge
from hypothesis import given, settings
from hypothesis import strategies as st

from gitea_client import errors
from gitea_client.hooks import Hooks, HookScope
from gitea_client.pktline import FLUSH, encode_line
from gitea_client.refs import ls_refs
from gitea_client.rest import Rest
from gitea_client.secret import Secret
from gitea_client.transport import Transport

SEARCH, HITS = "/repos/search", "/repos/issues/search"
PULLS, FEED = "/repos/acme/meta/pulls", "/orgs/acme/activities/feeds"


@pytest.fixture
async def both() -> AsyncIterator[tuple[Api, Rest]]:
    async with talking() as pair:
        yield pair


Pair = tuple[Api, Rest]

# ---- repositories


@pytest.mark.parametrize("link", [True, False], ids=["Link", "X-Total-Count alone"])
@pytest.mark.parametrize("cap", [50, 7])
async def test_the_complete_list_is_complete(both: Pair, link: bool, cap: int) -> None:
    """Guards absence: it is proved by nothing but this list, whatever the server's page length and headers."""
    api, rest = both
    api.link, api.cap = link, cap
    api.lists[SEARCH] = [repository(n) for n in range(1, 121)]
    listing = await rest.repositories(5)
    assert {item.id for item in listing.items} == set(range(1, 121))
    assert (listing.total, listing.complete) == (120, True)
    assert listing.date is not None
    assert api.requests[0][1] == {
        "uid": "5", "exclusive": "true", "sort": "id", "order": "asc", "limit": "50", "page": "1"
    }  # fmt: skip


async def test_a_page_with_fewer_items_than_promised_is_an_error(both: Pair) -> None:
    """Guards principle 3: a short page never makes a repository missing."""
    api, rest = both
    api.lists[SEARCH] = [repository(n) for n in range(1, 121)]
    for page in (1, 2, 3):
        api.drop = {page: 1}
        with pytest.raises(errors.Malformed, match="119 of 120"):
            await rest.repositories(5)


async def test_a_list_that_moves_is_read_again(both: Pair) -> None:
    """Guards the page border: what a deletion shifts across it would be missed."""
    api, rest = both
    api.lists[SEARCH] = [repository(n) for n in range(1, 121)]

    def once(path: str, page: int) -> None:
        if page == 2:
            del api.lists[SEARCH][0]
            api.before = lambda path, page: None

    api.before = once
    listing = await rest.repositories(5)
    assert {item.id for item in listing.items} == set(range(2, 121))

    def always(path: str, page: int) -> None:
        if page == 2:
            del api.lists[SEARCH][0]

    api.before = always
    with pytest.raises(errors.Malformed, match="kept changing"):
        await rest.repositories(5)


async def test_a_quiet_look_costs_one_page(both: Pair) -> None:
    """Guards the cost of a sweep, and that what it read is not taken for all there is."""
    api, rest = both
    api.lists[SEARCH] = [repository(n, minutes=n) for n in range(1, 601)]
    listing = await rest.repositories(5, since=START + timedelta(minutes=590))
    assert [item.id for item in listing.items] == list(range(600, 550, -1))
    assert (listing.total, listing.complete, len(api.requests)) == (600, False, 1)


async def test_a_look_reads_down_to_the_watermark(both: Pair) -> None:
    """Guards the ≥ of the watermark: what was updated in its very second is read too, over pages."""
    api, rest = both
    api.lists[SEARCH] = [repository(n, minutes=n // 2) for n in range(1, 601)]
    since = START + timedelta(minutes=200)
    listing = await rest.repositories(5, since=since)
    assert {item.id for item in listing.items} >= set(range(400, 601))
    assert api.pages_of(SEARCH) == 5


async def test_one_page_that_holds_all_is_complete(both: Pair) -> None:
    """Guards small owners: what was read in one moment and is all there is, proves absence."""
    api, rest = both
    api.lists[SEARCH] = [repository(1), repository(2)]
    assert (await rest.repositories(5, since=START + timedelta(days=1))).complete
    api.lists[SEARCH] = []
    assert (await rest.repositories(5, since=START)).items == ()


async def test_a_short_page_does_not_hide_what_changed(both: Pair) -> None:
    """Guards the quiet look against a page cut by the server, and allows a server with shorter pages."""
    api, rest = both
    api.lists[SEARCH] = [repository(n, minutes=n) for n in range(1, 101)]
    api.answers["/settings/api"] = {"max_response_items": 50}
    api.drop = {1: 1}
    since = START + timedelta(minutes=99)
    with pytest.raises(errors.Malformed, match="holds only 49"):
        await rest.repositories(5, since=since)
    api.drop, api.cap = {}, 20
    async with talking() as (small, other):
        small.lists, small.cap = api.lists, 20
        small.answers["/settings/api"] = {"max_response_items": 20}
        for _ in range(2):
            assert len((await other.repositories(5, since=since)).items) == 20
        assert small.pages_of("/settings/api") == 1


async def test_a_search_that_failed_inside_is_no_empty_list(both: Pair) -> None:
    """Guards against `{"ok": false}` reading as an owner without repositories."""
    api, rest = both
    api.answers[SEARCH] = {"ok": False, "error": "database is locked"}
    with pytest.raises(errors.Malformed):
        await rest.repositories(5)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 130), st.sampled_from([50, 30, 7]), st.booleans(), st.booleans(), st.data())
async def test_a_list_is_whole_or_an_error(size: int, cap: int, link: bool, total: bool, data: st.DataObject) -> None:
    """The property behind absence: with or without Link, for any page length, none is lost in silence."""
    async with talking() as (api, rest):
        api.lists[SEARCH] = [repository(n) for n in range(1, size + 1)]
        api.cap, api.link, api.total = (cap, link, True) if not total else (50, link, False)
        api.drop = data.draw(st.dictionaries(st.integers(1, 4), st.integers(0, 2))) if api.total else {}
        try:
            listing = await rest.repositories(5)
        except errors.Malformed:
            assert any(api.drop.values())
        else:
            assert {item.id for item in listing.items} == set(range(1, size + 1))


# ---- pull requests


async def test_all_pull_requests_over_pages(both: Pair) -> None:
    """Guards the list from nothing: every state, every page."""
    api, rest = both
    api.lists[PULLS] = [pull(n) for n in range(101, 0, -1)]
    pulls = await rest.pull_requests("acme", "meta")
    assert sorted(p.number for p in pulls) == list(range(1, 102))
    assert pulls.unreadable == ()
    assert api.requests[0][1]["state"] == "all"


def refs_answer(*numbers: int) -> bytes:
    """What ls-refs says of a repository with these pull requests."""
    return b"".join(encode_line(f"{'a' * 40} refs/pull/{n}/head\n".encode()) for n in numbers) + FLUSH


@pytest.mark.parametrize("left_out", [False, True], ids=["null in its place", "left out"])
async def test_a_pull_request_that_the_list_cannot_tell_is_read_by_itself(both: Pair, left_out: bool) -> None:
    """Guards against one damaged pull request hiding itself or all the others; the refs say which it is."""
    api, rest = both
    api.lists[PULLS] = [pull(4), pull(3), None, None] if not left_out else [pull(1), pull(2), pull(4), pull(3)]
    api.drop = {1: 2} if left_out else {}
    api.raw["/acme/meta.git/git-upload-pack"] = refs_answer(1, 2, 3, 4)
    api.answers[f"{PULLS}/1"] = pull(1)
    api.statuses[f"{PULLS}/2"] = 500
    pulls = await rest.pull_requests("acme", "meta")
    assert sorted(p.number for p in pulls) == [1, 3, 4]
    assert pulls.unreadable == (2,)


async def test_what_changed_is_asked_across_repositories(both: Pair) -> None:
    """Guards the one request of a quiet sweep: inclusive seconds in UTC, all states, two repositories' number 1."""
    api, rest = both
    api.lists[HITS] = [hit(1, 1), hit(1, 2), *(hit(n, 3) for n in range(1, 70))]
    hits, date = await rest.changed_pull_requests("acme", START + timedelta(microseconds=5))
    assert len(hits) == 71
    assert date is not None
    query = api.requests[0][1]
    assert (query["since"], query["state"], query["type"]) == ("2026-11-21T00:00:00Z", "all", "pulls")


def event(number: int, seconds: int = 0) -> dict[str, Any]:
    return {"id": number, "type": "comment", "created_at": (START + timedelta(seconds=seconds)).isoformat()}


async def test_a_timeline_is_whole_and_in_order(both: Pair) -> None:
    """Guards the order of heads; the server's total is that of the answer, so a difference means a cut one."""
    api, rest = both
    path = "/repos/acme/meta/issues/1/timeline"
    api.lists[path], api.cap = [event(3, 5), event(9), event(2)], 10_000
    assert [item.id for item in await rest.timeline("acme", "meta", 1)] == [2, 9, 3]
    api.drop = {1: 1}
    with pytest.raises(errors.Malformed, match="2 of 3"):
        await rest.timeline("acme", "meta", 1)


# ---- activity


async def test_the_feed_is_read_down_to_what_is_known(both: Pair) -> None:
    """Guards the signal of a rename: over pages without Link, newest first, once each."""
    api, rest = both
    api.link = False
    api.lists[FEED] = [activity(n, n) for n in range(200, 0, -1)]
    items, _ = await rest.activities("acme", organization=True, after_id=130)
    assert [item.id for item in items] == list(range(200, 130, -1))
    assert api.pages_of(FEED) == 2
    first, _ = await rest.activities("acme", organization=True, after_id=None)
    assert len(first) == 50


async def test_ids_that_swap_within_a_second_are_not_missed(both: Pair) -> None:
    """Guards against stopping at the known id: the feed's order has no tie-break."""
    api, rest = both
    api.lists[FEED] = [*(activity(n, 100) for n in range(1, 61)), activity(0, 0)]
    items, _ = await rest.activities("acme", organization=True, after_id=1)
    assert [item.id for item in items] == list(range(60, 1, -1))


async def test_a_feed_without_news_costs_one_request_however_much_happened_in_its_last_second(both: Pair) -> None:
    """Guards the cost of a quiet sweep after a push of many branches, all of them told in one second."""
    api, rest = both
    api.lists[FEED] = [activity(n, 100) for n in range(1, 121)]
    first, _ = await rest.activities("acme", organization=True, after_id=None)
    assert (await rest.activities("acme", organization=True, after_id=first[0].id))[0] == []
    assert api.pages_of(FEED) == 2  # one for each call


async def test_a_feed_that_ends_early_is_an_error(both: Pair) -> None:
    """Guards against a cut feed passing for a quiet one."""
    api, rest = both
    api.lists[FEED], api.drop = [activity(5, 5), activity(4, 4)], {1: 1}
    with pytest.raises(errors.Malformed):
        await rest.activities("acme", organization=True, after_id=3)
    api.lists["/users/acme/activities/feeds"], api.drop = [], {}
    assert (await rest.activities("acme", organization=False, after_id=3))[0] == []


# ---- the server, single reads, webhooks


@pytest.mark.parametrize(("status", "forgejo"), [(200, True), (404, False)])
async def test_forgejo_is_told_by_its_own_route(both: Pair, status: int, forgejo: bool) -> None:
    """Guards against taking `15.0.3+gitea-1.22.0` for a Gitea, and a failure for an answer."""
    api, rest = both
    api.answers["/version"] = {"version": "15.0.3+gitea-1.22.0"}
    api.statuses["/api/forgejo/v1/version"] = status
    version = await rest.version()
    assert (version.forgejo, version.at_least(15)) == (forgejo, True)
    api.statuses["/api/forgejo/v1/version"] = 502
    with pytest.raises(errors.ServerFault):
        await rest.version()


async def test_single_reads(both: Pair) -> None:
    """Guards the routes, and that names stay names."""
    api, rest = both
    api.answers |= {
        "/users/acme": {"id": 5, "login": "acme"}, "/orgs/acme": {"id": 5, "name": "acme"},
        "/repos/acme/r1": repository(1), "/repositories/1": repository(1), f"{PULLS}/7": pull(7),
        "/settings/api": {"max_response_items": 20},
    }  # fmt: skip
    assert (await rest.user("acme")).id == (await rest.organization("acme")).id == 5
    assert await rest.repository("acme", "r1") == await rest.repository_by_id(1)
    assert (await rest.pull_request("acme", "meta", 7)).number == 7
    assert (await rest.settings()).max_response_items == 20
    with pytest.raises(errors.Missing):
        await rest.repository("acme", "none")
    with pytest.raises(ValueError, match="cannot stand"):
        await rest.repository("..", "admin")


@pytest.mark.parametrize(
    ("people", "login"),
    [
        ([("ada", "Ada@Example.org")], "ada"),
        ([("adaline", "xada@example.org"), ("ada", "ada@example.org")], "ada"),
        ([("mallory", "ada@example.org.example.com")], None),
        ([("mallory", "mallory@noreply.example.org")], None),
        ([("ada", "ada@example.org"), ("ada2", "ada@example.org")], None),
        ([], None),
    ],
    ids=["letter case", "a part of another's", "only a part", "a full name, or hidden", "two", "nobody"],
)
async def test_an_address_is_only_its_owners(both: Pair, people: list[tuple[str, str]], login: str | None) -> None:
    """Guards against naming a stranger: the search finds parts, and full names that anybody may choose."""
    api, rest = both
    data = [{"id": n, "login": name, "email": email} for n, (name, email) in enumerate(people)]
    api.answers["/users/search"] = {"ok": True, "data": data}
    found = await rest.user_by_address("ADA@example.org")
    assert (found.login if found else None) == login
    assert api.requests == [("/users/search", {"q": "ADA@example.org", "limit": "50"})]


async def test_a_search_for_a_person_that_fails_is_no_answer(both: Pair) -> None:
    """Guards "never mistake failure for absence"."""
    api, rest = both
    api.answers["/users/search"] = {"ok": False, "error": "database is locked"}
    with pytest.raises(errors.Malformed):
        await rest.user_by_address("ada@example.org")
    api.statuses["/users/search"] = 403
    with pytest.raises(errors.Forbidden):
        await rest.user_by_address("ada@example.org")


async def test_a_webhook_is_made_once_and_its_secret_does_not_come_back(both: Pair) -> None:
    """Guards webhooks: active (the servers' default is not), signed, asked for once, listed without the secret."""
    api, rest = both
    api.answers["/orgs/acme/hooks"] = {"id": 1, "active": True, "config": {"url": "http://x"}, "events": ["push"]}
    hooks = Hooks(rest.transport)
    made = await hooks.create(HookScope("acme"), url="http://x", secret=Secret("s3cret"), events=["push"])
    assert (made.id, made.active) == (1, True)
    assert "s3cret" not in repr(made)
    del api.answers["/orgs/acme/hooks"]
    api.statuses["/repos/acme/meta/hooks"] = 500
    with pytest.raises(errors.ServerFault) as caught:
        await hooks.create(HookScope("acme", "meta"), url="http://x", secret=Secret("s3cret"), events=["push"])
    assert "s3cret" not in str(caught.value)
    assert api.pages_of("/repos/acme/meta/hooks") == 1
    api.lists["/orgs/acme/hooks"] = [{"id": n, "config": None, "events": None} for n in range(3)]
    assert [hook.id for hook in await hooks.list(HookScope("acme"))] == [0, 1, 2]


# ---- refs over HTTP


async def test_all_refs_cost_one_post(tmp_path: Any) -> None:
    """Guards the cheapest read there is, against a real git: branches, pull requests and the default branch."""
    origin = make(tmp_path / "acme" / "meta")
    tip, other = grow(
        origin,
        [Node((), files(a="1")), Node((0,), files(a="2"))],
        {"refs/heads/main": 1, "refs/heads/f/x": 0, "refs/pull/3/head": 0, "refs/tags/v1": 0},
    )
    make(tmp_path / "acme" / "empty")
    make(tmp_path / "acme" / "new", object_format="sha256")
    async with git_forge(tmp_path) as forge, Transport(forge.url, TOKEN) as transport:
        listing = await ls_refs(transport, "acme/meta")
        assert (listing.default_branch, listing.branches) == ("main", {"main": other, "f/x": tip})
        assert listing.pulls == {3: tip}
        assert listing.date is not None
        assert forge.requests == [("POST", "/acme/meta.git/git-upload-pack", 200)]
        assert (transport.counter.git, transport.counter.rest) == (1, 0)
        empty = await ls_refs(transport, "acme/empty")
        assert (empty.default_branch, empty.unborn, empty.branches) == ("main", True, {})
        assert (await ls_refs(transport, "acme/new", object_format="sha256")).unborn
        with pytest.raises(errors.Missing):
            await ls_refs(transport, "acme/none")


async def test_a_damaged_repository_is_an_error(both: Pair) -> None:
    """Guards all branches of a repository whose directory is damaged: the server answers 200 with zero bytes."""
    api, rest = both
    api.raw["/acme/meta.git/git-upload-pack"] = b""
    with pytest.raises(errors.Malformed, match="damaged"):
        await ls_refs(rest.transport, "acme/meta")
