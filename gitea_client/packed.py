"""Bytes that are kept for long and seldom looked at, in less memory."""

from __future__ import annotations

import zlib

LEAST = 1024
"""Shorter ones are kept as they are: an object's own size would eat what is saved."""
LEVEL = 1
"""zlib's fastest: of documentation 40 % stay, at 100 MB a second; of what is made to fill memory, next to nothing."""


class Packed:
    """Immutable bytes, compressed where that helps."""

    __slots__ = ("_kept", "size")

    def __init__(self, content: bytes) -> None:
        self.size = len(content)
        """How long they are."""
        packed = zlib.compress(content, LEVEL) if self.size >= LEAST else content
        self._kept = packed if len(packed) < self.size else content

    @property
    def content(self) -> bytes:
        """The bytes; made anew at each call, where they are compressed."""
        return self._kept if len(self._kept) == self.size else zlib.decompress(self._kept)

    def __len__(self) -> int:
        return self.size

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Packed) and self.size == other.size and self._kept == other._kept

    def __hash__(self) -> int:
        return hash(self._kept)

    def __repr__(self) -> str:
        return f"Packed({self.content!r})"
