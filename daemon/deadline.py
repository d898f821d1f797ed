"""How long a look waits for what pull requests need before it goes on with what is known of them.

Anybody may raise a pull request. A forge was seen to take more than 30 s for one whose trees have no end, for every
list that holds it, and for the fetch of its commits. Entries do not wait for that: what comes too late stands as it
was, the rest is written, and a deferred look reads what is left. That one waits as long as it takes, until something
else is asked of its repository.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

SECONDS = 2.0
"""So long entries wait for each step of reading pull requests: what the API tells, commits, and what they change."""
AT_ONCE = 8
"""Questions about pull requests at once; a deferred look asks one after the other, to leave the forge to others."""


class DeadlinePassedError(Exception):
    """What was asked for did not come before the deadline. No error of anything: it is read by a deferred look."""


class Deadline:
    """The deadline of one look: `seconds` for each of its steps, the first of which begins now; None for no end.
    `deferred` is for a look that `end` may cut short.

    `late` are the pull requests of which something did not come in time; `list_late` says it of their list.
    """

    def __init__(self, seconds: float | None, *, deferred: bool = False) -> None:
        self._seconds = seconds
        self._end: float | None = None
        self.next_step()
        self._places = asyncio.Semaphore(1 if deferred else AT_ONCE)
        self._open: set[asyncio.Timeout] = set()
        self.late: set[int] = set()
        self.list_late = False

    def next_step(self) -> None:
        """Give what follows as much time as what went before. What was cut short stays so."""
        if self._seconds is not None:
            self._end = asyncio.get_running_loop().time() + self._seconds

    @property
    def passed(self) -> bool:
        """Whether nothing more is waited for."""
        return self._end is not None and asyncio.get_running_loop().time() >= self._end

    def end(self) -> None:
        """Wait no longer, from now on."""
        self._end = asyncio.get_running_loop().time()
        for timeout in self._open:
            timeout.reschedule(self._end)

    @asynccontextmanager
    async def asking(self, *numbers: int) -> AsyncIterator[None]:
        """Do what pull requests need, or with no number their list. Raises DeadlinePassedError where it comes late."""
        timeout = asyncio.timeout_at(self._end)
        try:
            if self.passed:
                raise TimeoutError
            async with timeout:
                self._open.add(timeout)
                try:
                    async with self._places:
                        yield
                finally:
                    self._open.discard(timeout)
        except TimeoutError:
            if not (self.passed or timeout.expired()):
                raise
            self.late.update(numbers)
            self.list_late = self.list_late or not numbers
            raise DeadlinePassedError from None
