"""`wait_for=owner/repo@commit`: whoever pushed reads what was pushed, or is told that it is not there."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from serving_place import META, Place, rfc, until

from daemon.reconciler import Reconciler
from daemon.waiting import Waiting
from gitea_client.fake import Fault


def problem(kind: str) -> str:
    return f"urn:forgeglass:problem:{kind}"


async def test_right_after_a_push_the_row_is_there_without_any_delivery() -> None:
    """Guards read-your-push: a delivery comes seconds later, or never."""
    async with Place() as place:
        await place.push(one=rfc("Before"))
        place.forge.deliveries.drop = True
        async with place.daemon() as daemon:
            await daemon.sweep()
            for title in ("First", "Second"):
                commit = await place.push(one=rfc(title))
                status, body, _ = await daemon.get(f"/api/v1/rfcs/one?wait_for={META}@{commit}")
                assert (status, body["title"], body["commit"]) == (200, title, commit)
            assert (await daemon.command("verify"))[1] == 0


async def test_a_commit_of_a_branch_or_a_pull_request_can_be_waited_for() -> None:
    """Guards those who push to a branch: what they wait for is never on the default branch."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        place.forge.deliveries.drop = True
        async with place.daemon() as daemon:
            await daemon.sweep()
            commit = await place.forge.commit(
                META, {"rfcs/two.md": rfc("Two")}, branch="propose/two", start="main", author="ada"
            )
            number = await place.forge.open_pull(META, head="propose/two", title="Two", by="ada")
            status, body, _ = await daemon.get(f"/api/v1/pulls?wait_for={META}@{commit}")
            assert (status, [item["number"] for item in body["items"]]) == (200, [number])


async def test_a_commit_that_does_not_come_is_told_with_the_head_that_is_there() -> None:
    """Guards against 200 with old rows, the one answer that a waiting reader must never get."""
    async with Place() as place:
        head = await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await daemon.sweep()
            status, body, _ = await daemon.get(f"/api/v1/rfcs?wait_for={META}@{'1' * 40}&timeout=0.2")
            assert (status, body["type"], body["head"]) == (504, problem("commit-not-seen"), head)


async def test_a_repository_that_nobody_reaches_is_not_waited_for() -> None:
    """Guards against a wait to the end of its time for what can never come."""
    async with Place() as place:
        head = await place.push(one=rfc("One"))
        await place.forge.create_repository("acme/other")
        async with place.daemon() as daemon:
            await daemon.sweep()
            mark = place.forge.mark()
            for name in ("acme/other", "acme/nowhere"):
                status, body, _ = await daemon.get(f"/api/v1/rfcs?wait_for={name}@{head}")
                assert (status, body["type"]) == (404, problem("unknown-repository"))
            assert place.forge.requests_since(mark) == []


