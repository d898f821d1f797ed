"""`forgeglass status`: how the daemon that runs is, in words."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from daemon.cli.command import Context

WELL, NOT_WELL, NOT_RUNNING = 0, 1, 3
SECONDS = 10.0
"""Within which a daemon that lives says how it is."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
@click.pass_obj
def status(context: Context, as_json: bool) -> None:
    """Ask the daemon how it is: what fails, since when, and how to mend it."""
    import msgspec

    config = context.config()
    answer, code = asyncio.run(asked(config.data_dir))
    if as_json or context.as_json:
        click.echo(msgspec.json.encode(answer).decode())
    else:
        click.echo("\n".join(lines(answer)))
    sys.exit(code)


async def asked(folder: Path) -> tuple[dict[str, Any], int]:
    """What the daemon on this folder says, with `running` true; or why nobody says anything, with `remedy`."""
    from daemon.control import CommandError, NotRunningError, run_remote
    from daemon.control_socket import SOCKET_NAME
    from daemon.lock import held_by

    start = "start it (`forgeglass serve`, or the service); what keeps it from starting is its last line of log"
    try:
        async with asyncio.timeout(SECONDS):
            answer, code = await run_remote(folder / SOCKET_NAME, "status", {}, lambda _progress: None)
            return {"running": True, **answer}, code
    except CommandError as error:
        why, remedy = str(error), "run this as the daemon's user, and with the daemon's version"
    except TimeoutError:
        why = f"the daemon on {folder} gives no answer within {SECONDS:g} seconds"
        remedy = "look at its log; if that says nothing, start it anew"
    except (NotRunningError, OSError):
        why, remedy = f"no daemon runs on {folder}", start
        pid = held_by(folder)
        if pid is not None:
            why = f"process {pid or 'unknown'} owns {folder} and does not answer"
            remedy = "if it starts or stops, wait; if it hangs, stop it and start it anew"
    return {"running": False, "why": why, "remedy": remedy}, NOT_RUNNING


def lines(answer: dict[str, Any]) -> Iterator[str]:
    """What `asked` gave, as people read it. Pure."""
    from daemon.api.telling import harmless

    if not answer["running"]:
        yield f"{answer['why']}"
        yield f"  → {answer['remedy']}"
        return
    failing = answer["failing"]
    yield f"forgeglass {answer['version']}, process {answer['pid']}: {_verdict(answer)}"
    for each in failing:
        since = f"fails since {_time(each['since'])}{_often(each)}"
        yield f"  {harmless(each['subject'])} {since}: {harmless(each['error'])}"
        yield f"    → {harmless(each['remedy'])}"
    yield f"last good sweep: {_time(answer['good_sweep_at'])}{_failed_since(answer)}"
    failed = sum(bool(one["failures"]) for one in answer["repositories"])
    yield f"repositories: {len(answer['repositories'])} read, {failed} of them failing; owners: {len(answer['owners'])}"
    deliveries, queue = answer["deliveries"], answer["queue"]
    oldest = f", the oldest since {_time(deliveries['oldest'])}" if deliveries["oldest"] else ""
    yield f"deliveries that wait: {deliveries['pending']}{oldest}"
    yield f"looks: {queue['running']} under way, {queue['waiting']} waiting"
    for each in answer["data"]["incidents"]:
        yield f"{_time(each['at'])} {harmless(each['file'])}: {harmless(each['what'])}"
        if each["remedy"]:
            yield f"  → {harmless(each['remedy'])}"
    yield f"findings: {sum(answer['findings'].values())}; sequence: {answer['sequence']}"


def _verdict(answer: dict[str, Any]) -> str:
    count = len(answer["failing"])
    if count:
        served = "; the forge is waited for, and what was read before is served" if answer["paused"] else ""
        return f"not well, {count} thing{'s' if count > 1 else ''} fail{'' if count > 1 else 's'}{served}"
    return "well" if answer["first_sweep_done"] else "well so far; the first sweep is under way"


def _often(failure: dict[str, Any]) -> str:
    return f", {failure['times']} times" if failure["times"] > 1 else ""


def _failed_since(answer: dict[str, Any]) -> str:
    count = answer["failed_sweeps"]
    return f"; the last {count} failed, since {_time(answer['failed_sweeps_since'])}" if count else ""


def _time(value: str | None) -> str:
    return "never" if value is None else f"{datetime.fromisoformat(value):%Y-%m-%d %H:%M:%S} UTC"
