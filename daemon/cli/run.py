"""Running a command: inside the daemon that owns `data_dir`, or here where none does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from cache.database import ForeignFileError
from cache.migrating import MigrationError
from cache.profile.problems import ProfileError
from daemon.blocks import load_blocks
from daemon.commands import COMMANDS, Result
from daemon.config import Config, ConfigError
from daemon.config.secret_files import Secrets, read_secrets
from daemon.control import CommandError, NotRunningError, run_remote
from daemon.engine import engine
from daemon.lock import LockedError
from daemon.reconciler import utc_now

SOCKET = "control.sock"

Tell = Callable[[Mapping[str, Any]], None]


class Expected(Exception):
    """Something that the person at the terminal can mend: told in one line. `code` is the exit code."""

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(message)
        self.code = code


def run(config: Config, environ: Mapping[str, str], command: str, arguments: dict[str, Any], tell: Tell) -> Result:
    """Run one command. Raises Expected for what a person can mend."""
    result: Result = guarded(lambda: asyncio.run(_run(config, environ, command, arguments, tell)))
    return result


def guarded(work: Callable[[], Any]) -> Any:
    """Run `work`; what a person can mend becomes Expected."""
    try:
        return work()
    except (ConfigError, ProfileError, LockedError, ForeignFileError, MigrationError, CommandError) as error:
        raise Expected(str(error)) from None
    except PermissionError as error:
        raise Expected(f"{error.filename}: {error.strerror}; let this user read and write it") from None
    except OSError as error:
        raise Expected(f"{error.filename or 'the system'}: {error.strerror or error}") from None


async def _run(
    config: Config, environ: Mapping[str, str], command: str, arguments: dict[str, Any], tell: Tell
) -> Result:
    try:
        return await run_remote(config.data_dir / SOCKET, command, arguments, tell)
    except NotRunningError:
        pass
    _quiet()
    secrets: Secrets = read_secrets(config, environ)
    async with engine(config, secrets.token, load_blocks(config), utc_now) as opened:
        return await COMMANDS[command](opened, arguments, tell)


def _quiet() -> None:
    """A command's own output is its result; the log is the daemon's."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
