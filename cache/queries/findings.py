"""Findings: what is wrong now, and what was."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Text, func, null, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.queries import facets
from cache.queries.columns import Column, of_table, stored
from cache.queries.paging import Listing, Question, read_page
from cache.queries.visible import by_id, keyed, lasting, of_repository
from cache.rows import FindingRow, RepositoryRow
from cache.schema import cleared as cleared_table
from cache.schema import tables
from cache.viewer import Viewer

_repository = tables[RepositoryRow].alias("repository")

SORT = "-since"
CLEARED_SORT = "-cleared_at"


class FindingItem(Struct, frozen=True):
    """A finding; `cleared_at` says when it was found to be gone, None while it stands."""

    id: str
    rule: str
    severity: str
    message: str
    block: str | None
    collection: str | None
    key: str | None
    repository: str | None
    path: str | None
    line: int | None
    field: str | None
    commit: str | None
    since: datetime | None
    cleared_at: datetime | None = None


class RuleCount(Struct, frozen=True):
    """How many findings there are of a rule."""

    rule: str
    severity: str
    number: int


class FindingPage(Struct, frozen=True):
    """Some findings, and the cursor of the next ones."""

    items: tuple[FindingItem, ...]
    next: str | None


def columns(*, cleared: bool = False) -> dict[str, Column]:
    """What findings can be filtered and sorted by."""
    table = cleared_table if cleared else tables[FindingRow]
    own = of_table(
        table,
        {
            "id": "string", "rule": "string", "severity": "string", "block": "string", "collection": "string",
            "key": "string", "path": "string", "line": "integer", "field": "string", "commit": "string",
            "since": "datetime",
        },
    )  # fmt: skip
    # one that stands has no such time: it can be asked for all the same
    own["cleared_at"] = (
        stored("cleared_at", cleared_table.c.cleared_at, "datetime") if cleared
        else Column("cleared_at", "datetime", type_coerce(null(), Text))
    )  # fmt: skip
    own["repository"] = stored("repository", _repository.c.full_name, "repository", folded=True)
    return own


async def finding_list(
    connection: AsyncConnection, viewer: Viewer, question: Question, *, cleared: bool = False
) -> FindingPage:
    """A page of the findings that stand, or of those cleared, in one statement.

    QueryError: `bad-cursor`, `cursor-mismatch`.
    """
    page = await read_page(connection, _listing(viewer, cleared=cleared), question)
    wanted = [name for name in FindingItem.__struct_fields__ if cleared or name != "cleared_at"]
    return FindingPage(tuple(FindingItem(**{n: r._mapping[n] for n in wanted}) for r in page.rows), page.next)


async def rule_counts(
    connection: AsyncConnection, viewer: Viewer, question: Question, *, cleared: bool = False
) -> tuple[RuleCount, ...]:
    """How many findings that fit there are of each rule, whatever is asked of the rule itself; errors first."""
    listing = _listing(viewer, cleared=cleared)
    by = (listing.rows.selected_columns[name] for name in ("rule", "severity"))
    rows = await facets.counted(connection, listing, facets.but(question.conditions, "rule"), *by)
    return tuple(sorted((RuleCount(*row) for row in rows), key=lambda one: (one.severity, -one.number, one.rule)))


def _listing(viewer: Viewer, *, cleared: bool) -> Listing:
    table: Any = cleared_table if cleared else tables[FindingRow]
    rows = (
        select(*table.c, _repository.c.full_name.label("repository"))
        .select_from(table.outerjoin(_repository, _repository.c.id == table.c.repository_id))
        .where(*of_repository(viewer, _repository), *(lasting if cleared else keyed)(viewer, table))
    )
    # a finding can be cleared several times, so its id does not tell those apart
    tie: ColumnElement[Any] = table.c.sequence if cleared else table.c.id
    about = ("findings", "cleared" if cleared else "open")
    return Listing(about, rows, columns(cleared=cleared), (tie,), SORT)


async def finding_counts(connection: AsyncConnection, viewer: Viewer) -> dict[str, int]:
    """How many findings stand, by their rule, in one statement."""
    table = tables[FindingRow]
    wanted = select(table.c.rule, func.count().label("standing")).group_by(table.c.rule).order_by(table.c.rule)
    seen = wanted.where(*by_id(viewer, table.c.repository_id), *keyed(viewer, table))
    return {row.rule: row.standing for row in await connection.execute(seen)}
