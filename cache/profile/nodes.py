"""Structured text as a tree that remembers its lines and leaves the meaning of scalars to the reader.

YAML 1.1 turns `no` into false, `012` into 10 and `12:30` into 750. So a scalar stays as it was written until the
type of its field is known. The tree is built from parser events, one at a time and without recursion: PyYAML's own
composer crashes the process on 52 KB of `[`, a 405-byte alias bomb fills the memory, duplicate keys are lost.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Any, Protocol, TypeAlias

import yaml
from msgspec import Struct

from cache.profile.lines import shielded
from cache.profile.rules import Problem, problem, shown

MAX_DEPTH = 32
MAX_EVENTS = 5_000
INT64 = range(-(2**63), 2**63)

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)


class Scalar(Struct, frozen=True):
    """A single value as written; `plain` where it had no quotes and is no block of text, `number` where its format
    says that it is a number (JSON).
    """

    text: str
    plain: bool
    line: int
    number: bool = False

    @property
    def null(self) -> bool:
        """Whether it says that there is no value."""
        return self.plain and self.text in _NULL


class Items(Struct, frozen=True):
    """A list."""

    items: tuple[Node, ...]
    line: int


class Table(Struct, frozen=True):
    """A mapping with text keys; `lines` tells where each key stands."""

    pairs: dict[str, Node]
    lines: dict[str, int]
    line: int


Node: TypeAlias = Scalar | Items | Table


class NodeError(Exception):
    """The text cannot be read; `problem` says why and where."""

    def __init__(self, found: Problem) -> None:
        super().__init__(found.message)
        self.problem = found


def _refuse(rule: str, message: str, line: int) -> NodeError:
    return NodeError(problem(rule, message, line=line))


class _Builder:
    """Takes parser events and grows the tree; open lists and mappings wait on a stack."""

    def __init__(self) -> None:
        self.stack: list[tuple[int, list[Node], list[str] | None]] = []
        self.root: Node | None = None
        self.documents = 0

    def feed(self, event: yaml.Event, line: int) -> None:
        if isinstance(event, yaml.AliasEvent):
            raise _refuse("yaml-alias", f"The alias *{event.anchor} is not allowed; write the value out.", line)
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise _refuse("yaml-syntax", "A second YAML document begins here; keep one.", line)
        elif isinstance(event, yaml.CollectionEndEvent):
            start, values, keys = self.stack.pop()
            if keys is None:
                self.add(Items(tuple(values), start))
            else:
                self.add(Table(dict(zip(keys, values[1::2], strict=True)), _key_lines(keys, values), start))
        elif isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)):
            self.open_or_add(event, line)

    def open_or_add(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, line: int) -> None:
        if event.anchor is not None:
            raise _refuse("yaml-alias", f"The anchor &{event.anchor} is not allowed; remove it.", line)
        if event.tag is not None:
            raise _refuse("yaml-tag", f"The tag {shown(str(event.tag))} is not allowed; remove it.", line)
        if isinstance(event, yaml.ScalarEvent):
            self.add(Scalar(str(event.value), not event.style, line))
            return
        if len(self.stack) >= MAX_DEPTH:
            raise _refuse("yaml-too-deep", f"The YAML nests deeper than {MAX_DEPTH} levels here.", line)
        self.stack.append((line, [], [] if isinstance(event, yaml.MappingStartEvent) else None))

    def add(self, node: Node) -> None:
        if not self.stack:
            self.root = node
            return
        _, values, keys = self.stack[-1]
        if keys is not None and len(values) % 2 == 0:
            keys.append(key_text(node, keys))
        values.append(node)


def key_text(node: Node, known: Container[str]) -> str:
    """The text of a key of a mapping. NodeError: it is none, or stands there already."""
    if not isinstance(node, Scalar) or node.null:
        raise _refuse("yaml-key", "A key must be a word, not a list, a mapping or nothing.", node.line)
    if node.plain and node.text == "<<":
        raise _refuse("yaml-merge-key", "The merge key '<<' is not allowed; write the values out.", node.line)
    if node.text in known:
        raise _refuse("duplicate-key", f"The key {shown(node.text)} stands here for the second time.", node.line)
    if "\0" in node.text:
        raise _refuse("bad-text", f"The key {shown(node.text)} holds a NUL.", node.line)
    return node.text


def _key_lines(keys: list[str], values: list[Node]) -> dict[str, int]:
    return {key: node.line for key, node in zip(keys, values[::2], strict=True)}


def read_yaml(text: str, first_line: int = 1, max_events: int = MAX_EVENTS) -> Node | None:
    """The tree of one YAML document, None where the text holds none; `first_line` is the number of its first line.

    NodeError: broken YAML, more than `max_events` parser events, nesting over 32 levels, aliases, anchors, tags,
    merge keys, duplicate keys.
    """
    builder = _Builder()
    feed(builder, text, first_line, max_events)
    return builder.root


class Fed(Protocol):
    """What takes parser events."""

    def feed(self, event: yaml.Event, line: int) -> None:
        """The next event, and its line."""
        ...


def feed(builder: Fed, text: str, first_line: int, max_events: int) -> None:
    """Give a builder the events of a YAML text. NodeError: broken YAML, too many of them, what the builder refuses."""
    text, standing = shielded(text)
    try:
        for count, event in enumerate(yaml.parse(text, Loader=_Loader), 1):
            line = first_line + (event.start_mark.line if event.start_mark else 0)
            if count > max_events:
                raise _refuse("yaml-too-many-events", f"The YAML holds more than {max_events} parts.", line)
            if standing and isinstance(event, yaml.ScalarEvent):
                event.value = str(event.value).translate(standing)
            builder.feed(event, line)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = first_line + (int(mark.line) if mark else 0)
        raise _refuse("yaml-syntax", f"The YAML cannot be read here: {error.problem or error.context}.", line) from None
    except yaml.reader.ReaderError as error:
        # the C parser counts bytes, the Python one characters; both are good enough to find the line
        before = text.encode("utf-8", "replace")[: int(error.position)]
        message = f"The YAML holds a character that is not allowed: {error.reason}."
        raise _refuse("yaml-syntax", message, first_line + before.count(b"\n")) from None
    except (yaml.YAMLError, ValueError, TypeError, RecursionError, OverflowError) as error:
        raise _refuse("yaml-syntax", f"The YAML cannot be read: {type(error).__name__}.", first_line) from None


def plain_value(node: Node) -> Any:
    """What a tree says by the core schema of YAML 1.2: JSON-able values.

    Text stays text where JSON could not carry the number (integers beyond 64 bits, `.nan`, `.inf`), or would spell it
    otherwise: `0911`, `22.10` and `1e10` may be a code, a version and a hash.
    """
    if isinstance(node, Items):
        return [plain_value(item) for item in node.items]
    if isinstance(node, Table):
        return {key: plain_value(value) for key, value in node.pairs.items()}
    if not node.plain:
        return node.text
    if node.null:
        return None
    if node.text in _TRUE or node.text in _FALSE:
        return node.text in _TRUE
    value = _number_or_text(node.text)
    return value if node.number or str(value) == node.text else node.text


def integer(text: str) -> int | None:
    """A decimal integer of at most 64 bits, else None."""
    if len(text) > 32 or not _INTEGER.fullmatch(text):
        return None
    return value if (value := int(text)) in INT64 else None


def number(text: str) -> float | None:
    """A finite decimal number, else None. Minus zero is zero: the two would be one value with two spellings."""
    if len(text) > 512 or not _FLOAT.fullmatch(text):
        return None
    value = float(text)
    return value + 0.0 if value - value == 0.0 else None


def _number_or_text(text: str) -> int | float | str:
    whole = integer(text)
    value = number(text) if whole is None and not _INTEGER.fullmatch(text) else whole
    return text if value is None else value
