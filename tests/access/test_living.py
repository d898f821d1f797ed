"""Access in a running daemon: the commands, the forge's own changes, waiting, and what the local owner sees."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from serving_place import META, Daemon, Place, rfc


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    async with Place() as made:
        yield made


async def listed(daemon: Daemon, token: str = "") -> list[str]:
    said = {"Authorization": f"Bearer {token}"} if token else {}
    status, body, _ = await daemon.get("/api/v1/rfcs", **said)
    assert status == 200, body
    return [item["key"] for item in body["items"]]


async def test_a_token_from_its_making_to_its_end(place: Place) -> None:
    await place.push(one=rfc())
    await place.forge.set_private(META, True)
    async with place.daemon() as daemon:
        await daemon.sweep(deep=True)
        assert await listed(daemon) == []
        made = (await place.command("token", "create", "ci", "--owner", "acme", "--expires", "90d", "--json")).json
        assert made["owners"] == ["acme"]
        assert await listed(daemon, made["token"]) == ["one"]
        shown = (await place.command("token", "list")).out
        assert "ci: sees owner acme" in shown
        assert made["token"] not in shown
        assert (await place.command("token", "create", "ci")).code == 2, "the name is taken"
        assert (await place.command("token", "revoke", "ci")).code == 0
        status, problem, _ = await daemon.get("/api/v1/rfcs", Authorization=f"Bearer {made['token']}")
        assert (status, problem["status"]) == (401, 401)
        assert (await place.command("token", "revoke", "ci")).code == 2
    kept = b"".join(path.read_bytes() for path in place.data_dir.glob("*.db*"))
    assert made["token"].encode() not in kept
    assert made["token"] not in json.dumps(place.lines, default=str)


async def test_tokens_are_made_without_a_daemon_too(place: Place) -> None:
    made = await place.command("token", "create", "cron", "--collection", "rfcs")
    assert made.code == 0
    (one,) = (await place.command("token", "list", "--json")).json["tokens"]
    assert (one["name"], one["collections"], one["used_at"]) == ("cron", ["rfc/rfcs"], None)
    await place.forge.set_private(META, True)
    await place.push(one=rfc())
    async with place.daemon() as daemon:
        await daemon.sweep(deep=True)
        assert await listed(daemon, made.out.strip()) == ["one"]


@pytest.mark.parametrize(
    "wrong",
    [("a b",), ("",), ("x", "--owner", "a/b"), ("x", "--repository", "meta"), ("x", "--collection", "nothing"),
     ("x", "--expires", "90"), ("x", "--expires", "0s"), ("x", "--expires", "999999d")],
)  # fmt: skip
async def test_what_makes_no_token_is_told_in_one_line(place: Place, wrong: tuple[str, ...]) -> None:
    ran = await place.command("token", "create", *wrong)
    assert ran.code == 2
    assert len(ran.err.strip().splitlines()) == 1, ran.err
    assert (await place.command("token", "list", "--json")).json == {"tokens": []}


async def test_visibility_follows_the_forge_at_the_next_look(place: Place) -> None:
    await place.push(one=rfc())
    async with place.daemon() as daemon:
        await daemon.sweep()
        assert await listed(daemon) == ["one"]
        for private, seen in ((True, []), (False, ["one"])):
            await place.forge.set_private(META, private)
            await daemon.sweep(deep=True)
            assert await listed(daemon) == seen


async def test_nobody_waits_for_what_is_hidden_and_the_forge_is_not_asked(place: Place) -> None:
    await place.push(one=rfc())
    await place.forge.set_private(META, True)
    async with place.daemon() as daemon:
        await daemon.sweep(deep=True)
        commit = "f" * 40  # not pushed: a delivery would have the forge asked
        asked = daemon.engine.forge.transport.counter.git
        status, hidden, _ = await daemon.get(f"/api/v1/rfcs?wait_for={META}@{commit}&timeout=5s")
        absent = (await daemon.get(f"/api/v1/rfcs?wait_for=acme/none@{commit}&timeout=5s"))[1]
        assert (status, hidden["detail"].replace(META, "acme/none")) == (404, absent["detail"])
        assert daemon.engine.forge.transport.counter.git == asked


async def test_the_status_names_and_counts_nothing_that_is_hidden(place: Place) -> None:
    await place.push(one=b"no front matter")
    await place.forge.set_private(META, True)
    async with place.daemon() as daemon:
        await daemon.sweep(deep=True)
        _, told, _ = await daemon.get("/api/v1/status")
        assert META not in json.dumps(told)
        assert (told["repositories"], told["owners"], told["findings"], told["unknown_names"]) == ([], [], {}, [])
        assert {(one["repositories"], one["changes"]) for one in told["sweeps"]} == {(0, 0)}
        secret = (await place.command("token", "create", "all")).out.strip()
        _, told, _ = await daemon.get("/api/v1/status", Authorization=f"token {secret}")
        assert [one["full_name"] for one in told["repositories"]] == [META]
        assert told["findings"] != {}


async def test_the_owner_of_the_machine_sees_all(place: Place) -> None:
    await place.push(one=rfc())
    await place.forge.set_private(META, True)
    async with place.daemon() as daemon:
        await daemon.sweep(deep=True)
        ran = await place.command("query", "SELECT key FROM entries", "--json")
        assert ran.json == [{"key": "one"}]
        lent, _ = await _lent(place)
        assert await listed(daemon, lent) == ["one"]


async def _lent(place: Place) -> tuple[str, int]:
    from daemon.control import run_remote

    lent, code = await run_remote(place.data_dir / "control.sock", "local-token", {}, lambda _progress: None)
    return str(lent["token"]), code
