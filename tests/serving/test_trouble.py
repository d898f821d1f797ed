"""docs/how-to/trouble.md is walked: each line's outage is made, seen as it says, and mended by what it says to do."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import pytest
from outages import Said, ask, push_both
from serving_place import ROOT, Daemon, Place, rfc
from test_outages import logged, swept

from gitea_client.fake import Fault

PAGE = (ROOT / "docs" / "how-to" / "trouble.md").read_text()
ROWS = {
    cells[0]: cells for line in PAGE.splitlines()
    if line.startswith("| ") and len(cells := [cell.strip() for cell in line.strip("|").split("|")]) == 3
    and cells[0] not in ("---", "what you see")
}  # fmt: skip


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses between attempts: they are tests of their own."""
    monkeypatch.setattr("gitea_client.transport.Transport.ATTEMPTS", 1)
    monkeypatch.setattr("daemon.failing.outage.REMEMBERED", 0.0)
    monkeypatch.setattr("gitea_client.credentials.GAP", 0.0)


async def told(place: Place, daemon: Daemon) -> Said:
    """What every surface says after two sweeps."""
    await swept(daemon, 2)
    return await ask(place, daemon)


async def mended(place: Place, daemon: Daemon) -> None:
    """All is well again, by itself."""
    place.forge.faults.clear()
    place.forge.faults.refuse_all(False)
    for repository_id in list(daemon.engine.desk.queue.backoffs()):
        daemon.engine.desk.queue.forget(repository_id)
    (report, _) = await daemon.command("sweep", deep=True)
    assert report["errors"] == []
    await swept(daemon)
    (await ask(place, daemon)).well()


async def nobody_answers() -> None:
    """The command says so with 3; a daemon that cannot start names the cause in its last line."""
    async with Place() as place:
        ran = await place.command("status")
        assert ran.code == 3
        assert "no daemon runs" in ran.out
        assert "start it" in ran.out
        json = await place.command("status", "--json")
        assert (json.code, json.json["running"]) == (3, False)
        place.configure(more="\n[nonsense]\n")
        started = await place.spawn("serve")
        assert started.code == 2
        assert "nonsense" in started.err.strip().splitlines()[-1]


async def not_ready() -> None:
    """Before the first sweep has ended, and not after it."""
    async with Place() as place, place.daemon() as daemon:
        assert (await daemon.get("/readyz"))[0] == 503
        ran = await place.command("status")
        assert ran.code == 0
        assert "the first sweep is under way" in ran.out
        await swept(daemon)
        assert (await daemon.get("/readyz"))[0] == 200


async def never_read() -> None:
    """readyz counts it, doctor names it."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        place.forge.faults.set(Fault("status", match=r"/acme/meta.git/", status=500))
        async with place.daemon() as daemon:
            said = await told(place, daemon)
            assert (await daemon.get("/readyz"))[1]["never_read"] == 1
            assert "acme/meta" in str(said.doctor)
            await mended(place, daemon)
            assert "never_read" not in (await daemon.get("/readyz"))[1]


async def paused() -> None:
    """Paused, whoever stands in front of the forge."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await swept(daemon)
            for fault in (None, Fault("not_json")):
                if fault is None:
                    place.forge.faults.refuse_all()
                else:
                    place.forge.faults.set(fault)
                said = await told(place, daemon)
                said.fails("forge")
                assert said.status["paused"]
                assert await daemon.titles() == {"one": "One"}
                await mended(place, daemon)


async def token_refused() -> None:
    """A new token in the file is all that is to do."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await swept(daemon)
            place.forge.world.users["root1"].token = "another"
            said = await told(place, daemon)
            said.fails("forge")
            said.everywhere("HTTP 401", "forge.token_file")
            (place.root / "token").write_text("another")
            await mended(place, daemon)


async def storage(monkeypatch: pytest.MonkeyPatch) -> None:
    """The remedy is that of the disk; test_full_disk.py has every kind of it."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await swept(daemon)

            async def fail(_sweep: object) -> None:
                raise OSError(28, "No space left on device")

            with monkeypatch.context() as patch:
                patch.setattr(daemon.engine.state.sweeps, "add", fail)
                said = await told(place, daemon)
                said.fails("storage")
                said.everywhere("the disk is full", "free some space")
            await mended(place, daemon)


