"""`forgeglass hooks` on a forge: which webhook it makes where, and what it repairs."""

from __future__ import annotations

from typing import Any

import pytest
from hooks_place import Place

from daemon.hooks.plan import TOLD
from gitea_client.fake.faults import Fault

READS = ("read:repository", "read:issue", "read:organization", "read:user")


async def test_an_organization_gets_one_webhook_and_a_second_run_does_nothing(place: Place) -> None:
    """Guards the stranger's last step, and running it again."""
    ran = await place.look()
    assert (ran.code, ran.hooks()) == (1, [("acme", "create", [])])
    ran = await place.sync()
    assert (ran.code, ran.hooks()) == (0, [("acme", "create", [])])
    hook = place.the_hook()
    assert (hook.owner and hook.owner.login, hook.url, hook.active, hook.secret) == (
        "acme", place.address, True, place.secret,
    )  # fmt: skip
    assert (hook.content_type, set(hook.events), hook.branch_filter) == ("json", TOLD, "")
    before = len([r for r in place.forge.requests if r.method != "GET"])
    for ran in (await place.sync(), await place.look()):
        assert (ran.code, ran.hooks(), ran.json["in_order"]) == (0, [("acme", "keep", [])], True)
    assert len([r for r in place.forge.requests if r.method != "GET"]) == before


async def test_without_apply_nothing_is_changed(one_place: Place) -> None:
    """Guards a look from being a deed: neither forge nor secret."""
    token = one_place.give("wider", "root1")
    ran = await one_place.run("hooks", "sync", "--token-file", token)
    assert ran.code == 1
    assert "would make one" in ran.out
    assert "hooks sync --apply" in ran.out
    assert one_place.on_forge() == []
    assert not (one_place.folder / "data" / "webhook-secret").exists()


@pytest.mark.parametrize(
    ("drift", "told"),
    [
        ({"active": False}, ["inactive"]),
        ({"events": ["push"]}, [f"events (lacks {', '.join(sorted(TOLD - {'push'}))})"]),
        ({"content_type": "form"}, ["content type"]),
        ({"branch_filter": "x/*"}, ["branch filter"]),
        ({"url": "http://127.0.0.1:9/elsewhere"}, ["address"]),
    ],
)
async def test_each_kind_of_drift_is_repaired(one_place: Place, drift: dict[str, Any], told: list[str]) -> None:
    """Guards webhooks from people who mean well. What a proxy asks for is kept."""
    await one_place.sync()
    hook = one_place.the_hook()
    for name, value in {**drift, "authorization_header": "Bearer for-the-proxy"}.items():
        setattr(hook, name, value)
    ran = await one_place.look()
    assert (ran.code, ran.hooks()) == (1, [("acme", "change", told)])
    ran = await one_place.sync()
    assert (ran.code, ran.hooks()) == (0, [("acme", "change", told)])
    assert "for-the-proxy" not in ran.out
    assert one_place.the_hook() is hook
    assert (hook.url, hook.active, set(hook.events), hook.content_type) == (one_place.address, True, TOLD, "json")
    assert (hook.branch_filter, hook.authorization_header) == ("*", "Bearer for-the-proxy")
    assert (await one_place.look()).code == 0


async def test_a_webhook_follows_public_url_and_its_sub_path(one_place: Place) -> None:
    """Guards a move behind a proxy: the old webhook must not stay, nor a second one come."""
    await one_place.sync()
    one_place.configure(top='public_url = "https://tools.example.org/forgeglass/"')
    ran = await one_place.sync()
    assert (ran.code, ran.hooks()) == (0, [("acme", "change", ["address"])])
    assert one_place.the_hook().url == "https://tools.example.org/forgeglass/webhooks/gitea"
    assert (await one_place.look()).code == 0


async def test_another_secret_replaces_the_webhook(one_place: Place) -> None:
    """Guards a changed secret: the new webhook is there before the old one goes."""
    await one_place.sync()
    old = one_place.the_hook()
    old.authorization_header = "Bearer for-the-proxy"
    (one_place.folder / "another").write_text("chosen by a person")
    (one_place.folder / "another").chmod(0o600)
    one_place.configure(forge='webhook_secret_file = "another"')
    mark = one_place.forge.mark()
    ran = await one_place.sync()
    assert (ran.code, ran.hooks()) == (0, [("acme", "replace", ["secret"])])
    new = one_place.the_hook()
    assert (new.id != old.id, new.secret) == (True, "chosen by a person")
    assert new.authorization_header == "Bearer for-the-proxy"
    changing = [r.method for r in one_place.forge.requests_since(mark) if r.method != "GET"]
    assert changing == ["POST", "DELETE"]
    assert (await one_place.look()).code == 0
    assert "chosen by a person" not in ran.out


