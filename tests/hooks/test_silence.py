"""A webhook that falls silent is noticed, told as a finding, and forgiven with its next delivery."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from hooks_place import Place
from hypothesis import given
from hypothesis import strategies as st

from cache.heard import Heard
from cache.rows import FindingRow
from daemon.commands import COMMANDS
from daemon.hooks import silence as module
from daemon.hooks.silence import GRACE, SWEEPS, Silence
from daemon.serving import Served
from gitea_client.fake.state import Hook

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
META = 7


def heard_of(sweeps: int = 0) -> Silence:
    return Silence(["Acme"], [Heard("acme", NOON, sweeps)])


def test_three_sweeps_that_find_what_none_told_are_a_silence() -> None:
    """Guards against a hook that died in spring and is missed in autumn."""
    silence, now = heard_of(), NOON
    for number in range(SWEEPS):
        assert silence.findings() == (), number
        silence.changed("acme", META, now)
        now += GRACE
        assert silence.swept(now) == {"Acme": 1}
    (finding,) = silence.findings()
    assert (finding.rule, finding.key, finding.since, finding.repository_id) == ("hook-silent", "Acme", NOON, None)
    for part in ("Acme", "2026-03-04 12:00:00 UTC", "forgeglass doctor", "forgeglass hooks sync"):
        assert part in finding.message


def test_quiet_weeks_are_no_silence() -> None:
    """Guards small teams: where nothing changes nothing is missed."""
    silence = heard_of()
    for week in range(9):
        assert silence.swept(NOON + timedelta(weeks=week)) == {}
    assert silence.findings() == ()


def test_a_delivery_in_time_tells_what_a_sweep_saw_first() -> None:
    """Guards against races: a push shows at once, and its delivery comes seconds later."""
    silence = heard_of()
    silence.changed("acme", META, NOON)
    assert silence.swept(NOON + GRACE / 2) == {}
    assert not silence.delivered("ACME", META, NOON + GRACE / 2)
    assert silence.swept(NOON + 2 * GRACE) == {}


def test_a_delivery_of_another_repository_tells_nothing_of_this_one() -> None:
    """Guards the count: one webhook of many may be broken. The owner is not silent all the same."""
    silence = heard_of(SWEEPS - 1)
    silence.changed("acme", META, NOON)
    silence.delivered("acme", META + 1, NOON)
    assert silence.swept(NOON + GRACE) == {"Acme": 1}
    assert silence.findings() == ()


def test_an_owner_without_webhooks_is_not_silent() -> None:
    """Guards those who rely on sweeps alone, by choice."""
    silence = Silence(["acme"], [])
    for number in range(9):
        silence.changed("acme", META, NOON)
        assert silence.swept(NOON + number * GRACE) == {}
    assert (silence.findings(), silence.unsaved()) == ((), ())


def test_silence_outlives_a_restart_and_ends_with_a_delivery() -> None:
    """Guards a daemon that is restarted each night: the third missed sweep may come after that."""
    first = heard_of(SWEEPS - 1)
    first.changed("acme", META, NOON)
    first.swept(NOON + GRACE)
    second = Silence(["Acme"], first.unsaved())
    assert len(second.findings()) == 1
    assert second.delivered("acme", None, NOON + timedelta(days=1)), "it ends a silence that was told"
    assert second.findings() == ()
    assert second.unsaved() == (Heard("acme", NOON + timedelta(days=1)),)
    assert second.unsaved() == ()


def test_owners_that_are_read_no_more_are_forgotten() -> None:
    silence = Silence(["ada"], [Heard("acme", NOON, SWEEPS)])
    assert silence.findings() == ()
    assert not silence.delivered("acme", META, NOON)


EVENTS = st.lists(st.tuples(st.sampled_from(["delivered", "changed", "swept"]), st.integers(1, 3), st.integers(0, 40)))


@given(EVENTS)
def test_whatever_happens_a_delivery_ends_it_and_only_misses_begin_it(events: list[tuple[str, int, int]]) -> None:
    """Guards the rule over every order of deliveries, changes and sweeps."""
    silence, now, misses = heard_of(), NOON, 0
    for what, repository_id, seconds in events:
        now += timedelta(seconds=seconds)
        if what == "delivered":
            silence.delivered("acme", repository_id, now)
            misses = 0
        elif what == "changed":
            silence.changed("acme", repository_id, now)
        else:
            misses += bool(silence.swept(now))
        assert bool(silence.findings()) == (misses >= SWEEPS)


# --------------------------------------------------------------------------------------- inside the daemon


class Listener:
    """A daemon whose sweeps the test starts, and a webhook that leads to it."""

    def __init__(self, place: Place, served: Served, hook: Hook) -> None:
        self.place, self.served, self.hook = place, served, hook
        self.engine = served.engine

    async def push(self) -> None:
        """A change in acme/meta, and its delivery where the webhook is active."""
        entry = f"---\ntitle: {len(self.place.forge.requests)}\nstate: idea\n---\nText.\n".encode()
        await self.place.forge.commit("acme/meta", {"rfcs/one.md": entry}, message="x", author="ada")
        await self.place.forge.settle()
        await self.engine.desk.workers.idle()

    async def sweep(self) -> None:
        """A quiet sweep as the schedule starts them."""
        await self.served.schedule.sweeps.quiet(lists=False)

    def findings(self) -> list[FindingRow]:
        rows = self.engine.desk.book.rows[FindingRow].values()
        return [row for row in rows if isinstance(row, FindingRow) and row.rule == "hook-silent"]

    def missed(self) -> float:
        labels = {"owner": "acme"}
        return self.engine.metrics.registry.get_sample_value("forgeglass_missed_deliveries_total", labels) or 0


@asynccontextmanager
async def listening(place: Place) -> AsyncIterator[Listener]:
    async with place.daemon() as served:
        hook = place.on_forge()[0] if place.on_forge() else place.forge.add_hook("acme", place.address, place.secret)
        await served.schedule.sweeps.deep()
        yield Listener(place, served, hook)


async def test_a_webhook_that_dies_is_found_by_sweeps(one_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards the whole way: counted, told, kept across a restart, out of the digest, and gone with a delivery."""
    monkeypatch.setattr(module, "GRACE", timedelta(0))
    async with listening(one_place) as alive:
        await alive.push()
        await alive.sweep()
        assert (alive.missed(), alive.findings()) == (0, [])
        alive.hook.active = False
        for _ in range(SWEEPS):
            assert alive.findings() == []
            await alive.push()
            await alive.sweep()
        assert alive.missed() == SWEEPS
        assert len(alive.findings()) == 1
        verified, code = await COMMANDS["verify"](alive.engine, {}, lambda _progress: None)
        assert (code, verified["equal"]) == (0, True), verified["differences"]
        assert verified["live"] == verified["fresh"]
        _, code = await COMMANDS["rebuild"](alive.engine, {}, lambda _progress: None)
        assert code == 0
        assert len(alive.findings()) == 1, "a rebuild reads the forge, which knows nothing of it"
    assert (await one_place.run("sweep")).code == 0
    async with listening(one_place) as again:
        assert len(again.findings()) == 1, "nor does a command that runs by itself"
        again.hook.active = True
        await again.push()
        await again.sweep()
        assert again.findings() == []


async def test_what_happened_while_nobody_ran_was_not_missed(
    one_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards restarts: deliveries of that time are lost, as everybody knows."""
    monkeypatch.setattr(module, "GRACE", timedelta(0))
    async with listening(one_place) as first:
        await first.push()
        await first.sweep()
    await one_place.forge.commit("acme/meta", {"rfcs/b.md": b"x"}, message="x", author="ada")
    await one_place.forge.settle()
    async with listening(one_place) as second:
        await second.sweep()
        assert second.missed() == 0


async def test_what_no_webhook_tells_is_not_missed(one_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards renames and new default branches, of which the forges deliver nothing, and repositories read first."""
    monkeypatch.setattr(module, "GRACE", timedelta(0))
    async with listening(one_place) as alive:
        await alive.push()
        alive.hook.active = False
        await one_place.forge.commit("acme/meta", {"y": b"y"}, branch="other", message="y", author="ada")
        await alive.sweep()
        before = alive.missed()
        await one_place.forge.set_default_branch("acme/meta", "other")
        await alive.sweep()
        await one_place.forge.rename_repository("acme/meta", "meta2")
        await alive.sweep()
        await alive.sweep()
        assert alive.missed() == before
