"""Broken set-ups between the forge and here: webhooks that are missing or wrong, and deliveries that do not arrive."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from aiohttp import web
from doctor_place import Authority, Found, Place, below, free_port, listening, proxied, taken, tls

from daemon.config import load
from daemon.hooks.plan import EVENTS
from gitea_client.fake.state import Hook


async def delivered(place: Place, wait: str = "5") -> Found:
    """Doctor with a token that may do everything."""
    return await place.doctor("--token-file", str(place.admin), "--wait", wait)


async def test_no_webhook() -> None:
    async with Place() as place:
        place.forge.world.hooks.clear()
        found = await place.doctor("--no-delivery", "--token-file", str(place.admin))
        found.warned("webhook", "acme has no webhook", "sweeps", remedy="hooks sync --apply")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda hook: setattr(hook, "active", False), "inactive"),
        (lambda hook: setattr(hook, "events", ["push"]), "lacks create, delete"),
        (lambda hook: setattr(hook, "content_type", "form"), "content type"),
        (lambda hook: setattr(hook, "branch_filter", "main"), "branch filter"),
    ],
)
async def test_a_webhook_that_is_not_as_it_should_be(spoil: Callable[[Hook], None], said: str) -> None:
    """Guards against deliveries that are missed because nobody looks at a setting again."""
    async with Place() as place:
        spoil(place.hook)
        (await delivered(place)).named("webhook", "acme", said, remedy="hooks sync --apply")


async def test_a_webhook_that_leads_to_another_server() -> None:
    """Guards the other daemon of an organisation from being cut off by whoever follows the advice of a second one. Only
    the host is shown: what else an address holds may be somebody's secret."""
    async with Place() as place:
        place.hook.url = "http://me:pa55word@old.example.org:8088/webhooks/gitea"
        found = await delivered(place)
        result = found.warned(
            "webhook", "no webhook to", "one to http://old.example.org:8088", remedy="leave the other one if that is"
        )
        assert "hooks sync --apply" in result.remedy
        assert "delete" not in result.remedy
        assert "pa55word" not in found.out


async def test_webhooks_of_others_are_nobodys_business() -> None:
    async with Place() as place:
        place.forge.add_hook("acme", "https://chat.example.org/hooks/very-secret", "x")
        found = await delivered(place)
        found.healthy()
        assert "very-secret" not in found.out


async def test_a_webhook_in_each_repository_does_as_well() -> None:
    """Where nobody may make the organisation's, `hooks sync` makes those."""
    async with Place() as place:
        url = place.hook.url
        place.forge.world.hooks.clear()
        place.forge.add_hook("acme/meta", url, place.secrets[0], events=EVENTS)
        found = await delivered(place)
        found.healthy()
        assert "acme/meta has one" in found.one("webhook").what


async def test_each_owner_has_one_of_their_own() -> None:
    """A user's is at another place than an organisation's, and only the user may look there."""
    async with Place() as place:
        await place.forge.create_repository("root1/notes")
        await place.forge.commit("root1/notes", {"README.md": "Notes\n"}, author="root1")
        place.configure(owners="acme root1")
        found = await delivered(place)
        assert ["acme" in result.what for result in found.of("webhook")] == [True, False]
        assert [result.status for result in found.of("webhook")] == ["ok", "warn"]
        place.forge.add_hook("root1", place.hook.url, place.secrets[0], events=EVENTS)
        found = await delivered(place)
        found.healthy()
        assert [result.status for result in found.of("webhook")] == ["ok", "ok"]
        assert {"organisation acme", "user root1"} == {result.what.partition(":")[0] for result in found.of("owners")}


async def test_a_webhook_that_was_made_with_another_secret() -> None:
    """The forge never tells a secret: what we made and with which secret is remembered, and so it is known."""
    async with Place() as place:
        place.forge.world.hooks.clear()
        assert (await place.command("sweep")).code == 0
        made = await place.command("hooks", "sync", "--apply", "--token-file", str(place.admin))
        assert made.code == 0, made
        found = await delivered(place)
        found.healthy()
        assert "made with our secret" in found.one("webhook").what
        place.secret_file.write_text("another secret since")
        found = await delivered(place)
        found.named("webhook", "another secret", remedy="hooks sync --apply")


