"""What open pull requests would make of entries."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.queries.columns import Column, of_table, stored
from cache.queries.paging import MAX_LIMIT, Listing, Question, ask, read_page, with_texts
from cache.queries.visible import keyed, of_actor, of_repository
from cache.revision_rows import ProposalRow
from cache.rows import PullEntryRow, PullRow, RepositoryRow
from cache.schema import tables, text_of
from cache.viewer import EVERYTHING, Viewer

_proposals, _pulls = tables[ProposalRow], tables[PullRow]
_place, _repository = tables[PullEntryRow].alias("place"), tables[RepositoryRow].alias("repository")

SORT = "-opened_at"


class ProposedFinding(Struct, frozen=True):
    """What would be wrong with it."""

    rule: str
    severity: str
    message: str
    line: int | None
    field: str | None


class ProposalItem(Struct, frozen=True):
    """What a pull request would make of an entry, with what people need to know of the pull request.

    `kind` and `actor` are of its place in the entry's collection, None where it has none.
    """

    block: str
    collection: str
    key: str
    change: str
    part: str
    repository: str | None
    repository_id: int
    number: int
    path: str
    line: int
    title: str
    valid: bool
    fields: dict[str, Any]
    body: str | None
    findings: tuple[ProposedFinding, ...]
    head_sha: str
    pull_title: str
    draft: bool
    opened_at: datetime
    head_branch: str
    kind: str | None
    actor: str | None
    user: str


class ProposalPage(Struct, frozen=True):
    """Some proposals, and the cursor of the next ones."""

    items: tuple[ProposalItem, ...]
    next: str | None


def columns(viewer: Viewer = EVERYTHING) -> dict[str, Column]:
    """What proposals can be filtered and sorted by."""
    own = of_table(
        _proposals,
        {
            "block": "string", "collection": "string", "key": "string", "number": "integer", "path": "string",
            "title": "string", "valid": "boolean", "head_sha": "string",
        },
    )  # fmt: skip
    own |= of_table(_pulls, {"draft": "boolean", "opened_at": "datetime", "head_branch": "string", "user": "string"})
    own["change"] = stored("change", _proposals.c.change, "enum", values=("added", "changed", "removed"))
    own["part"] = stored("part", _proposals.c.part, "enum", values=("entry", "document"))
    own["kind"] = stored("kind", _place.c.kind, "string")
    own["actor"] = stored("actor", of_actor(viewer, _place, _place.c.actor), "string")
    own["repository"] = stored("repository", _repository.c.full_name, "repository", folded=True)
    return own


async def proposal_list(
    connection: AsyncConnection, viewer: Viewer, question: Question, *, body: int = 0
) -> ProposalPage:
    """A page of proposals, in one statement, three with bodies; `body` brings so many bytes of them, and one at least.

    QueryError: `bad-cursor`, `cursor-mismatch`.
    """
    ties = tuple(_proposals.primary_key.columns)
    listing = Listing(("proposals",), selected(viewer, body=False), columns(viewer), ties, SORT)
    page = await read_page(connection, listing, question)
    identity, bodies = tuple(column.name for column in ties), dict[tuple[Any, ...], Any]()
    if body:
        page, bodies = await with_texts(connection, page, selected(viewer, body=True), identity, "body", body)
    told = ({**row._mapping, "body": bodies.get(tuple(row._mapping[one] for one in identity))} for row in page.rows)
    return ProposalPage(tuple(item_of(row) for row in told), page.next)


async def of_pull(
    connection: AsyncConnection, viewer: Viewer, full_name: str, number: int, body: int
) -> ProposalPage:
    """What one pull request would change, as a first page with so many bytes of bodies."""
    asked = [("repository", full_name), ("number", str(number)), ("limit", str(MAX_LIMIT)), ("sort", "block")]
    return await proposal_list(connection, viewer, ask(asked, columns(viewer), sort=SORT), body=body)


def repository_name() -> Any:
    """The column of `selected` that gives the name of the pull request's repository."""
    return _repository.c.full_name


def selected(viewer: Viewer, *, body: bool) -> Select[Any]:
    """The rows that `item_of` takes, those that are seen; whoever asks adds conditions."""
    same = and_(_pulls.c.repository_id == _proposals.c.repository_id, _pulls.c.number == _proposals.c.number)
    placed = and_(
        _place.c.repository_id == _proposals.c.repository_id,
        _place.c.number == _proposals.c.number,
        _place.c.block == _proposals.c.block,
        _place.c.collection == _proposals.c.collection,
        _place.c.key == _proposals.c.key,
    )
    told: list[ColumnElement[Any]] = [c for c in _proposals.c if c.name in ProposalRow.__struct_fields__]
    if body:
        told.append(text_of(ProposalRow, "body").label("body"))
    joined = _proposals.join(_pulls, same).outerjoin(_place, placed)
    joined = joined.outerjoin(_repository, _repository.c.id == _proposals.c.repository_id)
    names = ("draft", "opened_at", "head_branch", "user")
    of_pull = _pulls.c.title.label("pull_title"), *(_pulls.c[name] for name in names)
    actor = of_actor(viewer, _place, _place.c.actor).label("actor")
    beside = _place.c.kind, actor, _repository.c.full_name.label("repository")
    rows = select(*told, *of_pull, *beside).select_from(joined)
    return rows.where(*of_repository(viewer, _repository), *keyed(viewer, _proposals))


def item_of(row: Any) -> ProposalItem:
    """A proposal of a row of `selected`."""
    values = {name: row.get(name) for name in ProposalItem.__struct_fields__}
    return ProposalItem(**{**values, "findings": tuple(ProposedFinding(**each) for each in row["findings"])})
