"""Running checks: at once where they do not need each other, each and all of them for a bounded time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, Generic, TypeVar

from msgspec import Struct

from daemon.cli.mistakes import in_words
from daemon.doctor.result import Result, fail, skip
from gitea_client.errors import ForgeError

T = TypeVar("T")

WITHIN: Final = 30.0
"""Seconds after which doctor ends, whatever is still being waited for."""


class Check(Struct, Generic[T], frozen=True):
    """One check. `needs` are the checks without which it would only fail for the same cause once more."""

    name: str
    run: Callable[[T], Awaitable[Iterable[Result]]]
    needs: tuple[str, ...] = ()
    seconds: float = 10.0


async def examine(
    checks: Sequence[Check[T]], patient: T, *, within: float = WITHIN, tell: Callable[[int, int], None] | None = None
) -> list[Result]:
    """Run every check on `patient`; their results, in the order of `checks`.

    A check whose need failed or was skipped is skipped, and says whose failure that was. One that takes longer than
    its time, and all that are not done after `within` seconds, are failures. `tell` is called with how many are done,
    of how many. Raises nothing that a check raises.
    """
    causes: dict[str, asyncio.Future[str | None]] = {
        check.name: asyncio.get_running_loop().create_future() for check in checks
    }
    done = 0

    async def one(check: Check[T]) -> list[Result]:
        nonlocal done
        found = await _one(check, patient, causes)
        blocked = next((result for result in found if result.status in ("fail", "skip")), None)
        causes[check.name].set_result(None if blocked is None else _why_not(check.name, blocked))
        done += 1
        if tell is not None:
            tell(done, len(checks))
        return found

    tasks = [asyncio.create_task(one(check), name=f"doctor-{check.name}") for check in checks]
    try:
        await asyncio.wait(tasks, timeout=within)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    except asyncio.CancelledError:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)  # what was made on the forge is deleted
        raise
    found: list[Result] = []
    for check, task in zip(checks, tasks, strict=True):
        late = [fail(check.name, f"not known after {within:g} s", "look at what else is told here, and try again")]
        found += late if task.cancelled() else task.result()
    return found


def _why_not(name: str, blocked: Result) -> str:
    """Why those that need it are skipped; a skipped one hands on its own reason, so that the first cause is named."""
    return f"not looked at: {name} comes first" if blocked.status == "fail" else blocked.what


async def _one(check: Check[T], patient: T, causes: dict[str, asyncio.Future[str | None]]) -> list[Result]:
    for need in check.needs:
        cause = await asyncio.shield(causes[need])
        if cause is not None:
            return [skip(check.name, cause)]
    try:
        async with asyncio.timeout(check.seconds):
            return list(await check.run(patient))
    except TimeoutError:
        remedy = "something it asks hangs: the forge, a name server, or a network file system; try again"
        return [fail(check.name, f"no answer within {check.seconds:g} s", remedy)]
    except ForgeError as error:
        return [fail(check.name, str(error), error.remedy)]
    except Exception as error:  # a fault of ours must not take the other checks with it
        told = in_words(error)
        if told is not None:
            what, _, remedy = told.rpartition("; ")
            return [fail(check.name, what or told, remedy if what else "look at what it names")]
        return [fail(check.name, f"this check broke: {type(error).__name__}", "please report it; it is our fault")]