async def test_a_daemon_that_was_started_with_another_secret() -> None:
    """Guards against a configuration that names another secret since: each delivery would be refused."""
    async with Place() as place, place.daemon():
        other = place.secret_file.with_name("other")
        other.write_text("another secret since")
        other.chmod(0o600)
        text = place.config_file.read_text()
        place.config_file.write_text(text.replace('webhook_secret_file = "secret"', 'webhook_secret_file = "other"'))
        (await delivered(place)).named("webhook address", "another webhook secret", remedy="restart the daemon")


async def test_a_secret_that_was_changed_in_its_file() -> None:
    """A daemon reads it again with the first delivery that no secret of its own fits."""
    async with Place() as place, place.daemon():
        place.secret_file.write_text("another secret since")
        found = await delivered(place)
        assert [result.status for result in found.of("webhook address")] == ["ok"]


async def test_a_host_that_the_forge_may_not_deliver_to() -> None:
    """The usual cause of all on a machine of one's own: forges refuse loopback and private addresses by default, and
    only their log says so."""
    async with Place() as place:
        place.forge.deliveries.allowed = "external"
        found = await delivered(place, wait="1")
        found.named(
            "test delivery", "127.0.0.1 did not arrive",
            remedy="under [webhook], write ALLOWED_HOST_LIST = external,loopback",
        )  # fmt: skip
        assert found.one("webhook address").status == "ok"
        assert len(place.forge.world.hooks) == 1
        place.forge.deliveries.allowed = "external,loopback"
        (await delivered(place)).healthy()


async def test_a_dead_address() -> None:
    async with Place() as place:
        port = free_port()
        place.configure(top=f'public_url = "http://127.0.0.1:{port}"')
        place.hook.url = f"http://127.0.0.1:{port}/webhooks/gitea"
        found = await delivered(place, wait="0.5")
        found.named("webhook address", f"127.0.0.1:{port}", "is dead", remedy="public_url")
        assert "webhook address comes first" in found.one("test delivery").what


async def test_an_address_that_nobody_knows() -> None:
    async with Place() as place:
        place.configure(top='public_url = "https://nowhere.example"')
        place.hook.url = "https://nowhere.example/webhooks/gitea"
        (await delivered(place, wait="0.5")).named("webhook address", "nowhere.example", "dead", remedy="public_url")


async def test_an_outer_address_that_does_not_lead_back_in_may_be_well() -> None:
    """Guards against a failure that is none: the forge may know a name, or a way, that this machine does not."""
    async with Place() as place:
        place.configure(top='public_url = "https://nowhere.example"')
        place.hook.url = "https://nowhere.example/webhooks/gitea"
        found = await place.doctor()
        found.warned("webhook address", "whether the forge can is not known", remedy="--token-file")


@pytest.mark.parametrize("status", [200, 404, 405])
async def test_an_address_that_leads_to_another_server(status: int) -> None:
    async def other(request: web.Request) -> web.Response:
        return web.Response(status=status, text="<html>somebody else</html>")

    async with Place() as place, listening(other) as url:
        place.configure(top=f'public_url = "{url}"')
        place.hook.url = f"{url}/webhooks/gitea"
        found = await delivered(place, wait="0.5")
        found.named("webhook address", f"HTTP {status}", "not from here", remedy="public_url")


async def test_an_address_that_leads_to_another_forgeglass() -> None:
    """Its secret is another one, or the same by a copied configuration: either way the deliveries go there."""
    async with Place() as place, Place() as other, other.daemon() as served:
        place.configure(top=f'public_url = "{served.url}"')
        place.hook.url = f"{served.url}/webhooks/gitea"
        found = await delivered(place, wait="0.5")
        found.named("webhook address", "another Forgeglass", remedy="public_url")


async def test_an_address_that_redirects() -> None:
    async def away(request: web.Request) -> web.Response:
        raise web.HTTPMovedPermanently(f"https://forgeglass.example.org{request.path}")

    async with Place() as place, listening(away) as url:
        place.configure(top=f'public_url = "{url}"')
        place.hook.url = f"{url}/webhooks/gitea"
        found = await delivered(place, wait="0.5")
        found.named("webhook address", "redirects to https://forgeglass.example.org", remedy="public_url")


async def test_an_address_whose_certificate_the_forge_will_refuse() -> None:
    async with Place() as place:
        authority = Authority(place.root)
        async with tls(f"http://127.0.0.1:{place.port}", authority.context("127.0.0.1")) as url:
            place.configure(top=f'public_url = "{url}"')
            place.hook.url = f"{url}/webhooks/gitea"
            found = await delivered(place, wait="0.5")
            found.named("webhook address", "does not know the authority", remedy="SKIP_TLS_VERIFY")


