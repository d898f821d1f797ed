"""Headings that Markdown texts write in HTML: `<h1 align="center">A &amp; B</h1>`.

Where HTML stands is known already (CommonMark §4.6); here only its tags are looked at. Every look ends after
`MAX_HTML` characters, so that no text makes it look at itself again and again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import unescape

from msgspec import Struct

MAX_HTML = 4000
"""Characters of one block in which headings are looked for."""
MAX_INNER = 1000
"""Characters from a heading's beginning to its end, which may stand in a later block."""

_RAW = re.compile(r"[ \t]*<(?:[!?]|(?:script|pre|style|textarea)(?:[\s>]|$))", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([a-z][a-z0-9-]*+)((?:\"[^\"<]*\"|'[^'<]*'|[^<>\"'])*+)>", re.IGNORECASE)
_ALT = re.compile(r"\balt\s?=\s?(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
_HIDDEN = frozenset({"script", "style", "pre", "textarea"})


class HtmlHeading(Struct, frozen=True):
    """A heading, without tags and with its entities decoded; the numbers of its first and last line, from 0."""

    text: str
    level: int
    first: int
    last: int


def is_raw(html: str) -> bool:
    """Whether a block of HTML holds what is not read as a document: a comment, a script, preformatted text."""
    return _RAW.match(html) is not None


def without_comments(text: str, *, open_too: bool = False) -> str:
    """A text without `<!-- … -->`, its lines as many as before; `open_too` leaves out one that does not end."""
    parts: list[str] = []
    at = 0
    while (start := text.find("<!--", at)) >= 0:
        end = text.find("-->", start + 4)
        if end < 0 and not open_too:
            break
        parts += [text[at:start], "\n" * text.count("\n", start, end if end >= 0 else len(text))]
        at = end + 3 if end >= 0 else len(text)
    return "".join((*parts, text[at:]))


def html_headings(lines: Sequence[str], start: int, end: int) -> Iterator[HtmlHeading]:
    """The headings that begin in a block, which is these lines of a text."""
    block = without_comments("\n".join(lines[start:end])[:MAX_HTML], open_too=True)
    at = 0
    hidden = ""
    while (tag := _TAG.search(block, at)) is not None:
        at = tag.end()
        closing, name = bool(tag[1]), tag[2].lower()
        if hidden or name in _HIDDEN:
            hidden = "" if closing and name == hidden else hidden or ("" if closing else name)
        elif not closing and name in ("h1", "h2", "h3", "h4", "h5", "h6"):
            first = start + block.count("\n", 0, tag.start())
            inner = _inner(block[at:], name)
            beyond = inner is None
            if inner is None:  # blank lines end a block, and may stand within a heading
                inner = _inner("\n".join((block[at:], *lines[end : end + MAX_INNER]))[:MAX_INNER], name)
            if inner is None:
                return
            last = first + block.count("\n", tag.start(), at) + inner.count("\n")
            yield HtmlHeading(_words(inner), int(name[1]), first, last)
            if beyond:
                return
            at += len(inner)


def _inner(text: str, name: str) -> str | None:
    end = text[:MAX_INNER].lower().find(f"</{name}")
    return text[:end] if end >= 0 else None


def _words(html: str) -> str:
    """The text of a heading; an image speaks by its `alt`."""
    return " ".join(unescape(_TAG.sub(_said, html)).split())


def _said(tag: re.Match[str]) -> str:
    match tag[2].lower():
        case "img":
            alt = _ALT.search(tag[3])
            return f" {alt[1] or alt[2] or ''} " if alt else ""
        case "br" | "p" | "div":
            return " "
        case _:
            return ""
