"""`forgeglass doctor`, from the configuration to the results."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import datetime
from pathlib import Path

import structlog
from msgspec.structs import replace

from daemon.config import Config
from daemon.config.errors import BadValueError
from daemon.config.secret_files import Secrets, read_secret
from daemon.doctor.checkup import examine
from daemon.doctor.every import every
from daemon.doctor.given import LABELS, given
from daemon.doctor.patient import WAIT, Patient, transports
from daemon.doctor.result import Result, fail, line
from daemon.doctor.threads import Abandoned
from daemon.logs_redaction import Redactor
from gitea_client.redaction import check_token
from gitea_client.secret import Secret

SLOWEST = 8.0
"""Seconds that one request may take, where forge.timeout is longer: doctor as a whole takes 30."""

Tell = Callable[[int, int], None]


def run(
    config: Config, environ: Mapping[str, str], clock: Callable[[], datetime], *, token_file: Path | None = None,
    deliver: bool = True, wait: float = WAIT, tell: Tell | None = None,
) -> list[Result]:  # fmt: skip
    """Look at everything. Raises BadValueError where `token_file` cannot be used; KeyboardInterrupt on SIGTERM too."""
    wide = _usable(read_secret(token_file)) if token_file is not None else None
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))  # what is told here is the result
    with asyncio.Runner() as runner:
        runner.get_loop().set_default_executor(Abandoned())
        try:
            return runner.run(_run(config, environ, clock, wide, deliver, wait, tell))
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None


async def _run(
    config: Config, environ: Mapping[str, str], clock: Callable[[], datetime], wide: Secret | None, deliver: bool,
    wait: float, tell: Tell | None,
) -> list[Result]:  # fmt: skip
    task = asyncio.current_task()
    if task is not None:
        with suppress(ValueError, RuntimeError):  # signals come to the main thread alone
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)  # the test webhook goes first
    secrets, unreadable = await asyncio.to_thread(given, config, environ)
    secrets, unreadable = _checked(secrets, unreadable)
    redactor = Redactor((*secrets.given(), *([wide] if wide is not None else [])))
    timeout = min(config.forge.timeout, SLOWEST)
    try:
        ways = transports(config, secrets.token, wide, timeout=timeout)
        async with AsyncExitStack() as stack:
            opened = [await stack.enter_async_context(way) if way is not None else None for way in ways]
            plain, anonymous, writing = opened
            assert plain is not None and anonymous is not None  # noqa: S101, PT018 - `transports` gives both
            patient = Patient(config, environ, clock, secrets, plain, anonymous, writing, deliver, wait)
            results = await examine(every(unreadable), patient, tell=tell)
    except ValueError as error:  # forge.ca_file holds no certificates
        remedy = "name a file with certificates in PEM form as forge.ca_file"
        results = [*unreadable, fail("forge", str(error), remedy)]
    return _without_secrets(results, redactor)


def _usable(token: Secret) -> Secret:
    try:
        check_token(token)
    except ValueError:
        raise BadValueError("it holds no token", "put the token into it, and nothing else") from None
    return token


def _checked(secrets: Secrets, unreadable: list[Result]) -> tuple[Secrets, list[Result]]:
    """A token that cannot stand in a header is as good as none; said once, here."""
    try:
        check_token(secrets.token)
    except ValueError:
        what, remedy = "what the token file holds is no token", "put the token into it, and nothing else"
        return replace(secrets, token=None), [*unreadable, fail(LABELS["token"], what, remedy)]
    return secrets, unreadable


def _without_secrets(results: Sequence[Result], redactor: Redactor) -> list[Result]:
    return [
        Result(result.check, result.status, line(redactor.text(result.what)), line(redactor.text(result.remedy)))
        for result in results
    ]
