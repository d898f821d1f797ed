"""A person's own SQL statement, run in a process of its own: it is killed when its time is up, or its asker left."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

import msgspec

from cache.queries.sql import SqlError, read_rows, too_slow
from daemon.work.killable import DiedError, Killable, TookTooLongError
from daemon.work.killable_child import answer

GRACE: Final = 1.0
"""Seconds beyond its time in which a statement may say by itself that it was stopped."""
LONGEST: Final = 3_700.0
"""Seconds after which the process ends by itself, whatever it was allowed."""


class _Question(msgspec.Struct, array_like=True, frozen=True):
    path: str
    sql: str
    seconds: float
    rows: int


class _Answer(msgspec.Struct, array_like=True, frozen=True):
    rows: list[dict[str, Any]]
    error: str | None = None


async def run_query(path: Path, sql: str, *, seconds: float = 5.0, rows: int = 10_000) -> list[dict[str, Any]]:
    """The rows of one reading statement, as `cache.queries.sql.read_rows` gives them.

    Raises SqlError: as there; also where the process had to be killed, or ended for want of memory.
    """
    process = Killable(__name__)
    question = msgspec.msgpack.encode(_Question(str(path), sql, seconds, rows))
    asking = asyncio.ensure_future(asyncio.to_thread(process.ask, question, seconds + GRACE))
    try:
        made = msgspec.msgpack.decode(await asyncio.shield(asking), type=_Answer)
    except TookTooLongError:
        raise SqlError(too_slow(seconds)) from None
    except DiedError as error:
        raise SqlError(f"it takes too much ({error}); sort, group or select less at once") from None
    finally:
        while not asking.done():  # again and again: it may only be starting
            process.kill()
            await asyncio.wait((asking,), timeout=0.05)
        process.kill()
        asking.exception()  # looked at, where nobody asks any more
    if made.error is not None:
        raise SqlError(made.error)
    return made.rows


def main() -> None:
    """What the process runs."""
    answer(_made, LONGEST)


def _made(raw: bytes) -> bytes:
    question = msgspec.msgpack.decode(raw, type=_Question)
    try:
        rows = read_rows(Path(question.path), question.sql, seconds=question.seconds, rows=question.rows)
    except SqlError as error:
        return msgspec.msgpack.encode(_Answer([], str(error)))
    return msgspec.msgpack.encode(_Answer(rows))
