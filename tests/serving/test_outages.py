"""Every outage is said by every surface within two sweeps, to whoever may know, and so is its end (O7, O8, O13)."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from outages import Said, ask, push_both
from serving_place import Daemon, Place, rfc
from structlog.testing import capture_logs

from daemon.failing.failures import Failures
from daemon.report import Trouble
from daemon.sweep.scheduled import Scheduled
from gitea_client.fake import Fault

SWEEPS = 2
"""Within so many everything is said."""


def break_forge(place: Place, how: str) -> None:
    """Make the forge as a whole fail."""
    faults = {
        "500": Fault("status", status=500),
        "502 of a proxy": Fault("status", status=502),
        "503 with Retry-After": Fault("status", status=503, headers={"Retry-After": "0"}),
        "half an answer": Fault("cut", keep_bytes=10),
        "a proxy's page with 200": Fault("not_json"),
        "nothing with 200": Fault("empty"),
        "another's JSON": Fault("wrong_json"),
        "hangs": Fault("delay", seconds=30),
        "hangs up": Fault("refuse"),
        "401": Fault("status", status=401),
        "404 of a proxy": Fault("status", status=404),
        "a sign-in page": Fault("status", status=302, headers={"Location": "https://sso.example.org/"}),
    }
    if how == "refused":
        place.forge.faults.refuse_all()
    else:
        place.forge.faults.set(faults[how])


OUTAGES = {
    "refused": "refuses connections", "500": "HTTP 500", "502 of a proxy": "HTTP 502",
    "503 with Retry-After": "HTTP 503", "half an answer": "was cut", "a proxy's page with 200": "not what this route",
    "nothing with 200": "not what this route", "another's JSON": "not what this route", "hangs": "within",
    "hangs up": "hung up", "401": "HTTP 401", "404 of a proxy": "HTTP 404", "a sign-in page": "HTTP 302",
}  # fmt: skip


async def swept(daemon: Daemon, times: int = 1) -> None:
    """Sweep as the schedule does."""
    for _ in range(times):
        await Scheduled(daemon.engine).quiet(lists=False)


def logged(place: Place, event: str) -> list[Any]:
    """The lines of this event."""
    return [line for line in place.lines if line["event"] == event]


@pytest.mark.parametrize("how", OUTAGES)
async def test_an_outage_is_said_everywhere_and_so_is_its_end(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Expected: paused, with cause and remedy, on every surface; rows stay; one line when it begins, one at the end."""
    monkeypatch.setattr("daemon.failing.outage.SECONDS", 0.5)
    monkeypatch.setattr("daemon.failing.outage.REMEMBERED", 0.0)
    async with Place() as place:
        place.config_file.write_text(place.config_file.read_text().replace('timeout = "5s"', 'timeout = "1500ms"'))
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await swept(daemon)
            (await ask(place, daemon)).well()
            break_forge(place, how)
            await swept(daemon, SWEEPS)
            said = await ask(place, daemon)
            said.fails("forge")
            said.everywhere(OUTAGES[how])
            assert said.status["paused"]
            assert said.stranger["paused"]
            assert said.metrics["paused"] == 1
            assert said.status["good_sweep_at"] < said.status["failed_sweeps_since"]
            assert said.status["failed_sweeps"] == SWEEPS
            assert [one["failed"] for one in said.stranger["sweeps"]] == [True, True, False]
            assert all(one["last_error"] for one in said.stranger["owners"]), "null would read as health"
            assert all(bool(one["errors"]) is one["failed"] for one in said.stranger["sweeps"])
            assert await daemon.titles() == {"one": "One"}
            assert len(logged(place, "forge.failing")) == 1
            assert not logged(place, "owner.failing"), "it is the forge that fails, not its owners"
            place.forge.faults.clear()
            place.forge.faults.refuse_all(False)
            await swept(daemon, SWEEPS)
            (await ask(place, daemon)).well()
            (over,) = logged(place, "forge.recovered")
            assert over["lasted"] >= 0
            assert over["times"] == SWEEPS


