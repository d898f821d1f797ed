"""Changes per hour as bars: numbers for an SVG picture. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct

HOURS = 48
WIDTH, HEIGHT = 720, 96
"""Of the picture, in its own units."""
GAP = 3


class Bar(Struct, frozen=True):
    """An hour, its number of changes, and where its bar stands."""

    hour: datetime
    number: int
    x: float
    y: float
    width: float
    height: float


class Chart(Struct, frozen=True):
    """The bars, oldest first; `top` is the largest number, `total` all of them."""

    bars: tuple[Bar, ...]
    top: int
    total: int
    width: int = WIDTH
    height: int = HEIGHT


def begin(now: datetime) -> datetime:
    """The first hour that is shown."""
    return now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)


def chart(numbers: Mapping[datetime, int], now: datetime) -> Chart:
    """The bars of the last hours; `numbers` are changes by the hour in which they were applied."""
    hours = [begin(now) + timedelta(hours=index) for index in range(HOURS)]
    counted = [numbers.get(hour, 0) for hour in hours]
    top = max(counted)
    step = WIDTH / HOURS
    bars = []
    for index, (hour, number) in enumerate(zip(hours, counted, strict=True)):
        height = round(max(2.0, number / top * HEIGHT), 1) if number else 0.0
        bars.append(Bar(hour, number, round(index * step, 1), round(HEIGHT - height, 1), round(step - GAP, 1), height))
    return Chart(tuple(bars), top, sum(counted))
