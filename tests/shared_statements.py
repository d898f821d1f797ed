"""Statements are compiled once for all databases of a test process, as they are for the one that a daemon has.

SQLAlchemy keeps them for each engine, and nearly every test opens engines of its own: compiling took a tenth of the
time. What a statement becomes follows from the dialect's settings, which are those of `connecting.make_engine` in all.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import LRUCache

from cache.store import connecting

created = connecting.create_async_engine
"""The real thing."""


class _Statements(LRUCache[Any, Any]):
    """Compiled statements by all that SQLAlchemy asks for them by, but the dialect's own object, which comes first."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(key[1:], default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key[1:], value)


_statements = _Statements(2_000)


def install() -> None:
    """From now on, in this process."""
    connecting.create_async_engine = _sharing


def _sharing(*arguments: Any, **named: Any) -> AsyncEngine:
    engine = created(*arguments, **named)
    engine.sync_engine._compiled_cache = _statements
    return engine
