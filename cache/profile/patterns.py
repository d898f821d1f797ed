"""Templates of paths and branch names: what they match, what they capture, and whether two can match one name.

`rfcs/{slug}.md` captures a whole segment or a part of one; `{slug:regex}` says what it may be; `*` is any text
within a segment, `**` stands for one or more whole segments. Paths and branch names come from repositories and are
hostile: a name with an empty segment, `.`, `..` or a control character matches nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

MAX_NAME = 4096
MAX_SEGMENT = 255
MAX_WILD = 3
"""Captures and `*` in one segment; matching time grows with the segment's length to this power."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class PatternError(ValueError):
    """A template that cannot be used; the message says why."""


@dataclass(frozen=True)
class Segment:
    """What may stand between two slashes. `parts` alternates as written: literal text, or None for a wildcard."""

    parts: tuple[str | None, ...]
    names: tuple[str, ...]
    regex: re.Pattern[str] | None

    @property
    def literal(self) -> str | None:
        """The text of a segment without wildcards, else None."""
        return "".join(part or "" for part in self.parts) if None not in self.parts else None

    def match(self, text: str) -> dict[str, str] | None:
        """The captures, None where the text does not match."""
        if self.regex is None:
            return {} if text == self.literal else None
        found = self.regex.fullmatch(text)
        if found is None or any(value in (".", "..") for value in found.groups()):
            return None
        return found.groupdict()


DEEP = Segment((None,), (), None)
"""`**`; told apart by identity."""


@dataclass(frozen=True)
class _Pattern:
    """A template. Equal when written alike."""

    capture: ClassVar[str]
    source: str
    segments: tuple[Segment, ...]

    @classmethod
    def parse(cls, source: str) -> Self:
        """Read a template. PatternError: empty segments, `.` or `..`, unbalanced braces, bad or repeated names,
        broken expressions, a second `**`, more than three wildcards in a segment.
        """
        segments: list[Segment] = []
        seen: set[str] = set()
        for text in _segments(source):
            segment = DEEP if text == "**" else _segment(text, cls.capture)
            for name in segment.names:
                if name in seen:
                    raise PatternError(f"{source!r} captures {{{name}}} twice; give one of them another name")
                seen.add(name)
            segments.append(segment)
        if segments.count(DEEP) > 1:
            raise PatternError(f"{source!r} holds '**' more than once; keep one")
        return cls(source, tuple(segments))

    @property
    def names(self) -> tuple[str, ...]:
        """The captures, in the order of the template."""
        return tuple(name for segment in self.segments for name in segment.names)

    @property
    def prefix(self) -> str:
        """The folder in which everything lies that can match, with its slash; empty for the top."""
        result = ""
        for segment in self.segments[:-1]:
            if segment.literal is None:
                break
            result += f"{segment.literal}/"
        return result

    def match(self, name: str) -> dict[str, str] | None:
        """The captures, None where the name does not match."""
        if len(name) > MAX_NAME or _FORBIDDEN.search(name):
            return None
        texts = name.split("/")
        if any(text in ("", ".", "..") or len(text) > MAX_SEGMENT for text in texts):
            return None
        pairs = self._align(texts)
        if pairs is None:
            return None
        captures: dict[str, str] = {}
        for segment, text in pairs:
            found = segment.match(text)
            if found is None:
                return None
            captures.update(found)
        return captures

    def _align(self, texts: Sequence[str]) -> list[tuple[Segment, str]] | None:
        if DEEP not in self.segments:
            return list(zip(self.segments, texts, strict=True)) if len(texts) == len(self.segments) else None
        if len(texts) < len(self.segments):
            return None
        at = self.segments.index(DEEP)
        after = len(self.segments) - at - 1
        tail = zip(self.segments[at + 1 :], texts[len(texts) - after :], strict=True)
        return [*zip(self.segments[:at], texts[:at], strict=True), *tail]

    def fill(self, **captures: str) -> str:
        """The name that gives these captures. PatternError: `*` or `**` in the template, a capture missing or one
        that the template would not give back.
        """
        result = []
        for segment in self.segments:
            names = iter(segment.names)
            if segment is DEEP or segment.parts.count(None) != len(segment.names):
                raise PatternError(f"{self.source!r} cannot be filled: it holds a '*'")
            try:
                result.append("".join(part if part is not None else captures[next(names)] for part in segment.parts))
            except KeyError as missing:
                raise PatternError(f"{self.source!r} needs a value for {missing}") from None
        name = "/".join(result)
        if self.match(name) != {key: captures[key] for key in self.names}:
            raise PatternError(f"the values given for {self.source!r} do not fit it")
        return name


class PathPattern(_Pattern):
    """A template of file paths. A capture is any text within one segment."""

    capture = "[^/]+?"


