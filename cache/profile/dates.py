"""Dates as people write them: every form that can mean one day only. What may be two days is said to be ambiguous."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from cache.profile.rules import shown
from cache.profile.unread import Unread

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<word>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?\.?"
_WEEKDAY = re.compile(r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?[,.]? +", re.IGNORECASE)
_FORMS = tuple(
    re.compile(form, re.ASCII | re.IGNORECASE)
    for form in (
        r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})(?:[T ]\d{2}:\d{2}.{0,40})?",
        r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})",
        r"(?P<year>\d{4})年(?P<month>\d{1,2})月(?P<day>\d{1,2})日",
        rf"{_DAY}(?:[ -]| of ){_MONTH}(?:[ -]|, )(?P<year>\d{{4}})",
        rf"{_MONTH}[ -]{_DAY}(?:[ -]|, ?)(?P<year>\d{{4}})",
        rf"(?P<year>\d{{4}})[ -]{_MONTH}[ -]{_DAY}",
        r"(?P<one>\d{1,2})(?P<mark>[-/.])(?P<other>\d{1,2})(?P=mark)(?P<year>\d{4}|\d{2})",
    )
)


def read_date(text: str) -> str | Unread:
    """The day that a text means, as 2026-01-02: of `5 Feb 2018`, `February 5th, 2018`, `2018/2/5`, `20180205`,
    `25/02/2018`. Whether `05/02/2018` is in May or in February nobody can tell, nor the century of `25/02/18`.
    """
    plain = " ".join(text.split())
    plain = plain[found.end() :] if (found := _WEEKDAY.match(plain)) else plain
    for form in _FORMS:
        found = form.fullmatch(plain)
        if found is not None:
            days = tuple(dict.fromkeys(_days(found.groupdict())))
            if len(days) == 1:
                return days[0]
            if days:
                meanings = " or ".join(days)
                return Unread("ambiguous-date", f": {shown(text)} may be {meanings}; write the one that is meant")
    return Unread("wrong-type", f", not {shown(text)}")


def _days(parts: dict[str, str | None]) -> Iterator[str]:
    """The days that exist among those that the parts of a date can mean."""
    year = parts["year"] or ""
    if parts.get("one") is None:
        word = (parts.get("word") or "")[:3].lower()
        month = _MONTHS.index(word) + 1 if word else int(parts["month"] or 0)
        yield from _day(int(year), month, int(parts["day"] or 0))
        return
    one, other = int(parts["one"] or 0), int(parts["other"] or 0)
    if len(year) == 4:
        yield from _day(int(year), other, one)
        yield from _day(int(year), one, other)
        return
    for century in (2000, 1900):
        yield from _day(century + int(year), other, one)
        yield from _day(century + int(year), one, other)
    yield from _day(2000 + one, other, int(year))


def _day(year: int, month: int, day: int) -> Iterator[str]:
    try:
        yield date(year, month, day).isoformat()
    except ValueError:
        return
