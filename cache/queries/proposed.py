"""What open pull requests would make of entries, beside the entries as they are now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, and_, case, func, select, tuple_, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.profile.collection import Collection
from cache.queries import proposals
from cache.queries.paging import Listing, Question, read_page
from cache.queries.proposals import ProposalItem
from cache.queries.visible import by_id, keyed, of_entries
from cache.revision_rows import ProposalRow
from cache.rows import EntryRow
from cache.schema import AnyText, tables, text_of
from cache.viewer import Viewer

_proposals, _entries = tables[ProposalRow], tables[EntryRow]

LISTED = 5
"""How many entries are told of each pull request in a list of them."""


class Proposed(Struct, frozen=True):
    """A proposal, and the entry as it is now.

    `fields_now` is None where there is no such entry. `rewritten` says whether the text would be another; `body_now`
    is the text of the part that would change (the entry's own, or its document's), where bodies were asked for.
    """

    item: ProposalItem
    fields_now: Mapping[str, Any] | None
    rewritten: bool
    body_now: str | None = None


class ProposedPage(Struct, frozen=True):
    """Some proposals, and the cursor of the next ones."""

    items: tuple[Proposed, ...]
    next: str | None


class OfPull(Struct, frozen=True):
    """What one pull request would change: the first few entries, and how many there are in all."""

    first: tuple[Proposed, ...]
    number: int


async def of_pulls(
    connection: AsyncConnection, viewer: Viewer, pulls: Sequence[tuple[int, int]], each: int = LISTED
) -> dict[tuple[int, int], OfPull]:
    """What each of these pull requests (repository id, number) would change, without bodies, in one statement."""
    if not pulls:
        return {}
    same = _proposals.c.repository_id, _proposals.c.number
    order = _proposals.c.block, _proposals.c.collection, _proposals.c.key
    place = func.row_number().over(partition_by=same, order_by=order).label("place")
    number = func.count().over(partition_by=same).label("in_all")
    told = select(*_proposals.primary_key.columns, place, number).where(tuple_(*same).in_(pulls))
    # hidden ones must not be counted either
    ranked = told.where(*by_id(viewer, _proposals.c.repository_id), *keyed(viewer, _proposals)).subquery()
    here = and_(*(ranked.c[column.name] == column for column in _proposals.primary_key.columns))
    rows = _select(viewer, body=False).add_columns(ranked.c.in_all).join(ranked, here).where(ranked.c.place <= each)
    found: dict[tuple[int, int], OfPull] = {}
    for row in await connection.execute(rows.order_by(*same, *order)):
        pull, one_more = (row.repository_id, row.number), _told(row._mapping)
        before = found.get(pull)
        found[pull] = OfPull((*before.first, one_more) if before is not None else (one_more,), row.in_all)
    return found


async def of_entry(
    connection: AsyncConnection, viewer: Viewer, collection: Collection, key: str, question: Question
) -> ProposedPage:
    """A page of what open pull requests would make of one entry, without bodies, in one statement.

    QueryError: `bad-cursor`, `cursor-mismatch`.
    """
    about = ("proposed", collection.block, collection.name, key)
    return await _page(connection, viewer, about, _of(collection, key), question)


async def of_pull(
    connection: AsyncConnection, viewer: Viewer, repository_id: int, number: int, question: Question
) -> ProposedPage:
    """A page of what one pull request would make of entries, without bodies, in one statement.

    QueryError: `bad-cursor`, `cursor-mismatch`.
    """
    about = ("proposed", "pull", str(repository_id), str(number))
    own = _proposals.c.repository_id == repository_id, _proposals.c.number == number
    return await _page(connection, viewer, about, own, question)


async def _page(
    connection: AsyncConnection, viewer: Viewer, about: tuple[str, ...], own: tuple[Any, ...], question: Question
) -> ProposedPage:
    rows, ties = _select(viewer, body=False).where(*own), tuple(_proposals.primary_key.columns)
    listing = Listing(about, rows, proposals.columns(viewer), ties, proposals.SORT)
    page = await read_page(connection, listing, question)
    return ProposedPage(tuple(_told(row._mapping) for row in page.rows), page.next)


async def one(
    connection: AsyncConnection, viewer: Viewer, collection: Collection, key: str, full_name: str, number: int
) -> Proposed | None:
    """What one pull request would make of an entry, with bodies, in one statement; None where it would not."""
    named = func.lower(proposals.repository_name()) == full_name.lower()
    rows = _select(viewer, body=True).where(*_of(collection, key), _proposals.c.number == number, named)
    row = (await connection.execute(rows)).one_or_none()
    return None if row is None else _told(row._mapping)


def _of(collection: Collection, key: str) -> tuple[Any, ...]:
    table = _proposals.c
    return table.block == collection.block, table.collection == collection.name, table.key == key


def _select(viewer: Viewer, *, body: bool) -> Select[Any]:
    same = and_(
        _entries.c.block == _proposals.c.block,
        _entries.c.collection == _proposals.c.collection,
        _entries.c.key == _proposals.c.key,
        *of_entries(viewer, _entries),
    )
    text_now = _text_now(viewer)
    rewritten = text_of(ProposalRow, "body").is_distinct_from(text_now).label("rewritten")
    told = _entries.c.key.label("key_now"), _entries.c.fields.label("fields_now"), rewritten
    rows = proposals.selected(viewer, body=body).add_columns(*told).outerjoin(_entries, same)
    return rows.add_columns(text_now.label("body_now")) if body else rows


def _text_now(viewer: Viewer) -> ColumnElement[Any]:
    """The text of the part that would change; of a document only to those who see its repository."""
    of_document = and_(_proposals.c.part == "document", *by_id(viewer, _entries.c.document_repository_id))
    own = _proposals.c.part == "entry"
    body, document = text_of(EntryRow, "entry_body"), text_of(EntryRow, "document_body")
    return type_coerce(case((own, body), (of_document, document)), AnyText)


def _told(row: Any) -> Proposed:
    there = row["key_now"] is not None
    return Proposed(
        proposals.item_of(row), row["fields_now"] if there else None, bool(row["rewritten"]), row.get("body_now")
    )
