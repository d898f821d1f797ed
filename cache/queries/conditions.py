"""From conditions to SQL. Values are bound, never written into it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, literal, not_, or_, select, text
from sqlalchemy import column as named

from cache.queries.columns import Column, Columns
from cache.queries.filters import Condition

_COMPARE: Mapping[str, Callable[[ColumnElement[Any], Any], ColumnElement[bool]]] = {
    "gte": lambda value, bound: value >= bound,
    "gt": lambda value, bound: value > bound,
    "lte": lambda value, bound: value <= bound,
    "lt": lambda value, bound: value < bound,
}


def where(conditions: Iterable[Condition], columns: Columns) -> dict[str, list[ColumnElement[bool]]]:
    """The SQL of conditions by the group of their columns; the group `""` is of the row listed itself."""
    groups: dict[str, list[ColumnElement[bool]]] = {}
    for condition in conditions:
        column = columns[condition.column]
        groups.setdefault(column.group, []).append(_condition(column, condition.operator, condition.values))
    return groups


def _condition(column: Column, operator: str, values: tuple[Any, ...]) -> ColumnElement[bool]:
    if operator == "isnull":
        return or_(*(column.value.is_(None) if wanted else column.value.is_not(None) for wanted in values))
    if column.type == "list":
        return not_(_holds(column, values)) if operator == "ne" else _holds(column, values)
    value = func.lower(column.value) if column.folded else column.value
    if operator in ("eq", "in"):
        return value == literal(values[0]) if len(values) == 1 else value.in_(values)
    if operator == "ne":
        return and_(*(value.is_distinct_from(literal(other)) for other in values))
    if operator == "contains":
        return or_(*(func.instr(value, literal(part)) > 0 for part in values))
    if operator == "startswith":
        # the lower bound lets an index help; it follows from the second part
        return or_(*(and_(value >= literal(p), func.substr(value, 1, len(p)) == literal(p)) for p in values))
    return or_(*(_COMPARE[operator](value, literal(bound)) for bound in values))


def _holds(column: Column, values: tuple[Any, ...]) -> ColumnElement[bool]:
    items = select(literal(1)).select_from(text(f"{column.each} AS item"))
    return exists(items.where(named("value").in_(values)))
