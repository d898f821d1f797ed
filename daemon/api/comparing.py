"""Comparing two texts for those who ask: beside the event loop, one after another, up to a length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from cache.textdiff import TooLongError
from daemon.api.problems import ProblemError
from daemon.api.reads import ASKER
from daemon.work.one_thread import one_at_a_time

T = TypeVar("T")

QUEUE: Final = 16
"""Strangers who wait together; a comparison takes a second at most."""
LARGEST: Final = 4 << 20
"""Letters of both texts together."""


class Comparing:
    """Comparisons of texts with at most so many lines each."""

    def __init__(self, most_lines: int) -> None:
        self._most_lines = most_lines
        self._waiting = 0

    async def run(self, before: str, after: str, work: Callable[[str, str, int], T]) -> T:
        """What `work` gives for two texts and the most lines; on a thread, when those who came before are done.

        ProblemError: `too-long`; `busy` where too many strangers wait.
        """
        asked = ASKER.get()
        stranger = asked is not None and asked.credential is None
        if (size := len(before) + len(after)) > LARGEST:
            raise ProblemError("too-long", f"They have {size} letters; {LARGEST} of both together are compared.")
        if stranger and self._waiting >= QUEUE:
            raise ProblemError("busy", "Others compare texts; ask again in a moment, or with a token.")
        self._waiting += stranger
        try:
            return await one_at_a_time(work, before, after, self._most_lines)
        except TooLongError as error:
            raise ProblemError("too-long", f"{str(error).capitalize()}.") from None
        finally:
            self._waiting -= stranger