async def test_what_others_made_is_left_alone_and_not_shown(one_place: Place) -> None:
    """Guards chats and build servers, whose addresses are secrets."""
    theirs = one_place.forge.add_hook("acme", "https://chat.example.org/T0k3n", "s", events=["push"], kind="slack")
    before = vars(theirs).copy()
    one_place.forge.add_hook("acme", f"{one_place.address}/", "s")
    ran = await one_place.sync("--replace-unknown")
    assert [place["others"] for place in ran.json["places"]] == [1]
    assert "T0k3n" not in ran.out
    assert vars(theirs) == before
    assert theirs in one_place.on_forge()
    assert len(one_place.on_forge()) == 2


async def test_one_made_by_hand_is_kept_unless_it_is_to_be_replaced(one_place: Place) -> None:
    """Guards a set-up by hand: its secret may be right, which only a delivery can tell."""
    one_place.forge.add_hook("acme", one_place.address, "typed by hand")
    ran = await one_place.run("hooks", "list", "--token-file", one_place.give("wider", "root1"))
    assert ran.code == 0
    assert "whether its secret is right is not known" in ran.out
    assert (await one_place.sync()).hooks() == [("acme", "keep", [])]
    assert one_place.the_hook().secret == "typed by hand"
    assert (await one_place.sync("--replace-unknown")).hooks() == [("acme", "replace", ["secret"])]
    assert one_place.the_hook().secret == one_place.secret


# ------------------------------------------------------------------------------------------ rights


async def test_a_user_gets_a_webhook_of_their_own(place: Place) -> None:
    """Guards people without an organization. Nobody else can make this one."""
    place.configure(owners='"ada"', meta="ada/meta")
    ran = await place.sync(by="ada", scopes=[*READS, "write:user"])
    assert (ran.code, ran.json["places"][0]["kind"]) == (0, "user")
    hook = place.the_hook()
    assert (hook.owner and hook.owner.login, hook.repository) == ("ada", None)
    assert (await place.look(by="ada")).code == 0


async def test_one_persons_token_makes_no_webhook_of_another(one_place: Place) -> None:
    """Guards the administrator's own account: the address for a user's webhooks is that of whoever asks."""
    one_place.configure(owners='"ada"', meta="ada/meta")
    ran = await one_place.sync("--scope", "user")
    assert ran.code == 3
    assert "a token of ada with the scope write:user" in ran.json["errors"][0]["error"]
    await one_place.run("sweep")
    ran = await one_place.sync()
    assert (ran.code, ran.hooks()) == (0, [("ada/meta", "create", [])])
    assert "a token of ada with the scope write:user" in ran.json["notes"][0]
    assert one_place.the_hook().owner is None


async def test_with_fewer_rights_each_mirrored_repository_gets_one(place: Place) -> None:
    """Guards teams whose administrators give no more. Repositories that no profile reaches get none."""
    await place.forge.create_repository("acme/unread")
    assert (await place.run("sweep")).code == 0
    ran = await place.sync(scopes=["read:user", "write:repository"])
    assert (ran.code, ran.hooks()) == (0, [("acme/meta", "create", [])])
    assert "write:organization" in ran.json["notes"][0]
    hook = place.the_hook()
    assert hook.repository is place.forge.repository("acme/meta")


async def test_one_for_all_takes_the_place_of_those_made_before(one_place: Place) -> None:
    """Guards against each push told twice, once more rights are given."""
    await one_place.run("sweep")
    await one_place.sync(scopes=["read:user", "write:repository"])
    by_hand = one_place.forge.add_hook("acme/meta", one_place.address, "typed by hand")
    ran = await one_place.sync()
    assert ran.code == 0
    assert ran.hooks() == [("acme", "create", []), ("acme/meta", "delete", ["another webhook covers it"])]
    assert [hook.owner and hook.owner.login for hook in one_place.on_forge() if hook is not by_hand] == ["acme"]
    assert (await one_place.sync()).hooks() == [("acme", "keep", [])]


