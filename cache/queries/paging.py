"""Pages of a list: filter, order, and go on after a row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, LargeBinary, Row, Select, and_, cast, exists, func, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.profile.words import near
from cache.queries import cursors
from cache.queries.columns import Columns, names
from cache.queries.conditions import where
from cache.queries.cursors import Abbreviated
from cache.queries.errors import QueryError
from cache.queries.filters import MAX_SHOWN, Condition, parse

DEFAULT_LIMIT, MAX_LIMIT = 50, 200
PAGING = ("limit", "cursor", "sort")
_PLACE = "_place"
MOST_ALIKE = 1_000
"""Rows that begin alike among which the one of a cursor is looked for."""


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
    """The rows of a page, and the cursor of the next one where there is one; `asked` is the question's hash."""

    rows: Sequence[Row[Any]]
    next: str | None
    asked: str = ""
    ties: int = 1

    def first(self, count: int) -> Rows:
        """The first rows of the page, and the cursor after them."""
        if count >= len(self.rows):
            return self
        last = self.rows[count - 1]._mapping
        ties = tuple(last[f"{_PLACE}_{index}"] for index in range(self.ties))
        after = cursors.encode(cursors.Position(last[_PLACE], ties), self.asked)
        return Rows(self.rows[:count], after, self.asked, self.ties)


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
    """One page, in one statement (two after a row with a long key). QueryError: `bad-cursor`, `cursor-mismatch`."""
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
        if not position.whole:
            position = await _whole(connection, listing, value, position, descending)
        statement = statement.where(_after(value, listing.ties, position, descending, alone))
    first = value.desc() if descending else value.asc()
    statement = statement.order_by(first, *(() if alone else listing.ties)).limit(question.limit + 1)
    rows = (await connection.execute(statement)).all()
    return Rows(rows, None, asked, len(listing.ties)).first(question.limit)


async def _whole(
    connection: AsyncConnection, listing: Listing, value: ColumnElement[Any], position: cursors.Position,
    descending: bool,
) -> cursors.Position:  # fmt: skip
    """A place with its long texts, found by the row that stands there.

    Where that row is gone, or among too many that begin alike, the place before all that begin so: a row may come
    again then, and none is left out.
    """
    columns = (value, *listing.ties)
    parts = (position.value, *position.ties)
    alike = [_alike(column, part) for column, part in zip(columns, parts, strict=True)]
    rows = listing.rows.with_only_columns(value.label(_PLACE), *_labelled(listing.ties)).where(*alike)
    for row in await connection.execute(rows.order_by(None).limit(MOST_ALIKE)):
        if all(not isinstance(part, Abbreviated) or part.fits(found) for part, found in zip(parts, row, strict=True)):
            return cursors.Position(row[0], tuple(row[1:]))
    begins = {part: part.begins for part in parts if isinstance(part, Abbreviated)}
    if descending and isinstance(position.value, Abbreviated):
        begins[position.value] += "\U0010ffff"
    first, *ties = (begins[part] if isinstance(part, Abbreviated) else part for part in parts)
    return cursors.Position(first, tuple(ties))  # type: ignore[arg-type] # only `value` may be None


def _alike(column: ColumnElement[Any], part: Any) -> ColumnElement[bool]:
    if isinstance(part, Abbreviated):
        return and_(column >= literal(part.begins), column < literal(f"{part.begins}\U0010ffff"))
    return column.is_(None) if part is None else column == literal(part)


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


async def with_texts(
    connection: AsyncConnection, page: Rows, whole: Select[Any], identity: Sequence[str], name: str, most: int
) -> tuple[Rows, dict[tuple[Any, ...], Any]]:
    """As many rows of a page as their texts fit into `most` bytes, one at least, and the texts by `identity`.

    `whole` selects the texts as `name` beside `identity`, the names that tell its rows apart. Two statements: the sizes
    are asked for first, so that what does not fit is never in memory.
    """
    columns = whole.selected_columns
    keys = [columns[one] for one in identity]
    content: Any = columns[name]

    def of(rows: Sequence[Row[Any]]) -> ColumnElement[bool]:
        return tuple_(*keys).in_([tuple(row._mapping[one] for one in identity) for row in rows])

    if not page.rows:
        return page, {}
    size = func.length(cast(getattr(content, "element", content), LargeBinary))
    sizes = {tuple(row[:-1]): row[-1] or 0 for row in await connection.execute(
        whole.with_only_columns(*keys, size).where(of(page.rows)))}  # fmt: skip
    fitting, total = 0, 0
    for row in page.rows:
        total += sizes.get(tuple(row._mapping[one] for one in identity), 0)
        if total > most and fitting:
            break
        fitting += 1
    page = page.first(fitting)
    found = await connection.execute(whole.with_only_columns(*keys, content).where(of(page.rows)))
    return page, {tuple(row[:-1]): row[-1] for row in found}
