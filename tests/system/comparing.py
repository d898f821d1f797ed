"""Rows beside what the oracle expects, and the memory of what may and must be remembered as gone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from harness import System, Tables
from msgspec.structs import asdict
from oracle import Expected, Oracle

from cache.revision_rows import ProposalRow, RevisionRow
from cache.rows import BranchRow, EntryRow, FindingRow, HistoryRow, PullEntryRow, PullRow, RepositoryRow


class Witness:
    """Follows a system: what ever was on the forge, and what the daemon was known to have seen.

    `note` after each operation on the forge; `check` where the daemon must know everything.
    """

    def __init__(self, system: System) -> None:
        self._system = system
        self._oracle = Oracle(system.forge)
        self._ever: dict[tuple[int, str], set[str]] = defaultdict(set)
        """Ids that a branch ever had."""
        self._names: dict[str, set[int]] = defaultdict(set)
        """Repositories that ever bore a name."""
        self._known: dict[int, tuple[set[str], set[int]]] = {}
        """Branches and pull requests that the daemon saw of each repository that it mirrored ever since."""
        self._placed: dict[tuple[int, int], set[tuple[str | None, ...]]] = defaultdict(set)
        """What the revisions of a pull request ever hung on."""
        self._forced_at_once: set[int] = set()
        """Repositories that ever had a pull request whose timeline begins with a forced push: what was published of it
        stays when it is deleted, with the finding that says so."""
        self._unsure: set[tuple[int, int]] = set()
        """Pull requests of which the oracle was ever unsure: something else may have been published then."""
        self._forced_at_once: set[int] = set()
        """Repositories that ever had such a pull request: a deleted one leaves its revisions, with the finding."""
        self._published: dict[tuple[str, int, int], tuple[int, str | None, datetime | None]] = {}
        """Number, text and time of each revision as it was first seen: they stand."""

    def note(self) -> Expected:
        """Look at the forge."""
        told = self._oracle.expect()
        self._forced_at_once |= told.forced_at_once
        told.forced_at_once |= self._forced_at_once
        for key, placed in told.placed.items():
            self._placed[key].add(placed)
        self._forced_at_once |= told.forced_at_once
        self._unsure |= {key for key, said in told.revisions.items() if not said.sure or len(self._placed[key]) > 1}
        for repository in self._system.forge.world.repositories.values():
            self._names[repository.full_name.lower()].add(repository.id)
            for ref, sha in repository.git.refs().items():
                self._ever[repository.id, ref.removeprefix("refs/heads/")].add(sha)
        for key in set(self._known) - told.mirrored:
            if key in self._system.forge.world.repositories:
                del self._known[key]  # nothing leads there any more: what happens there goes unseen
        return told

    def forget(self) -> None:
        """What only the cache knew is lost, and may be unknown from now on."""
        self._known.clear()

    async def check(self) -> None:
        """The daemon knows everything: every row equals what the oracle tells."""
        told, rows = self.note(), await self._system.rows()
        self._remembered_homes(told, rows)
        of_heads = (*self._revisions(told, rows), *_proposals(told, rows))
        disagreements = [*_compare(told, rows, self._forced_at_once), *self._gone(told, rows), *of_heads]
        assert not disagreements, "\n".join(disagreements)
        for repository in told.mirrored:
            branches, pulls = self._known.setdefault(repository, (set(), set()))
            branches |= {row.name for row in _all(rows, BranchRow) if row.repository_id == repository}
            pulls |= {row.number for row in _all(rows, PullRow) if row.repository_id == repository}

    def _remembered_homes(self, told: Expected, rows: Tables) -> None:
        """An entry whose own repository is gone may say which it was; the branches and places of that go with it."""
        for row in _all(rows, EntryRow):
            facts, name = told.entries.get(row.key), row.fields.get("repo")
            if facts is None or facts["home_repository_id"] is not None or name is None:
                continue
            if row.home_repository_id in self._names[name.lower()] - self._system.forge.world.repositories.keys():
                facts["home_repository_id"] = row.home_repository_id

    def _gone(self, told: Expected, rows: Tables) -> Iterator[str]:
        """Whatever is remembered was there once, and whatever was seen and is gone is remembered."""
        for row in _all(rows, BranchRow):
            if row.state == "deleted" and row.sha not in self._ever[row.repository_id, row.name]:
                yield f"branch {row.name} of {row.repository_id} is remembered at {row.sha}, where it never was"
        branches = {(row.key, row.repository_id, row.name) for row in _all(rows, BranchRow)}
        pulls = {(row.repository_id, row.number): row for row in _all(rows, PullRow)}
        for repository, (names, numbers) in self._known.items():
            for slug in (slug for slug, home in told.homes.items() if home == repository):
                for name in sorted(names):
                    if (slug, repository, name) not in branches:
                        yield f"branch {name} of {repository} was seen, is gone and has no row under {slug}"
            for number in sorted(numbers):
                row = pulls.get((repository, number))
                if row is None:
                    yield f"pull request {number} of {repository} was seen and has no row"
                elif row.gone and row.state == "open":
                    yield f"pull request {number} of {repository} is gone and open"

    def _revisions(self, told: Expected, rows: Tables) -> Iterator[str]:
        """Those of which the oracle is sure are there and no others; what was published stands."""
        revisions = {(r.key, r.repository_id, r.number): r for r in _all(rows, RevisionRow)}
        expected = {
            (slug, *place): facts
            for place, said in told.revisions.items() if place not in self._unsure
            for slug, facts in said.rows.items()
        }  # fmt: skip
        sure = told.revisions.keys() - self._unsure
        there = {at: _told(row) for at, row in revisions.items() if at[1:] in sure}
        new = {at: row for at, row in there.items() if at in expected or at not in self._published}
        yield from _same("revision", expected, new)
        numbers: dict[str, list[int]] = defaultdict(list)
        for at, row in revisions.items():
            numbers[row.key].append(row.version)
            stood = self._published.setdefault(at, (row.version, row.content, row.frozen_at))
            now = row.version, row.content, row.frozen_at
            if any(before not in (None, after) for before, after in zip(stood, now, strict=True)):
                yield f"revision {at} was {stood} and is {now}"
        for at in self._published.keys() - revisions.keys():
            yield f"revision {at} was published and is gone"
        for key, found in numbers.items():
            if sorted(found) != list(range(1, len(found) + 1)):
                yield f"the revisions of {key} are numbered {sorted(found)}"


def _proposals(told: Expected, rows: Tables) -> Iterator[str]:
    expected = {(*place, slug): facts for place, of in told.proposals.items() for slug, facts in of.items()}
    there = {(r.repository_id, r.number, r.key): r for r in _all(rows, ProposalRow) if r.collection == "rfcs"}
    sure = {at: row for at, row in there.items() if at[:2] in told.proposals}
    yield from _same("proposal", expected, sure)
    for at in there:
        pull = told.pulls.get(at[:2])
        if pull is None or pull["state"] != "open":
            yield f"proposal {at} of a pull request that is not open"


def _told(row: RevisionRow) -> SimpleNamespace:
    return SimpleNamespace(**asdict(row), amended=[each["sha"] for each in row.amendments])


def _all(rows: Tables, kind: type[Any]) -> list[Any]:
    return list(rows[kind].values())


def _compare(told: Expected, rows: Tables, forced_at_once: set[int]) -> Iterator[str]:
    of_rfcs = [row for row in _all(rows, EntryRow) if row.collection == "rfcs"]
    yield from _same("entry", told.entries, {row.key: row for row in of_rfcs})
    actions = {row.key for row in _all(rows, EntryRow) if row.collection == "actions"}
    if actions != set(told.actions):
        yield f"actions {sorted(actions)}, expected {sorted(told.actions)}"
    history = {(r.key, r.part, r.position): r for r in _all(rows, HistoryRow) if r.collection == "rfcs"}
    yield from _same("history", told.history, history)
    there = [row for row in _all(rows, BranchRow) if row.state == "open"]
    yield from _same("branch", told.branches, {(r.key, r.repository_id, r.name): r for r in there})
    pulls = [row for row in _all(rows, PullRow) if not row.gone]
    yield from _same("pull request", told.pulls, {(r.repository_id, r.number): r for r in pulls})
    live = {(r.repository_id, r.number) for r in pulls}
    places = {(r.repository_id, r.number): r for r in _all(rows, PullEntryRow)}
    yield from _same("place", told.places, {key: row for key, row in places.items() if key in live})
    listed = {row.id: row for row in _all(rows, RepositoryRow)}
    yield from _same("repository", told.repositories, {key: listed[key] for key in told.repositories if key in listed})
    mirrored = {key for key, row in listed.items() if row.depth is not None}
    if mirrored != told.mirrored:
        yield f"mirrored {sorted(mirrored)}, expected {sorted(told.mirrored)}"
    wrong = {(_class(row.rule), row.repository_id, row.path) for row in _all(rows, FindingRow)}
    wrong = {w for w in wrong if w[0] != "dangling" or str(w[2]).startswith("rfcs/")}
    wrong -= {w for w in wrong if w[0] == "heads-forgotten" and w[1] in forced_at_once}
    for finding in sorted(told.wrong ^ wrong, key=str):
        yield f"finding {finding} is {'missing' if finding in told.wrong else 'not expected'}"


_APART = {"dangling", "outside-owners", "missing-document", "unreadable-object", "heads-forgotten"}


def _class(rule: str) -> str:
    return rule if rule in _APART else "file"


def _same(what: str, expected: dict[Any, dict[str, Any]], rows: dict[Any, Any]) -> Iterator[str]:
    for key in sorted(expected.keys() - rows.keys(), key=str):
        yield f"{what} {key} has no row, expected {expected[key]}"
    for key in sorted(rows.keys() - expected.keys(), key=str):
        yield f"{what} {key} is not expected: {rows[key]}"
    for key in sorted(rows.keys() & expected.keys(), key=str):
        for column, value in expected[key].items():
            found = getattr(rows[key], column)
            if found != value:
                yield f"{what} {key}: {column} is {found!r}, expected {value!r}"
