"""Every switch of the stand-in that makes it answer or deliver badly does what it says, seen from outside."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from gitea_client.fake import Fault, StandIn

LIST = "/api/v1/repos/acme/meta/branches"


@pytest.fixture
async def forge(tmp_path: Path) -> AsyncIterator[StandIn]:
    async with StandIn(tmp_path / "forge") as forge:
        forge.create_organization("acme")
        await forge.create_repository("acme/meta")
        for name in ("main", "one", "two"):
            await forge.commit("acme/meta", {f"{name}.md": name}, name)
        yield forge


@pytest.fixture
async def session(forge: StandIn) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(forge.url, headers={"Authorization": f"token {forge.token}"}) as session:
        yield session


async def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Git as a user runs it, without anybody's configuration."""
    env = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    return await asyncio.to_thread(
        subprocess.run, ["git", *arguments], env=env, capture_output=True, text=True, check=False
    )


async def test_status_answers_with_it_as_often_as_asked(forge: StandIn, session: aiohttp.ClientSession) -> None:
    """Guards retry tests: a fault with a count goes away by itself, and `skip` lets requests pass first."""
    forge.faults.set(Fault("status", match="branches", status=503, count=2, skip=1, headers={"Retry-After": "7"}))
    answers = [(r.status, r.headers.get("Retry-After")) for r in [await session.get(LIST) for _ in range(4)]]
    assert answers == [(200, None), (503, "7"), (503, "7"), (200, None)]


async def test_a_fault_hits_only_what_it_matches(forge: StandIn, session: aiohttp.ClientSession) -> None:
    """Guards against faults that hit more than the test meant."""
    forge.faults.set(Fault("status", match=r"branches\?page=2", method="GET", status=500))
    assert (await session.get(LIST)).status == 200
    assert (await session.get(f"{LIST}?page=2")).status == 500
    forge.faults.clear()
    assert (await session.get(f"{LIST}?page=2")).status == 200


async def test_delay_waits_and_then_answers(forge: StandIn, session: aiohttp.ClientSession) -> None:
    """Guards time-out tests: the answer does not come before its time."""
    forge.faults.set(Fault("delay", seconds=30, match="branches"))
    with pytest.raises(TimeoutError):
        await session.get(LIST, timeout=aiohttp.ClientTimeout(total=0.2))
    forge.faults.clear()
    forge.faults.set(Fault("delay", seconds=0.05, match="branches"))
    began = time.monotonic()
    assert len(await (await session.get(LIST)).json()) == 3
    assert time.monotonic() - began >= 0.05


async def test_cut_promises_more_than_it_sends(forge: StandIn, session: aiohttp.ClientSession) -> None:
    """Guards readers against half a body taken for a whole one."""
    forge.faults.set(Fault("cut", match="branches", keep_bytes=10))
    answer = await session.get(LIST)
    assert answer.status == 200
    assert int(answer.headers["Content-Length"]) > 10
    with pytest.raises(aiohttp.ClientPayloadError):
        await answer.read()


async def test_short_page_keeps_the_count(forge: StandIn, session: aiohttp.ClientSession) -> None:
    """Guards "absence needs proof": the list is shorter than X-Total-Count says."""
    forge.faults.set(Fault("short_page", match="branches"))
    answer = await session.get(LIST)
    assert answer.headers["X-Total-Count"] == "3"
    assert len(await answer.json()) == 2


@pytest.mark.parametrize(("kind", "body"), [("empty", b""), ("wrong_json", b'{"message": "unexpected"}')])
async def test_a_body_of_another_shape(
    kind: str, body: bytes, forge: StandIn, session: aiohttp.ClientSession
) -> None:
    """Guards decoders: 200 says nothing about the body."""
    forge.faults.set(Fault(kind, match="branches"))  # type: ignore[arg-type]
    answer = await session.get(LIST)
    assert answer.status == 200
    assert await answer.read() == body


async def test_not_json_is_a_page_of_a_proxy(forge: StandIn, session: aiohttp.ClientSession) -> None:
    """Guards decoders against HTML with status 200."""
    forge.faults.set(Fault("not_json", match="branches"))
    answer = await session.get(LIST)
    assert (answer.status, answer.content_type) == (200, "text/html")


async def test_refuse_hangs_up_without_an_answer(forge: StandIn, session: aiohttp.ClientSession) -> None:
    """Guards clients against a connection that ends in silence."""
    forge.faults.set(Fault("refuse", match="branches"))
    with pytest.raises(aiohttp.ClientError):
        await session.get(LIST)


async def test_the_door_shuts_and_opens_on_the_same_port(forge: StandIn, session: aiohttp.ClientSession) -> None:
    """Guards tests of an unreachable forge: nothing listens, and afterwards all is as before."""
    assert (await session.get(LIST)).status == 200
    for _ in range(2):
        forge.faults.refuse_all(True)
        with pytest.raises(aiohttp.ClientError):
            await session.get(LIST)
        forge.faults.refuse_all(False)
        assert (await session.get(LIST)).status == 200


@pytest.mark.parametrize("kind", ["status", "cut", "empty", "refuse"])
async def test_git_sees_faults_too(kind: str, forge: StandIn) -> None:
    """Guards tests of fetching: a fault on git's own route makes git fail, never believe."""
    forge.faults.set(Fault(kind, match="git-upload-pack$", method="POST"))  # type: ignore[arg-type]
    done = await git("ls-remote", f"{forge.url}/acme/meta.git")
    if kind == "empty":
        assert done.stdout == ""
    else:
        assert done.returncode != 0


