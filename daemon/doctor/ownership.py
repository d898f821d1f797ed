"""Who owns data_dir at this moment: nobody, a daemon that answers, or one that does not."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from daemon.control import CommandError, NotRunningError, run_remote
from daemon.control_socket import SOCKET_NAME
from daemon.doctor.patient import Running
from daemon.doctor.result import Result, fail, ok
from daemon.lock import held_by

ANSWERS: Final = 5.0
"""Seconds within which a living daemon says who it is."""


async def ownership(folder: Path) -> tuple[list[Result], Running | None]:
    """Look for a daemon on `folder`; the one that answers, if any, and what it could never read.

    Takes no lock that is still held afterwards.
    """
    socket = folder / SOCKET_NAME
    try:
        about = await _about(socket)
    except (NotRunningError, TimeoutError):
        return [_without_answer(folder)], None
    except CommandError as error:
        pid = held_by(folder)
        if pid is not None and not _readable(socket):
            return [fail("daemon", f"process {pid} owns {folder}, and its socket is not yours", str(error))], None
        return [fail("daemon", f"the daemon on {folder} does not answer as one: {error}", "restart it")], None
    pid = int(about["pid"]) if isinstance(about.get("pid"), int) else None
    found = ok("daemon", f"a daemon runs here, process {pid}, and is used")
    sweeps = about.get("sweeps")
    running = Running(pid, socket, sweeps if isinstance(sweeps, Mapping) else None)
    return [found, *_never_read(about.get("never_read"))], running


def _never_read(said: object) -> Iterator[Result]:
    for each in said if isinstance(said, list) else ():
        if isinstance(each, Mapping):
            what = f"{each.get('repository')} was never read, and nothing of it is served: {each.get('error')}"
            yield fail("repositories", what, str(each.get("remedy") or "look at the daemon's log"))


def _readable(socket: Path) -> bool:
    return os.access(socket, os.R_OK | os.W_OK, effective_ids=True)


async def _about(socket: Path) -> Mapping[str, Any]:
    try:
        async with asyncio.timeout(ANSWERS):
            result, _ = await run_remote(socket, "about", {}, lambda _progress: None)
    except TimeoutError:
        raise
    except OSError as error:
        raise NotRunningError(str(error)) from None
    return result


def _without_answer(folder: Path) -> Result:
    pid = held_by(folder)
    if pid is None:
        left = " (what a former one left there does no harm)" if (folder / SOCKET_NAME).exists() else ""
        return ok("daemon", f"none runs on {folder}{left}")
    who = f"process {pid}" if pid else "another process"
    what = f"{who} owns {folder} and answers on no {SOCKET_NAME}"
    remedy = f"if it is a daemon that hangs, stop it (kill {pid or 'PID'}); else set another data_dir"
    return fail("daemon", what, remedy)
