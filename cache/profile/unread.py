"""A value that does not read."""

from __future__ import annotations

from msgspec import Struct


class Unread(Struct, frozen=True):
    """A value that is not of its type, and why; `detail` continues 'must be …'."""

    rule: str
    detail: str