async def test_a_damaged_repository_answers_200_with_nothing(forge: StandIn, session: aiohttp.ClientSession) -> None:
    """Guards "never read no refs as all deleted": this is what both servers do when git fails inside."""
    await forge.damage("acme/meta")
    for path in ("info/refs?service=git-upload-pack", "info/refs?service=git-receive-pack"):
        answer = await session.get(f"/acme/meta.git/{path}", headers={"Git-Protocol": "version=2"})
        assert (answer.status, await answer.read()) == (200, b"")
    answer = await session.post("/acme/meta.git/git-upload-pack", data=b"0014command=ls-refs\n0000")
    assert (answer.status, await answer.read()) == (200, b"")


async def test_null_items_and_null_lists(forge: StandIn, session: aiohttp.ClientSession) -> None:
    """Guards list readers against what Go's encoder makes of nil."""
    number = await forge.open_pull("acme/meta", "one")
    forge.null_pulls.add(forge.pull("acme/meta", number).id)
    assert await (await session.get("/api/v1/repos/acme/meta/pulls")).json() == [None]
    forge.null_lists = True
    assert await (await session.get("/api/v1/repos/acme/meta/pulls?state=closed")).json() is None


async def test_processing_may_lag_behind_git(forge: StandIn, session: aiohttp.ClientSession) -> None:
    """Guards clients that ask the API right after a push: git shows it at once, the API later."""
    forge.processing_delay = 0.05
    before = forge.repository("acme/meta").updated_at
    await forge.commit("acme/meta", {"x": "x"}, "late")
    assert "refs/heads/late" in forge.refs("acme/meta")
    assert (await session.get(f"{LIST}/late")).status == 404
    assert forge.repository("acme/meta").updated_at == before
    await forge.settle()
    assert (await session.get(f"{LIST}/late")).status == 200


async def test_a_root_url_that_is_wrong_shows_in_links_only(forge: StandIn, session: aiohttp.ClientSession) -> None:
    """Guards paging against following a proxy's wrong address."""
    forge.root_url = "http://wrong.example"
    answer = await session.get(f"{LIST}?limit=1")
    assert 'http://wrong.example/api/v1/repos/acme/meta/branches?limit=1&page=2>; rel="next"' in answer.headers["Link"]


class Receiver:
    """Counts deliveries by id, in the order of arrival."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.ids.append(request.headers["X-Gitea-Delivery"])
        return web.Response(status=202)


@pytest.fixture
async def receiver(forge: StandIn) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    forge.add_hook("acme", f"http://127.0.0.1:{runner.addresses[0][1]}/hook", "secret")
    yield receiver
    await runner.cleanup()


async def test_deliveries_arrive_once_in_order(forge: StandIn, receiver: Receiver) -> None:
    """Guards the switches below: without them nothing is lost or moved."""
    tip = forge.refs("acme/meta")["refs/heads/main"]
    await forge.push_refs("acme/meta", {f"refs/heads/b{n}": tip for n in range(5)})
    await forge.deliveries.settle()
    assert receiver.ids == [d.id for d in forge.deliveries.sent]
    assert len(receiver.ids) == 10
    assert {d.status for d in forge.deliveries.sent} == {202}


async def test_drop_and_duplicate(forge: StandIn, receiver: Receiver) -> None:
    """Guards tests of lost and repeated deliveries."""
    forge.deliveries.drop = lambda delivery: delivery.event == "create"
    forge.deliveries.duplicate = 2
    await forge.create_branch("acme/meta", "new")
    await forge.deliveries.settle()
    create, push = forge.deliveries.sent
    assert (create.dropped, create.status) == (True, None)
    assert receiver.ids == [push.id] * 3


async def test_reorder_and_delay(forge: StandIn, receiver: Receiver) -> None:
    """Guards tests of order: everything arrives, in another order or later."""
    forge.deliveries.reorder = random.Random(1)
    tip = forge.refs("acme/meta")["refs/heads/main"]
    await forge.push_refs("acme/meta", {f"refs/heads/b{n}": tip for n in range(10)})
    await forge.deliveries.settle()
    sent = [d.id for d in forge.deliveries.sent]
    assert receiver.ids != sent
    assert sorted(receiver.ids) == sorted(sent)
    forge.deliveries.reorder = None
    forge.deliveries.delay = lambda delivery: 0.05 if delivery.event == "create" else 0.0
    receiver.ids.clear()
    await forge.create_branch("acme/meta", "new")
    await forge.deliveries.settle()
    create, push = forge.deliveries.sent[-2:]
    assert receiver.ids == [push.id, create.id]


async def test_a_receiver_that_is_gone_stops_nothing(forge: StandIn) -> None:
    """Guards against a stuck queue: a delivery is tried once, and the next one follows."""
    forge.add_hook("acme/meta", "http://127.0.0.1:9/hook", "secret")
    await forge.create_branch("acme/meta", "new")
    await forge.deliveries.settle()
    assert [(d.status, d.error) for d in forge.deliveries.sent] == [(None, "ClientConnectorError")] * 2
