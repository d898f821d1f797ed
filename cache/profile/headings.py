"""The headings of a markdown text, and what stands below each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from msgspec import Struct

MAX_LINE = 1000
"""Of longer lines only so much is looked at."""
MAX_TEXT = 4000
"""Of what stands in a section only so much is read."""

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ATX = re.compile(r" {0,3}#{1,6}[ \t]+(?P<text>.*)")
_CLOSING = re.compile(r"(^|[ \t]+)#+[ \t]*$")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_MARKER = re.compile(r"[ \t]*(?:>[ \t]?)?[ \t]*(?:[-*+][ \t]+)?")
_EMPHASIS = re.compile(r"[*_]{0,3}")
MAX_LABEL = 60


class Heading(Struct, frozen=True):
    """A heading: its text as written, the number of its (last) line, and the number of its first, both from 0."""

    text: str
    line: int
    first: int


class Found(Struct, frozen=True):
    """A text within a markdown text, and the number of its first line, from 1."""

    text: str
    line: int


def headings(text: str) -> Iterator[Heading]:
    """The headings (CommonMark §4.2 and §4.3), in their order, empty ones too.

    Lines in fenced code do not count; inline markup is left as it is written.
    """
    fence, before = "", ""
    for number, raw in enumerate(text.split("\n")):
        line = raw[:MAX_LINE].rstrip("\r")
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not line[mark.end() :].strip():
                fence = ""
            continue
        if mark:
            fence, before = mark[1], ""
            continue
        if (heading := _ATX.fullmatch(line)) is not None:
            yield Heading(_CLOSING.sub("", heading["text"]).strip(), number, number)
            before = ""
        elif before and _SETEXT.fullmatch(line):
            yield Heading(before.strip(), number, number - 1)
            before = ""
        else:
            before = "" if line.startswith(("    ", "\t", ">", "-", "*", "+")) else line.strip()


def first_heading(text: str) -> str | None:
    """The text of the first heading, None where there is none or it is empty."""
    found = next(headings(text), None)
    return found.text or None if found is not None else None


class Outline:
    """A markdown text by its headings, taken apart when first asked; `line` is the number of its first line."""

    def __init__(self, text: str, line: int = 1) -> None:
        self._text, self._line = text, line

    @cached_property
    def _headings(self) -> tuple[Heading, ...]:
        return tuple(headings(self._text))

    @cached_property
    def _lines(self) -> list[str]:
        return self._text.split("\n")

    def heading(self) -> Found | None:
        """The first heading, None where there is none or it is empty."""
        first = next(headings(self._text), None)
        return Found(first.text, first.first + self._line) if first is not None and first.text else None

    def section(self, name: str) -> Found | None:
        """What stands between the first heading of this name and the next heading, less comments; None where there
        is no such heading or nothing below it. Case, and a colon behind the name, do not matter.
        """
        for position, heading in enumerate(self._headings):
            if heading.text.rstrip(": \t").casefold() == name.casefold():
                after = self._headings[position + 1 : position + 2]
                return self._below(heading.line + 1, after[0].first if after else len(self._lines))
        return None

    def _below(self, start: int, end: int) -> Found | None:
        text = _COMMENT.sub("", "\n".join(self._lines[start:end])[:MAX_TEXT]).replace("\r", "")
        while start < end and not self._lines[start].strip():
            start += 1
        return Found(text.strip(), start + self._line) if text.strip() else None

    def labelled(self, name: str) -> Found | None:
        """What a line `name: value` says above the second heading, where documents say what they are: also as an item
        of a list, in bold, or as a row `| name | value |` of a table. Case does not matter.
        """
        return self._labels.get(name.casefold())

    @cached_property
    def _labels(self) -> dict[str, Found]:
        end = self._headings[1].first if len(self._headings) > 1 else len(self._lines)
        labels: dict[str, Found] = {}
        for number, raw in enumerate(self._lines[:end]):
            line = raw[:MAX_LINE].rstrip("\r")
            name, value = _row(line) if line.lstrip().startswith("|") else _label(line)
            value = _COMMENT.sub("", value).strip()
            if value and 0 < len(name) <= MAX_LABEL:
                labels.setdefault(name.casefold(), Found(value, number + self._line))
        return labels


def _row(line: str) -> tuple[str, str]:
    cells = line.strip().strip("|").split("|")
    return cells[0].strip(" \t*_:"), cells[1] if len(cells) > 1 else ""


def _label(line: str) -> tuple[str, str]:
    """`**name:** value` as well as `**name**: value`."""
    marker = _MARKER.match(line)
    name, _, value = line[marker.end() if marker else 0 :].partition(":")
    emphasis = _EMPHASIS.match(name)
    opened = emphasis[0] if emphasis else ""
    if opened and not name.rstrip().endswith(opened):
        value = value.removeprefix(opened)
    return name.strip(" \t*_"), value
