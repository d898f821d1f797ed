"""Sessions of people who signed in with a token: a cookie that stands for it for some hours.

They are kept in memory, by their hash: whoever reads `state.db` finds none, and a restart ends them all. A session
opens no more than its token does, and no longer: whoever looks one up asks for the token as well.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec import Struct

from daemon.api.hashing import digest

LIFETIME = timedelta(hours=12)
"""From signing in: a working day."""
MOST = 10_000
"""So many are open together; the oldest is ended for one more."""


class Session(Struct, frozen=True):
    """An open session: the hash of its token, and when it ends."""

    credential: str
    ends_at: datetime


class Sessions:
    """The open sessions."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._open: dict[str, Session] = {}

    def open(self, credential: str) -> str:
        """Begin one for the token with this hash; what the cookie holds, 256 random bits, told here and never again."""
        now = self._clock()
        self._open = {key: one for key, one in self._open.items() if one.ends_at > now}
        while len(self._open) >= MOST:
            del self._open[next(iter(self._open))]
        value = secrets.token_urlsafe(32)
        self._open[digest(value)] = Session(credential, now + LIFETIME)
        return value

    def find(self, hashed: str) -> Session | None:
        """The open session whose cookie has this hash."""
        found = self._open.get(hashed)
        return found if found is not None and found.ends_at > self._clock() else None

    def end(self, hashed: str) -> None:
        """End one; there may be none."""
        self._open.pop(hashed, None)
