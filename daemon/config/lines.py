"""On which line of a TOML file each key stands: for error messages, since tomllib does not say."""

from __future__ import annotations

import re
from typing import Final

_HEADER: Final = re.compile(r"\s*+(\[\[?)([^\[\]]+)\]\]?\s*+(?:#.*)?$")
_PART: Final = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_KEY: Final = re.compile(rf"\s*({_PART}(?:\s*\.\s*{_PART})*)\s*=")
_FENCES: Final = ('"""', "'''")


def find_lines(text: str) -> dict[str, int]:
    """Return dotted key → line number, counted from 1; tables of an array are numbered: "profiles.0.use".

    A help to the reader and no more: what it cannot place (inline tables, odd quoting) is simply not in the answer.
    """
    lines: dict[str, int] = {}
    counts: dict[str, int] = {}
    section = ""
    fence: str | None = None  # inside a text of several lines, what would end it
    for number, line in enumerate(text.split("\n"), start=1):  # TOML 1.0: LF and CRLF, nothing else
        if fence is not None:
            fence = None if line.count(fence) % 2 else fence
            continue
        if header := _HEADER.match(line):
            section = _plain(header[2])
            if header[1] == "[[":
                counts[section] = index = counts.get(section, -1) + 1
                section = f"{section}.{index}"
            lines.setdefault(section, number)
        elif key := _KEY.match(line):
            name = _plain(key[1])
            lines.setdefault(f"{section}.{name}" if section else name, number)
        fence = next((mark for mark in _FENCES if line.count(mark) % 2), None)
    return lines


def _plain(dotted: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in dotted.split("."))
