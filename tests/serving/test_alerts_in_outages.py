"""Each alert fires in the outage that it is for: a real daemon, a real outage, its own /metrics, the rule as it is.

One simulated minute is one sweep (as by default) and one scrape; the daemon's clock is moved by as much. promtool is
not needed: `promql.py` computes what the rules ask, and is held against promtool where that is installed.
"""

from __future__ import annotations

import asyncio
import hmac
import shutil
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from promql import History, evaluate
from serving_place import ROOT, SECRET, Daemon, Place, rfc
from sqlalchemy.exc import OperationalError

from gitea_client.fake import Fault

FILE = ROOT / "deploy" / "monitoring" / "alerts.yaml"
RULES = {rule["alert"]: rule for rule in yaml.safe_load(FILE.read_text())["groups"][0]["rules"]}


class Watched:
    """A daemon, a clock that is moved by hand, and Prometheus's view of it."""

    def __init__(self, place: Place, daemon: Daemon, clock: list[timedelta]) -> None:
        self.place, self.daemon, self.clock = place, daemon, clock
        self.history = History()
        self.down = False

    async def minutes(
        self, count: int, each: Callable[[], Awaitable[Any]] | None = None, *, sweeps: bool = True
    ) -> None:
        """Let so many minutes pass, with a sweep in each."""
        for _ in range(count):
            self.clock[0] += timedelta(minutes=1)
            if each is not None:
                await each()
            if sweeps:
                await self.daemon.served.schedule.sweeps.quiet(lists=False)
            await self.scrape()

    async def scrape(self) -> None:
        """Ask as Prometheus does; a daemon that is gone gives nothing."""
        if self.down:
            self.history.add(None)
            return
        async with self.daemon.session.get(f"{self.daemon.url}/metrics") as answer:
            self.history.add(await answer.text() if answer.status == 200 else None)

    def firing(self) -> set[str]:
        """The alerts that fire now."""
        return {name for name, rule in RULES.items() if self.history.fires(rule)}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[timedelta]:
    """How far the daemon's clock is ahead."""
    ahead = [timedelta(0)]
    monkeypatch.setattr("daemon.serving.utc_now", lambda: datetime.now(UTC) + ahead[0])
    return ahead


@asynccontextmanager
async def watched(clock: list[timedelta]) -> AsyncIterator[Watched]:
    """A daemon that is well for six minutes, and raises nothing."""
    async with Place() as place:
        await place.push(one=rfc("One"))
        async with place.daemon() as daemon:
            found = Watched(place, daemon, clock)
            await found.minutes(6)
            assert found.firing() == set()
            yield found


async def test_a_daemon_that_is_well_raises_nothing(clock: list[timedelta]) -> None:
    """An alarm that always rings is not heard: two hours with pushes, deliveries and sweeps."""
    async with watched(clock) as found:
        async def push() -> None:
            await found.place.push(one=rfc(f"At {clock[0]}"))
            await found.place.forge.deliveries.settle()
            await found.daemon.engine.desk.workers.idle()

        for _ in range(4):
            await found.minutes(2, push)
            await found.minutes(28)
            assert found.firing() == set()


async def test_a_daemon_that_is_gone(clock: list[timedelta]) -> None:
    """ForgeglassDown."""
    async with watched(clock) as found:
        found.down = True
        await found.minutes(6, sweeps=False)
        assert found.firing() == {"ForgeglassDown"}


