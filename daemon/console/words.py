"""How values read to a person. No I/O.

What a repository says is hostile: a letter that nobody sees, or that turns the writing around, is written as its
number (Unicode Standard Annex 9; "Trojan Source", CVE-2021-42574).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

MINUTE, HOUR, DAY = 60, 3600, 86400
LONG_AGO: Final = 90 * DAY
"""Seconds after which a date says more than an age."""

_SPACES = "\t\n\r "
_TURNING = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_UNSEEN = "\u00ad\u200b\u2028\u2029\u2060\ufeff\ufff9\ufffa\ufffb\u180e"
_TAGS = range(0xE0000, 0xE0080)
"""Letters that are copied and never shown."""


def _acting() -> list[int]:
    """Those letters, and half of a surrogate pair."""
    controls = [*range(0x20), *range(0x7F, 0xA0), *map(ord, _TURNING + _UNSEEN), *_TAGS, *range(0xD800, 0xE000)]
    return sorted(set(controls) - set(map(ord, _SPACES)))


def _as_ranges(numbers: Iterable[int]) -> re.Pattern[str]:
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return re.compile("[" + "".join(f"\\U{first:08X}-\\U{last:08X}" for first, last in ranges) + "]")


_NUMBERS: Final = {number: f"⟦U+{number:04X}⟧" for number in _acting()}
_ACTING: Final = _as_ranges(_NUMBERS)


def shown(text: str) -> str:
    """The text with every letter that acts or hides written as its number; half a surrogate pair too.

    Nobody else gets an answer meanwhile: a megabyte takes 0.7 ms where it is ASCII, else 5 ms; by `translate`, or by
    single letters instead of ranges, it would take 200 there.
    """
    if text.isascii():
        return text.translate(_NUMBERS)
    return _ACTING.sub(lambda found: _NUMBERS[ord(found[0])], text)


def age(seconds: float) -> str:
    """`12 s`, `3 min`, `5 h`, `12 d`."""
    whole = max(0, int(seconds))
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min"
    return f"{whole // HOUR} h" if whole < 2 * DAY else f"{whole // DAY} d"


def when(moment: datetime, now: datetime) -> str:
    """How long ago, or how far ahead; far away the date."""
    seconds = (now - moment).total_seconds()
    if abs(seconds) >= LONG_AGO:
        return f"{moment:%Y-%m-%d}"
    if seconds < 0:
        return f"in {age(-seconds)}"
    return "just now" if seconds < 5 else f"{age(seconds)} ago"


def duration(seconds: float) -> str:
    """A length of time: `40 ms`, `2.1 s`, `3 min`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < MINUTE else age(seconds)


_TONES = {
    "good": ("open", "active", "accepted", "approved", "done", "resolved", "published", "current", "created", "added"),
    "done": ("merged", "implemented", "completed", "final", "adopted"),
    "info": ("idea", "proposed", "new", "planned", "updated", "modified", "changed", "review"),
    "warn": ("draft", "pending", "blocked", "waiting", "warning", "stale", "deferred"),
    "bad": ("rejected", "failed", "error", "broken", "deleted", "removed"),
    "quiet": ("closed", "withdrawn", "deprecated", "superseded", "archived", "obsolete", "abandoned"),
}
_TONE_OF = {word: tone for tone, words in _TONES.items() for word in words}
_OTHERS = ("info", "good", "warn", "done", "quiet")


def tone(value: str, values: Sequence[str] = ()) -> str:
    """The colour of a pill: by a word that many use, else by the value's place among the possible ones."""
    known = _TONE_OF.get(value.lower())
    if known is not None:
        return known
    return _OTHERS[values.index(value) % len(_OTHERS)] if value in values else "plain"


def counted(number: int, one: str, many: str = "") -> str:
    """`1 entry`, `3 entries`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}".replace(",", "\u202f")
