"""From an answer's bytes to a typed value, tolerant where the servers really are loose, strict elsewhere."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from itertools import takewhile
from typing import Annotated, Any, TypeVar, get_origin

import msgspec
from msgspec import UNSET, Meta, Raw, Struct

from gitea_client.allowed import LARGEST
from gitea_client.errors import Malformed
from gitea_client.sizes import LISTED, MOST_ITEM

T = TypeVar("T")

_PATTERN = re.compile(r"Expected `str` matching regex '.*'", re.DOTALL)
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
        raise Malformed(f"{what}: {len(body)} bytes that are not what this route answers: {_said(error)}") from None


class Unusable(Struct, frozen=True):
    """An item of a list that is not what such an item is: which one it claims to be, and what is wrong with it.

    `id` and `type` are the item's own, None and empty where they are none. `why` names the field
    and the rule, never a value.
    """

    id: int | None
    why: str
    type: str = ""


def decode_plain(kind: type[T], body: bytes, what: str) -> T:
    """Decode JSON into `kind` as it stands, without the tolerance of `decode`; a field of type Raw is not unfolded."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"{what}: {len(body)} bytes that are not what this route answers: {_said(error)}") from None


def decode_each(kind: type[T], body: bytes | Raw, what: str, *, most: int = LISTED) -> list[T | Unusable]:
    """Decode a list item by item, so that one that is not allowed is felt by itself alone, and one is held at a time.

    Null is an empty list, and a null item stays as Unusable. Raises Malformed for what is no list, and for one of more
    than `most` items.
    """
    try:
        found = _parts(most).decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        length = len(memoryview(body))
        raise Malformed(f"{what}: {length} bytes that are not what this route answers: {_said(error)}") from None
    places = () if found is None else (getattr(found, name) for name in found.__struct_fields__)
    return [_item(kind, raw) for raw in takewhile(lambda raw: raw is not UNSET, places)]


class _Which(Struct):
    id: Annotated[int, Meta(ge=1, le=LARGEST)]
    type: str = ""


@cache
def _parts(most: int) -> msgspec.json.Decoder[Any]:
    """A decoder of a list into its items, each as the bytes that it is.

    A struct of so many fields that may be missing: the only type that refuses an item too many before it reads it. A
    list of `Raw` would hold 16 million of them before it is found too long (1.2 GB for 32 MB of `0,0,…`).
    """
    fields = [(f"item{place}", Raw, UNSET) for place in range(most)]
    kind = msgspec.defstruct("Parts", fields, array_like=True, forbid_unknown_fields=True)
    return msgspec.json.Decoder(kind | None)


def _item(kind: type[T], raw: Raw) -> T | Unusable:
    if len(memoryview(raw)) > MOST_ITEM:
        return _unusable(raw, f"it is longer than {MOST_ITEM} bytes")
    try:
        # What is not read is passed over before it unfolds: of a pull request that is nine tenths.
        fields = msgspec.json.decode(raw, type=dict[str, Raw])
        read = {name: msgspec.json.decode(fields[name]) for name in _names(kind) if name in fields}
        return msgspec.convert(_tidy(read), kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _unusable(raw, _said(error))


def _names(kind: Any) -> tuple[str, ...]:
    names: tuple[str, ...] = kind.__struct_encode_fields__
    return names


def _unusable(raw: Raw, why: str) -> Unusable:
    try:
        which = msgspec.json.decode(raw, type=_Which)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Unusable(None, why)
    return Unusable(which.id, why, which.type)


def _said(error: Exception) -> str:
    """What msgspec found wrong, without the pattern: which form a text may have is told by `allowed`."""
    return _PATTERN.sub("Expected a text of another form", str(error))


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
