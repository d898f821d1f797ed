"""Where the rows of a block can be seen once they are served. Pure."""

from __future__ import annotations

from msgspec import Struct

from cache.profile.block import Block
from daemon.config.kinds import Address

_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # not bound to
"""Listening on every address is not an address to ask."""


class Rows(Struct, frozen=True):
    """The address of a block's first collection, and the SQL view of its entries; None where the profile has none."""

    address: str
    view: str | None


def rows_of(block: Block, listen: Address) -> Rows:
    """Where a block's rows will be."""
    first = block.collections[0].name
    shown = Address(_ANYWHERE.get(listen.host, listen.host), listen.port)
    view = next((of for of in block.views if of.collection == first and of.rows == "entries"), None)
    name = None if view is None else f"{block.view_prefix}{view.name}"
    return Rows(f"http://{shown}/api/v1/{block.name}/{first}", name)
