"""What runs one SQL statement of a person. Apart from what asks it: a third of a question was the import of asyncio."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec

from cache.queries.sql import SqlError, read_rows
from daemon.work.killable_child import answer

LONGEST: Final = 3_700.0
"""Seconds after which the process ends by itself, whatever it was allowed."""


class Question(msgspec.Struct, array_like=True, frozen=True):
    path: str
    sql: str
    seconds: float
    rows: int


class Answer(msgspec.Struct, array_like=True, frozen=True):
    rows: list[dict[str, Any]]
    error: str | None = None


def main() -> None:
    """What the process runs."""
    answer(_made, LONGEST)


def _made(raw: bytes) -> bytes:
    question = msgspec.msgpack.decode(raw, type=Question)
    try:
        rows = read_rows(Path(question.path), question.sql, seconds=question.seconds, rows=question.rows)
    except SqlError as error:
        return msgspec.msgpack.encode(Answer([], str(error)))
    return msgspec.msgpack.encode(Answer(rows))
