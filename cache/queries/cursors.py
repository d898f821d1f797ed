"""Cursors: where a page ended, so that the next begins right after it. No I/O.

A cursor is the question's hash, a full stop, and base64url JSON of the last row's place in the order. A long text of
that place (a key, a title) is told by its beginning and its hash: a cursor travels in an address, and addresses have an
end. It is no secret and needs no signature: its values are only ever compared with. Paging by place never skips or
repeats a row that stands still, whatever is inserted or removed in between; paging by offset does both.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from typing import Any

import msgspec
from msgspec import Struct

from cache.queries.errors import QueryError

MAX_CURSOR = 4096
PATTERN = r"^[0-9a-f]{16}\.[A-Za-z0-9_-]+$"
"""How a cursor looks (ECMA 262). One that looks so and is none of ours has another question's hash."""
_PARTS = re.compile(r"([^.]{1,64})\.([A-Za-z0-9_-]+)=*", re.ASCII)
_INTEGERS = range(-(2**63), 2**63)


LONGEST = 400
"""Bytes, as JSON, of a text that stands in a cursor as it is: with six of them one is well below `MAX_CURSOR`."""


class Abbreviated(Struct, frozen=True):
    """A long text by its beginning and its hash."""

    begins: str
    digest: str

    def fits(self, text: object) -> bool:
        """Whether this is the text."""
        return isinstance(text, str) and text.startswith(self.begins) and _digest(text) == self.digest


class Position(Struct, frozen=True):
    """A row's place: what it is sorted by (None for no value) and what tells it from others with the same."""

    value: str | int | float | Abbreviated | None
    ties: tuple[str | int | Abbreviated, ...]

    @property
    def whole(self) -> bool:
        """Whether all of it can be compared with in SQL."""
        return not any(isinstance(part, Abbreviated) for part in (self.value, *self.ties))


def question(*parts: Any) -> str:
    """A short hash of everything that must not change between pages: what is listed, filtered, sorted."""
    plain = json.dumps(msgspec.to_builtins(parts), sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(plain.encode()).hexdigest()[:16]


def encode(position: Position, asked: str) -> str:
    """The cursor after a row."""
    parts = (_short(part) for part in (position.value, *position.ties))
    said = json.dumps([*parts], separators=(",", ":"), ensure_ascii=False)
    return f"{asked}.{base64.urlsafe_b64encode(said.encode()).rstrip(b'=').decode()}"


def decode(cursor: str, asked: str, ties: int) -> Position:
    """The row's place in a cursor whose rows are told apart by `ties` values.

    QueryError: `bad-cursor` where it is none of ours, `cursor-mismatch` where it belongs to another question.
    """
    told = _PARTS.fullmatch(cursor) if len(cursor) <= MAX_CURSOR else None
    if told is not None and told[1] != asked:
        raise QueryError(
            "cursor-mismatch", "the cursor belongs to another filter or order; begin again without one", "cursor"
        )
    try:
        encoded = told[2] if told is not None else "."
        raw = base64.b64decode(encoded.encode("ascii") + b"=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
        value, *rest = said = json.loads(raw)
        value, rest = _long(value), [_long(part) for part in rest]
        known = isinstance(said, list) and len(rest) == ties
        fits = known and _plain(value, nullable=True) and all(_plain(tie) for tie in rest)
    except (ValueError, TypeError, binascii.Error, RecursionError):
        fits = False
    if not fits:
        raise QueryError("bad-cursor", "the cursor is damaged; begin again without one", "cursor")
    return Position(value, tuple(rest))


def _short(part: Any) -> Any:
    if not isinstance(part, str) or _size(part) <= LONGEST:
        return part
    begins = part[:LONGEST]
    while _size(begins) > LONGEST:
        begins = begins[: len(begins) // 2]
    return [begins, _digest(part)]


def _long(part: Any) -> Any:
    if isinstance(part, list) and len(part) == 2 and all(isinstance(one, str) for one in part):
        return Abbreviated(*part)
    return part


def _size(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:22]


def _plain(value: object, *, nullable: bool = False) -> bool:
    """Whether a value of a cursor can be compared with in SQL."""
    if value is None:
        return nullable
    if isinstance(value, Abbreviated):
        return _plain(value.begins) and value.digest.isascii()
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return value in _INTEGERS
    if isinstance(value, float):
        return value - value == 0  # neither infinite nor not a number
    return isinstance(value, str) and not any(0xD800 <= ord(letter) <= 0xDFFF for letter in value)
