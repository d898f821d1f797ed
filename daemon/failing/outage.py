"""Whether the forge fails as a whole, or only what was asked of it: told by asking it the simplest thing there is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from daemon.failing.failures import Failures
from daemon.failing.read_errors import PartlyRead
from daemon.report import TooMuchMissing
from daemon.work.backoff import Retry, Verdict, judge
from gitea_client.errors import Forbidden, ForgeError, GitFailed, Throttled, TimedOut, TooLong
from gitea_client.rest import Rest

SECONDS: Final = 10.0
"""How long that may take."""
REMEMBERED: Final = 5.0
"""Seconds for which the answer holds: many looks fail together."""

_ITS_OWN = (Forbidden, GitFailed, TooLong, TooMuchMissing, PartlyRead)
"""Errors by which the forge, or our own machine, shows that the forge answers."""


class Outage:
    """Opens and closes the failure `forge`."""

    def __init__(
        self, rest: Rest, failures: Failures, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._rest = rest
        self._failures = failures
        self._monotonic = monotonic
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self._found: ForgeError | None = None

    @property
    def now(self) -> bool:
        """Whether the forge fails."""
        return self._failures.paused

    async def behind(self, error: Exception) -> ForgeError | None:
        """What the forge as a whole fails with, where an error comes from that; None where it is the error's own."""
        if not isinstance(error, ForgeError) or isinstance(error, _ITS_OWN):
            return None
        async with self._asking:
            if self._monotonic() - self._asked_at >= REMEMBERED:
                self._found = await self._ask()
                self._asked_at = self._monotonic()
                if self._found is None:
                    self.over()
                else:
                    self._failures.failed("forge", str(self._found), self._found.remedy)
            return self._found

    def judge(self, error: Exception) -> Verdict:
        """What follows from an error of a reconcile: where the forge answers others, one that hangs waits alone.

        A forge that asks for slower requests is waited for, whatever else it answers.
        """
        verdict = judge(error)
        return verdict if self.now or isinstance(error, Throttled) or isinstance(verdict, Retry) else Retry()

    def over(self) -> None:
        """The forge has answered."""
        if self.now:
            self._asked_at = float("-inf")
            self._failures.ended("forge")

    async def _ask(self) -> ForgeError | None:
        try:
            async with asyncio.timeout(SECONDS):
                await self._rest.answers()
        except TimeoutError:
            return TimedOut(f"the forge gave no answer within {SECONDS:g} seconds")
        except ForgeError as error:
            return error
        return None