async def test_beside_one_for_all_none_is_made_for_each(one_place: Place) -> None:
    """Guards against each push told twice, where somebody asks for webhooks of repositories."""
    await one_place.run("sweep")
    await one_place.sync()
    for ran in (await one_place.sync("--scope", "repository"), await one_place.look("--scope", "repository")):
        assert (ran.code, ran.hooks()) == (0, [("acme", "keep", [])])
        assert "everything would be told twice" in ran.json["notes"][0]
    one_place.the_hook().active = False  # one that delivers nothing covers nothing
    ran = await one_place.sync("--scope", "repository")
    assert (ran.code, ran.hooks()) == (0, [("acme/meta", "create", [])])


async def test_where_it_cannot_be_seen_what_covers_an_owner_each_gets_one(one_place: Place) -> None:
    """Guards the administrator of a repository, who may not look at the organization's."""
    await one_place.run("sweep")
    ran = await one_place.sync("--scope", "repository", scopes=["read:user", "write:repository"])
    assert (ran.code, ran.hooks()) == (0, [("acme/meta", "create", [])])


async def test_where_looking_at_what_covers_an_owner_fails_nothing_is_made(one_place: Place) -> None:
    """Guards against taking a failure for absence."""
    await one_place.run("sweep")
    one_place.forge.faults.set(Fault("status", match="/orgs/acme/hooks", status=400))
    ran = await one_place.sync("--scope", "repository")
    assert (ran.code, ran.hooks(), one_place.on_forge()) == (3, [], [])


async def test_a_right_to_look_and_none_to_write_passes_on_to_the_next_place(one_place: Place) -> None:
    """Guards the owner of an organization whose token may write to repositories alone."""
    await one_place.run("sweep")
    ran = await one_place.sync(scopes=[*READS, "write:repository"])
    assert (ran.code, ran.hooks()) == (0, [("acme/meta", "create", [])])


async def test_missing_rights_are_named_with_who_has_them(place: Place) -> None:
    """Guards the stranger with the daemon's own token, which only reads."""
    await place.run("sweep")
    ran = await place.run("hooks", "list")
    assert ran.code == 3
    assert "one of its owners with the scope write:organization" in ran.err
    assert "one of its administrators with write:repository" in ran.err
    assert "--token-file" in ran.err
    assert place.on_forge() == []


async def test_one_repository_without_the_right_does_not_stop_the_others(one_place: Place) -> None:
    """Guards the others; what is missing is told, and the exit code says it."""
    one_place.configure(owners='"acme", "ada"', meta="acme/meta")
    with (one_place.folder / "forgeglass.toml").open("a") as file:
        file.write('[[profiles]]\nuse = "rfc"\nname = "hers"\nview_prefix = "hers_"\nmeta = "ada/meta"\n')
    assert (await one_place.run("sweep")).code == 0
    ran = await one_place.sync(by="ada", scopes=["write:repository", "read:user"])
    assert ran.code == 3
    assert ran.hooks() == [("ada/meta", "create", [])]
    assert {error["scope"] for error in ran.json["errors"]} == {"acme", "acme/meta"}


async def test_before_the_first_sweep_no_repository_is_known(one_place: Place) -> None:
    """Guards against "in order" where nothing was looked at."""
    ran = await one_place.sync("--scope", "repository")
    assert ran.code == 3
    assert "forgeglass sweep" in ran.json["errors"][0]["remedy"]


async def test_a_forge_that_breaks_down_is_told_in_one_line(one_place: Place) -> None:
    """Guards against a traceback, and against taking failure for absence."""
    await one_place.sync()
    token = one_place.give("wider", "root1")
    await one_place.forge.stop()
    ran = await one_place.run("hooks", "sync", "--apply", "--token-file", token)
    assert ran.code == 3
    assert len(ran.err.splitlines()) == 1
    assert "nothing listens there" in ran.err
    assert len(one_place.on_forge()) == 1


@pytest.mark.parametrize(("text", "code", "told"), [("wrong", 3, "make a new token"), ("", 2, "empty")])
async def test_a_token_that_is_none_is_named_with_its_file(one_place: Place, text: str, code: int, told: str) -> None:
    """Guards the person who put the wrong thing into the file; what is in it is not shown."""
    (one_place.folder / "wider").write_text(text)
    ran = await one_place.run("hooks", "list", "--token-file", str(one_place.folder / "wider"))
    assert ran.code == code
    assert told in ran.err
    assert str(one_place.folder / "wider") in ran.err
    assert len(ran.err.splitlines()) == 1


