"""The fields of an inferred collection: what its files say, under which names, of which types."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from cache.profile.collection import Format
from cache.profile.fields import Field, FieldType, coerce
from cache.profile.infer_fields import Guess, field_name, guess
from cache.profile.nodes import Node, Scalar
from cache.profile.seen import SeenFile

MOST_FIELDS = 60
"""Fields of one collection; the rest is kept undeclared."""


class Outlier(Struct, frozen=True):
    """A value that is not of the type of all others: the file, the line, what it says where that is one text, and
    whether it is read all the same, in another form.
    """

    path: str
    line: int
    text: str | None
    read: bool


class InferredField(Struct, frozen=True):
    """A field. `source` is the key in the files; `count` says how many files have a value; `type` None where no type
    holds them all and the field stays undeclared.
    """

    name: str | None
    source: str
    count: int
    required: bool
    guess: Guess
    heading: bool = False
    """Whether the heading of level one speaks first."""
    outliers: tuple[Outlier, ...] = ()

    @property
    def type(self) -> FieldType | None:
        """Its type; None where it is not declared."""
        return self.guess.type if self.name is not None else None


def fields_of(form: Format, good: Sequence[SeenFile], captures: Sequence[str]) -> tuple[InferredField, ...]:
    """The fields of files that read well, `title` first, then those that most files have."""
    values: dict[str, list[tuple[SeenFile, Node]]] = {}
    for file in good:
        for key, node in (file.data.pairs if file.data is not None else {}).items():
            if key not in captures and not (isinstance(node, Scalar) and node.null):
                values.setdefault(key, []).append((file, node))
    fields: list[InferredField] = []
    taken = [*captures]
    ranked = sorted(values, key=lambda key: (key != "title", -len(values[key]), key))
    for key in ranked[:MOST_FIELDS]:
        name = field_name(key, taken)
        found = guess(key, [node for _, node in values[key]])
        if name is not None and found.type is not None:
            taken.append(name)
        everywhere = len(values[key]) == len(good) and not any(_blank(node) for _, node in values[key])
        odd = tuple(_outlier(*values[key][at], key, found) for at in found.outliers)
        fields.append(InferredField(name, key, len(values[key]), everywhere, found, outliers=odd))
    return tuple(_titled(form, good, fields, taken))


def _titled(
    form: Format, good: Sequence[SeenFile], fields: Sequence[InferredField], taken: Sequence[str]
) -> list[InferredField]:
    """The fields with a title: the heading of level one, where some file has one, else what the key says."""
    if form != "md" or not any(file.heading for file in good):
        return [*fields]
    known = next((field for field in fields if field.source == "title"), None)
    if known is None:
        count = sum(file.heading is not None for file in good)
        head = InferredField("title", "title", count, False, Guess("string"), heading=True)
        return [*fields] if "title" in taken else [head, *fields]
    if known.type not in ("string", "text"):
        return [*fields]
    return [replace(field, heading=True) if field is known else field for field in fields]


def _blank(node: Node) -> bool:
    return isinstance(node, Scalar) and not node.text.strip()


def _outlier(file: SeenFile, node: Node, key: str, found: Guess) -> Outlier:
    read = found.type is not None and not coerce(Field(key, found.type, any_form=found.any_form), node)[1]
    line = file.data.lines.get(key, node.line) if file.data is not None else node.line
    return Outlier(file.path, line, node.text if isinstance(node, Scalar) else None, read)
