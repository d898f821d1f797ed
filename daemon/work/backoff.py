"""How long to wait after a failure, and which failures are whose.

A repository that fails waits by itself; a forge that does not answer, or asks for slower requests, makes everything
wait, because every other repository would only fail in the same way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from gitea_client import errors

FIRST: Final = 1.0
LONGEST: Final = 600.0
LONGEST_OUTAGE: Final = 60.0
"""The most seconds between two looks at a forge that does not answer: one look costs little."""


def delay(failures: int, random: Callable[[], float], *, first: float = FIRST, longest: float = LONGEST) -> float:
    """Return the seconds to wait after so many failures in a row (1 or more).

    Doubles from `first` to `longest`, of which a random part of up to a half is taken off: what failed together
    shall not come back together. `random` gives numbers from 0 to 1.
    """
    doublings = min(max(failures, 1) - 1, 64)  # beyond that only the float would grow
    return min(longest, first * 2.0**doublings) * (1.0 - random() / 2)


class Retry(msgspec.Struct, frozen=True):
    """This key failed: it waits by itself, at least `after` seconds where that is given."""

    after: float | None = None


class Pause(msgspec.Struct, frozen=True):
    """The forge failed: everything waits, `after` seconds where that is given, and the key lost nothing by it."""

    after: float | None = None


Verdict = Retry | Pause


def judge(error: Exception) -> Verdict:
    """Return what follows from an error of a reconcile.

    Unreachable and Throttled concern the forge as a whole, and so does Unauthorized: there is one token. Everything
    else is the key's own, even an error that asking again will not mend: the world may, and the back-off makes the
    asking rare.
    """
    match error:
        case errors.Throttled():
            return Pause(error.retry_after)
        case errors.Unreachable() | errors.Unauthorized():
            return Pause()
        case _:
            return Retry()
