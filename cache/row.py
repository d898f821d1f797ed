"""What every row of `cache.db` is."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct


class Row(Struct, frozen=True, gc=False):
    """A row of a table; equality is column by column. Rows hold no cycles, and there are many: gc passes them over."""

    table: ClassVar[str]
    primary: ClassVar[tuple[str, ...]]
