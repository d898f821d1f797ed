"""A person's own SQL statement, run in a process of its own: it is killed when its time is up, or its asker left."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

import msgspec

from cache.queries.sql import SqlError, too_slow
from daemon.query_process import Answer, Question
from daemon.work.killable import DiedError, Killable, TookTooLongError

GRACE: Final = 1.0
"""Seconds beyond its time in which a statement may say by itself that it was stopped."""


async def run_query(path: Path, sql: str, *, seconds: float = 5.0, rows: int = 10_000) -> list[dict[str, Any]]:
    """The rows of one reading statement, as `cache.queries.sql.read_rows` gives them.

    Raises SqlError: as there; also where the process had to be killed, or ended for want of memory.
    """
    process = Killable("daemon.query_process")
    question = msgspec.msgpack.encode(Question(str(path), sql, seconds, rows))
    asking = asyncio.ensure_future(asyncio.to_thread(process.ask, question, seconds + GRACE))
    try:
        made = msgspec.msgpack.decode(await asyncio.shield(asking), type=Answer)
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
