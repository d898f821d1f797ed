"""What a list can be filtered and sorted by: names, types, and the SQL that gives their values.

SQL text is made of names that a checked profile holds, never of anything from a repository or a request: those
travel as bound values. A field's expression is the same text in declared indexes, filters and sorting, since SQLite
uses an index on an expression only where it finds the very same expression (sqlite.org/expridx.html).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Integer, Table, Text, literal_column, type_coerce

from cache.profile.collection import Collection
from cache.profile.fields import Field
from cache.profile.words import FIELD_NAME
from cache.rows import EntryRow
from cache.schema import tables

TEXTS = frozenset({"string", "text", "enum", "user", "repository", "url", "ref"})
ORDERED = frozenset({*TEXTS, "integer", "number", "date", "datetime"})

Columns = Mapping[str, "Column"]


@dataclass(frozen=True)
class Column:
    """One name of a list. `type` is a profile's field type; a list's `item` is the type of what it holds.

    `value` gives the stored value as it is (times as text); `each` is the SQL of a table with a list's items.
    `folded` compares without case, as the forge compares repository names. Columns of one `group` speak of rows that
    belong to the row listed, and of the same one of them.
    """

    name: str
    type: str
    value: ColumnElement[Any]
    values: tuple[str, ...] = ()
    item: str = ""
    each: str = ""
    folded: bool = False
    group: str = ""
    trimmed: bool = False
    """Whether `value` is a time without its `Z`."""

    @property
    def sortable(self) -> bool:
        """Whether rows can be put in its order."""
        return self.type not in ("list", "object") and not self.group


def json_path(name: str) -> str:
    """The SQL literal of the JSON path to a field. ValueError: no profile may hold such a name."""
    if not FIELD_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a field; use letters, digits and '_'")
    return f"'$.\"{name}\"'"


def field_sql(field: Field, table: str = "") -> str:
    """The SQL of a field's value; `table` is the name with a dot that `fields` needs beside other tables.

    A time is without its `Z`, so that fractions of a second sort after the whole second.
    """
    extract = f"json_extract({table}fields, {json_path(field.name)})"
    return f"rtrim({extract}, 'Z')" if field.type == "datetime" else extract


def field_column(field: Field) -> Column:
    """A declared field of an entry."""
    item = field.of.type if field.of is not None else "string"
    return Column(
        name=field.name,
        type=field.type,
        value=literal_column(field_sql(field, "entries.")),
        values=field.of.values if field.of is not None else field.values,
        item=item if field.type == "list" else "",
        each=f"json_each(entries.fields, {json_path(field.name)})" if field.type == "list" else "",
        trimmed=field.type == "datetime",
    )


def key_part_sql(collection: Collection, part: str, key: str) -> str:
    """The SQL of one part of an entry's key; `key` is the SQL of the key. KeyError: it has no such part.

    The last part is all that is left, as it may hold slashes.
    """
    if part not in collection.key:
        raise KeyError(part)
    before = collection.key.index(part) + 2 * collection.key_has_repository
    rest = key
    for _ in range(before):
        rest = f"substr({rest}, instr({rest}, '/') + 1)"
    return rest if part == collection.key[-1] else f"substr({rest}, 1, instr({rest}, '/') - 1)"


def key_parts(collection: Collection, key: str) -> dict[str, str]:
    """The parts of an entry's key by their names."""
    texts = key.split("/", len(collection.key) - 1 + 2 * collection.key_has_repository)
    texts = texts[2:] if collection.key_has_repository else texts
    return dict(zip(collection.key, texts, strict=False))


def of_table(table: Any, types: Mapping[str, str]) -> dict[str, Column]:
    """Columns of a table that are named as they are."""
    return {name: stored(name, table.c[name], kind) for name, kind in types.items()}


def stored(name: str, column: ColumnElement[Any], kind: str, **more: Any) -> Column:
    """A column of a table by its value as stored. `list` is a JSON list of texts."""
    if kind == "list":
        text = f"{column.table.name}.{column.name}"
        return Column(name, kind, literal_column(text), item="string", each=f"json_each({text})", **more)
    return Column(name, kind, type_coerce(column, Integer if kind in ("integer", "boolean") else Text), **more)


def entry_columns(collection: Collection, repository: Table | Any, home: Table | Any) -> dict[str, Column]:
    """Everything that entries of a collection can be asked by; a field hides an attribute of the same name."""
    entries = tables[EntryRow]
    own = of_table(
        entries,
        {
            "key": "string", "title": "string", "path": "string", "commit": "string", "valid": "boolean",
            "created_at": "datetime", "updated_at": "datetime", "landed_at": "datetime",
            "last_entry_commit_at": "datetime", "last_main_commit_at": "datetime",
        },
    )  # fmt: skip
    own["repository"] = stored("repository", repository.c.full_name, "repository", folded=True)
    own["home_repository"] = stored("home_repository", home.c.full_name, "repository", folded=True)
    for part in collection.key:
        own.setdefault(part, Column(part, "string", literal_column(key_part_sql(collection, part, "entries.key"))))
    fields = {field.name: field_column(field) for field in collection.fields}
    return {**own, **fields, "key": own["key"], "repository": own["repository"], "valid": own["valid"]}


def names(columns: Iterable[Column]) -> list[str]:
    """Their names, sorted."""
    return sorted(column.name for column in columns)

