"""Broken set-ups between here and the forge: each is named once, with its remedy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from doctor_place import Place, below, free_port, listening, proxied

from daemon.doctor.reaching import candidates
from daemon.doctor.server import judged_clock, judged_version
from gitea_client.fake import rest_owners
from gitea_client.wire import ServerVersion


async def test_an_address_that_is_no_forge() -> None:
    """Guards against "HTTP 404" as all that is said to somebody who named the company's home page."""

    async def page(request: web.Request) -> web.Response:
        return web.Response(status=404, text="<!DOCTYPE html><html>Welcome</html>", content_type="text/html")

    async with Place() as place, listening(page) as url:
        place.configure(url=url)
        found = await place.doctor()
        found.named("forge", url, "no Gitea or Forgejo", remedy="forge.url")
        # one cause, one failure: what needs the forge is not looked at, and says why
        assert "forge comes first" in found.one("token").what
        assert found.one("owners").status == "skip"
        assert "forge comes first" in found.one("webhook address").what


@pytest.mark.parametrize("sub_path", ["/gitea", "/git"])
async def test_the_sub_path_of_the_forge_is_missing(sub_path: str) -> None:
    async with Place() as place, proxied(place.forge.url, below(sub_path)) as url:
        place.configure(url=url)
        (await place.doctor()).named("forge", f"at {url}{sub_path}", remedy=f'forge.url = "{url}{sub_path}"')


async def test_a_sub_path_too_much() -> None:
    async with Place() as place:
        place.configure(url=f"{place.forge.url}/gitea")
        (await place.doctor()).named("forge", "no forge at", remedy=f'forge.url = "{place.forge.url}"')


def test_where_else_a_forge_is_looked_for() -> None:
    """Guards the order: the nearest place that answers is the one proposed."""
    assert list(candidates("https://x.org/a/b"))[:5] == [
        "https://x.org/a", "https://x.org", "https://x.org/a/b/gitea", "https://x.org/a/b/forgejo",
        "https://x.org/a/b/git",
    ]  # fmt: skip
    assert "https://x.org" not in candidates("https://x.org")


async def test_a_forge_below_a_sub_path_is_well() -> None:
    """Guards the counter-example: a sub-path is no mistake, for the API and for Git."""
    async with Place() as place, proxied(place.forge.url, below("/code")) as url:
        place.configure(url=f"{url}/code")
        found = await place.doctor("--no-delivery")
        found.healthy()
        assert found.one("git over http").status == "ok"


async def test_nothing_listens() -> None:
    async with Place() as place:
        port = free_port()
        place.configure(url=f"http://127.0.0.1:{port}")
        (await place.doctor()).named("forge", f"127.0.0.1:{port}", "refuses connections", remedy="start it")


async def test_a_host_that_nobody_knows() -> None:
    async with Place() as place:
        place.configure(url="https://forge.nowhere.example")
        (await place.doctor()).named("forge", "knows the host forge.nowhere.example", remedy="host's name")


async def test_a_server_that_never_answers() -> None:
    """Guards against a doctor that hangs with the server it looks at."""

    async def hang(request: web.Request) -> web.Response:
        await request.read()
        if request.transport is not None:
            request.transport.pause_reading()  # type: ignore[attr-defined] # a real socket's transport
        raise web.HTTPServiceUnavailable

    async with Place() as place, listening(hang) as url:
        place.configure(url=url)
        (await place.doctor()).named("forge", "a proxy without its forge", remedy="behind its proxy")


async def test_http_that_redirects_to_https() -> None:
    """A redirect is never followed, since the token would go along; so the address has to be right."""

    async def away(request: web.Request) -> web.Response:
        raise web.HTTPMovedPermanently(f"https://git.example.org{request.path}")

    async with Place() as place, listening(away) as url:
        place.configure(url=url)
        (await place.doctor()).named(
            "forge", "redirects to https://git.example.org", remedy='forge.url = "https://git.example.org"'
        )


async def test_a_proxy_that_asks_for_a_sign_in() -> None:
    async def away(request: web.Request) -> web.Response:
        raise web.HTTPFound("https://sso.example.org/oauth2/start?rd=secret-state")

    async with Place() as place, listening(away) as url:
        place.configure(url=url)
        found = await place.doctor()
        assert "secret-state" not in found.named("forge", "signing in", remedy="/api/v1").what


