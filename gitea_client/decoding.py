"""From an answer's bytes to a typed value, tolerant where the servers really are loose, strict elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar, get_origin

import msgspec

from gitea_client.errors import Malformed

T = TypeVar("T")

_DATES = frozenset({"created", "created_at", "updated_at", "closed_at", "merged_at"})


def decode(kind: type[T], body: bytes, what: str) -> T:
    """Decode JSON into `kind`; `what` (method and path) names the answer in the error.

    The servers are written in Go: a nil slice arrives as `null`, an unset time as `""` or as the year 1, and which of
    them depends on the version. So null and missing are one thing (the field's default), such a time is None, and
    nulls inside nested lists are dropped. A null item of a list that is the answer itself stays: it stands for a
    pull request that the server could not convert. All times come back in UTC. Raises Malformed.
    """
    try:
        raw = msgspec.json.decode(body)
        if raw is None and get_origin(kind) is list:
            raw = []
        tidy: Any = [_tidy(item) for item in raw] if isinstance(raw, list) else _tidy(raw)
        return msgspec.convert(tidy, kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # The message names the field and the kinds, never the value; the body may hold anything.
        raise Malformed(f"{what}: {len(body)} bytes that are not what this route answers: {error}") from None


def _tidy(value: object) -> object:
    if isinstance(value, dict):
        return {k: _time(v) if k in _DATES else _tidy(v) for k, v in value.items() if not _absent(k, v)}
    if isinstance(value, list):
        return [_tidy(item) for item in value if item is not None]
    return value


def _absent(key: object, value: object) -> bool:
    return value is None or (key in _DATES and isinstance(value, str) and (not value or value.startswith("0001-")))


def _time(value: object) -> object:
    """An aware time in UTC. What is no time is returned as it is, for the typed step to refuse by name."""
    if not isinstance(value, str):
        return _tidy(value)
    try:
        time = msgspec.convert(value, datetime)
        return time.astimezone(UTC) if time.tzinfo else value
    except (msgspec.ValidationError, OverflowError):
        return value
