"""What is told of the files of `data_dir`: in `/status`, and to `doctor`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import msgspec

from daemon.engine import Engine

TOLD: Final = timedelta(days=30)
"""For so long an incident is told."""


async def data_files(engine: Engine, *, whole: bool) -> dict[str, Any]:
    """The files that are not as they should be, and what happened to files lately.

    Everybody may know that there is something and since when; what, and what to do, only whoever sees all (`whole`).
    """
    incidents = await engine.state.incidents.since(engine.clock() - TOLD)
    shown: dict[str, Any] = msgspec.to_builtins({"problems": engine.guard.problems, "incidents": incidents})
    if not whole:
        for each in (*shown["problems"], *shown["incidents"]):
            each["what"] = each["remedy"] = None
    return shown
