"""Whether the daemon can listen where it is to: asked by listening there for a moment."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from daemon.cli.mistakes import cannot_listen
from daemon.config.kinds import Address
from daemon.doctor.door import opened
from daemon.doctor.patient import Patient
from daemon.doctor.result import Result, fail, ok

CHECK = "listen"


async def hearing(patient: Patient) -> Sequence[Result]:
    """Listen and stop. Where a daemon runs, the address is its own."""
    listen = patient.config.listen
    if patient.running is not None:
        return [ok(CHECK, f"{listen} is the daemon's that runs")]
    try:
        async with opened(web.Application(), patient.config):
            return [ok(CHECK, f"{listen} is free")]
    except OSError as error:
        return [fail(CHECK, *not_possible(listen, error))]


def not_possible(listen: Address, error: OSError) -> tuple[str, str]:
    """Why not, and what to do: in the words of `forgeglass serve`."""
    what, _, remedy = cannot_listen(listen, error).partition("; ")
    return what, remedy
