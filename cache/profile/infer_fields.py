"""What type the values of a key have, judged by the same readers that will read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from cache.profile.fields import Field, FieldType, coerce
from cache.profile.nodes import Items, Node, Scalar, Table
from cache.profile.words import ENTRY_WORDS, FIELD_NAME, QUERY_WORDS

MOST_VALUES = 10
"""Different values of an enum."""
LONGEST_VALUE = 40
FEWEST_USES = 4
"""Files that must have a value before a few that repeat count as an enum."""

MOST_PER_OUTLIER = 20
"""One value of so many may be of another type than the rest, and one in any case."""
FEWEST_ALIKE = 4
"""Values that must be of one type before another value is an outlier."""
_NARROW: tuple[FieldType, ...] = ("boolean", "integer", "number", "date", "datetime", "url", "list", "object")
_WIDE = frozenset({None, "string", "text"})

PEOPLE = frozenset({
    "author", "authors", "owner", "owners", "assignee", "assignees", "reviewer", "reviewers", "arbiter", "arbiters",
    "maintainer", "maintainers", "approver", "approvers", "editor", "editors", "champion", "champions", "decider",
    "deciders", "decision-makers", "decision_makers", "consulted", "informed", "lead", "leads",
})  # fmt: skip
"""Keys that name people; their values are logins where they are written like logins."""


class Guess(Struct, frozen=True):
    """What the values of a key are. `type` None: of several kinds, so that no type holds them all; `note` says which.

    `values` are the values of an enum and how often each stands there, the most frequent first. `of` is what a list
    holds, None where its items are of several kinds. `outliers` are the places of values that are not of the type that
    all others have; `any_form` says that dates are written in other forms than 2026-01-02.
    """

    type: FieldType | None
    of: FieldType | None = None
    values: tuple[tuple[str, int], ...] = ()
    note: str = ""
    outliers: tuple[int, ...] = ()
    any_form: bool = False


def guess(key: str, nodes: Sequence[Node]) -> Guess:
    """The narrowest type that every value has, or every one but a few. `nodes` are all values of the key that are not
    null; at least one.
    """
    whole = _guess(key, nodes)
    if whole.type not in _WIDE or key == "title":
        return whole
    few = max(1, len(nodes) // MOST_PER_OUTLIER)
    if len(nodes) - few < FEWEST_ALIKE:
        return whole
    for typed in _NARROW:
        odd = tuple(islice((at for at, node in enumerate(nodes) if not _is(key, typed, node)), few + 1))
        if len(odd) <= few:
            rest = _guess(key, [node for at, node in enumerate(nodes) if at not in odd])
            if rest.type not in _WIDE:
                return replace(rest, outliers=odd)
    return whole


def _is(key: str, typed: FieldType, node: Node) -> bool:
    """Whether one value, by itself, is of a narrow type."""
    if typed in ("list", "object"):
        return isinstance(node, Items if typed == "list" else Table)
    plain = isinstance(node, Scalar) and _faithful(typed, node)
    return plain and _reads(Field(key, typed, any_form=typed == "date"), [node])


def _guess(key: str, nodes: Sequence[Node]) -> Guess:
    """The narrowest type that every value has."""
    kinds = Counter(_kind(node) for node in nodes)
    if len(kinds) > 1:
        note = ", ".join(f"{kind} in {count}" for kind, count in sorted(kinds.items()))
        return Guess(None, note=note)
    (kind,) = kinds
    if kind == "a mapping":
        return Guess("object") if _reads(Field(key, "object"), nodes) else Guess(None, note="unusable text")
    if kind == "a list":
        return _list(key, nodes)
    scalars = [node for node in nodes if isinstance(node, Scalar)]
    found = _scalar(key, scalars)
    if found is None:
        return Guess(None, note="unusable text")
    if found in ("string", "user"):
        if key != "title" and _reads(Field(key, "date", any_form=True), nodes):
            return Guess("date", any_form=True)
        values = _few(scalars)
        if values and found == "string" and _reads(Field(key, "enum", values=tuple(v for v, _ in values)), nodes):
            return Guess("enum", values=values)
    return Guess(found)


def field_name(key: str, taken: Iterable[str]) -> str | None:
    """A name for the field that reads `key`; None where there can be none.

    A key that is no name (`decision-makers`), or a word of queries or of every entry (`path`), gets another.
    """
    name = "".join(char if char.isascii() and char.isalnum() else "_" for char in key)
    while "__" in name:
        name = name.replace("__", "_")
    name = name.strip("_")
    if not name or key == "heading":  # `from: heading` would mean the first heading
        return None
    if not name[0].isalpha():
        name = f"field_{name}"
    if name in QUERY_WORDS or name in ENTRY_WORDS or name == "body":
        name = f"{name}_field"
    name = name[:56]
    taken, number, free = set(taken), 1, name
    while free in taken or not FIELD_NAME.fullmatch(free):
        number += 1
        free = f"{name.rstrip('_')}_{number}"
    return free


def _kind(node: Node) -> str:
    if isinstance(node, Table):
        return "a mapping"
    return "a list" if isinstance(node, Items) else "a single value"


def _list(key: str, nodes: Sequence[Node]) -> Guess:
    items = [item for node in nodes if isinstance(node, Items) for item in node.items]
    scalars = [item for item in items if isinstance(item, Scalar) and not item.null]
    of = _scalar(key, scalars) if scalars and len(scalars) == len(items) else None
    if of is None and not items:
        of = "string"
    inner = Field("", of) if of is not None else None
    if _reads(Field(key, "list", of=inner), nodes):
        return Guess("list", of=of)
    return Guess("list") if _reads(Field(key, "list"), nodes) else Guess(None, note="unusable text")


def _scalar(key: str, nodes: Sequence[Scalar]) -> FieldType | None:
    order: list[FieldType] = ["boolean", "integer", "number", "date", "datetime"]
    if key == "title":
        order = []
    if _names_people(key):
        order.append("user")
    order += ["url", "string"]
    for typed in order:
        if all(_faithful(typed, node) for node in nodes) and _reads(Field(key, typed), nodes):
            return "text" if typed == "string" and any("\n" in node.text for node in nodes) else typed
    return None


def _faithful(kind: FieldType, node: Scalar) -> bool:
    """Whether nothing is lost when the text becomes this type: `007` is no number, `1.10` is a version."""
    if kind == "integer":
        return node.text.lstrip("-") == (node.text.lstrip("-").lstrip("0") or "0")
    if kind == "number":
        digits = node.text.lstrip("-")
        lost = len(digits) > 15 or (digits.startswith("0") and len(digits) > 1 and digits[1] != ".")
        lost = lost or "e" in digits.lower()  # 1e10 may be the beginning of a hash
        return not lost and not ("." in digits and digits.endswith(("0", ".")))
    if kind == "boolean":
        return node.text in ("true", "false", "True", "False", "yes", "no", "Yes", "No")
    return True


def _few(nodes: Sequence[Scalar]) -> tuple[tuple[str, int], ...]:
    """Values with their counts where they are few, short and repeat, else nothing. One alone is no choice."""
    counts = Counter(node.text for node in nodes)
    repeated = len(nodes) >= max(FEWEST_USES, 2 * len(counts))
    if not repeated or not 2 <= len(counts) <= MOST_VALUES:
        return ()
    if any(not text.strip() or len(text) > LONGEST_VALUE or not text.isprintable() for text in counts):
        return ()
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _names_people(key: str) -> bool:
    return key.lower() in PEOPLE or key.lower().endswith(("_by", "-by"))


def _reads(field: Field, nodes: Sequence[Node]) -> bool:
    """Whether every value reads as this field without a problem."""
    return all(not coerce(field, node)[1] for node in nodes)
