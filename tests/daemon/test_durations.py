"""Durations and sizes are written with their unit, so that nobody has to guess."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.durations import format_duration, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"), [("60s", 60), ("1h", 3600), ("500ms", 0.5), ("1h30m", 5400), ("1.5s", 1.5), ("7d", 604800)]
)
def test_a_duration_is_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "60", "s", "1 h", "-1s", "1e3s", "٣s", "1h ", "9" * 5000 + "s"])
def test_a_duration_without_a_clear_unit_is_refused(text: str) -> None:
    """A bare 60 once meant milliseconds to one person and minutes to another."""
    with pytest.raises(ValueError, match="unit"):
        parse_duration(text)


@given(st.integers(0, 10**8))
def test_formatting_a_duration_loses_nothing(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1000)) == pytest.approx(milliseconds / 1000)


@pytest.mark.parametrize(
    ("text", "count"), [("1MB", 10**6), ("1 MiB", 2**20), ("8mb", 8 * 10**6), ("512B", 512), ("1.5kB", 1500)]
)
def test_a_size_is_bytes(text: str, count: int) -> None:
    assert parse_size(text) == count


@pytest.mark.parametrize("text", ["", "1", "MB", "1XB", "-1MB", "1MB1"])
def test_a_size_without_a_known_unit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="unit"):
        parse_size(text)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever stands in the file, the answer is a number or a ValueError and never another error."""
    for parse in (parse_duration, parse_size):
        try:
            assert parse(text) >= 0
        except ValueError:
            continue
