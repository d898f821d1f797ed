"""Logging: one stream, one format, for our own events and for those of the libraries, without secrets.

A line of JSON per event, or readable lines on a terminal; one that repeats is counted. Logged is what changes: an
error that stays is told once (`Changes`), not at every attempt.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Literal, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from daemon.logs_redaction import Redactor
from daemon.logs_repeats import Repeats


def set_up(
    stream: TextIO,
    redactor: Redactor,
    *,
    level: Literal["debug", "info", "warning", "error"] = "info",
    form: Literal["auto", "json", "console"] = "auto",
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Send every event to `stream`: structlog's, and those of the standard library's loggers (aiohttp, asyncio).

    Replaces the handlers of the root logger. `auto` is `console` where the stream is a terminal, else `json`.
    """
    console = form == "console" or (form == "auto" and stream.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    # a traceback is text before it is redacted, so the console shows it as it is
    plain = structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                redactor,
                plain if console else _to_json,
            ],
        )
    )
    handler.addFilter(Repeats(handler.emit, monotonic))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("alembic").setLevel("WARNING")  # at every start it tells of how it works, not of what it did
    logging.getLogger("aiosqlite").setLevel("WARNING")  # else each statement with all that is written: whole bodies


def _to_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    return msgspec.json.encode(event).decode()