async def test_all_who_wait_for_one_repository_share_its_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards the forge against a page that fifty people have open."""
    waiting = counted(monkeypatch, Waiting, "wait_for")
    looked = counted(monkeypatch, Reconciler, "look")
    async with Place() as place:
        await place.push(one=rfc("Before"))
        place.forge.deliveries.drop = True
        async with place.daemon() as daemon:
            await daemon.sweep()
            looked.clear()
            place.forge.faults.set(Fault("delay", match="git-upload-pack", seconds=60, count=1))
            commit = await place.push(one=rfc("After"))
            mark = place.forge.mark()
            question = daemon.get(f"/api/v1/rfcs/one?wait_for={META}@{commit}")
            waiters = [asyncio.create_task(question)]
            await until(lambda: len(daemon.engine.desk.queue.running) == 1)
            waiters += [
                asyncio.create_task(daemon.get(f"/api/v1/rfcs/one?wait_for={META}@{commit}")) for _ in range(49)
            ]
            await until(lambda: len(waiting) == 50)
            place.forge.faults.end()
            answers = await asyncio.gather(*waiters)
            assert {(status, body["title"]) for status, body, _ in answers} == {(200, "After")}
            looks = [r for r in place.forge.requests_since(mark) if r.path.endswith("git-upload-pack")]
            assert len(looks) <= 3  # refs and objects once, and refs once more for those who came meanwhile
            assert len(looked) <= 2


def counted(patch: pytest.MonkeyPatch, kind: Any, name: str) -> list[Any]:
    """The arguments of each call of a method, as it begins."""
    calls: list[Any] = []
    whole = getattr(kind, name)

    async def noting(self: Any, *arguments: Any, **named: Any) -> Any:
        calls.append(arguments)
        return await whole(self, *arguments, **named)

    patch.setattr(kind, name, noting)
    return calls


async def test_a_commit_that_is_nowhere_costs_the_forge_little_however_many_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Guards the forge: 200 strangers who waited for nothing cost it 1,311 requests (fault C3)."""
    waiting = counted(monkeypatch, Waiting, "wait_for")
    monkeypatch.setattr("daemon.waiting.FIRST_PAUSE", 0.01)
    async with Place() as place:
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await daemon.sweep()
            mark = place.forge.mark()
            path = f"/api/v1/rfcs?wait_for={META}@{'1' * 40}&timeout="
            many = [asyncio.create_task(daemon.get(f"{path}1.5")) for _ in range(40)]
            await until(lambda: len(waiting) >= 40)
            for _ in range(40):  # those who come one after another ask no more than those who come together
                assert (await daemon.get(f"{path}0"))[0] == 504
            assert {status for status, *_ in await asyncio.gather(*many)} == {504}
            assert len(place.forge.requests_since(mark)) <= 10, "pauses double: 0.01 s, 0.02 s, … 0.64 s"
            commit = await place.push(two=rfc("Two"))  # and whoever waits for something is answered all the same
            status, body, _ = await daemon.get(f"/api/v1/rfcs/two?wait_for={META}@{commit}")
            assert (status, body["title"]) == (200, "Two")


async def test_who_waits_leaves_a_repository_in_its_back_off() -> None:
    """Guards a forge that is in trouble: anybody could have it asked again and again (fault C3)."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        place.forge.deliveries.drop = True
        async with place.daemon() as daemon:
            await daemon.sweep()
            place.forge.faults.set(Fault("status", match="git-upload-pack", status=403))
            commit = await place.push(one=rfc("Two"))
            assert (await daemon.command("sweep"))[1] != 0
            queue, (repository_id,) = daemon.engine.desk.queue, daemon.engine.desk.book.reach.interests
            before, mark = queue.backoffs()[repository_id], place.forge.mark()
            for _ in range(5):
                status, body, _ = await daemon.get(f"/api/v1/rfcs?wait_for={META}@{commit}&timeout=0.05")
                assert (status, "403" in body["error"]) == (504, True)
            assert queue.backoffs()[repository_id] == before
            assert place.forge.requests_since(mark) == []


async def test_a_wait_during_a_fault_says_what_is_wrong_and_the_next_one_goes_well() -> None:
    """Guards against a wait that hangs, answers old rows, or leaves the repository in back-off for who comes next."""
    async with Place() as place:
        await place.push(one=rfc("Before"))
        place.forge.deliveries.drop = True
        async with place.daemon() as daemon:
            await daemon.sweep()
            commit = await place.push(one=rfc("After"))
            place.forge.faults.set(Fault("empty", match="git-upload-pack"))
            status, body, _ = await daemon.get(f"/api/v1/rfcs/one?wait_for={META}@{commit}&timeout=3s")
            assert (status, body["type"]) == (504, problem("commit-not-seen"))
            assert META in body["error"]
            assert (await daemon.titles()) == {"one": "Before"}
            place.forge.faults.clear()
            status, body, _ = await daemon.get(f"/api/v1/rfcs/one?wait_for={META}@{commit}")
            assert (status, body["title"]) == (200, "After")
