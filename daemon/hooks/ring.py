"""The secrets that a running daemon accepts, which may be renewed while it runs."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from cache.installed_hooks import fingerprint
from daemon.config import Config
from daemon.config.secret_files import Secrets
from daemon.hooks.commands import Progress, Result
from daemon.hooks.secret import Random, is_own, renewed
from daemon.logs_redaction import Redactor


class SecretRing:
    """`keys` is one list for as long as the daemon runs: the receiver holds it, and sees what changes in it."""

    def __init__(self, config: Config, secrets: Secrets, redactor: Redactor, random: Random) -> None:
        self._config = config
        self._secrets = secrets
        self._redactor = redactor
        self._random = random
        self.keys: list[bytes] = []
        self._fill()

    async def command(self, arguments: Mapping[str, Any], progress: Progress) -> Result:
        """With `renew`, put another secret in place of our own. With `reveal`, give the present one, which the service
        manager may have told the daemon alone: the socket is open to the daemon's own user and to root, who could read
        it anyway. Else tell whether the secret is accepted whose fingerprint under `salt` is `hash`."""
        if arguments.get("renew"):
            if not is_own(self._config, self._secrets):
                return {"renewed": False}, 0
            self._secrets = renewed(self._config, self._secrets, self._random)
            for secret in self._secrets.given():
                self._redactor.add(secret)
            self._fill()
            return {"renewed": True}, 0
        if arguments.get("reveal"):
            present = self._secrets.webhook_secret
            return {"secret": present.reveal() if present is not None else None}, 0
        salt, told = str(arguments.get("salt", "")), str(arguments.get("hash", ""))
        accepted = any(hmac.compare_digest(fingerprint(key, salt).encode(), told.encode()) for key in self.keys)
        return {"accepted": accepted}, 0

    def _fill(self) -> None:
        self.keys[:] = [secret.reveal().encode() for secret in self._secrets.webhook_secrets()]
