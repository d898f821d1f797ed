"""What reads of front matter that does not read as a whole, for files that were not written for a profile.

Each top-level key is read by itself, so that one odd value costs that value. What a value may not hold (an alias, a
tag, nesting without end) is left out where it stands, with its problem. The bounds of `nodes` hold for what is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml
from msgspec import Struct

from cache.profile.nodes import (
    MAX_DEPTH,
    MAX_EVENTS,
    Items,
    Node,
    NodeError,
    Scalar,
    Table,
    feed,
    key_text,
)
from cache.profile.rules import Problem, problem, shown

MAX_TRIED = 4 * MAX_EVENTS
"""Parser events that are looked at in all, also of keys that are then left out."""
MAX_LISTED = 20
"""Problems of one front matter that are listed one by one."""

_NAME = re.compile(r"[ \t]*(?:\"[^\"\n]{1,80}\"|'[^'\n]{1,80}'|\w[\w .$/+-]{0,80})[ \t]{0,8}:(?:[ \t\r\n]|\Z)")
_AROUND = 6
"""Events of a text with one mapping before there is anything in it."""
_LEFT_OUT = "Left out; the rest is read."


class Salvaged(Struct, frozen=True):
    """The keys that read, None where the text is no mapping at all; and what was left out."""

    table: Table | None
    problems: tuple[Problem, ...] = ()


class _Part(Struct, frozen=True):
    """The lines of one top-level key."""

    text: str
    line: int

    @property
    def name(self) -> str:
        """What a message calls it."""
        return shown(self.text.lstrip(" \t").partition(":")[0].partition("\n")[0], 40)


def salvage(text: str, first_line: int, most_bytes: int) -> Salvaged:
    """Read front matter key by key, at most so many bytes of it. `first_line` is the number of its first line.

    It is no mapping where it does not begin with one: with `name:`, or what YAML reads as a pair.
    """
    pairs: dict[str, Node] = {}
    lines: dict[str, int] = {}
    problems: list[Problem] = []
    events, tried = MAX_EVENTS, MAX_TRIED
    for position, part in enumerate(_parts(text, first_line)):
        if tried <= 0:
            message = f"{part.name}, and what follows it, comes after too many parts. {_LEFT_OUT}"
            problems.append(problem("yaml-too-many-events", message, line=part.line))
            break
        builder = _read(part, most_bytes, events)
        if position == 0 and not builder.named and _NAME.match(part.text) is None:
            return Salvaged(None)
        problems += builder.problems
        most_bytes -= builder.size
        tried -= builder.count
        if not isinstance(builder.root, Table):
            continue
        events -= builder.count - _AROUND
        for key, node in builder.root.pairs.items():
            line = builder.root.lines[key]
            if key in pairs:
                message = f"The key {shown(key)} stands here for the second time. {_LEFT_OUT}"
                problems.append(problem("duplicate-key", message, line=line))
            else:
                pairs[key], lines[key] = node, line
    return Salvaged(Table(pairs, lines, first_line), tuple(_first(problems)))


def _first(problems: list[Problem]) -> list[Problem]:
    more = len(problems) - MAX_LISTED
    if more <= 0:
        return problems
    rest = problem("too-many-problems", f"{more} more problems are not shown.", line=problems[MAX_LISTED].line)
    return [*problems[:MAX_LISTED], rest]


def _parts(text: str, first_line: int) -> Iterator[_Part]:
    """The text cut where a line begins a key as far to the left as the first one."""
    indent: str | None = None
    gathered: list[str] = []
    start = first_line
    for number, line in enumerate(text.split("\n"), first_line):
        rest = line.lstrip(" ")
        if indent is None and rest.strip() and not rest.startswith("#"):
            indent = line[: len(line) - len(rest)]
            gathered, start = [], number
        elif indent is not None and _begins(line, indent, gathered[0]):
            yield _Part("\n".join(gathered), start)
            gathered, start = [], number
        gathered.append(line)
    if indent is not None:
        yield _Part("\n".join(gathered), start)


def _begins(line: str, indent: str, before: str) -> bool:
    """Whether a line begins another key: it is no comment, item, closing bracket or second half of a `? key`."""
    rest = line[len(indent) :]
    if not line.startswith(indent) or not rest.strip() or rest[0] in " #]})":
        return False
    item = rest.startswith("- ") or rest.strip() == "-"
    return not item and not (rest.startswith(":") and before.lstrip(" ").startswith("?"))


def _read(part: _Part, most_bytes: int, most_events: int) -> _Salvage:
    builder = _Salvage(len(part.text.encode()))
    if builder.size > most_bytes:
        message = f"{part.name} makes the front matter too large. {_LEFT_OUT}"
        builder.problems.append(problem("front-matter-too-large", message, line=part.line))
        builder.size = 0
        return builder
    try:
        feed(builder, part.text, part.line, most_events)
        if not isinstance(builder.root, Table):
            message = f"Here should stand 'name: value'. {_LEFT_OUT}"
            builder.problems.append(problem("yaml-syntax", message, line=part.line))
    except NodeError as error:
        builder.root = None
        found = error.problem
        builder.problems.append(problem(found.rule, f"{found.message} {_LEFT_OUT}", line=found.line))
    return builder


class _Open:
    """A list or mapping that is not closed yet. `key` is None where the pair is to be left out."""

    def __init__(self, line: int, *, mapping: bool, unfit: bool) -> None:
        self.line, self.mapping, self.unfit = line, mapping, unfit
        self.pairs: dict[str, Node] = {}
        self.lines: dict[str, int] = {}
        self.items: list[Node] = []
        self.key: str | None = None
        self.at_key = True

    def closed(self) -> Node | None:
        """What it was; None where it is to be left out."""
        if self.unfit:
            return None
        return Table(self.pairs, self.lines, self.line) if self.mapping else Items(tuple(self.items), self.line)


class _Salvage:
    """Takes parser events and grows the tree, less what a value may not hold."""

    def __init__(self, size: int) -> None:
        self.size = size
        """Bytes that were read."""
        self.root: Node | None = None
        self.problems: list[Problem] = []
        self.named = False
        """Whether it begins with a pair, whatever that is."""
        self.count = 0
        """Events so far."""
        self._open: list[_Open] = []
        self._too_deep = 0

    def feed(self, event: yaml.Event, line: int) -> None:
        """The next event, of this line."""
        self.count += 1
        opens = isinstance(event, yaml.CollectionStartEvent)
        if self._too_deep:
            self._too_deep += 1 if opens else -1 if isinstance(event, yaml.CollectionEndEvent) else 0
        elif isinstance(event, yaml.AliasEvent):
            self._leave_out("yaml-alias", f"The alias *{event.anchor} is not followed; write the value out.", line)
            self._add(None, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            done = self._open.pop()
            self._add(done.closed(), done.line)
        elif isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)):
            self._begin(event, line)

    def _begin(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, line: int) -> None:
        if event.anchor is not None:
            message = f"The anchor &{event.anchor} has no use here; remove it. The value is read."
            self.problems.append(problem("yaml-alias", message, line=line))
        if event.tag is not None:
            self._leave_out("yaml-tag", f"The tag {shown(str(event.tag))} is not allowed; remove it.", line)
        if isinstance(event, yaml.ScalarEvent):
            node = Scalar(str(event.value), not event.style, line)
            self.named = self.named or (len(self._open) == 1 and self._open[0].mapping and self._open[0].at_key)
            self._add(None if event.tag is not None else node, line)
        elif len(self._open) >= MAX_DEPTH:
            self._leave_out("yaml-too-deep", f"The YAML nests deeper than {MAX_DEPTH} levels here.", line)
            self._too_deep = 1
            self._add(None, line)
        else:
            mapping = isinstance(event, yaml.MappingStartEvent)
            self._open.append(_Open(line, mapping=mapping, unfit=event.tag is not None))

    def _add(self, node: Node | None, line: int) -> None:
        """A node where it belongs; None is left out, and a key takes its value along."""
        if not self._open:
            self.root = node
            return
        into = self._open[-1]
        if not into.mapping:
            into.items += [node] if node is not None else []
        elif into.at_key:
            into.key, into.at_key = self._key(node, into), False
            into.lines |= {into.key: line} if into.key is not None else {}
        else:
            into.pairs |= {into.key: node} if into.key is not None and node is not None else {}
            into.at_key = True

    def _key(self, node: Node | None, of: _Open) -> str | None:
        try:
            return None if node is None else key_text(node, of.lines)
        except NodeError as error:
            self._leave_out(error.problem.rule, error.problem.message, error.problem.line or of.line)
            return None

    def _leave_out(self, rule: str, message: str, line: int) -> None:
        self.problems.append(problem(rule, f"{message} {_LEFT_OUT}", line=line))
