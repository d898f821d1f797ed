"""Lists as CSV (RFC 4180), for spreadsheets. No I/O.

Columns are the same for every page and every answer of a list while its profile is: members in the order of the JSON,
an object's members as `outer.inner`, fields that no profile declares together in `other_fields`. Lists and objects
deeper in are JSON text; no value is an empty cell.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args, get_type_hints

import msgspec
from msgspec import Struct

from cache.profile.collection import Collection
from cache.queries.branches import BranchItem
from cache.queries.changes import ChangeItem
from cache.queries.entries import EntryItem
from cache.queries.findings import FindingItem
from cache.queries.history import HistoryItem
from cache.queries.proposals import ProposalItem
from cache.queries.pulls import PullItem
from cache.queries.repositories import RepositoryItem
from cache.queries.revisions import RevisionItem
from daemon.api.shapes import ENTRY_HIDDEN, LOOK_HIDDEN

CONTENT_TYPE = "text/csv; header=present"

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""How a text begins that a spreadsheet takes for a formula (owasp.org, "CSV Injection")."""
OTHERS = "other_fields"


class Sheet(Struct, frozen=True):
    """How a list looks as a table: its name, its columns, and the fields that have columns of their own."""

    name: str
    columns: tuple[str, ...]
    declared: frozenset[str] = frozenset()


def of_items(name: str, kind: type[Struct], *, first: Sequence[str] = (), last: Sequence[str] = ()) -> Sheet:
    """The sheet of items of one kind, with members beside the kind's own before and after them."""
    hints = get_type_hints(kind)
    columns: list[str] = [*first]
    for member in kind.__struct_fields__:
        inner = next((one for one in (hints[member], *get_args(hints[member])) if _is_struct(one)), None)
        if inner is None:
            columns.append(member)
        else:
            columns += [f"{member}.{one}" for one in inner.__struct_fields__ if one not in LOOK_HIDDEN]
    return Sheet(name, (*columns, *last))


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def of_entries(collection: Collection, *, body: bool) -> Sheet:
    """The sheet of a collection: the parts of the key, what every entry has, its declared fields, what is counted."""
    general = of_items("", EntryItem).columns
    hidden = {*ENTRY_HIDDEN, "fields", "body"}
    own = [name for name in general if name not in hidden and not name.startswith("counts.")]
    counts = [name for name in general if name.startswith("counts.")]
    declared = [field.name for field in collection.fields]
    columns = [*collection.key, *own, *(f"fields.{name}" for name in declared), OTHERS, *counts]
    whole = dict.fromkeys([*columns, "body"] if body else columns)  # a part of the key may be called as a member is
    return Sheet(collection.name, tuple(whole), frozenset(declared))


def of_proposals(*, body: bool) -> Sheet:
    """The sheet of proposals; what an entry's fields would be is JSON text, as each collection has its own."""
    whole = of_items("proposals", ProposalItem, last=("html_url",))
    columns = tuple(name for name in whole.columns if body or name != "body")
    return Sheet(whole.name, _flat(columns, "findings"))


def _flat(columns: Sequence[str], member: str) -> tuple[str, ...]:
    """The columns with a list's in one, as JSON text."""
    return tuple(dict.fromkeys(member if name.startswith(f"{member}.") else name for name in columns))


REPOSITORIES = of_items("repositories", RepositoryItem)
PULLS = of_items("pulls", PullItem, last=("html_url",))
FINDINGS = of_items("findings", FindingItem)
BRANCHES = of_items("branches", BranchItem)
HISTORY = of_items("history", HistoryItem)
_REVISIONS = of_items("revisions", RevisionItem)
REVISIONS = Sheet("revisions", _flat(_REVISIONS.columns, "amendments"))
CHANGES = of_items("changes", ChangeItem, first=("position",))


def table(sheet: Sheet, items: Iterable[Mapping[str, Any]]) -> bytes:
    """The list as CSV in UTF-8: one line of names, one for each item, lines ending in CR LF."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(sheet.columns)
    for item in items:
        writer.writerow([_cell(_value(sheet, item, column)) for column in sheet.columns])
    return text.getvalue().encode("utf-8", "replace")


def _value(sheet: Sheet, item: Mapping[str, Any], column: str) -> Any:
    if column == OTHERS:
        return {name: value for name, value in item["fields"].items() if name not in sheet.declared} or None
    outer, dot, inner = column.partition(".")
    value = item.get(outer)
    if not dot:
        return value
    return value.get(inner) if isinstance(value, Mapping) else None


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA) else value
    return msgspec.json.encode(value).decode()
