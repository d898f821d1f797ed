"""Deliveries end to end: whatever becomes of them on the way, the rows end up right, and none that was answered with
202 is lost."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
import signal
from typing import Any

import pytest
from serving_place import META, SECRET, Daemon, Place, rfc, until

from gitea_client.fake import Fault


async def pending(daemon: Daemon) -> int:
    return (await daemon.engine.inbox.backlog()).pending


async def settled(place: Place, daemon: Daemon) -> None:
    """Everything was sent, and what was sent was acted on."""
    await place.forge.deliveries.settle()
    await daemon.engine.desk.workers.idle()


@pytest.mark.parametrize("way", ["doubled, reordered and late", "some lost", "all lost"])
async def test_the_rows_end_up_right_however_deliveries_arrive(way: str) -> None:
    """Guards level against edge: a delivery says where to look, and nothing more follows from it."""
    async with Place() as place:
        await place.push(keep=rfc("Keep"))
        async with place.daemon() as daemon:
            await daemon.sweep()
            deliveries, chance = place.forge.deliveries, random.Random(way)
            if "lost" in way:
                deliveries.drop = way == "all lost" or (lambda _delivery: chance.random() < 0.5)
            else:
                deliveries.duplicate, deliveries.reorder = 2, chance
                deliveries.delay = lambda _delivery: chance.random() / 20
            for number in range(4):
                await place.push(moving=rfc(f"Version {number}"), **{f"entry{number}": rfc()})
                branch = f"propose/new{number}"
                files = {f"rfcs/new{number}.md": rfc("New")}
                await place.forge.commit(META, files, branch=branch, start="main", author="ada")
                pull = await place.forge.open_pull(META, head=branch, title=f"New {number}", by="ada")
                if number % 2:
                    await place.forge.merge(META, pull, delete_branch=True)
                else:
                    await place.forge.close(META, pull)
            await settled(place, daemon)
            assert await pending(daemon) == 0
            if "lost" in way:
                await daemon.sweep()
            assert (await daemon.titles())["moving"] == "Version 3"
            states = {item["title"]: item["state"] for item in (await daemon.get("/api/v1/pulls"))[1]["items"]}
            assert states == {"New 0": "closed", "New 1": "merged", "New 2": "closed", "New 3": "merged"}
            report, code = await daemon.command("verify")
            assert code == 0, report["differences"]


async def test_a_delivery_is_done_only_when_a_look_that_began_after_it_is_written() -> None:
    """Guards against settling a delivery by a look that had read the refs before the push."""
    async with Place() as place:
        await place.push(one=rfc("Before"))
        async with place.daemon() as daemon:
            await daemon.sweep()
            gates = held(daemon, 2)
            waiting = asyncio.create_task(daemon.sweep(deep=True))
            await gates[0].reached.wait()  # the first look has read everything, and is not written
            await place.push(one=rfc("After"))
            await place.forge.deliveries.settle()
            assert await pending(daemon) == 1
            gates[0].opened.set()
            await gates[1].reached.wait()  # the first look is over
            assert await daemon.titles() == {"one": "Before"}
            assert await pending(daemon) == 1
            gates[1].opened.set()
            await waiting
            await daemon.engine.desk.workers.idle()
            assert await daemon.titles() == {"one": "After"}
            assert await pending(daemon) == 0


class Gate:
    """A place where a look is held between reading and writing."""

    def __init__(self) -> None:
        self.reached, self.opened = asyncio.Event(), asyncio.Event()


def held(daemon: Daemon, count: int) -> list[Gate]:
    """Hold the next `count` looks once they have read."""
    reader, gates = daemon.engine.desk.reconciler.reader, [Gate() for _ in range(count)]
    read, closed = reader.read, iter(list(gates))

    async def gated(*arguments: Any) -> Any:
        outcome = await read(*arguments)
        gate = next(closed, None)
        if gate is not None:
            gate.reached.set()
            await gate.opened.wait()
        return outcome

    reader.read = gated  # type: ignore[method-assign, assignment] # a gate
    return gates


async def test_what_is_killed_right_after_its_202_is_worked_on_at_the_next_start() -> None:
    """Guards the one promise of the receiver: answered means stored, whatever happens next."""
    async with Place() as place:
        await place.push(one=rfc("Before"))
        async with place.process() as daemon:
            await daemon.logged("sweep.done")
            place.forge.faults.set(Fault("status", match="git-upload-pack", status=500))  # nothing can be read for it
            await place.push(one=rfc("After"))
            await place.forge.deliveries.settle()
            assert {each.status for each in place.forge.deliveries.sent} == {202}
            assert (await daemon.end(signal.SIGKILL))[0] == -signal.SIGKILL
        place.forge.faults.clear()
        async with place.daemon() as daemon_again:  # without any sweep: only the inbox knows
            await daemon_again.engine.desk.workers.idle()
            assert await daemon_again.titles() == {"one": "After"}
            assert await pending(daemon_again) == 0
        assert any(line["event"] == "inbox.resumed" and line["pending"] == 1 for line in place.lines)


async def send(daemon: Daemon, event: str, payload: dict[str, Any], secret: str = SECRET) -> tuple[int, Any]:
    """A delivery of our own making, signed as the forges' documentation says."""
    body = json.dumps(payload).encode()
    headers = {
        "Content-Type": "application/json",
        "X-Gitea-Delivery": f"id-of-{event}",
        "X-Gitea-Event": event,
        "X-Gitea-Event-Type": event,
        "X-Gitea-Signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }
    async with daemon.session.post(f"{daemon.url}/webhooks/gitea", data=body, headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_what_concerns_nobody_is_answered_counted_and_settled() -> None:
    """Guards against an inbox that fills with what nobody will ever work on, and a forge that is told of errors."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await daemon.sweep()
            owner = {"login": "strangers"}
            repository = {"id": 4711, "full_name": "strangers/things", "name": "things", "owner": owner}
            push = {"ref": "refs/heads/main", "before": "0" * 40, "after": "1" * 40, "repository": repository}
            assert await send(daemon, "push", push) == (202, {"status": "accepted"})
            assert await send(daemon, "push", push) == (202, {"status": "duplicate"})
            assert (await send(daemon, "wiki", {"repository": repository}))[0] == 202
            assert (await send(daemon, "never-heard-of", {"repository": repository}))[0] == 202

            async def nothing_pending() -> bool:
                return await pending(daemon) == 0

            await until(nothing_pending)
            mark = place.forge.mark()
            await daemon.engine.desk.workers.idle()
            assert place.forge.requests_since(mark) == []
            counted = (await daemon.get("/metrics"))[1]
            assert 'forgeglass_deliveries_total{event="push",outcome="accepted"} 1.0' in counted
            assert 'forgeglass_deliveries_total{event="push",outcome="duplicate"} 1.0' in counted
            ignored = [line for line in counted.splitlines() if line.startswith("forgeglass_deliveries_total{")]
            assert sum('outcome="ignored"' in line for line in ignored) == 2


async def test_a_delivery_that_is_not_signed_by_our_secret_is_refused() -> None:
    """Guards against anybody who finds the address: no look, no row in the inbox, and a count that tells of it."""
    async with Place() as place, place.daemon() as daemon:
        status, body = await send(daemon, "push", {"repository": {"id": 1, "full_name": META}}, secret="guessed")
        assert status == 401
        assert "secret" in body["detail"]
        assert (await daemon.engine.inbox.backlog()).states == {}
        assert 'outcome="signature"' in (await daemon.get("/metrics"))[1]


async def test_a_repository_that_is_created_is_listed_soon() -> None:
    """Guards against waiting a whole interval (here a minute) for what a delivery has told of."""
    async with Place() as place:
        await place.push(one=rfc("One", state="active", repo="acme/home"))
        async with place.daemon(scheduled=True) as daemon:
            await daemon.served.schedule.first.wait()
            await place.forge.create_repository("acme/home")
            await place.forge.commit("acme/home", {"RFC.md": b"# Home\n"}, author="ada")

            async def there() -> bool:
                return bool((await daemon.get("/api/v1/rfcs/one/branches"))[1].get("items"))

            await until(there)
