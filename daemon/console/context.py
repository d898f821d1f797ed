"""What the console needs of the daemon around it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from daemon.api.context import ApiContext
from daemon.console.rendering import Renderer
from webhooks.inbox import Lags


@dataclass(frozen=True)
class ConsoleContext:
    """The API's context, how long deliveries that came since a time waited for their rows, and who makes up texts."""

    api: ApiContext
    lags: Callable[[datetime], Awaitable[Lags]]
    renderer: Renderer = field(default_factory=Renderer)
    page_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a page is rendered."""
