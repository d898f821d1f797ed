"""Templates of paths and branch names: what they match, and what they capture.

`rfcs/{slug}.md` captures a whole segment or a part of one; `{slug:regex}` says what it may be; `*` is any text
within a segment, `**` stands for any number of whole segments, and for at least one where it ends the template (as in
gitignore(5)). Paths and branch names come from repositories and are hostile: a name with an empty segment, `.`, `..`
or a control character matches nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

from cache.profile.expressions import BrokenError, Expression, SlowError, checked

MAX_NAME = 4096
MAX_SEGMENT = 255
MAX_WILD = 3
"""Captures and `*` in one segment; matching time grows with the segment's length to this power."""
MAX_DEEP = 2
"""`**` in one template; what lies between two is looked for once, from the left."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REPEATS = frozenset("*+{")
_LISTED = re.compile(r"\(\?:([\w-]+(?:\|[\w-]+)*)\)")
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class PatternError(ValueError):
    """A template that cannot be used; the message says why."""


@dataclass(frozen=True)
class Segment:
    """What may stand between two slashes. `parts` alternates as written: literal text, or None for a wildcard.
    `choices` has, for each wildcard, the texts that it stands for where its expression lists them; else nothing.
    """

    parts: tuple[str | None, ...]
    names: tuple[str, ...]
    regex: re.Pattern[str] | Expression | None
    choices: tuple[tuple[str, ...], ...] = ()

    @property
    def literal(self) -> str | None:
        """The text of a segment without wildcards, else None."""
        return "".join(part or "" for part in self.parts) if None not in self.parts else None

    def match(self, text: str) -> dict[str, str] | None:
        """The captures, None where the text does not match."""
        if self.regex is None:
            return {} if text == self.literal else None
        try:
            found = self.regex.fullmatch(text)
        except SlowError:
            return None  # of a name that is made to be slow: nobody else's is told like it
        if found is None or any(value in (".", "..") for value in found.groups()):
            return None
        return dict(found.groupdict())


DEEP = Segment((None,), (), None)
"""`**`: any number of segments, or none; told apart by identity."""
ANY = Segment((None,), (), re.compile("[^/]+"))
"""One segment, whatever it is."""


@dataclass(frozen=True)
class _Pattern:
    """A template. Equal when written alike."""

    capture: ClassVar[str]
    source: str
    segments: tuple[Segment, ...]

    @classmethod
    def parse(cls, source: str) -> Self:
        """Read a template. PatternError: empty segments, `.` or `..`, unbalanced braces, bad or repeated names,
        broken expressions, a third `**`, more than three wildcards in a segment.
        """
        segments: list[Segment] = []
        seen: set[str] = set()
        for text in _segments(source):
            segment = DEEP if text == "**" else _segment(text, cls.capture)
            if segment is DEEP and segments[-1:] == [DEEP]:
                continue
            for name in segment.names:
                if name in seen:
                    raise PatternError(f"{source!r} captures {{{name}}} twice; give one of them another name")
                seen.add(name)
            segments.append(segment)
        if segments.count(DEEP) > MAX_DEEP:
            raise PatternError(f"{source!r} holds '**' more than twice; keep two")
        if segments[-1] is DEEP:
            segments.insert(-1, ANY)
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

    @property
    def below(self) -> str:
        """Where everything lies that can match: the path itself where it is the only one, else its folder."""
        literals = [segment.literal for segment in self.segments]
        return "/".join(text for text in literals if text) if None not in literals else self.prefix

    def match(self, name: str) -> dict[str, str] | None:
        """The captures, None where the name does not match."""
        if len(name) > MAX_NAME or _FORBIDDEN.search(name):
            return None
        texts = name.split("/")
        if any(text in ("", ".", "..") or len(text) > MAX_SEGMENT for text in texts):
            return None
        first, *others = self._groups
        if not others:
            return _captures(first, texts) if len(texts) == len(first) else None
        *middle, last = others
        at, end = len(first), len(texts) - len(last)
        if at > end:
            return None
        found = [_captures(first, texts[:at]), _captures(last, texts[end:])]
        for group in middle:
            places = range(at, end - len(group) + 1)
            at = next((p for p in places if _captures(group, texts[p : p + len(group)]) is not None), end + 1)
            found.append(_captures(group, texts[at : at + len(group)]) if at <= end else None)
            at += len(group)
        captures: dict[str, str] = {}
        for one in found:
            if one is None:
                return None
            captures.update(one)
        return captures

    @cached_property
    def _groups(self) -> tuple[tuple[Segment, ...], ...]:
        """The segments between `**`."""
        groups: list[tuple[Segment, ...]] = [()]
        for segment in self.segments:
            groups[-1:] = [groups[-1], ()] if segment is DEEP else [(*groups[-1], segment)]
        return tuple(groups)

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


def _captures(segments: Sequence[Segment], texts: Sequence[str]) -> dict[str, str] | None:
    """What as many segments capture in as many texts, None where one does not match."""
    captures: dict[str, str] = {}
    for segment, text in zip(segments, texts, strict=True):
        found = segment.match(text)
        if found is None:
            return None
        captures.update(found)
    return captures


class PathPattern(_Pattern):
    """A template of file paths. A capture is any text within one segment."""

    capture = "[^/]+?"


class HeadPattern(_Pattern):
    """A template of branch names. A capture is a plain word (`[A-Za-z0-9][A-Za-z0-9._-]*`) unless it says more."""

    capture = "[A-Za-z0-9][A-Za-z0-9._-]*"


def folder(text: str) -> str:
    """A folder as paths spell it: no slash at its ends; empty for the whole repository (`.`, `/`)."""
    return "" if text.strip("/") == "." else text.strip("/").removeprefix("./")


def is_folder(text: str) -> bool:
    """Whether a text is the path of a folder, or a template of such paths; empty is the whole repository."""
    try:
        PathPattern.parse(f"{folder(text)}/x".removeprefix("/"))
    except PatternError:
        return False
    return True


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
    choices: list[tuple[str, ...]] = []
    regex, at, literal, repeats = "", 0, "", False
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
            choices.append(())
            at += 1
            continue
        end = _closing(text, at)
        name, _, own = text[at + 1 : end].partition(":")
        if not _NAME.fullmatch(name) or name in names:
            raise PatternError(f"'{{{name}}}' in {text!r} is no name for a capture, or stands there twice")
        regex += f"(?P<{name}>{_checked(own, text) if own else default})"
        repeats = repeats or not _REPEATS.isdisjoint(own)
        listed = _LISTED.fullmatch(own)
        choices.append(tuple(listed[1].split("|")) if listed is not None else ())
        names.append(name)
        at = end + 1
    if literal:
        parts.append(literal)
        regex += re.escape(literal)
    if parts.count(None) > MAX_WILD:
        raise PatternError(f"{text!r} has more than {MAX_WILD} captures and '*'; use fewer")
    if None not in parts:
        return Segment(tuple(parts), tuple(names), None, tuple(choices))
    # what repeats nothing but our own wildcards needs no limit of time, and matching paths takes a third of it
    matching = Expression(regex, ignore_case=False) if repeats else re.compile(regex)
    return Segment(tuple(parts), tuple(names), matching, tuple(choices))


def _closing(text: str, start: int) -> int:
    depth = 0
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at
    raise PatternError(f"{text!r} has a brace without its counterpart")


def _checked(own: str, text: str) -> str:
    try:
        groups = checked(own, ignore_case=False)
    except BrokenError as error:
        raise PatternError(f"the expression in {text!r} is broken: {error}") from None
    if groups:
        raise PatternError(f"the expression in {text!r} has a group of its own; write (?:…)")
    return own
