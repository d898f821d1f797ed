"""What doctor says where nothing is wrong, and how it says it."""

from __future__ import annotations

import json

import pytest
from doctor_place import Place

from daemon.doctor.result import fail, line, ok, skip, warn
from daemon.doctor.show import document, lines


@pytest.mark.parametrize("flavour", ["gitea", "forgejo"])
async def test_a_place_that_is_well_is_found_well(flavour: str) -> None:
    """Guards against a doctor that cries wolf: nobody heeds it the second time."""
    async with Place(flavour=flavour) as place:
        found = await place.doctor()
        found.healthy()
        assert found.one("version").what.startswith("Forgejo 15.0" if flavour == "forgejo" else "Gitea 1.23")
        assert "1 repository" in found.one("owners").what
        assert found.one("git over http").status == "ok"
        # the daemon's token may not make a webhook: how to have it tried is said, and no failure
        delivery = found.one("test delivery")
        assert (delivery.status, "--token-file" in delivery.remedy) == ("skip", True)
        assert not place.data_dir.exists()


@pytest.mark.parametrize("flavour", ["gitea", "forgejo"])
@pytest.mark.parametrize("running", [False, True])
async def test_a_delivery_of_the_forge_is_seen_to_arrive_and_leaves_nothing_behind(flavour: str, running: bool) -> None:
    """Guards the one thing that doctor changes, with and without a daemon: the webhook goes, and no delivery stays."""
    async with Place(flavour=flavour) as place:
        before = dict(place.forge.world.hooks)
        if not running:
            found = await place.doctor("--token-file", str(place.admin))
        else:
            async with place.daemon() as served:
                found = await place.doctor("--token-file", str(place.admin))
                assert (await served.engine.inbox.backlog()).states == {}
                assert "outcome=" not in served.engine.metrics.render().decode().partition("deliveries_total")[2][:200]
        found.healthy()
        assert found.one("test delivery").status == "ok"
        assert "acme/meta" in found.one("test delivery").what
        assert ("process" in found.one("daemon").what) is running
        assert place.forge.world.hooks == before


async def test_the_test_delivery_can_be_left_out() -> None:
    async with Place() as place:
        found = await place.doctor("--no-delivery", "--token-file", str(place.admin))
        found.healthy()
        assert "--no-delivery" in found.one("test delivery").what
        assert not [each for each in place.forge.requests if each.method in ("POST", "DELETE") and each.kind == "rest"]


async def test_people_read_aligned_lines_with_remedies_below_what_is_wrong() -> None:
    async with Place() as place:
        place.forge.revoke_token("root1")
        ran = await place.command("doctor")
        assert ran.code == 1
        shown = ran.out.splitlines()
        (at,) = [number for number, text in enumerate(shown) if text.startswith("fail  ")]
        assert "token" in shown[at]
        assert shown[at + 1].lstrip().startswith("→ ")
        column = shown[0].index("/")
        assert all(text[column - 1] == " " for text in shown[: at + 1])
        assert shown[-1].startswith("not well: 1 failure")


def test_results_are_one_line_whatever_a_forge_puts_into_them() -> None:
    """Guards the terminal of whoever runs it: an answer of a stranger's server is shown in parts."""
    hostile = "one\ntwo\x1b[2Jthree\u202e" + "x" * 1000
    result = fail("forge", hostile, hostile)
    assert len(result.what) <= 400
    assert line(result.what) == result.what
    assert "\x1b" not in result.what + result.remedy
    assert len(lines([result])) == 4


def test_what_machines_read_is_the_same_as_people_do() -> None:
    results = [ok("a", "fine"), warn("b", "odd", "look"), skip("c", "not looked at"), fail("d", "broken", "mend it")]
    told = document(results)
    assert told["well"] is False
    assert [each["status"] for each in told["checks"]] == ["ok", "warn", "skip", "fail"]
    assert json.loads(json.dumps(told)) == told
    assert document(results[:3])["well"] is True
    assert lines(results)[-1] == "not well: 1 failure, 1 warning, 1 not looked at"
    assert lines(results[:1])[-1] == "all is well"
