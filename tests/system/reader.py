"""A reader of the change feed, as an application would be: told what changed, it fetches just that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import System, Tables
from sqlalchemy import select

from cache.rows import BranchRow, EntryRow, FindingRow, PullRow, RepositoryRow, Row
from cache.schema import feed

_KINDS: Mapping[str, type[Row]] = {
    "entry": EntryRow, "branch": BranchRow, "finding": FindingRow, "pull": PullRow, "repository": RepositoryRow,
}  # fmt: skip
_HOW_WE_READ = {"depth", "interest", "position", "empty"}


class Reader:
    """Holds a copy of the rows, kept up to date by nothing but the feed."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._copy: dict[tuple[Any, ...], Any] = {}
        self._epoch: str | None = None
        self._sequence = 0

    async def catch_up(self) -> None:
        """Read on from where it was; then the copy must equal the rows."""
        rows = _shown(await self._system.rows())
        epoch = self._system.engine.epoch.now
        async with self._system.engine.cache.read() as connection:
            told = (await connection.execute(select(feed).order_by(feed.c.sequence))).all()
        if epoch != self._epoch:  # positions of another epoch say nothing: begin anew from the rows
            self._copy, self._sequence = dict(rows), 0
        for change in told:
            if epoch == self._epoch and change.sequence > self._sequence:
                key = _key(change)
                self._copy.pop(key, None)
                if key in rows:
                    self._copy[key] = rows[key]
        self._epoch = epoch
        self._sequence = max([self._sequence, *(change.sequence for change in told)])
        missed = {key for key in self._copy.keys() | rows.keys() if self._copy.get(key) != rows.get(key)}
        assert not missed, f"the feed did not tell of {sorted(missed, key=str)}"


def _key(change: Any) -> tuple[Any, ...]:
    match change.kind:
        case "entry":
            return ("entry", change.block, change.collection, change.key)
        case "branch":
            return ("branch", change.block, change.collection, change.key, change.repository_id, change.name)
        case "finding":
            return ("finding", change.name)
        case "pull":
            return ("pull", change.repository_id, change.number)
        case _:
            return ("repository", change.repository_id)


def _shown(rows: Tables) -> dict[tuple[Any, ...], Any]:
    shown = {}
    for name, kind in _KINDS.items():
        for key, row in rows[kind].items():
            parts = key if isinstance(key, tuple) else (key,)
            values = {f: getattr(row, f) for f in row.__struct_fields__ if f not in _HOW_WE_READ}
            shown[name, *parts] = values
    return shown
