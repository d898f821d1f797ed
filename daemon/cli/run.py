"""Running a command: inside the daemon that owns `data_dir`, or here where none does (`daemon/cli/alone.py`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from daemon.cli.mistakes import in_words
from daemon.config import Config
from daemon.control import WRONG, CommandError, NotRunningError, run_remote
from daemon.doctor.git_program import git_program

SOCKET = "control.sock"

Tell = Callable[[Mapping[str, Any]], None]
Result = tuple[dict[str, Any], int]
"""What a command gives, and its exit code."""


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
    """Run `work`; what a person can mend becomes Expected, with the exit code that a daemon named, else 2."""
    try:
        return work()
    except Exception as error:
        told = in_words(error)
        if told is None:
            raise
        raise Expected(told, error.exit if isinstance(error, CommandError) else WRONG) from None


async def _run(
    config: Config, environ: Mapping[str, str], command: str, arguments: dict[str, Any], tell: Tell
) -> Result:
    try:
        return await run_remote(config.data_dir / SOCKET, command, arguments, tell)
    except NotRunningError:
        from daemon.cli.alone import run_here
    return await run_here(config, environ, command, arguments, tell)


def require_git(config: Config) -> None:
    """Raise Expected where the git program is missing or too old: every repository would fail for it, one by one."""
    result = git_program(config.forge.git)
    if result.status == "fail":
        raise Expected(f"{result.what}; {result.remedy}")