async def program(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last rows are served, and the log has it whole."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await swept(daemon)

            async def fail(**_: object) -> None:
                raise ZeroDivisionError

            with monkeypatch.context() as patch:
                patch.setattr(daemon.engine.desk.sweeper, "sweep", fail)
                said = await told(place, daemon)
            said.fails("program")
            said.everywhere("please report it")
            assert logged(place, "program.failing")[0]["exc_info"]
            assert await daemon.titles() == {"one": "One"}
            await mended(place, daemon)


async def owner() -> None:
    """That one is named, the others are read."""
    async with Place() as place:
        text = place.config_file.read_text().replace('owners = ["acme"]', 'owners = ["acme", "gone"]')
        place.config_file.write_text(text)
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            said = await told(place, daemon)
            said.fails("owner")
            said.everywhere("gone", "HTTP 404")
            assert await daemon.titles() == {"one": "One"}
            place.forge.create_organization("gone")
            await mended(place, daemon)


async def repository() -> None:
    """That one waits with its remedy, and everything else goes on."""
    async with Place() as place:
        await place.forge.create_repository("acme/home")
        await push_both(place, "One")
        async with place.daemon() as daemon:
            await swept(daemon)
            place.forge.faults.set(Fault("status", match=r"/acme/home.git/", status=500))
            await push_both(place, "Two")
            said = await told(place, daemon)
            said.fails("repository")
            (one,) = [each for each in said.status["repositories"] if each["in_back_off"]]
            assert one["full_name"] == "acme/home"
            assert one["remedy"]
            assert await daemon.titles() == {"one": "Two"}
            await mended(place, daemon)


async def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logged after so many seconds, which are five."""
    from gitea_client.transport import Transport

    assert Transport.SLOW == 5
    monkeypatch.setattr(Transport, "SLOW", 0.05)
    async with Place() as place, place.daemon() as daemon:
        place.forge.faults.set(Fault("delay", seconds=0.3))
        await swept(daemon)
        assert logged(place, "forge.slow")


async def deliveries() -> None:
    """They are counted while their repository cannot be read, and worked on after it."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await swept(daemon)
            place.forge.faults.set(Fault("status", match=r"/acme/meta.git/", status=500))
            for number in range(3):
                await place.push(one=rfc(f"Number {number}"))
            await place.forge.deliveries.settle()
            said = await told(place, daemon)
            assert said.status["deliveries"]["pending"] == 3
            assert "deliveries that wait: 3" in said.words
            assert said.status["queue"]["waiting"] == 1
            await mended(place, daemon)


async def stale(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer says so while a repository that it may come from is in back-off."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await swept(daemon)
            assert (await daemon.get("/api/v1/rfcs"))[1]["stale"] is False
            place.forge.faults.set(Fault("status", match=r"/acme/meta.git/", status=500))
            await place.push(one=rfc("Two"))
            await told(place, daemon)
            assert (await daemon.get("/api/v1/rfcs"))[1]["stale"] is True
            await mended(place, daemon)
            assert (await daemon.get("/api/v1/rfcs"))[1]["stale"] is False


WALKS: dict[str, Callable[..., Awaitable[None]]] = {
    "nobody answers, `status` ends with 3": nobody_answers,
    "`readyz` 503": not_ready,
    "`readyz` counts `never_read`": never_read,
    "`paused`, and the forge fails": paused,
    "the forge fails with HTTP 401": token_refused,
    "the storage fails": storage,
    "Forgeglass itself fails": program,
    "an owner fails": owner,
    "a repository fails, and is `in_back_off`": repository,
    "`forge.slow` in the log": slow,
    "`deliveries.pending` grows": deliveries,
    "answers say `stale`": stale,
}


def test_every_line_of_the_page_is_walked() -> None:
    """A line that is added has its outage made here; one that goes takes it along."""
    assert list(WALKS) == list(ROWS)


@pytest.mark.parametrize("row", WALKS)
async def test_a_line_of_the_page_is_true(row: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Expected: what the line says is seen, and what it says to do mends it."""
    walk = WALKS[row]
    await (walk(monkeypatch) if walk.__code__.co_argcount else walk())


def test_the_events_that_the_page_names_are_logged() -> None:
    """Guards whoever searches the log for what the page says."""
    from daemon.failing.failures import KINDS

    for event in re.findall(r"`(\w+)\.(?:failing|recovered)`", PAGE):
        assert event in KINDS
