"""The secrets that a running daemon accepts, which may be renewed while it runs."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
import structlog

from cache.installed_hook import fingerprint
from daemon.config import Config
from daemon.config.errors import ConfigError
from daemon.config.secret_files import Secrets, read_secrets
from daemon.hooks.commands import Progress, Result
from daemon.hooks.secret import Random, is_own, renewed
from daemon.logs_redaction import Redactor

GAP: Final = 1.0
"""Seconds between two readings: anybody can send what is wrongly signed, as often as he likes."""

_log = structlog.get_logger("forgeglass.hooks")


class SecretRing:
    """`keys` is one list for as long as the daemon runs: the receiver holds it, and sees what changes in it.

    A secret is read again, where it is kept, once a delivery was signed with none that is known (`renew`).
    """

    def __init__(
        self, config: Config, secrets: Secrets, redactor: Redactor, random: Random,
        environ: Mapping[str, str] | None = None, monotonic: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._config = config
        self._secrets = secrets
        self._redactor = redactor
        self._random = random
        self._environ = environ or {}
        self._monotonic = monotonic
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()
        self.keys: list[bytes] = []
        self._fill()

    async def command(self, arguments: Mapping[str, Any], progress: Progress) -> Result:
        """With `renew`, put another secret in place of our own. With `reveal`, give the present one, which the service
        manager may have told the daemon alone: the socket is open to the daemon's own user and to root, who could read
        it anyway. Else tell whether the secret is accepted whose fingerprint under `salt` is `hash`."""
        if arguments.get("renew"):
            if not is_own(self._config, self._secrets):
                return {"renewed": False}, 0
            self._take(renewed(self._config, self._secrets, self._random))
            return {"renewed": True}, 0
        if arguments.get("reveal"):
            present = self._secrets.webhook_secret
            return {"secret": present.reveal() if present is not None else None}, 0
        salt, told = str(arguments.get("salt", "")), str(arguments.get("hash", ""))
        return {"accepted": self._accepts(told, salt) or (await self.renew() and self._accepts(told, salt))}, 0

    async def renew(self) -> bool:
        """Whether other secrets stand where they are kept than those that were accepted so far; they are from now on.

        What cannot be read changes nothing: the former secrets stay good.
        """
        async with self._reading:
            if self._monotonic() - self._read_at < GAP:
                return False
            self._read_at = self._monotonic()
            try:
                found = await asyncio.to_thread(read_secrets, self._config, self._environ, _NAMES)
            except ConfigError as error:
                _log.warning("webhook secret unreadable", error=str(error), remedy="the former one is accepted still")
                return False
            fresh = msgspec.structs.replace(found, token=self._secrets.token)
            if fresh.webhook_secret is None or _values(fresh) == _values(self._secrets):
                return False
            self._take(fresh)
            _log.info("webhook secret read again")
            return True

    def _accepts(self, told: str, salt: str) -> bool:
        return any(hmac.compare_digest(fingerprint(key, salt).encode(), told.encode()) for key in self.keys)

    def _take(self, secrets: Secrets) -> None:
        self._secrets = secrets
        for secret in secrets.given():
            self._redactor.add(secret)
        self._fill()

    def _fill(self) -> None:
        self.keys[:] = [secret.reveal().encode() for secret in self._secrets.webhook_secrets()]


_NAMES: Final = ("webhook_secret", "webhook_secret_previous")


def _values(secrets: Secrets) -> list[str]:
    return [secret.reveal() for secret in secrets.webhook_secrets()]
