"""What doctor asks a live daemon, through the control socket."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from daemon.control import CommandError
from webhooks.probe import TooManyError

if TYPE_CHECKING:
    from daemon.engine import Engine

MOST_SECONDS = 30.0


async def about(
    engine: Engine, arguments: Mapping[str, Any], progress: Callable[[Mapping[str, Any]], None]
) -> tuple[dict[str, Any], int]:
    """Who answers: the daemon's process, the configuration that it was started with, what it could never read, how its
    sweeps go, and what fails."""
    unread = [
        {"repository": each.repository.full_name, "error": each.error, "remedy": each.remedy}
        for each in engine.desk.book.never_read()
    ]
    config, failures = engine.config, engine.failures
    sweeps = {
        "good_at": failures.good_sweep, "ended_at": failures.last_sweep,
        "failed": failures.bad_sweeps, "failed_since": failures.bad_since,
        "failing": [
            {"subject": one.subject, "what": one.what, "error": one.error, "remedy": one.remedy, "since": one.since}
            for one in failures.open
        ],
    }  # fmt: skip
    told = {"pid": os.getpid(), "config": str(config.path), "listen": str(config.listen), "never_read": unread}
    return {**told, "sweeps": msgspec.to_builtins(sweeps)}, 0


async def data_files(
    engine: Engine, arguments: Mapping[str, Any], progress: Callable[[Mapping[str, Any]], None]
) -> tuple[dict[str, Any], int]:
    """What is wrong with the files of `data_dir`, and what happened to them."""
    from daemon.data_dir.telling import data_files as told

    await engine.guard.look()
    return await told(engine, whole=True), 0


async def probe(
    engine: Engine, arguments: Mapping[str, Any], progress: Callable[[Mapping[str, Any]], None]
) -> tuple[dict[str, Any], int]:
    """Wait for the test delivery that bears `nonce`, up to `seconds`; a line of progress says that it may be sent.

    Gives `path` and `signed` of the one that arrived, both null where none did. CommandError: no nonce.
    """
    seconds = min(float(arguments.get("seconds") or 10.0), MOST_SECONDS)
    try:
        with engine.probes.expecting(str(arguments.get("nonce", ""))) as arrival:
            progress({"what": "expecting", "done": 0, "of": 1})
            try:
                async with asyncio.timeout(seconds):
                    seen = await arrival()
            except TimeoutError:
                return {"path": None, "signed": None}, 0
            return {"path": seen.path, "signed": seen.signed}, 0
    except (ValueError, TooManyError) as error:
        raise CommandError(str(error)) from None