@pytest.mark.parametrize(
    ("flavour", "version"), [("gitea", "1.19.4"), ("forgejo", "1.21.11-2"), ("forgejo", "6.0.1+gitea-1.21.0")]
)
async def test_a_forge_that_is_too_old(flavour: str, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(rest_owners.VERSIONS, flavour, version)
    async with Place(flavour=flavour) as place:
        least = "Forgejo 7" if flavour == "forgejo" else "Gitea 1.20"
        (await place.doctor("--no-delivery")).named("version", version, "too old", remedy=f"{least} or newer")


def test_versions_that_are_new_enough() -> None:
    for version, forgejo in (("1.20.0", False), ("1.24.0+dev-12-gabc", False), ("7.0.0+gitea-1.21.11", True)):
        assert judged_version(ServerVersion(version, forgejo), "x").status == "ok"


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_clock_that_is_off_by_an_hour(hours: int) -> None:
    async with Place(clock=lambda: datetime.now(UTC) + timedelta(hours=hours)) as place:
        (await place.doctor("--no-delivery")).named(
            "clock", "60 minutes", "behind" if hours > 0 else "ahead of", remedy="NTP"
        )


def test_a_clock_that_is_off_a_little() -> None:
    now = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert judged_clock(now - timedelta(seconds=2), now).status == "ok"
    assert judged_clock(now - timedelta(seconds=40), now).status == "warn"
    assert "40 s ahead of" in judged_clock(now - timedelta(seconds=40), now).what
    assert judged_clock(None, now).status == "warn"


async def test_pages_that_are_too_small() -> None:
    async with Place() as place:
        place.forge.replies.page_cap = 5
        (await place.doctor("--no-delivery")).warned("pages", "pages of 5", remedy="MAX_RESPONSE_ITEMS = 50")


async def test_a_forge_that_serves_no_git_over_http() -> None:
    """One cause, one failure: Git itself would fail for it as well."""

    def rewrite(path: str) -> str | web.Response:
        if path.endswith("/settings/repository"):
            return web.json_response({"http_git_disabled": True})
        return web.Response(status=403) if ".git/" in path else path

    async with Place() as place, proxied(place.forge.url, rewrite) as url:
        place.configure(url=url)
        (await place.doctor("--no-delivery")).named("pages", "no Git over HTTP", remedy="DISABLE_HTTP_GIT = false")


async def test_git_that_is_denied_though_the_api_is_not() -> None:
    async with (
        Place() as place,
        proxied(place.forge.url, lambda path: web.Response(status=403) if ".git/" in path else path) as url,
    ):
        place.configure(url=url)
        found = await place.doctor("--no-delivery")
        found.named("git over http", "acme/meta", "HTTP 403", remedy="Git over HTTP")


async def test_a_proxy_that_does_not_lead_to_the_forge() -> None:
    """The one that the environment names, whoever set it; its password is never shown."""
    async with Place() as place:
        port = free_port()
        proxy = {"http_proxy": f"http://me:pa55word@127.0.0.1:{port}"}
        found = await place.doctor(environ=proxy)
        assert "pa55word" not in found.out
        found.named("forge", "the proxy", f"127.0.0.1:{port}", remedy="no_proxy")
        (await place.doctor("--no-delivery", environ={**proxy, "no_proxy": "127.0.0.1"})).healthy()


async def test_a_proxy_that_only_half_of_us_heeds() -> None:
    """curl, and with it git, leaves HTTP_PROXY in capitals aside."""
    async with Place() as place, proxied("", lambda path: path) as proxy:
        place.configure(url=place.forge.url)
        found = await place.doctor("--no-delivery", environ={"HTTP_PROXY": proxy})
        assert [result.remedy for result in found.of("proxy") if "small letters" in result.remedy]


@pytest.mark.parametrize(
    ("owner", "said"), [("acmee", 'did you mean "acme"?'), ("zebra", "Correct forge.owners")]
)
async def test_an_owner_that_is_misspelt(owner: str, said: str) -> None:
    async with Place() as place:
        place.configure(owners=owner)
        (await place.doctor("--no-delivery")).named("owners", f"no user or organisation {owner}", remedy=said)


async def test_repositories_that_are_not_public_are_counted_with_how_they_are_read() -> None:
    async with Place() as place:
        await place.forge.set_private("acme/meta")
        found = await place.doctor("--no-delivery")
        found.healthy()
        assert "1 not public: readers of these need a token (forgeglass token create)" in found.one("owners").what


async def test_an_owner_without_a_repository_to_be_seen() -> None:
    async with Place() as place:
        place.forge.create_organization("empty")
        place.configure(owners="acme empty")
        found = await place.doctor("--no-delivery")
        found.warned("owners", "no repository of the organisation empty", remedy="team of empty")