async def test_where_the_forge_could_not_reach_us_nothing_is_made(one_place: Place) -> None:
    """Guards against webhooks that lead to the forge's own loopback."""
    text = (one_place.folder / "forgeglass.toml").read_text().replace(one_place.forge.url, "https://git.example.org")
    (one_place.folder / "forgeglass.toml").write_text(text)
    ran = await one_place.run("hooks", "list")
    assert ran.code == 2
    assert "public_url" in ran.err
    assert len(ran.err.splitlines()) == 1


# --------------------------------------------------------------------------------------- beside a daemon


async def test_beside_a_daemon_the_webhook_works_at_once(place: Place) -> None:
    """Guards the whole way: made, remembered by the daemon, delivered, accepted, read."""
    async with place.daemon() as served:
        await served.engine.desk.sweeper.sweep(deep=True)
        assert (await place.sync()).code == 0
        assert len(await served.engine.state.hooks.all()) == 1
        entry = b"---\ntitle: Two\nstate: idea\n---\nText.\n"
        await place.forge.commit("acme/meta", {"rfcs/two.md": entry}, message="two", author="ada")
        await place.forge.settle()
        assert [d.status for d in place.forge.deliveries.sent] == [202]
        assert (await place.look()).code == 0


async def test_a_renewed_secret_is_taken_while_the_daemon_runs(one_place: Place) -> None:
    """Guards a renewal from losing deliveries: the old secret and the new one are both good."""
    async with one_place.daemon():
        await one_place.sync()
        before, old = one_place.secret, one_place.the_hook()
        ran = await one_place.sync("--new-secret")
        assert (ran.code, ran.hooks()) == (0, [("acme", "replace", ["secret"])])
        assert one_place.secret != before
        assert one_place.the_hook().secret == one_place.secret
        one_place.forge.world.hooks[old.id] = old
        await one_place.forge.commit("acme/meta", {"x": b"x"}, message="x", author="ada")
        await one_place.forge.settle()
        assert [d.status for d in one_place.forge.deliveries.sent] == [202, 202]
        assert before not in ran.out + ran.err


async def test_a_secret_that_the_daemon_does_not_know_yet_is_not_used(one_place: Place) -> None:
    """Guards deliveries that would be refused one and all until somebody restarts the daemon."""
    async with one_place.daemon():
        (one_place.folder / "another").write_text("not read yet")
        (one_place.folder / "another").chmod(0o600)
        one_place.configure(forge='webhook_secret_file = "another"')
        ran = await one_place.sync()
        assert ran.code == 2
        assert "restart the daemon" in ran.err
        assert one_place.on_forge() == []


async def test_a_secret_that_somebody_gave_is_not_renewed_by_itself(one_place: Place) -> None:
    (one_place.folder / "another").write_text("a person's")
    (one_place.folder / "another").chmod(0o600)
    one_place.configure(forge='webhook_secret_file = "another"')
    ran = await one_place.sync("--new-secret")
    assert ran.code == 2
    assert "webhook_secret_previous_file" in ran.err
    assert (one_place.folder / "another").read_text() == "a person's"


async def test_a_secret_that_only_the_service_manager_tells_is_asked_of_the_daemon(one_place: Place) -> None:
    """Guards systemd's credentials, which no command sees: no other secret must be made beside them."""
    one_place.environ = {"FORGEGLASS_FORGE_WEBHOOK_SECRET": "a credential"}
    async with one_place.daemon():
        ran = await one_place.sync()
        assert (ran.code, one_place.the_hook().secret) == (0, "a credential")
        assert (await one_place.look()).hooks() == [("acme", "keep", [])]
        assert (await one_place.sync("--new-secret")).code == 2
        assert "a credential" not in ran.out + ran.err
    assert not (one_place.folder / "data" / "webhook-secret").exists()
    assert (await one_place.look()).hooks() == [("acme", "keep", [])], "nor does it look wrong without the daemon"
    ran = await one_place.sync()
    assert ran.code == 2
    assert "start the daemon" in ran.err
    assert one_place.the_hook().secret == "a credential"