async def test_a_name_server_that_fails_is_an_outage_and_heals_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose names do not resolve for a night: said on every surface as what it is, nothing is lost, and the
    first sweep that finds the forge again ends it."""
    found = socket.getaddrinfo
    broken = False

    def resolved(host: Any, *arguments: Any, **named: Any) -> Any:
        if broken and host in ("localhost", b"localhost"):
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return found(host, *arguments, **named)

    async with Place() as place:
        place.configure(url=place.forge.url.replace("127.0.0.1", "localhost"))
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await swept(daemon)
            monkeypatch.setattr(socket, "getaddrinfo", resolved)
            broken = True
            session = daemon.engine.forge.transport._session
            assert session is not None
            session.connector.clear_dns_cache()
            place.forge.faults.set(Fault("refuse", count=8))  # connections that still stand need no name
            await swept(daemon, SWEEPS)
            said = await ask(place, daemon)
            said.fails("forge")
            said.everywhere("no name server knows the host localhost")
            assert await daemon.titles() == {"one": "One"}
            broken = False
            await swept(daemon)
            (await ask(place, daemon)).well()
            assert len(logged(place, "forge.recovered")) == 1


async def test_an_outage_ends_where_there_is_nothing_to_read() -> None:
    """Guards a forge without a single repository within reach: that it lists them is an answer."""
    async with Place() as place:
        place.config_file.write_text(place.config_file.read_text().replace('meta = "acme/meta"', 'meta = "acme/none"'))
        async with place.daemon() as daemon:
            await swept(daemon)
            place.forge.faults.refuse_all()
            await swept(daemon)
            assert daemon.engine.failures.paused
            place.forge.faults.refuse_all(False)
            await swept(daemon)
            assert not daemon.engine.failures.paused
            assert logged(place, "forge.recovered")


async def test_one_owner_who_cannot_be_read_is_no_outage() -> None:
    """Expected: that one is named to those who may know, and nothing is said to wait for the forge."""
    async with Place() as place:
        text = place.config_file.read_text().replace('owners = ["acme"]', 'owners = ["nobody-here", "acme"]')
        place.config_file.write_text(text)
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await swept(daemon, SWEEPS)
            said = await ask(place, daemon)
            said.fails("owner")
            said.everywhere("nobody-here", "HTTP 404")
            assert not said.status["paused"]
            assert await daemon.titles() == {"one": "One"}


async def refused(place: Place, daemon: Daemon) -> Said:
    """What is said when the forge hangs up on whoever reads one repository, to which something was pushed."""
    place.forge.faults.set(Fault("refuse", match=r"/acme/meta.git/"))
    await place.push(one=rfc("Two"))
    await swept(daemon, SWEEPS)
    return await ask(place, daemon)


async def test_one_repository_that_cannot_be_read_is_no_outage() -> None:
    """Expected: it is named with what is wrong, though it answers as an unreachable forge would."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await swept(daemon)
            said = await refused(place, daemon)
            assert said.metrics["repository"] == 1
            assert not said.status["paused"]
            (failing,) = said.status["failing"]
            assert (failing["what"], failing["name"]) == ("repository", "acme/meta")
            assert "hung up" in failing["error"]
            assert "acme/meta" in said.words
            assert "acme/meta" in said.console
            assert len(logged(place, "repository.failing")) == 1


async def test_one_repository_that_hangs_holds_up_no_other() -> None:
    """Guards readers of the others: a forge that answers them is not waited for."""
    async with Place() as place:
        place.config_file.write_text(place.config_file.read_text().replace('timeout = "5s"', 'timeout = "300ms"'))
        await place.forge.create_repository("acme/home")
        await push_both(place, "One")
        async with place.daemon() as daemon:
            await swept(daemon)
            place.forge.faults.set(Fault("delay", match=r"/acme/home.git/", seconds=30))
            await push_both(place, "Two")
            await swept(daemon, SWEEPS)
            said = await ask(place, daemon)
            assert [one["name"] for one in said.status["failing"]] == ["acme/home"]
            assert daemon.engine.desk.queue.paused_until <= daemon.served.schedule.now()
            assert await daemon.titles() == {"one": "Two"}


async def test_a_private_repository_that_fails_is_not_named_to_strangers() -> None:
    """Expected: that something fails is told, which one is not."""
    async with Place() as place:
        place.forge.world.repositories[next(iter(place.forge.world.repositories))].private = True
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await swept(daemon)
            said = await refused(place, daemon)
            assert not said.stranger["well"]
            assert "meta" not in str(said.stranger)
            assert "acme/meta" in str(said.status["failing"])


