"""Lines of log that repeat: the first ones are written, the rest counted, and the count told.

Whoever can make the daemon write a line (a wrong signature, a refused connection) could fill the disk with it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from typing import Any, Final

from msgspec import Struct

EVERY: Final = 60.0
"""Seconds of a period: the count begins anew with each."""
SAME: Final = 3
"""Lines that say the very same, written in one period."""
ALIKE: Final = 100
"""Lines of one event, whatever else they say, written in one period."""
REMEMBERED: Final = 2_000
"""Lines that are counted at a time; beyond them the oldest are told and forgotten."""


class _Count(Struct):
    began: float
    record: logging.LogRecord
    written: int = 0
    left_out: int = 0


class Repeats(logging.Filter):
    """A filter of a handler: lets a line through, or counts it.

    The count is told through `tell` (the handler's own writing) with the next line after the period, as `repeated` with
    the event that was left out.
    """

    def __init__(self, tell: Callable[[logging.LogRecord], None], monotonic: Callable[[], float]) -> None:
        super().__init__()
        self._tell = tell
        self._monotonic = monotonic
        self._counts: dict[Hashable, _Count] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is to be written."""
        now = self._monotonic()
        self._end(now)
        event, whole = _keys(record)
        alike = self._counts.setdefault(event, _Count(now, record))
        same = self._counts.setdefault(whole, _Count(now, record))
        if same.written >= SAME or alike.written >= ALIKE:
            (same if same.written >= SAME else alike).left_out += 1
            return False
        same.written += 1
        alike.written += 1
        return True

    def _end(self, now: float) -> None:
        """Tell of what was left out in periods that are over; they stand in the order in which they began."""
        while self._counts:
            key, first = next(iter(self._counts.items()))
            if now - first.began < EVERY and len(self._counts) <= REMEMBERED:
                return
            del self._counts[key]
            if first.left_out:
                self._tell(_repeated(first))


def _keys(record: logging.LogRecord) -> tuple[Hashable, Hashable]:
    """What a line's event is, and all that it says; a time is no part of either."""
    if isinstance(record.msg, dict):  # structlog's, before it is rendered
        said = {key: value for key, value in record.msg.items() if key not in ("timestamp", "event")}
        event = (record.name, record.levelno, str(record.msg.get("event")))
        return event, (*event, hash(repr(sorted((key, repr(value)) for key, value in said.items()))))
    event = (record.name, record.levelno, str(record.msg))
    return event, (*event, hash(repr(record.args)), record.exc_info[0] if record.exc_info else None)


def _repeated(count: _Count) -> logging.LogRecord:
    of, fields = count.record, dict[str, Any]()
    event = of.msg.get("event") if isinstance(of.msg, dict) else of.getMessage()
    fields |= {"of": str(event)[:200], "times": count.left_out, "seconds": EVERY}
    made = logging.LogRecord(of.name, of.levelno, of.pathname, of.lineno, "log.repeated", (), None)
    made.__dict__.update(fields)
    return made
