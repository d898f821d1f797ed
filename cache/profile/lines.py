"""What ends a line in a file: LF or CRLF, nothing else; and files whose lines or first letters are otherwise.

YAML 1.1, Python's `splitlines` and others also end lines at NEL, LS, PS, VT, FF and FS to RS: then a value that holds
one changes, or ends and begins another, and every line below has another number than an editor shows.
"""

from __future__ import annotations

import re

from cache.profile.rules import Problem, problem

MARK = "\ufeff"
LONE_RETURN = re.compile("\r(?!\n)")
_SEPARATORS = "\x85\u2028\u2029"
"""What libyaml takes for the end of a line, besides LF and CR."""
_UNUSED = range(0xF0000, 0xFFFFE)
"""Letters for private use (The Unicode Standard, §23.5)."""


def shielded(text: str) -> tuple[str, dict[int, str]]:
    """A text in which other letters, that it does not hold, stand for what libyaml takes for line ends; and by them
    what they stand for. The number of letters stays.
    """
    held = [char for char in _SEPARATORS if char in text]
    if not held:
        return text, {}
    present = set(text)
    unused = (chr(number) for number in _UNUSED if chr(number) not in present)
    standing = dict(zip(held, unused, strict=False))
    return text.translate({ord(char): other for char, other in standing.items()}), {
        ord(other): char for char, other in standing.items()
    }


def odd_mark(text: str) -> Problem | None:
    """A problem where a text, less one byte order mark, begins with another."""
    if not text.startswith(MARK):
        return None
    message = "The file begins with more than one byte order mark; remove them, or keep one."
    return problem("byte-order-mark", message, line=1)


def odd_ends(text: str, until: int | None = None) -> Problem | None:
    """A problem where the first line of a text ends in CR alone, or one before `until` does."""
    found = LONE_RETURN.search(text)
    if found is None or ("\n" in text[: found.start()] and (until is None or found.start() >= until)):
        return None
    line = text.count("\n", 0, found.start()) + 1
    message = "A line ends in CR alone, as on old Macs; save the file with LF or CRLF."
    return problem("line-ends", message, line=line)
