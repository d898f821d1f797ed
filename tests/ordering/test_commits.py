"""What stands after each single commit: the orders that the architecture promises, seen before any sweep heals them.

A process that is killed leaves exactly what was committed, so these are all the states in which the next start may
find the two files.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from harness import META, System, rfc
from stopping import Snapshot, after_each_commit, look

from gitea_client.fake import Fault

HOME = "acme/home"


class Observed:
    """Every state of the files since a story began, and what is wrong with it."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._first = look(system.data_dir)
        self.seen: list[Snapshot] = []
        self._branches = set(self._first.refs)
        self._pulls = set(self._first.pulls)
        self._repositories = set(self._first.repositories)
        self.wrong: list[str] = []

    def note(self, now: Snapshot) -> None:
        """One more commit."""
        self.seen.append(now)
        self._branches |= now.refs.keys()
        self._pulls |= now.pulls
        self._repositories |= now.repositories
        self.wrong += [f"after commit {len(self.seen)}: {one}" for one in (*self._gone(now), *_orders(now))]
        self.wrong += [f"after commit {len(self.seen)}: {one}" for one in self._done(now)]

    def _gone(self, now: Snapshot) -> Iterator[str]:
        """What was ever seen is there, or has its tombstone: the tombstone first, and gone last."""
        for key, name in self._branches - now.refs.keys():
            if ("branch", key, name) not in now.tombstones:
                yield f"branch {name} of {key} is neither there nor kept as gone"
        for key, number in self._pulls - now.pulls:
            if ("pull", key, str(number)) not in now.tombstones:
                yield f"pull request {number} of {key} is neither there nor kept as gone"
        for key in self._repositories - now.repositories:
            if ("repository", key, "") not in now.tombstones:
                yield f"repository {key} is neither there nor kept as gone"

    def _done(self, now: Snapshot) -> Iterator[str]:
        """A delivery is done after the rows of what it pointed at."""
        before = self.seen[-2] if len(self.seen) > 1 else self._first
        told = {each.id: each.payload for each in self._system.forge.deliveries.sent if each.event == "push"}
        for delivery in now.done - before.done:
            payload: dict[str, Any] = told.get(delivery, {})
            branch = (payload.get("repository", {}).get("id"), payload.get("ref", "").removeprefix("refs/heads/"))
            if payload and now.refs.get(branch) != payload["after"] and set(payload["after"]) != {"0"}:
                yield f"the delivery of {payload['after']} is done and {branch} is at {now.refs.get(branch)}"


def _orders(now: Snapshot) -> Iterator[str]:
    for at in now.revisions.keys() - now.kept:
        yield f"revision {at} is published and not kept in state.db"
    for at, shas in now.pushed.items():
        gone = ("pull", at[0], str(at[1])) in now.tombstones  # nothing follows from its heads any more
        if not gone and (lost := shas - now.heads.get(at, frozenset())):
            yield f"heads {sorted(lost)} of pull request {at} are in cache.db and not kept in state.db"
    if now.sequence > now.high_water:
        yield f"the feed is at {now.sequence}, and only {now.high_water} are reserved"
    told = {key for key, operation in now.told.items() if operation != "deleted"}
    if told != now.entries:
        yield f"the feed tells of {sorted(told)} and there are {sorted(now.entries)}"


@pytest.fixture
async def observed(system: System) -> AsyncIterator[Observed]:
    """Looks after every commit, of an entry with a repository of its own; at the end nothing was ever wrong."""
    await system.forge.create_repository(HOME)
    await system.forge.commit(HOME, {"RFC.md": "# One\n"})
    await system.forge.commit(META, {"rfcs/a.md": rfc("First", "active", repo=HOME)})
    await system.settle()
    await system.sweep()
    observed = Observed(system)
    with after_each_commit(system.data_dir, observed.note):
        yield observed
    assert not observed.wrong, "\n".join(observed.wrong)


async def raised(system: System, branch: str) -> int:
    """A pull request that changes the entry `a`."""
    text = rfc("Proposed", "active", repo=HOME)
    await system.forge.commit(META, {"rfcs/a.md": text}, branch=branch, start="main")
    return await system.forge.open_pull(META, branch)


async def test_what_is_published_is_kept_first_and_what_is_gone_has_its_tombstone_first(
    system: System, observed: Observed
) -> None:
    """Guards revisions kept only after `cache.db` was written, and every other order between the two files."""
    number = await raised(system, "edit/a/x")
    await system.settle()
    amended = {"rfcs/a.md": rfc("Amended", "active", repo=HOME)}
    await system.forge.commit(META, amended, branch="edit/a/x", start="main", force=True)
    await system.settle()
    await system.forge.merge(META, number, delete_branch=True)
    await system.settle()
    await system.forge.commit(META, {"rfcs/b.md": rfc("B")}, branch="edit/a/x", start="main")  # the name comes back
    await system.settle()
    await system.forge.commit(META, {"rfcs/b.md": rfc("B"), "rfcs/a.md": rfc("A", "active", repo=HOME)})
    await system.settle()
    await system.forge.commit(META, {"rfcs/b.md": None})
    await system.settle()
    other = await raised(system, "edit/a/y")
    await system.settle()
    await system.forge.delete_pull(META, other)
    await system.sweep(deep=True)
    await system.forge.delete_repository(HOME)
    await system.sweep(deep=True)
    last = observed.seen[-1]
    kinds = {kind for kind, _, _ in last.tombstones}
    assert kinds == {"branch", "pull", "repository"}, "the story no longer holds what it is about"
    assert last.revisions
    assert last.heads
    assert len(last.done) >= 5


async def test_a_rebuild_keeps_the_same_orders(system: System, observed: Observed) -> None:
    """Guards the other way in which rows come to be written: all of them at once."""
    await raised(system, "edit/a/x")
    await system.forge.commit(META, {"x": "y"}, branch="topic", start="main")
    await system.settle()
    system.forge.deliveries.drop = True
    await raised(system, "edit/a/y")
    await system.forge.delete_branch(META, "topic")
    report, code = await system.command("rebuild")
    assert code == 0, report
    assert len(observed.seen[-1].revisions) == 2
    assert any(kind == "branch" for kind, _, _ in observed.seen[-1].tombstones)


async def test_a_rebuild_that_failed_in_part_changes_nothing(system: System) -> None:
    """Guards everything that could not be read: it would be taken for gone."""
    await system.forge.commit(META, {"x": "y"}, branch="topic", start="main")
    await system.settle()
    before = look(system.data_dir)
    await system.forge.create_repository("acme/other")
    system.forge.deliveries.drop = True
    await system.forge.delete_branch(META, "topic")
    system.forge.faults.set(Fault("status", match="git-upload-pack", status=500))
    report, code = await system.command("rebuild")
    assert (code, bool(report["errors"])) == (3, True)
    after = look(system.data_dir)
    assert (after.refs, after.entries, after.tombstones) == (before.refs, before.entries, before.tombstones)
    assert after.repositories == before.repositories


async def test_a_commit_of_state_db_is_on_the_disk_before_it_returns(system: System) -> None:
    """Guards a delivery that was answered, and a tombstone, against a power cut (`synchronous` FULL, 2)."""
    async with system.engine.state.database.transaction() as connection:
        assert (await connection.exec_driver_sql("PRAGMA synchronous")).scalar_one() == 2
