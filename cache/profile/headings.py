"""The first heading of a markdown text."""

from __future__ import annotations

import re

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ATX = re.compile(r" {0,3}#{1,6}[ \t]+(?P<text>.*)")
_CLOSING = re.compile(r"(^|[ \t]+)#+[ \t]*$")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*")


def first_heading(text: str) -> str | None:
    """The text of the first heading (CommonMark §4.2 and §4.3), None where there is none or it is empty.

    Lines in fenced code do not count; inline markup is left as it is written.
    """
    fence, before = "", ""
    for raw in text.split("\n"):
        line = raw[:1000].rstrip("\r")
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not line[mark.end() :].strip():
                fence = ""
            continue
        if mark:
            fence, before = mark[1], ""
            continue
        if (heading := _ATX.fullmatch(line)) is not None:
            return _CLOSING.sub("", heading["text"]).strip() or None
        if before and _SETEXT.fullmatch(line):
            return before.strip()
        before = "" if line.startswith(("    ", "\t", ">", "-", "*", "+")) else line.strip()
    return None
