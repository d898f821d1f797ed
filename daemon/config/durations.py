"""Durations and sizes as people write them: "60s", "1h30m", "500ms"; "1MB", "8MiB"."""

from __future__ import annotations

import re
from typing import Final

_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES: Final = {
    "B": 1,
    "kB": 10**3, "MB": 10**6, "GB": 10**9,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30,
}  # fmt: skip
_BYTES_BY_LOWER: Final = {unit.lower(): factor for unit, factor in _BYTES.items()}

_NUMBER: Final = r"[0-9]{1,9}(?:\.[0-9]{1,6})?"
_DURATION: Final = re.compile(rf"(?:{_NUMBER}(?:ms|[smhd]))+", re.ASCII)
_DURATION_PART: Final = re.compile(rf"({_NUMBER})(ms|[smhd])", re.ASCII)
_SIZE: Final = re.compile(rf"({_NUMBER}) ?([A-Za-z]+)", re.ASCII)


def parse_duration(text: str) -> float:
    """Return the seconds that `text` names: a number and one of ms, s, m, h, d, or several such ("1h30m").

    Raises ValueError that says what to write instead. A bare number is refused: 60 what?
    """
    if not _DURATION.fullmatch(text):
        raise ValueError('write a number and its unit (ms, s, m, h or d), for example "60s" or "1h30m"')
    return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(text))


def parse_size(text: str) -> int:
    """Return the bytes that `text` names. kB, MB and GB are powers of 1000; KiB, MiB and GiB of 1024; case is free.

    Raises ValueError that says what to write instead.
    """
    match = _SIZE.fullmatch(text)
    factor = _BYTES_BY_LOWER.get(match[2].lower()) if match else None
    if match is None or factor is None:
        raise ValueError(f'write a number and its unit ({", ".join(_BYTES)}), for example "1MB"')
    return int(float(match[1]) * factor)


def format_duration(seconds: float) -> str:
    """Return `seconds` in the largest unit that gives a whole number: 5400 → "90m", 0.5 → "500ms"."""
    for unit in ("d", "h", "m", "s"):
        if seconds >= _SECONDS[unit] and seconds % _SECONDS[unit] == 0:
            return f"{seconds / _SECONDS[unit]:.0f}{unit}"
    return f"{seconds * 1000:.0f}ms" if seconds else "0s"
