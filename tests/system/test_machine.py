"""Any sequence of what happens to a forge and to the daemon ends in the right rows.

Hypothesis writes stories: pushes, forced pushes, lives of branches, pull requests and repositories, deliveries that are
lost, doubled and reordered, kills, restarts, lost files. Whenever the daemon had the chance to learn everything, its
rows are compared with an oracle written apart, and its digest with that of a fresh reading.

In each story a few dozen steps; `make soak` writes many more and longer ones.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Coroutine
from typing import Any, Literal, TypeVar

import pytest
from comparing import Witness
from harness import BOT, OVERLAP, OWNER, System
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from operations import STRANGER, Operations
from reader import Reader

from gitea_client.fake import Fault

T = TypeVar("T")
SOAK = settings.get_current_profile_name() == "soak"
STEPS, STORIES = (80, 2_000) if SOAK else (40, 24)
few, some, many = st.integers(0, 3), st.integers(0, 11), st.integers(0, 35)
SLOW = ("/repos/search", "/activities/feeds", r"/pulls/\d+", "/timeline", "git-upload-pack", r"/repositories/\d+")
via = st.sampled_from(["api", "web"])


class Life(RuleBasedStateMachine):
    """One forge and one daemon."""

    flavour = "gitea"

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.system = System(flavour=self.flavour)
        self.run(self.system.__aenter__())
        self.system.forge.create_organization(STRANGER)
        self.operations = Operations(self.system)
        self.witness = Witness(self.system)
        self.reader = Reader(self.system)
        self.sent = 0
        """How many deliveries were sent when the daemon last knew everything."""
        self.expected: set[str] = set()
        """What the daemon may say loudly, since the story gives it cause to."""
        self.lost = False
        """Whether something that was delivered since then may be forgotten."""

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something, and let the forge's clock tell that a little later it was done."""
        return self.runner.run(work)

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        """An operation on the forge."""
        self.run(work)
        self.witness.note()

    @initialize(home=few, fork=st.booleans())
    def begin(self, home: int, fork: bool) -> None:
        """A forge where something happened already."""
        self.run(self.operations.create_repository(0, 0))
        self.run(self.operations.push_document(2, 2, 0))
        self.run(self.operations.push_entry(0, 1, home, 0, 0))
        if fork:
            self.run(self.operations.fork(0, 0))

    # ------------------------------------------------------------------------------------------------ the forge

    @rule(slug=few, state=few, home=some, version=few, branch=st.just(0) | some)
    def push_entry(self, slug: int, state: int, home: int, version: int, branch: int) -> None:
        self.do(self.operations.push_entry(slug, state, home, version, branch))

    @rule(slug=few, kind=some, branch=st.just(0) | some)
    def push_bad(self, slug: int, kind: int, branch: int) -> None:
        self.do(self.operations.push_bad(slug, kind, branch))

    @rule(n=some, version=few, branch=st.just(0) | some)
    def push_document(self, n: int, version: int, branch: int) -> None:
        self.do(self.operations.push_document(n, version, branch))

    @rule(n=some, junk=st.booleans())
    def push_audit(self, n: int, junk: bool) -> None:
        self.do(self.operations.push_audit(n, junk))

    @rule(n=some, branch=some, back=few, files=st.booleans())
    def force(self, n: int, branch: int, back: int, files: bool) -> None:
        self.do(self.operations.force(n, branch, back, files))

    @rule(n=some, branch=some, start=few)
    def create_branch(self, n: int, branch: int, start: int) -> None:
        self.do(self.operations.create_branch(n, branch, start))

    @rule(n=some, branch=some, via=st.sampled_from(["api", "push"]))
    def delete_branch(self, n: int, branch: int, via: Literal["api", "push"]) -> None:
        self.do(self.operations.delete_branch(n, branch, via))

    @rule(n=some, branch=some, new=some)
    def rename_branch(self, n: int, branch: int, new: int) -> None:
        self.do(self.operations.rename_branch(n, branch, new))

    @rule(n=some, branch=few)
    def default_branch(self, n: int, branch: int) -> None:
        self.do(self.operations.default_branch(n, branch))

    @rule(n=some, branch=some, base=few, by=some, body=few)
    def open_pull(self, n: int, branch: int, base: int, by: int, body: int) -> None:
        self.do(self.operations.open_pull(n, branch, base, by, body))

    @rule(n=some)
    def open_agit(self, n: int) -> None:
        self.do(self.operations.open_agit(n))

    @rule(n=some)
    def close_pull(self, n: int) -> None:
        self.do(self.operations.close_pull(n))

    @rule(n=some, via=via)
    def reopen_pull(self, n: int, via: Literal["api", "web"]) -> None:
        self.do(self.operations.reopen_pull(n, via))

    @rule(n=some, style=st.integers(0, 4), delete=st.booleans())
    def merge_pull(self, n: int, style: int, delete: bool) -> None:
        self.do(self.operations.merge_pull(n, style, delete))

    @rule(n=some, what=st.integers(0, 4), value=few)
    def edit_pull(self, n: int, what: int, value: int) -> None:
        self.do(self.operations.edit_pull(n, what, value))

    @rule(n=some)
    def delete_pull(self, n: int) -> None:
        self.do(self.operations.delete_pull(n))

    @rule(name=few, default=few)
    def create_repository(self, name: int, default: int) -> None:
        self.do(self.operations.create_repository(name, default))

    @rule(n=many, name=st.integers(0, 4))
    def rename_repository(self, n: int, name: int) -> None:
        self.do(self.operations.rename_repository(n, name))

    @rule(n=many, back=st.booleans())
    def transfer_repository(self, n: int, back: bool) -> None:
        self.do(self.operations.transfer_repository(n, back))

    @rule(n=many)
    def delete_repository(self, n: int) -> None:
        self.do(self.operations.delete_repository(n))

    @rule(n=some, what=st.integers(0, 2), value=st.booleans())
    def set_repository(self, n: int, what: int, value: bool) -> None:
        self.do(self.operations.set_repository(n, what, value))

    @rule(n=some, owner=few)
    def fork(self, n: int, owner: int) -> None:
        self.do(self.operations.fork(n, owner))

    @rule(n=some)
    def gc(self, n: int) -> None:
        self.do(self.operations.gc(n))

    @rule(seconds=st.sampled_from([1, OVERLAP - 1, OVERLAP + 1, 3_600]))
    def time_passes(self, seconds: int) -> None:
        self.system.clock.tick(seconds)

    # ------------------------------------------------------------------------------------------------ deliveries

    @rule(drop=st.booleans(), duplicate=st.integers(0, 2), seed=st.none() | st.integers(0, 99))
    def deliveries(self, drop: bool, duplicate: int, seed: int | None) -> None:
        """From now on deliveries are lost, doubled, reordered or none of these."""
        switches = self.system.forge.deliveries
        switches.drop, switches.duplicate = drop, duplicate
        switches.reorder = None if seed is None else random.Random(seed)

    @rule()
    def deliveries_arrive(self) -> None:
        """Where everything that happened is told by deliveries, and none was lost, everything is known."""
        self.run(self.system.settle())
        sent = self.system.forge.deliveries.sent[self.sent :]
        told = not self.lost and all(delivery.status in (200, 202) for delivery in sent)
        names = self.system.engine.desk.book.reach.unknown  # looked up by sweeps alone
        if told and not names and not self.operations.silent and not self.operations.unhooked:
            self.run(self.witness.check())

    def knows(self) -> None:
        """From here on, only what is delivered later may be lost."""
        self.sent, self.lost = len(self.system.forge.deliveries.sent), False

    # ------------------------------------------------------------------------------------------------ the daemon

    @rule()
    def restart(self) -> None:
        self.run(self.system.restart())

    @rule(bot=st.sampled_from([BOT, "ada"]))
    def restart_with_another_bot(self, bot: str) -> None:
        """Rows follow from the configuration too: those that stand are projected anew from what was read."""

        async def restarted() -> None:
            await self.system.stop()
            text = self.system.config_file.read_text()
            self.system.config_file.write_text(re.sub('bot = "[a-z]+"', f'bot = "{bot}"', text))
            await self.system.start()

        self.run(restarted())
        self.witness.follow_bot(bot)

    @rule()
    def read_with_smaller_files(self) -> None:
        """Files that were read are too large for a while; then they are read again, and nothing was lost by it."""

        async def read(size: str) -> None:
            await self.system.stop()
            text = re.sub('max_file_size = .*\n', "", self.system.config_file.read_text())
            self.system.config_file.write_text(text.replace("[forge]\n", f'[forge]\nmax_file_size = "{size}"\n'))
            await self.system.start()
            await self.system.sweep(deep=True)
            report, code = await self.system.command("verify")
            assert code == 0, report

        for size in ("1KiB", "1MB"):
            self.run(read(size))
        self.deep_sweep()

    @rule()
    def read_with_another_owner(self) -> None:
        """A stranger's repositories are ours for a while; then they are again what they were."""

        async def read(owners: str) -> None:
            await self.system.stop()
            text = re.sub("owners = .*", f"owners = [{owners}]", self.system.config_file.read_text())
            self.system.config_file.write_text(text)
            await self.system.start()
            await self.system.sweep(deep=True)
            report, code = await self.system.command("verify")
            assert code == 0, report

        for owners in (f'"{OWNER}", "{STRANGER}"', f'"{OWNER}"'):
            self.run(read(owners))
        self.deep_sweep()

    @rule(where=st.sampled_from(SLOW))
    def slow(self, where: str) -> None:
        """The forge takes its time for the next answers of a kind; other answers overtake them."""
        self.system.forge.faults.set(Fault("delay", match=where, seconds=0.03, count=3))

    @rule(steps=st.integers(0, 200))
    def kill(self, steps: int) -> None:
        """After the event loop went round a few times: in the middle of whatever it was doing."""

        async def killed() -> None:
            for _ in range(steps):
                await asyncio.sleep(0)
            await self.system.kill()
            await self.system.start()

        self.run(killed())
        self.lost = True

    @rule(what=st.sampled_from(["cache.db", "objects", "state.db"]))
    def lose(self, what: str) -> None:
        """Part of the data directory is gone. What only it knew may be unknown from then on."""
        self.run(self.system.lose(what))
        if what != "objects":
            self.expected |= {"cache.lost", "state.lost", "state.other"}
            self.witness.forget()
            self.lost = True

    @rule()
    def quiet_sweep(self) -> None:
        """Whatever was signalled is known after it."""
        self.run(self.system.sweep())
        silent = self.operations.silent
        self.operations.swept(deep=False)
        if not silent:
            self.run(self.witness.check())
            self.run(self.reader.catch_up())
            self.knows()

    @rule()
    def deep_sweep(self) -> None:
        """Everything is known after it."""
        self.run(self.system.sweep(deep=True))
        self.operations.swept(deep=True)
        self.run(self.witness.check())
        self.run(self.reader.catch_up())
        self.knows()

    @rule()
    def rebuild(self) -> None:
        """Everything is known after it, and nothing known before is lost."""
        report, code = self.run(self.system.command("rebuild"))
        assert code == 0, report
        self.operations.swept(deep=True)
        self.run(self.witness.check())
        self.run(self.reader.catch_up())
        self.knows()

    def teardown(self) -> None:
        try:
            self.run(self.ending())
        finally:
            try:
                self.run(self.system.__aexit__(None, None, None))
            finally:
                self.runner.close()

    async def ending(self) -> None:
        """A deep sweep makes everything right; a fresh reading, and a rebuild from it, find nothing else."""
        await self.system.settle()
        await self.system.sweep(deep=True)
        await self.witness.check()
        await self.reader.catch_up()
        live = await self.system.digest()
        report, code = await self.system.command("verify")
        assert code == 0, report
        assert report["live"] == report["fresh"] == live
        report, code = await self.system.command("rebuild")
        assert code == 0, report
        assert await self.system.digest() == live
        without_state = await self.system.digest(without_state=True)
        await self.system.lose("state.db", "cache.db", "objects")
        await self.system.sweep(deep=True)
        assert await self.system.digest(without_state=True) == without_state
        loud = [line for line in self.system.lines if line["log_level"] in ("error", "critical") or "exc_info" in line]
        assert not [line for line in loud if line["event"] not in self.expected], loud


class LifeOnNewGitea(Life):
    """The same on a Gitea that takes pushes out of timelines."""

    flavour = "gitea-1.26"


class LifeOnForgejo(Life):
    """The same on the other server, whose signals differ."""

    flavour = "forgejo"


_settings = settings(
    stateful_step_count=STEPS,
    deadline=None,
    derandomize=not SOAK,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def _stories(life: type[Life], number: int) -> Any:
    """A test of so many stories. Which ones follows from its name, unless it soaks."""
    made = pytest.mark.timeout(0 if SOAK else 900)(life.TestCase)
    made.settings = settings(_settings, max_examples=number)
    return made


class More(Life):
    """Other stories on the same server: in tests of their own, so that nobody waits for one that takes minutes."""


class StillMore(Life):
    """Other stories."""


TestOnGitea = _stories(Life, STORIES // 3)
TestMoreOnGitea = _stories(More, STORIES // 3)
TestStillMoreOnGitea = _stories(StillMore, STORIES // 3)
TestOnForgejo = _stories(LifeOnForgejo, STORIES // 3)
TestOnNewGitea = _stories(LifeOnNewGitea, STORIES // 3)
