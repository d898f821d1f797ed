"""Bytes that are held packed are the same bytes, in less memory."""

from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from gitea_client.git import Blob
from gitea_client.packed import LEAST, Packed


@given(st.binary(max_size=3 * LEAST) | st.integers(0, 3 * LEAST).map(lambda size: b"text " * (size // 5)))
def test_what_is_packed_comes_back(content: bytes) -> None:
    """Guards contents of every kind and length, those that do not compress included."""
    packed = Packed(content)
    assert (packed.content, len(packed)) == (content, len(content))
    assert packed == Packed(bytes(bytearray(content)))
    assert packed != Packed(content + b"x")
    assert Blob.of("a", content) == Blob("a", packed)


def test_what_is_made_to_fill_memory_takes_little() -> None:
    """S7: a push of 24 kB brought 150 MB of text, which was held twice over."""
    packed = Packed(b"x\n" * 500_000)
    assert sys.getsizeof(packed._kept) < 10_000
