"""Every check, in the order in which it is told, with what each needs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path

from daemon.doctor.arriving import arriving
from daemon.doctor.checkup import Check
from daemon.doctor.data_files import data_files
from daemon.doctor.disk import disk, file_system
from daemon.doctor.files import data_dir, files
from daemon.doctor.git_http import git_http
from daemon.doctor.git_program import git_program
from daemon.doctor.given import LABELS
from daemon.doctor.hearing import hearing
from daemon.doctor.machine import our_packages, python, sqlite
from daemon.doctor.owners import owners
from daemon.doctor.ownership import ownership
from daemon.doctor.patient import Patient
from daemon.doctor.profiles import profiles, selections
from daemon.doctor.pull_requests import pull_requests
from daemon.doctor.reaching import reaching
from daemon.doctor.result import Result, ok, warn
from daemon.doctor.rights import each_right, token
from daemon.doctor.server import clock, limits, proxy, version
from daemon.doctor.sweeping import sweeping
from daemon.doctor.webhooks import webhooks

MOUNTS = Path("/proc/self/mountinfo")


def every(unreadable: Sequence[Result] = ()) -> tuple[Check[Patient], ...]:
    """All checks. `unreadable` are secrets that could not be read; what needs the token is not looked at then."""
    without_token = any(result.check == LABELS["token"] for result in unreadable)
    secrets_too = ("files",) if without_token else ()
    return (
        Check("configuration", _configuration),
        Check("files", _files(unreadable)),
        Check("data_dir", _here(lambda patient: data_dir(patient.config.data_dir))),
        Check("disk", _here(_disk)),
        Check("daemon", _ownership),
        Check("databases", data_files, ("data_dir", "daemon")),
        Check("sweeps", sweeping, ("daemon",)),
        Check("listen", hearing, ("daemon",)),
        Check("python", _here(lambda _patient: [python()])),
        Check("git", _here(lambda patient: [git_program(patient.config.forge.git)])),
        Check("sqlite", _here(lambda _patient: [sqlite()])),
        Check("packages", _here(lambda _patient: our_packages())),
        Check("proxy", _here(lambda patient: proxy(patient.config.forge.url, patient.environ))),
        Check("profiles", profiles),
        Check("forge", reaching),
        Check("token", token, ("forge", *secrets_too)),
        Check("version", version, ("token",)),
        Check("clock", clock, ("token",)),
        Check("pages", limits, ("token",)),
        Check("rights", each_right, ("token",)),
        Check("owners", owners, ("rights",), seconds=20.0),
        Check("selection", selections, ("profiles", "owners")),
        Check("pull requests", pull_requests, ("profiles", "owners"), seconds=20.0),
        Check("git over http", git_http, ("git", "pages", "owners"), seconds=20.0),
        Check("webhook", webhooks, ("daemon", "owners")),
        Check("webhook address", arriving, ("listen", "owners"), seconds=29.0),
    )


def _here(look: Callable[[Patient], Iterable[Result]]) -> Callable[[Patient], Awaitable[list[Result]]]:
    """A check of this machine, on a thread: a file system may hang."""

    async def run(patient: Patient) -> list[Result]:
        return await asyncio.to_thread(lambda: list(look(patient)))

    return run


async def _configuration(patient: Patient) -> list[Result]:
    forge = patient.config.forge
    files = (forge.token_file, forge.webhook_secret_file, forge.webhook_secret_previous_file)
    told = tuple(str(path) for path in files if path is not None)  # by "files"
    unwise = [each for each in patient.config.warnings if not each.startswith(told)]
    found = [ok("configuration", f"{patient.config.path} is right")]
    return found + [warn("configuration", *_told(each)) for each in unwise]


def _told(warning: str) -> tuple[str, str]:
    """A caution is one sentence: what is unwise; what to do."""
    what, _, remedy = warning.rpartition("; ")
    return (what, remedy) if what else (warning, "see the page on configuration")


def _files(unreadable: Sequence[Result]) -> Callable[[Patient], Awaitable[list[Result]]]:
    told = {result.check for result in unreadable}

    async def run(patient: Patient) -> list[Result]:
        looked = await asyncio.to_thread(files, patient.config)
        return [*unreadable, *(result for result in looked if result.check not in told)]

    return run


def _disk(patient: Patient) -> list[Result]:
    folder = patient.config.data_dir
    mounts = MOUNTS.read_text() if MOUNTS.exists() else ""
    return [disk(folder), *file_system(folder, mounts)]


async def _ownership(patient: Patient) -> list[Result]:
    results, patient.running = await ownership(patient.config.data_dir)
    return results
