"""Findings as rows: an id that stays the same for as long as the thing that is wrong stays the same."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from cache.model import Commit
from cache.profile.rules import RULES, Severity, cut
from cache.rows import FindingRow


class Place(Struct, frozen=True):
    """Where a finding is: what collection it concerns, the file, and the commit that brought it."""

    repository_id: int | None = None
    path: str | None = None
    block: str | None = None
    collection: str | None = None
    key: str | None = None
    commit: Commit | None = None


def finding(
    place: Place,
    rule: str,
    message: str,
    *,
    severity: Severity | None = None,
    line: int | None = None,
    field: str | None = None,
) -> FindingRow:
    """A finding at a place, with its rule's severity unless another is given. KeyError: no such rule.

    Its id leaves out line and commit, which move while the fault stays the same.
    """
    identity = (rule, place.block, place.collection, place.repository_id, place.path, place.key, field)
    return FindingRow(
        id=_digest(identity),
        rule=rule,
        severity=severity or RULES[rule].severity,
        message=cut(message),
        block=place.block,
        collection=place.collection,
        key=place.key,
        repository_id=place.repository_id,
        path=place.path,
        line=line,
        field=field,
        commit=place.commit.sha if place.commit else None,
        since=place.commit.committed_at if place.commit else None,
    )


MAX_FINDINGS = 5000
"""Findings of one repository that are listed: three pushes of nothing but mistakes must not push all else out of the
feed (`api.feed_keep`, at least 1,000, by default 100,000)."""


def fewer(findings: Iterable[FindingRow]) -> tuple[FindingRow, ...]:
    """The findings with no more than `MAX_FINDINGS` of any repository: errors before warnings, then by path and line.
    One more tells how many there are.
    """
    by_repository: dict[int | None, list[FindingRow]] = defaultdict(list)
    for row in findings:
        by_repository[row.repository_id].append(row)
    result: list[FindingRow] = []
    for repository_id, rows in by_repository.items():
        if repository_id is None or len(rows) <= MAX_FINDINGS:
            result += rows
            continue
        rows.sort(key=lambda f: (f.severity, f.path or "", f.line or 0, f.rule, f.id, f.message))
        message = f"{len(rows) - MAX_FINDINGS:,} more findings of this repository are not listed"
        result += (*rows[:MAX_FINDINGS], finding(Place(repository_id), "too-many-findings", message))
    return tuple(result)


def numbered(findings: Iterable[FindingRow]) -> tuple[FindingRow, ...]:
    """The same findings, the second and later ones of one id given an id of their own by their order.

    Ids are short enough to be made to collide by somebody who tries; even then no two come out alike.
    """
    seen: dict[str, int] = {}
    result = []
    for row in sorted(findings, key=lambda f: (f.id, f.line or 0, f.message)):
        given = row.id
        while given in seen:
            seen[row.id] += 1
            given = _digest((row.id, seen[row.id]))
        seen[given] = 1
        result.append(row if given == row.id else replace(row, id=given))
    return tuple(result)


def _digest(parts: tuple[object, ...]) -> str:
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
