"""From an answer's bytes to a typed value, tolerant where the servers really are loose, strict elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar, get_origin

import msgspec
from msgspec import Struct

from gitea_client.allowed import LARGEST
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


class Unusable(Struct, frozen=True):
    """An item of a list that is not what such an item is: which one it claims to be, and what is wrong with it.

    `id` is the item's own, None where even that is no id. `why` names the field and the rule, never a value.
    """

    id: int | None
    why: str


def decode_each(kind: type[T], body: bytes, what: str, *, inside: str = "") -> list[T | Unusable]:
    """Decode a list item by item, so that one that is not allowed is felt by itself alone.

    `inside` is the field that holds the list, where the answer is an object. Nothing but a list of objects is one, and
    raises Malformed; null is an empty one, and a null item stays as Unusable.
    """
    whole = decode(dict[str, Any], body, what).get(inside) if inside else decode(Any, body, what)
    if whole is not None and not isinstance(whole, list):
        raise Malformed(f"{what}: {len(body)} bytes that are not what this route answers: no list")
    return [_item(kind, item) for item in whole or []]


def _item(kind: type[T], item: object) -> T | Unusable:
    try:
        return msgspec.convert(item, kind)
    except msgspec.ValidationError as error:
        found = item.get("id") if isinstance(item, dict) else None
        known = isinstance(found, int) and not isinstance(found, bool) and 0 < found <= LARGEST
        return Unusable(found if known else None, str(error))


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
