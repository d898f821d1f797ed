"""How the stand-in's webhooks filter, change, and are kept from hosts: as Gitea 1.23.8 and Forgejo 11 do."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from hooks_place import Place
from hypothesis import given
from hypothesis import strategies as st

from gitea_client.fake.allowing import refusal
from gitea_client.fake.branch_filters import passes


@pytest.mark.parametrize(
    ("pattern", "branch", "passed"),
    [
        ("", "main", True),
        ("*", "a/b", True),
        ("release/*", "release/1/2", True),
        ("release/*", "main", False),
        ("{main,release/?}", "release/1", True),
        ("{main,release/?}", "release/12", False),
        ("[ab]*", "beta", True),
        ("[!ab]*", "beta", False),
        ("v1.0", "v1x0", False),
        ("{a,", "a", False),
        ("[a", "a", False),
    ],
)
def test_a_branch_filter_is_a_glob(pattern: str, branch: str, passed: bool) -> None:
    assert passes(pattern, branch) is passed


@given(st.text(alphabet="ab*?[]{},!\\/"), st.text(alphabet="ab/"))
def test_any_text_may_be_a_filter(pattern: str, branch: str) -> None:
    """Guards the stand-in: the servers take any text, and let nothing pass where they cannot read it."""
    passes(pattern, branch)


@pytest.mark.parametrize(
    ("url", "allowed", "sent"),
    [
        ("http://127.0.0.1:8088/", "", False),
        ("http://127.0.0.1:8088/", "external", False),
        ("http://127.0.0.1:8088/", "private", False),
        ("http://127.0.0.1:8088/", "loopback", True),
        ("http://localhost/", "private, loopback", True),
        ("http://10.0.0.7/", "private", True),
        ("http://10.0.0.7/", "10.0.0.0/8", True),
        ("http://10.0.0.7/", "external", False),
        ("https://hooks.example.org/", "", True),
        ("https://hooks.example.org/", "*.example.org", True),
        ("https://hooks.example.org/", "private", False),
        ("http://127.0.0.1/", "*", True),
    ],
)
def test_hosts_are_allowed_by_kind_network_or_name(url: str, allowed: str, sent: bool) -> None:
    why = refusal(url, allowed)
    assert (why is None) is sent
    assert why is None or "ALLOWED_HOST_LIST" in why


async def test_a_delivery_to_a_host_not_allowed_is_dropped_silently(one_place: Place) -> None:
    """Guards what doctor must find out: nothing arrives, and nobody but the forge's log says why."""
    one_place.forge.deliveries.allowed = "external"
    async with one_place.daemon() as served:
        one_place.forge.add_hook("acme", f"{served.url}/webhooks/gitea", one_place.secret)
        await one_place.forge.commit("acme/meta", {"x": b"x"}, message="x", author="ada")
        await one_place.forge.settle()
        (delivery,) = one_place.forge.deliveries.sent
        assert delivery.status is None
        assert "ALLOWED_HOST_LIST" in (delivery.error or "")
        assert (await served.engine.inbox.backlog()).states == {}


async def test_only_what_has_a_branch_is_filtered(place: Place) -> None:
    """Guards pull requests: a filter holds back pushes and branches made and deleted, on both kinds of forge."""
    place.forge.add_hook("acme", "http://127.0.0.1:9/", "s", branch_filter="release/*")
    await place.forge.commit("acme/meta", {"x": b"x"}, branch="topic", message="x", author="ada")
    await place.forge.commit("acme/meta", {"x": b"x"}, branch="release/1", message="x", author="ada")
    await place.forge.open_pull("acme/meta", "topic")
    assert [d.event_type for d in place.forge.deliveries.sent] == ["create", "push", "pull_request"]


async def test_a_change_resets_what_it_leaves_out_and_never_the_secret(place: Place) -> None:
    """Guards `hooks sync`: what it does not send back is gone."""
    config = {"url": "http://127.0.0.1:9/", "content_type": "json", "secret": "first"}
    wanted = {"type": "gitea", "active": True, "events": ["create"], "branch_filter": "x", "config": config}
    async with aiohttp.ClientSession(headers={"Authorization": f"token {place.forge.token}"}) as session:

        async def call(method: str, path: str, body: Any) -> tuple[int, Any]:
            async with session.request(method, f"{place.forge.url}/api/v1{path}", json=body) as answer:
                return answer.status, await answer.json()

        status, hook = await call("POST", "/orgs/acme/hooks", wanted)
        assert (status, hook["branch_filter"], hook["events"]) == (201, "x", ["create"])
        path = f"/orgs/acme/hooks/{hook['id']}"
        change = {"config": {"url": "http://127.0.0.1:9/y", "secret": "second"}, "authorization_header": "Bearer q"}
        _, hook = await call("PATCH", path, change)
        assert (hook["branch_filter"], hook["events"], hook["active"]) == ("", ["push"], True)
        assert (hook["config"]["url"], hook["config"]["content_type"]) == ("http://127.0.0.1:9/y", "json")
        _, hook = await call("PATCH", path, {"events": ["push", "no such", "create"]})
        assert (hook["authorization_header"], hook["events"]) == ("", ["create", "push"])
        assert place.the_hook().secret == "first"
        assert (await call("PATCH", path, {"config": {"content_type": "xml"}}))[0] == 422
        assert (await call("POST", "/orgs/acme/hooks", {**wanted, "type": "carrier pigeon"}))[0] == 422
        assert (await call("POST", "/orgs/acme/hooks", {"config": config}))[0] == 422
        for scope in ("/orgs/ada/hooks", "/orgs/nobody/hooks"):
            assert (await call("GET", scope, None))[0] == 404
