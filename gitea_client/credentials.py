"""The token as it is now. A secret that is a file may be rotated while a daemon runs: it is read again when refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from gitea_client.errors import SettingError
from gitea_client.redaction import check_token
from gitea_client.secret import Secret

Reading = Callable[[], Secret | None]
"""Gives the token as it stands where it is kept, on a thread. Raises SettingError where that cannot be used."""

GAP: Final = 1.0
"""Seconds between two readings: while a forge refuses everything, each of many requests asks for one."""


class Credentials:
    """The token of one forge. What it was stays in use until something usable stands in its place."""

    def __init__(
        self, token: Secret | None, read: Reading | None = None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.token = check_token(token)
        self.why: str | None = None
        """Why the last reading gave nothing that can be used, with what to do about it."""
        self._read = read
        self._monotonic = monotonic
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def renew(self, refused: Secret | None) -> bool:
        """Whether there is another token than the one that was refused, reading it again where that may be so."""
        if self._read is None:
            return False
        async with self._reading:
            if self.token is not refused:
                return True  # another request has read it meanwhile
            if self._monotonic() - self._read_at < GAP:
                return False
            self._read_at = self._monotonic()
            try:
                found = check_token(await asyncio.to_thread(self._read))
            except SettingError as error:
                self.why = str(error)
                return False
            self.why = None
            if _same(found, self.token):
                return False
            self.token = found
            return True


def _same(one: Secret | None, other: Secret | None) -> bool:
    return (one and one.reveal()) == (other and other.reveal())