@pytest.mark.parametrize("fault", [
    None, Fault("status", status=502), Fault("status", status=401), Fault("not_json"), Fault("cut"),
], ids=["refused", "502", "401", "a proxy's page", "cut"])  # fmt: skip
async def test_a_forge_that_fails(clock: list[timedelta], fault: Fault | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """ForgeglassForgePaused and ForgeglassSweepsFailing within a quarter of an hour, ForgeglassStale with it."""
    monkeypatch.setattr("gitea_client.transport.Transport.ATTEMPTS", 1)
    monkeypatch.setattr("daemon.failing.outage.REMEMBERED", 0.0)
    async with watched(clock) as found:
        if fault is None:
            found.place.forge.faults.refuse_all()
        else:
            found.place.forge.faults.set(fault)
        await found.minutes(12)
        assert found.firing() == {"ForgeglassForgePaused", "ForgeglassSweepsFailing"}
        await found.minutes(6)
        assert found.firing() == {"ForgeglassForgePaused", "ForgeglassSweepsFailing", "ForgeglassStale"}
        found.place.forge.faults.clear()
        found.place.forge.faults.refuse_all(False)
        await found.minutes(18)
        assert found.firing() == set()


async def test_a_repository_that_cannot_be_read(clock: list[timedelta], monkeypatch: pytest.MonkeyPatch) -> None:
    """ForgeglassRepositoriesFailing, with ForgeglassInboxGrowing for the delivery that waits for it."""
    monkeypatch.setattr("gitea_client.transport.Transport.ATTEMPTS", 1)
    async with watched(clock) as found:
        found.place.forge.faults.set(Fault("status", match=r"/acme/meta.git/", status=500))
        await found.place.push(one=rfc("Two"))
        await found.place.forge.deliveries.settle()
        await found.daemon.engine.desk.workers.idle()
        await found.minutes(22)
        firing = found.firing()
        assert {"ForgeglassRepositoriesFailing", "ForgeglassInboxGrowing"} <= firing
        assert firing <= {
            "ForgeglassRepositoriesFailing", "ForgeglassInboxGrowing", "ForgeglassSweepsFailing", "ForgeglassStale",
        }  # fmt: skip


async def test_a_disk_that_is_full(clock: list[timedelta], monkeypatch: pytest.MonkeyPatch) -> None:
    """ForgeglassStorageFailing and ForgeglassSweepsFailing; test_full_disk.py has a disk that is really full."""
    async with watched(clock) as found:
        full = sqlite3.OperationalError("database or disk is full")
        full.sqlite_errorname = "SQLITE_FULL"

        async def add(_sweep: object) -> None:
            raise full

        monkeypatch.setattr(found.daemon.engine.state.sweeps, "add", add)
        await found.minutes(7)
        assert found.firing() == {"ForgeglassStorageFailing", "ForgeglassSweepsFailing"}


async def test_a_fault_of_ours(clock: list[timedelta], monkeypatch: pytest.MonkeyPatch) -> None:
    """ForgeglassFaulty, and ForgeglassSweepsFailing with it."""
    async with watched(clock) as found:
        async def fail(**_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(found.daemon.engine.desk.sweeper, "sweep", fail)
        await found.minutes(7)
        assert {"ForgeglassFaulty", "ForgeglassSweepsFailing"} <= found.firing()


async def test_a_daemon_that_answers_and_does_not_sweep(clock: list[timedelta]) -> None:
    """ForgeglassNotSweeping."""
    async with watched(clock) as found:
        await found.minutes(95, sweeps=False)
        assert "ForgeglassNotSweeping" in found.firing()


async def test_webhooks_that_do_not_arrive(clock: list[timedelta]) -> None:
    """ForgeglassMissedDeliveries: they came once, and now every change is found by a sweep."""
    async with watched(clock) as found:
        await found.place.push(one=rfc("By a delivery"))
        await found.place.forge.deliveries.settle()
        await found.daemon.engine.desk.workers.idle()
        await found.minutes(1)
        found.place.hook("http://127.0.0.1:1")

        async def push() -> None:
            await found.place.push(one=rfc(f"Unheard {clock[0]}"))
            await found.place.forge.deliveries.settle()

        await found.minutes(8, push)
        await found.minutes(8)
        assert found.firing() == {"ForgeglassMissedDeliveries"}


async def test_deliveries_that_are_refused(clock: list[timedelta]) -> None:
    """ForgeglassDeliveriesRefused: the forge signs with another secret."""
    async with watched(clock) as found:
        async def deliver() -> None:
            body = {"repository": {"id": 1}}
            headers = {"X-Gitea-Event": "push", "X-Gitea-Signature": "00" * 32}
            url = f"{found.daemon.url}/webhooks/gitea"
            async with found.daemon.session.post(url, json=body, headers=headers) as answer:
                assert answer.status == 401

        await deliver()
        await found.minutes(5, deliver)
        assert found.firing() == {"ForgeglassDeliveriesRefused"}


async def test_a_forge_that_answers_slowly(clock: list[timedelta]) -> None:
    """ForgeglassLag: each delivery's rows come two minutes after it."""
    async with watched(clock) as found:
        async def push() -> None:
            found.place.forge.faults.set(Fault("delay", match="git-upload-pack", seconds=0.3, count=1))
            await found.place.push(one=rfc(f"Slow {clock[0]}"))
            await found.place.forge.deliveries.settle()
            clock[0] += timedelta(minutes=2)  # passes while the forge is waited for
            await found.daemon.engine.desk.workers.idle()

        await found.minutes(22, push)
        assert "ForgeglassLag" in found.firing()


async def test_files_that_break_the_profile(clock: list[timedelta]) -> None:
    """ForgeglassFindingsJump."""
    async with watched(clock) as found:
        await found.minutes(60)
        await found.place.push(**{f"bad{n}": b"no front matter\n" for n in range(25)})
        await found.minutes(2)
        assert found.firing() == {"ForgeglassFindingsJump"}


async def test_sweeps_that_ask_too_much(clock: list[timedelta]) -> None:
    """ForgeglassSweepsCostly. The 30,000 requests an hour are counted where every request is, and not sent."""
    async with watched(clock) as found:
        async def ask() -> None:
            for _ in range(500):
                found.daemon.engine.forge.transport.counter.add("git", "/{owner}/{name}.git/info/refs", 200)

        await found.minutes(122, ask)
        assert found.firing() == {"ForgeglassSweepsCostly"}


async def test_deliveries_that_cannot_be_stored(clock: list[timedelta], monkeypatch: pytest.MonkeyPatch) -> None:
    """ForgeglassAnswersFail, with ForgeglassStorageFailing although each sweep itself finds room."""
    async with watched(clock) as found:
        body = b'{"repository": {"id": 1, "full_name": "acme/meta"}}'
        signature = hmac.digest(SECRET.encode(), body, "sha256").hex()
        headers = {"X-Gitea-Event": "push", "X-Gitea-Signature": signature, "Content-Type": "application/json"}
        full = sqlite3.OperationalError("database or disk is full")
        full.sqlite_errorname = "SQLITE_FULL"

        async def append(*_: object, **__: object) -> str:
            raise OperationalError("INSERT", {}, full)

        monkeypatch.setattr(found.daemon.engine.inbox, "append", append)
        statuses = set()

        async def deliver() -> None:
            for number in range(3):
                told = {**headers, "X-Gitea-Delivery": f"{clock[0]}-{number}"}
                url = f"{found.daemon.url}/webhooks/gitea"
                async with found.daemon.session.post(url, data=body, headers=told) as answer:
                    statuses.add(answer.status)

        await found.minutes(8, deliver)
        assert {status // 100 for status in statuses} == {5}
        assert {"ForgeglassAnswersFail", "ForgeglassStorageFailing", "ForgeglassDeliveriesRefused"} <= found.firing()


def test_all_that_is_there_is_tried() -> None:
    """Every rule is expected to fire by a test above."""
    text = Path(__file__).read_text()
    assert [name for name in RULES if f'"{name}"' not in text] == []


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian: prometheus) is not installed")
async def test_what_is_computed_here_is_what_prometheus_computes(clock: list[timedelta], tmp_path: Path) -> None:
    """Holds promql.py against promtool, over a history with an outage in it: the same rules fire."""
    async with watched(clock) as found:
        found.place.forge.faults.refuse_all()
        await found.minutes(18)
        series = [
            {"series": name, "values": " ".join("_" if value is None else f"{value:g}" for value in values)}
            for name, values in found.history.series()
        ]
        last = len(found.history.scrapes) - 1
        asked = {
            "expr": 'count by (alertname) (ALERTS{alertstate="firing"})', "eval_time": f"{last}m",
            "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(found.firing())],
        }  # fmt: skip
        tests = [{"interval": "1m", "input_series": series, "promql_expr_test": [asked]}]
        cases = {"rule_files": [str(FILE)], "evaluation_interval": "1m", "tests": tests}
        (tmp_path / "cases.yaml").write_text(yaml.safe_dump(cases))
        command = ["promtool", "test", "rules", str(tmp_path / "cases.yaml")]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_small_promql_is_right_where_it_is_used() -> None:
    """Guards the tool of these tests: what its parts give, by hand."""
    history = History()
    for minute in range(5):
        history.add(f'a_total{{x="1"}} {minute * 2}\na_total{{x="2"}} 7\nb 4\n')
    history.add(None)
    assert {dict(labels)["x"]: value for labels, value in evaluate("a_total", history, 4).items()} == {"1": 8, "2": 7}
    assert list(evaluate("sum by (job) (increase(a_total[2m]))", history, 4).values()) == [4.0]
    assert list(evaluate('increase(a_total{x="2"}[4m])', history, 4).values()) == [0.0]
    assert evaluate('a_total{x!~"1|2"} > 0', history, 4) == {}
    assert list(evaluate("b - b offset 1h", history, 4).values()) == []
    assert list(evaluate('up{job="forgeglass"} == 0', history, 5).values()) == [0.0]
    assert evaluate('up{job="forgeglass"} == 0', history, 4) == {}
