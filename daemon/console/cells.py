"""Values of fields as a page shows them. No I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from cache.profile.collection import Collection
from cache.profile.fields import Field
from daemon.console.addresses import ForgePages, Here
from daemon.console.words import tone

BRIEF, BRIEF_MANY = 160, 6
"""Letters of a text, and values of a list, that are shown where there is little room."""
SHOWN_IN_LISTS = 5
"""How many fields a collection's table has room for, besides the label and the pill."""
_SHORT = frozenset({"enum", "boolean", "integer", "number", "date", "datetime", "user", "repository", "ref", "string"})


class Cell(Struct, frozen=True):
    """A value: `kind` is `pill`, `text`, `code`, `link`, `none`, or `many` with `cells` of its own."""

    kind: str
    text: str = ""
    href: str = ""
    tone: str = ""
    cells: tuple[Cell, ...] = ()


class Line(Struct, frozen=True):
    """A field with its value; `told` is false for one that the profile does not name."""

    name: str
    cell: Cell
    told: bool = True


class Changed(Struct, frozen=True):
    """A field with its value before and after."""

    name: str
    before: Cell
    after: Cell


def cell(field: Field, value: Any, collection: Collection, here: Here, forge: ForgePages) -> Cell:
    """A field's value. A value that a lenient or older file brought in another shape is shown as it is."""
    if value is None or value == []:
        return Cell("none")
    if field.type == "list" and isinstance(value, list):
        of = field.of or Field("", "string")
        return Cell("many", cells=tuple(cell(of, one, collection, here, forge) for one in value))
    if not isinstance(value, str):
        return plain(value)
    match field.type:
        case "enum":
            return Cell("pill", value, tone=tone(value, field.values))
        case "user" | "repository":
            return Cell("link", value, forge.of(value))
        case "url":
            safe = value.lower().startswith(("http://", "https://"))
            return Cell("link", value, value) if safe else Cell("text", value)
        case "ref" if field.relation is not None and not field.relation.match and len(field.relation.collections) == 1:
            return Cell("link", value, here.entry(collection.block, field.relation.collections[0], value))
        case _:
            return Cell("text", value)


def plain(value: Any) -> Cell:
    """A value without a type."""
    if value is None:
        return Cell("none")
    if isinstance(value, bool):
        return Cell("text", "yes" if value else "no")
    if isinstance(value, str | int | float):
        return Cell("text", str(value))
    return Cell("code", json.dumps(value, ensure_ascii=False))


def lines(collection: Collection, fields: dict[str, Any], here: Here, forge: ForgePages) -> list[Line]:
    """The front matter: the profile's fields in its order, those without a value left out, then what else is there."""
    known = {field.name for field in collection.fields}
    told = [
        Line(field.name, cell(field, fields.get(field.name), collection, here, forge)) for field in collection.fields
    ]
    others = [Line(name, plain(value), False) for name, value in fields.items() if name not in known]
    return [line for line in (*told, *others) if line.cell.kind != "none"]


def columns(collection: Collection, pill: Field | None) -> list[Field]:
    """The fields that a collection's table shows: short ones, in the profile's order."""
    label = collection.label or "title"
    fitting = (
        field for field in collection.fields
        if field.name != label and field != pill
        and (field.of.type if field.type == "list" and field.of is not None else field.type) in _SHORT
    )  # fmt: skip
    return list(fitting)[:SHOWN_IN_LISTS]


def changes(
    collection: Collection | None, before: Mapping[str, Any], after: Mapping[str, Any], here: Here, forge: ForgePages
) -> list[Changed]:
    """The fields whose values differ, the profile's in its order first; `collection` is None for one not known."""
    fields = {field.name: field for field in collection.fields} if collection is not None else {}
    made = []
    for name in dict.fromkeys((*fields, *before, *after)):
        values = before.get(name), after.get(name)
        if values[0] != values[1]:
            field = fields.get(name)
            old, new = (
                cell(field, value, collection, here, forge) if field is not None and collection is not None
                else plain(value)
                for value in values
            )  # fmt: skip
            made.append(Changed(name, old, new))
    return made


def brief(value: Cell) -> Cell:
    """A value cut to what has room in a list."""
    text = value.text if len(value.text) <= BRIEF else f"{value.text[:BRIEF]}…"
    cells = tuple(brief(one) for one in value.cells[:BRIEF_MANY])
    return replace(value, text=text, cells=(*cells, Cell("text", "…")) if len(value.cells) > BRIEF_MANY else cells)
