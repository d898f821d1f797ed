"""What an HTTP status means to us: the one place where a status becomes an error."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from gitea_client.errors import (
    Forbidden,
    HttpError,
    Missing,
    Redirected,
    Refused,
    ServerFault,
    Throttled,
    Unauthorized,
)

DEFAULT_WAIT = 5.0
"""Seconds to wait where a server asks for patience without saying how much."""


def error_of(status: int, what: str, headers: Mapping[str, str], now: datetime | None) -> HttpError:
    """The error of an answer whose status is not success; `now` is the server's own time, for a dated Retry-After."""
    if status == 401:
        return Unauthorized(status, what)
    if status == 403:
        return Forbidden(status, what)
    if status in (404, 410):
        return Missing(status, what)
    if 300 <= status < 400:
        return Redirected(status, what, headers.get("Location", "")[:2000])
    if status == 429 or (status == 503 and "Retry-After" in headers):
        return Throttled(status, what, retry_after(headers.get("Retry-After"), now))
    if status >= 500:
        return ServerFault(status, what)
    return Refused(status, what)


def retry_after(value: str | None, now: datetime | None) -> float:
    """Seconds from a Retry-After header, which holds seconds or a date (RFC 9110 §10.2.3)."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    until = parse_date(text)
    return max((until - now).total_seconds(), 0.0) if until and now else DEFAULT_WAIT


def parse_date(value: str | None) -> datetime | None:
    """An HTTP date in UTC; None where there is none or it is no date."""
    try:
        parsed = parsedate_to_datetime(value) if value else None
    except (ValueError, OverflowError):
        return None
    return parsed.astimezone(UTC) if parsed and parsed.tzinfo else parsed and parsed.replace(tzinfo=UTC)
