"""One hash over every row that follows from the forge, the profiles and `state.db`: live and rebuilt have the same.

Left out is what a second reading cannot tell again: observation times, sequence numbers, what a forge recomputes
by itself (`empty`), what only says how we read (depth, interest, position), and findings of what happens here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from cache.diff import same
from cache.profile.rules import OPERATIONAL, READ_ERRORS
from cache.revision_rows import RevisionRow
from cache.rows import PROJECTED, BranchRow, FindingRow, PullEntryRow, PullRow, RepositoryRow, Row, Rows

COVERED: tuple[type[Row], ...] = (RepositoryRow, *PROJECTED)
_LEFT_OUT: Mapping[type[Row], frozenset[str]] = {
    RepositoryRow: frozenset({"depth", "interest", "position", "empty"}),
    RevisionRow: frozenset({"retold"}),
}


class Digest(Struct, frozen=True):
    """The hash, hexadecimal, and how many rows it covers."""

    digest: str
    rows: int


class Difference(Struct, frozen=True):
    """One column of one row in which two sets of rows differ; `column` is `*` where one lacks the row."""

    table: str
    key: Any
    column: str
    live: Any
    fresh: Any


def digest(rows: Rows, *, without_state: bool = False) -> Digest:
    """Hash rows in a canonical order; `without_state` leaves out what only `state.db` knows: what is gone, and of
    revisions all but what the forge tells of them today."""
    hashed, count = hashlib.sha256(), 0
    gone = _gone(rows) if without_state else frozenset()
    for kind in COVERED:
        for key in sorted(rows[kind], key=repr):
            row = rows[kind][key]
            if _is_operational(row) or (without_state and _only_state(row, gone)):
                continue
            values = _retold(row) if without_state and isinstance(row, RevisionRow) else _values(row)
            hashed.update(msgspec.json.encode([kind.table, values], order="deterministic"))
            hashed.update(b"\n")
            count += 1
    return Digest(hashed.hexdigest(), count)


def differences(live: Rows, fresh: Rows) -> Iterator[Difference]:
    """Every covered column in which two sets of rows differ."""
    for kind in COVERED:
        for key in sorted({*live[kind], *fresh[kind]}, key=repr):
            before, after = live[kind].get(key), fresh[kind].get(key)
            if _is_operational(before or after):
                continue
            if before is None or after is None:
                yield Difference(kind.table, key, "*", *(_values(row) if row else None for row in (before, after)))
                continue
            ours, theirs = _values(before), _values(after)
            for column in ours:
                if not same(ours[column], theirs[column]):
                    yield Difference(kind.table, key, column, ours[column], theirs[column])


def _is_operational(row: Row | None) -> bool:
    """A finding of what happens here and now, or could not be read: a second reading need not tell it again."""
    return isinstance(row, FindingRow) and row.rule in (OPERATIONAL | READ_ERRORS)


def _values(row: Row) -> dict[str, Any]:
    left_out: Iterable[str] = _LEFT_OUT.get(type(row), ())
    return {name: value for name, value in asdict(row).items() if name not in left_out}


def _retold(row: RevisionRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in (*row.primary, "retold")}


def _gone(rows: Rows) -> frozenset[tuple[int, int]]:
    return frozenset(
        (row.repository_id, row.number) for row in rows[PullRow].values() if isinstance(row, PullRow) and row.gone
    )


def _only_state(row: Row, gone: frozenset[tuple[int, int]]) -> bool:
    if isinstance(row, BranchRow):
        return row.state == "deleted"
    if isinstance(row, PullRow | PullEntryRow):
        return (row.repository_id, row.number) in gone
    if isinstance(row, RevisionRow):
        return row.retold is None
    return isinstance(row, FindingRow) and row.rule in ("revision-content-gone", "heads-forgotten")
