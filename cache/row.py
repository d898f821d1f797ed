"""What every row of `cache.db` is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from msgspec import Struct

Texts = Mapping[str, tuple[tuple[str, str], ...]]


class Row(Struct, frozen=True, gc=False):
    """A row of a table; equality is column by column. Rows hold no cycles, and there are many: gc passes them over."""

    table: ClassVar[str]
    primary: ClassVar[tuple[str, ...]]
    texts: ClassVar[Texts] = {}
    """Columns that are kept once for whatever says the same (`cache.texts`), each with the pairs of columns, repository
    and object, that may name the blob which ends with it."""
