"""What the console needs of the daemon around it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from daemon.api.context import ApiContext
from webhooks.inbox import Lags


@dataclass(frozen=True)
class ConsoleContext:
    """The API's context, and how long deliveries that came since a time waited for their rows."""

    api: ApiContext
    lags: Callable[[datetime], Awaitable[Lags]]