class HeadPattern(_Pattern):
    """A template of branch names. A capture is a plain word (`[A-Za-z0-9][A-Za-z0-9._-]*`) unless it says more."""

    capture = "[A-Za-z0-9][A-Za-z0-9._-]*"


def _segments(source: str) -> list[str]:
    """Split at the slashes that stand outside braces."""
    segments, current, depth = [], "", 0
    for char in source:
        depth += {"{": 1, "}": -1}.get(char, 0)
        if depth < 0:
            break
        if char == "/" and depth == 0:
            segments.append(current)
            current = ""
        else:
            current += char
    if depth != 0:
        raise PatternError(f"{source!r} has a brace without its counterpart")
    segments.append(current)
    if any(text in ("", ".", "..") for text in segments):
        raise PatternError(f"{source!r} has an empty segment, '.' or '..'; write it without, as in 'docs/{{slug}}.md'")
    if _FORBIDDEN.search(source):
        raise PatternError(f"{source!r} holds a control character")
    return segments


def _segment(text: str, default: str) -> Segment:
    parts: list[str | None] = []
    names: list[str] = []
    regex, at, literal = "", 0, ""
    while at < len(text):
        if text[at] not in "{*":
            literal += text[at]
            at += 1
            continue
        if literal:
            parts.append(literal)
            regex, literal = regex + re.escape(literal), ""
        parts.append(None)
        if text[at] == "*":
            regex += "[^/]*?"
            at += 1
            continue
        end = _closing(text, at)
        name, _, own = text[at + 1 : end].partition(":")
        if not _NAME.fullmatch(name) or name in names:
            raise PatternError(f"'{{{name}}}' in {text!r} is no name for a capture, or stands there twice")
        regex += f"(?P<{name}>{_checked(own, text) if own else default})"
        names.append(name)
        at = end + 1
    if literal:
        parts.append(literal)
        regex += re.escape(literal)
    if parts.count(None) > MAX_WILD:
        raise PatternError(f"{text!r} has more than {MAX_WILD} captures and '*'; use fewer")
    return Segment(tuple(parts), tuple(names), re.compile(regex) if None in parts else None)


def _closing(text: str, start: int) -> int:
    depth = 0
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at
    raise PatternError(f"{text!r} has a brace without its counterpart")


def _checked(own: str, text: str) -> str:
    try:
        compiled = re.compile(own)
    except (re.error, RecursionError, OverflowError) as error:
        raise PatternError(f"the expression in {text!r} is broken: {error}") from None
    if compiled.groups:
        raise PatternError(f"the expression in {text!r} has a group of its own; write (?:…)")
    return own


def overlaps(a: _Pattern, b: _Pattern) -> bool:
    """Whether one name may match both. Errs towards yes: an expression of a capture counts as any text, except
    against a segment without wildcards, where it is tried.
    """
    return _meet(a.segments, b.segments, lambda one, other: one is DEEP or other is DEEP or _segments_meet(one, other))


def _segments_meet(a: Segment, b: Segment) -> bool:
    if b.literal is not None:
        return a.match(b.literal) is not None
    if a.literal is not None:
        return b.match(a.literal) is not None
    return _texts_meet("".join("\0" if p is None else p for p in a.parts), "".join(p or "\0" for p in b.parts))


def _texts_meet(a: str, b: str) -> bool:
    """Whether two texts can be equal in which NUL stands for any text."""
    reach = {(0, 0)}
    work = [(0, 0)]
    while work:
        i, j = work.pop()
        if i == len(a) and j == len(b):
            return True
        steps = []
        if i < len(a) and a[i] == "\0":
            steps += [(i + 1, j)] + ([(i, j + 1)] if j < len(b) else [])
        if j < len(b) and b[j] == "\0":
            steps += [(i, j + 1)] + ([(i + 1, j)] if i < len(a) else [])
        if i < len(a) and j < len(b) and a[i] == b[j]:
            steps.append((i + 1, j + 1))
        work += [step for step in steps if step not in reach]
        reach.update(steps)
    return False


def _meet(a: Sequence[Segment], b: Sequence[Segment], same: Any) -> bool:
    """Whether two rows of segments can stand for one path; `**` takes one or more."""
    reach = {(0, 0)}
    work = [(0, 0)]
    while work:
        i, j = work.pop()
        if i == len(a) and j == len(b):
            return True
        if i == len(a) or j == len(b) or not same(a[i], b[j]):
            continue
        steps = [(i + 1, j + 1)]
        steps += [(i, j + 1)] if a[i] is DEEP else []
        steps += [(i + 1, j)] if b[j] is DEEP else []
        work += [step for step in steps if step not in reach]
        reach.update(steps)
    return False
