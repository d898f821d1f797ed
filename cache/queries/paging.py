"""Pages of a list: filter, order, and go on after a row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Row, Select, and_, exists, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.profile.words import near
from cache.queries import cursors
from cache.queries.columns import Columns, names
from cache.queries.conditions import where
from cache.queries.errors import QueryError
from cache.queries.filters import MAX_SHOWN, Condition, parse

DEFAULT_LIMIT, MAX_LIMIT = 50, 200
PAGING = ("limit", "cursor", "sort")
_PLACE = "_place"


class Question(Struct, frozen=True):
    """What a reader asks of a list. `sort` is a column's name, with `-` for the reverse."""

    conditions: tuple[Condition, ...] = ()
    sort: str = ""
    limit: int = DEFAULT_LIMIT
    cursor: str | None = None


class Listing(Struct, frozen=True):
    """How a list is read: its rows, its names, what tells its rows apart, and the join of each group of columns.

    `about` names the list itself, so that a cursor of another list does not fit.
    """

    about: tuple[str, ...]
    rows: Select[Any]
    columns: Columns
    ties: tuple[ColumnElement[Any], ...]
    sort: str
    groups: tuple[tuple[str, Select[Any]], ...] = ()


class Rows(Struct, frozen=True):
    """The rows of a page, and the cursor of the next one where there is one."""

    rows: Sequence[Row[Any]]
    next: str | None


def ask(
    pairs: Iterable[tuple[str, str]], columns: Columns, *, sort: str, others: Iterable[str] = ()
) -> Question:
    """The question that a query string puts. QueryError: as `filters.parse`, `bad-value`, `bad-sort`."""
    pairs = list(pairs)
    conditions = parse(pairs, columns, {*others, *PAGING})
    said = {name: _one(pairs, name) for name in PAGING}
    limit = limit_of(said["limit"]) if said["limit"] is not None else DEFAULT_LIMIT
    order = said["sort"] or sort
    column = columns.get(order.removeprefix("-"))
    if column is None or not column.sortable:
        known = names(c for c in columns.values() if c.sortable)
        hint = near(order.removeprefix("-")[:MAX_SHOWN], known, "") or f"; it can be by {', '.join(known)}"
        raise QueryError("bad-sort", f"the list cannot be sorted by {order[:MAX_SHOWN]!r}{hint}", "sort")
    return Question(conditions, order, limit, said["cursor"])


def _one(pairs: Sequence[tuple[str, str]], name: str) -> str | None:
    values = [value for key, value in pairs if key == name]
    if len(values) > 1:
        raise QueryError("bad-value", f"{name} stands there {len(values)} times; keep one", name)
    return values[0] if values else None


def limit_of(text: str, name: str = "limit") -> int:
    """A page's length, as the parameter `name` says it. QueryError: `bad-value`."""
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= MAX_LIMIT):
        message = f"{name} is {text[:MAX_SHOWN]!r}; it must be a number from 1 to {MAX_LIMIT}"
        raise QueryError("bad-value", message, name)
    return int(text)


async def read_page(connection: AsyncConnection, listing: Listing, question: Question) -> Rows:
    """One page, in one statement. QueryError: `bad-cursor`, `cursor-mismatch`."""
    asked = cursors.question(listing.about, question.conditions, question.sort)
    name, descending = question.sort.removeprefix("-"), question.sort.startswith("-")
    value = listing.columns[name].value
    statement = listing.rows.add_columns(value.label(_PLACE), *_labelled(listing.ties))
    joins = dict(listing.groups)
    for group, conditions in where(question.conditions, listing.columns).items():
        statement = statement.where(exists(joins[group].where(*conditions)) if group else and_(*conditions))
    alone = len(listing.ties) == 1 and str(value) == str(listing.ties[0])
    if question.cursor is not None:
        position = cursors.decode(question.cursor, asked, len(listing.ties))
        statement = statement.where(_after(value, listing.ties, position, descending, alone))
    first = value.desc() if descending else value.asc()
    statement = statement.order_by(first, *(() if alone else listing.ties)).limit(question.limit + 1)
    rows = (await connection.execute(statement)).all()
    if len(rows) <= question.limit:
        return Rows(rows, None)
    rows = rows[: question.limit]
    last = rows[-1]._mapping
    ties = tuple(last[f"{_PLACE}_{index}"] for index in range(len(listing.ties)))
    return Rows(rows, cursors.encode(cursors.Position(last[_PLACE], ties), asked))


def _labelled(ties: Sequence[ColumnElement[Any]]) -> list[ColumnElement[Any]]:
    return [tie.label(f"{_PLACE}_{index}") for index, tie in enumerate(ties)]


def _after(
    value: ColumnElement[Any],
    ties: Sequence[ColumnElement[Any]],
    position: cursors.Position,
    descending: bool,
    alone: bool,
) -> ColumnElement[bool]:
    """The rows after a place; SQLite puts rows without a value first, or last when descending."""
    if alone:
        key = literal(position.ties[0])
        return value < key if descending else value > key
    later = tuple_(*ties) > tuple_(*(literal(tie) for tie in position.ties))
    if position.value is None:
        same = and_(value.is_(None), later)
        return same if descending else or_(same, value.is_not(None))
    bound = literal(position.value)
    same = and_(value == bound, later)
    return or_(value < bound, same, value.is_(None)) if descending else or_(value > bound, same)


def only(*columns: Any) -> Select[Any]:
    """A select for the join of a group."""
    return select(literal(1)).select_from(*columns)
