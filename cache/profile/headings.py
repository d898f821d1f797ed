"""The headings of a Markdown text, and what stands below each.

What is a block, and where it ends, is asked of markdown-it-py (CommonMark 0.31, https://spec.commonmark.org): headings
within comments, code, raw HTML, quotes and items of lists are none of the document's. Only block structure is read,
and only of the beginning of a text: its time grows with the length of what it gets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property

from markdown_it import MarkdownIt
from markdown_it.token import Token
from msgspec import Struct

from cache.profile.html_headings import html_headings, is_raw, without_comments
from cache.profile.numbered import without_number

MAX_OUTLINE, MAX_LINES = 64 * 1024, 2000
"""Characters and lines of a text in which headings, sections and lines are looked for. What is made to be slow takes
60 ms then, what people write 10 ms."""
_FIRST_LOOK = 2 * 1024
"""A title mostly stands at the top: so much is looked at before all of it is."""
MAX_LINE = 1000
"""Of longer lines, and of a heading's text, only so much is looked at."""
MAX_TEXT = 4000
"""Of what stands in a section only so much is read."""

_PARSER = MarkdownIt("commonmark")
_MAYBE_TITLE = re.compile(r"^ {0,3}#(?:[ \t]|$)|^ {0,3}=+[ \t]*$|<h1\b", re.MULTILINE | re.IGNORECASE)
_MARKER = re.compile(r"[ \t]*+(?:>[ \t]*+)?(?:[-*+][ \t]++)?")
_EMPHASIS = re.compile(r"[*_]{0,3}")
_SILENT = frozenset({"fence", "code_block"})
MAX_LABEL = 60


class Heading(Struct, frozen=True):
    """A heading: its text, its level, the number of its last line and that of its first, both from 0."""

    text: str
    level: int
    line: int
    first: int


class Found(Struct, frozen=True):
    """A text within a markdown text, and the number of its first line, from 1."""

    text: str
    line: int


def headings(text: str) -> Iterator[Heading]:
    """The headings of a document (CommonMark §4.2, §4.3, and `<h1>` to `<h6>` in HTML), in their order, empty ones too.

    Inline markup is left as it is written; comments in a heading are left out, and so are the tags of HTML headings.
    """
    text = _beginning(text)
    return _headings(text, _tokens(text))


def first_heading(text: str) -> str | None:
    """The text of the first heading of level one, None where there is none or it is empty."""
    found = _title(_beginning(text))
    return found.text or None if found is not None else None


def _beginning(text: str) -> str:
    """As much of a text as is looked at, with one kind of line end (CommonMark §2.1)."""
    lines = text[:MAX_OUTLINE].replace("\r\n", "\n").replace("\r", "\n").split("\n", MAX_LINES)
    return "\n".join(lines[:MAX_LINES])


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    _PARSER.block.parse(text, _PARSER, {}, tokens)
    return tokens


def _title(text: str) -> Heading | None:
    """The first heading of level one. What follows a heading does not change it, so a look at the top may do."""
    if _MAYBE_TITLE.search(text) is None:
        return None
    for size in (_FIRST_LOOK, len(text)):
        top = text if size >= len(text) else text[: text.rfind("\n", 0, size) + 1]
        if (found := next((one for one in _headings(top, _tokens(top)) if one.level == 1), None)) is not None:
            return found
        if top is text:
            break
    return None


def _headings(text: str, tokens: Sequence[Token]) -> Iterator[Heading]:
    lines: list[str] | None = None
    taken = -1
    for position, token in enumerate(tokens):
        if token.level or token.map is None or token.map[0] < taken:
            continue
        first, end = token.map
        if token.type == "heading_open":
            words = " ".join(line.strip() for line in tokens[position + 1].content[:MAX_LINE].split("\n"))
            yield Heading(without_comments(words).strip(), int(token.tag[1:]), end - 1, first)
        elif (token.type == "html_block" and not is_raw(token.content)) or (
            token.type == "paragraph_open" and tokens[position + 1].content.startswith("<")
        ):
            lines = text.split("\n") if lines is None else lines
            for one in html_headings(lines, first, end):
                yield Heading(one.text[:MAX_LINE], one.level, one.last, one.first)
                taken = one.last + 1


class Outline:
    """A markdown text by its headings, taken apart when first asked; `line` is the number of its first line, `path`
    the file's.
    """

    def __init__(self, text: str, line: int = 1, path: str = "") -> None:
        self._whole, self._line, self._path = text, line, path

    @cached_property
    def _text(self) -> str:
        return _beginning(self._whole)

    @cached_property
    def _tokens(self) -> list[Token]:
        return _tokens(self._text)

    @cached_property
    def _headings(self) -> tuple[Heading, ...]:
        return tuple(_headings(self._text, self._tokens))

    @cached_property
    def _lines(self) -> list[str]:
        return self._text.split("\n")

    def heading(self) -> Found | None:
        """The first heading, None where there is none or it is empty."""
        first = next(iter(self._headings), None)
        return Found(first.text, first.first + self._line) if first is not None and first.text else None

    def title(self) -> Found | None:
        """The first heading of level one, less a number that the file's name bears too; None where there is none or
        it is empty.
        """
        short = len(self._text) <= 2 * _FIRST_LOOK  # then it is taken apart once, for all that is asked
        titles = (one for one in self._headings if one.level == 1) if short else iter((_title(self._text),))
        first = next(titles, None)
        return Found(without_number(first.text, self._path), first.first + self._line) if first and first.text else None

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
        text = without_comments("\n".join(self._lines[start:end])[:MAX_TEXT], open_too=True)
        words = text.lstrip()
        start += text.count("\n", 0, len(text) - len(words))
        return Found(words.rstrip(), start + self._line) if words else None

    def labelled(self, name: str) -> Found | None:
        """What a line `name: value` says above the second heading, where documents say what they are: also as an item
        of a list, in bold, or as a row `| name | value |` of a table. Case does not matter; code and comments say
        nothing.
        """
        return self._labels.get(name.casefold())

    @cached_property
    def _labels(self) -> dict[str, Found]:
        end = self._headings[1].first if len(self._headings) > 1 else len(self._lines)
        said = self._lines[:end]
        for token in self._tokens:
            silent = token.type in _SILENT or (token.type == "html_block" and is_raw(token.content))
            if silent and token.map is not None and token.map[0] < end:
                first, last = token.map[0], min(token.map[1], end)
                said[first:last] = [""] * (last - first)
        labels: dict[str, Found] = {}
        for number, line in enumerate(without_comments("\n".join(said)).split("\n")):
            shown = line[:MAX_LINE]
            name, value = _row(shown) if shown.lstrip().startswith("|") else _label(shown)
            if value.strip() and 0 < len(name) <= MAX_LABEL:
                labels.setdefault(name.casefold(), Found(value.strip(), number + self._line))
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