@pytest.mark.parametrize("running", [False, True])
async def test_a_proxy_below_a_sub_path_that_hands_on_rightly(running: bool) -> None:
    """Guards the counter-example, with and without a daemon."""
    async with Place() as place, proxied(f"http://127.0.0.1:{place.port}", below("/glass")) as url:
        place.configure(top=f'public_url = "{url}/glass"')
        place.hook.url = f"{url}/glass/webhooks/gitea"
        if running:
            async with place.daemon():
                (await delivered(place)).healthy()
        else:
            (await delivered(place)).healthy()


@pytest.mark.parametrize("running", [False, True])
@pytest.mark.parametrize(
    ("rewrite", "said", "remedy"),
    [
        (str, "arrives at /glass/webhooks/gitea", "keeps the prefix /glass"),
        (lambda path: path.removeprefix("/glass/webhooks"), "arrives at /gitea", "strips more than the prefix"),
    ],
)
async def test_a_proxy_that_hands_on_a_wrong_path(
    rewrite: Callable[[str], str], said: str, remedy: str, running: bool
) -> None:
    """Guards against HTTP 404 as all that is said: what arrives where is seen, and so it is told."""
    async with Place() as place, proxied(f"http://127.0.0.1:{place.port}", rewrite) as url:
        place.configure(top=f'public_url = "{url}/glass"')
        place.hook.url = f"{url}/glass/webhooks/gitea"
        if running:
            async with place.daemon():
                found = await delivered(place, wait="0.5")
        else:
            found = await delivered(place, wait="0.5")
        found.named("webhook address", said, remedy=remedy)


async def test_a_proxy_that_does_not_reach_us() -> None:
    async def gone(request: web.Request) -> web.Response:
        return web.Response(status=502)

    async with Place() as place, listening(gone) as url:
        place.configure(top=f'public_url = "{url}"')
        place.hook.url = f"{url}/webhooks/gitea"
        found = await delivered(place, wait="0.5")
        found.named("webhook address", "HTTP 502", "does not reach this server", remedy="listen")


@pytest.mark.parametrize("accepted", [True, False])
async def test_a_port_that_somebody_else_listens_on(accepted: bool) -> None:
    """It is told in the words of `serve`, and seen before the forge is asked anything."""
    async with Place() as place:
        if not accepted:
            place.token_file.write_text("0" * 40)
        with taken(place.port):
            found = await delivered(place) if accepted else await place.doctor()
        result = found.one("listen")
        assert (result.status, result.remedy) == ("fail", "stop it, or set listen to another port")
        assert result.what == f"listen 127.0.0.1:{place.port}: the port is in use by another program"
        assert [each.check for each in found.bad()] == (["listen"] if accepted else ["listen", "token"])
        assert "listen comes first" in found.one("webhook address").what


async def test_the_port_that_the_daemon_itself_listens_on_is_well() -> None:
    async with Place() as place, place.daemon():
        assert (await place.doctor("--no-delivery")).one("listen").status == "ok"


async def test_an_address_that_must_be_given() -> None:
    """A server that listens on this machine alone cannot be reached by a forge on another."""
    async with Place() as place:
        text = place.config_file.read_text().replace(f"127.0.0.1:{place.port}", "127.0.0.1:0")
        place.config_file.write_text(text)
        assert load(place.config_file, {}).listen.port == 0
        found = await delivered(place)
        found.named("webhook address", "public_url", "port 0", remedy="set it to the address")


async def test_what_a_killed_doctor_left_is_cleared_away() -> None:
    async with Place() as place:
        left, young = (
            place.forge.add_hook("acme/meta", f"{place.hook.url}?probe={digit * 32}", "x", events=["push"])
            for digit in "01"
        )
        left.created -= timedelta(minutes=5)
        (await delivered(place)).healthy()
        assert left.id not in place.forge.world.hooks
        assert young.id in place.forge.world.hooks  # of another doctor, perhaps, who is waiting for it


async def test_a_webhook_that_cannot_be_deleted_again_is_told() -> None:
    """Guards against a webhook that stays without anybody's knowing."""
    from gitea_client.fake.faults import Fault

    async with Place() as place:
        place.forge.faults.set(Fault("status", method="DELETE", match="/hooks/", status=500))
        found = await delivered(place)
        found.named("test delivery", "acme/meta", "could not be deleted", remedy="?probe=")