async def test_a_hanging_forge_is_logged_long_before_the_request_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Expected: one line after some seconds, while the request still waits."""
    monkeypatch.setattr("gitea_client.transport.Transport.SLOW", 0.05)
    async with Place() as place:
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            await swept(daemon)
            place.forge.faults.set(Fault("delay", seconds=0.5))
            assert not logged(place, "forge.slow")
            await swept(daemon)
            assert len(logged(place, "forge.slow")) == 1, "once, however many requests are slow"
            assert "GET /api/v1/" in logged(place, "forge.slow")[0]["request"]


class Clock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        """On."""
        self.now += timedelta(seconds=seconds)


def test_a_failure_is_logged_in_full_then_every_tenth_time_then_once_when_it_ends() -> None:
    """Guards the log of a night: 500 failed sweeps are some fifty lines that say how long it has lasted."""
    clock = Clock()
    failures = Failures(clock)
    with capture_logs() as lines:
        for _ in range(25):
            failures.failed("forge", "HTTP 502", "look at its log")
            clock.move(60)
        failures.ended("forge")
        failures.ended("forge")
    first, tenth, twentieth, over = lines
    assert (first["event"], first["error"], first["remedy"]) == ("forge.failing", "HTTP 502", "look at its log")
    assert "times" not in first
    assert (tenth["times"], tenth["lasted"]) == (10, 540.0)
    assert (twentieth["times"], twentieth["lasted"]) == (20, 1140.0)
    assert (over["event"], over["times"], over["lasted"]) == ("forge.recovered", 25, 1500.0)


def test_another_error_of_the_same_failure_is_logged_too_but_not_without_end() -> None:
    """Guards both: a forge that first refused and then hangs, and one whose every answer differs."""
    failures = Failures(Clock())
    with capture_logs() as lines:
        for number in range(9):
            failures.failed("owner", f"error {number}", "", key="acme", name="acme")
    assert [line["error"] for line in lines] == [f"error {number}" for number in range(5)]
    assert {line["owner"] for line in lines} == {"acme"}


def test_what_a_sweep_finds_well_again_is_over() -> None:
    """Guards against failures that stay for ever, and against one that a sweep ends which did not look at it."""
    clock = Clock()
    failures = Failures(clock)
    failures.failed("repository", "HTTP 500", "", key="7", name="acme/a")
    troubles = [Trouble("owner:acme", "HTTP 404", ""), Trouble("name:x/y", "HTTP 500", ""),
                Trouble("repository:acme/a", "HTTP 500", ""), Trouble("repository:9", "odd", "")]  # fmt: skip
    failures.swept(troubles, clock.now, complete=True)
    kinds = [one.what for one in failures.open]
    assert kinds == ["owner", "repository", "repository", "name"]
    failures.swept([], clock.now, complete=False)
    assert [(one.what, one.name) for one in failures.open] == [("repository", "acme/a"), ("repository", "9")]
    failures.swept([], clock.now, complete=True)
    assert [(one.what, one.name) for one in failures.open] == [("repository", "acme/a")]
    failures.ended("repository", "7")
    assert failures.open == ()


def test_a_disk_that_refused_a_delivery_is_not_well_by_a_sweep_that_wrote_little() -> None:
    """Guards against a disk that is said to be full and well again every minute."""
    clock = Clock()
    failures = Failures(clock)
    for _ in range(3):
        clock.move(30)
        failures.stored_badly("the disk is full", "free some space")
        clock.move(30)
        failures.swept([], clock.now, complete=False)
        assert [one.what for one in failures.open] == ["storage"]
    clock.move(60)
    failures.swept([], clock.now, complete=False)
    assert failures.open == ()


async def test_a_clean_stop_ends_with_its_line() -> None:
    """Expected: `daemon.stopped` is the last line, after everything was closed."""
    async with Place() as place, place.process() as running:
        await running.logged("daemon.started")
        code, _ = await running.end(15)
        assert code == 0
        assert '"daemon.stopped"' in running.lines[-1]
