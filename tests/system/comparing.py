"""Rows beside what the oracle expects, and the memory of what may and must be remembered as gone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from harness import System, Tables
from oracle import Expected, Oracle

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

    def note(self) -> Expected:
        """Look at the forge."""
        told = self._oracle.expect()
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
        disagreements = [*_compare(told, rows), *self._gone(told, rows)]
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


def _all(rows: Tables, kind: type[Any]) -> list[Any]:
    return list(rows[kind].values())


def _compare(told: Expected, rows: Tables) -> Iterator[str]:
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
    for finding in sorted(told.wrong ^ wrong, key=str):
        yield f"finding {finding} is {'missing' if finding in told.wrong else 'not expected'}"


def _class(rule: str) -> str:
    return rule if rule in ("dangling", "missing-document", "unreadable-object") else "file"


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
