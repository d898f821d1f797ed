"""The controls of a list's filters, made of the profile's fields. No I/O.

They are named as the API names its parameters, so that a view's query string asks the API the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from cache.profile.collection import Collection
from cache.profile.fields import Field

TEXTS = frozenset({"string", "text", "url"})
NAMES = frozenset({"user", "repository", "ref", "integer", "number"})
STATES = ("state", "status")
"""What most call the field that says how far a thing has come."""
PILLED = 12
"""More values than these are no pills."""


class Control(Struct, frozen=True):
    """One control: `kind` is `choice`, `text`, `date`. A choice offers (value, words)."""

    kind: str
    name: str
    label: str
    value: str = ""
    choices: tuple[tuple[str, str], ...] = ()


def pill_field(collection: Collection) -> Field | None:
    """The field whose value is shown as a pill: called state or status, else the first with a few values."""
    few = [field for field in collection.fields if field.type == "enum" and len(field.values) <= PILLED]
    named = [field for field in few if field.name in STATES]
    return next(iter(named or few), None)


def label(name: str) -> str:
    """A field's name as words."""
    return name.replace("_", " ")


def controls(collection: Collection, query: Mapping[str, str]) -> tuple[Control, ...]:
    """The controls of a collection, with what a query string puts into them."""
    made: list[Control] = []
    for field in collection.fields:
        made.extend(_controls(field, query))
    wrong = (("", "any"), ("true", "reads well"), ("false", "does not read well"))
    made.append(Control("choice", "valid", "file", query.get("valid", ""), wrong))
    return tuple(made)


def _controls(field: Field, query: Mapping[str, str]) -> Sequence[Control]:
    name, said = field.name, label(field.name)
    holds = field.of if field.type == "list" and field.of is not None else field
    if holds.type == "enum":
        choices = (("", "any"), *((value, value) for value in holds.values))
        return [Control("choice", name, said, query.get(name, ""), choices)]
    if holds.type == "boolean":
        choices = (("", "any"), ("true", "yes"), ("false", "no"))
        return [Control("choice", name, said, query.get(name, ""), choices)]
    if holds.type == "object":
        return []
    if field.type == "list" or holds.type in NAMES:
        return [Control("text", name, said, query.get(name, ""))]
    if holds.type in TEXTS:
        # what the search looks through needs no control of its own, but may come by an address
        part = f"{name}__contains"
        return [Control("text", part, said, query.get(part, ""))]
    after, before = f"{name}__gte", f"{name}__lte"
    return [
        Control("date", after, f"{said} from", query.get(after, "")),
        Control("date", before, f"{said} to", query.get(before, "")),
    ]
