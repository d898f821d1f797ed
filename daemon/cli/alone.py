"""Running a command here, where no daemon owns `data_dir`: imports all that a daemon is made of."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import click
import structlog

from daemon.blocks import load_blocks
from daemon.cli.run import SOCKET, Expected, Tell, guarded, require_git
from daemon.clock import utc_now
from daemon.commands import COMMANDS, Result
from daemon.config import Config
from daemon.config.secret_files import Secrets, read_secrets
from daemon.data_dir.inspecting import StateLostError, require_state
from daemon.engine import engine

READING = frozenset({"sweep", "rebuild", "verify"})
"""Commands that read repositories, and so need git."""


async def run_here(
    config: Config, environ: Mapping[str, str], command: str, arguments: dict[str, Any], tell: Tell
) -> Result:
    """Run one command, and own `data_dir` meanwhile. Raises Expected, and whatever else `guarded` has words for."""
    _quiet()
    if command in READING:
        _say_alone(config, command)
        require_git(config)
    secrets: Secrets = read_secrets(config, environ)
    async with engine(config, secrets.token, load_blocks(config), utc_now) as opened:
        return await COMMANDS[command](opened, arguments, tell)


def begin_state(config: Config, environ: Mapping[str, str]) -> dict[str, str]:
    """Begin a lost `state.db` anew: what happened, and what to do next. Raises Expected, also where none is lost."""
    done: dict[str, str] = guarded(lambda: asyncio.run(_begin_state(config, environ)))
    return done


async def _begin_state(config: Config, environ: Mapping[str, str]) -> dict[str, str]:
    try:
        await asyncio.to_thread(require_state, config.data_dir)
    except StateLostError:
        pass
    else:
        raise Expected(f"{config.data_dir / 'state.db'} is not lost; nothing was done")
    _quiet()
    began, secrets = utc_now(), read_secrets(config, environ)
    async with engine(config, secrets.token, load_blocks(config), utc_now, new_state=True) as opened:
        told = next(one for one in await opened.state.incidents.since(began) if one.file == "state.db")
        return {"file": str(config.data_dir / told.file), "what": told.what, "remedy": told.remedy}


def _say_alone(config: Config, command: str) -> None:
    """A daemon that was killed leaves its socket: whoever has it restarted must know what it will meet."""
    with suppress(OSError):
        if (config.data_dir / SOCKET).exists():
            what = f"the daemon on {config.data_dir} was killed; {command} goes on by itself and owns the folder"
            click.echo(f"forgeglass: {what} until it ends: a daemon that is started meanwhile is refused", err=True)


def _quiet() -> None:
    """A command's own output is its result; the log is the daemon's."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
