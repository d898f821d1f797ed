"""One webhook that we made on the forge, and what it was made with.

The forge never tells a webhook's secret, and cannot change it: whether a webhook signs with the secret that we know
is known from here alone. Kept is a salted hash, never the secret.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from msgspec import Struct


class InstalledHook(Struct, frozen=True):
    """One webhook as it was made."""

    hook_id: int
    """The forge's number, which it gives once."""
    scope: str
    """Whose it was then: `acme`, or `acme/meta`."""
    url: str
    salt: str
    hash: str
    """Of salt and secret; see `fingerprint`."""
    made_at: datetime | None = None
    """When the forge says that it was made: together with the number it names the webhook for certain."""

    def signs_with(self, secret: bytes) -> bool:
        """Whether it was made with this secret."""
        return hmac.compare_digest(self.hash, fingerprint(secret, self.salt))


def fingerprint(secret: bytes, salt: str) -> str:
    """HMAC-SHA256 of a secret under a salt, hexadecimal."""
    return hmac.new(salt.encode(), secret, hashlib.sha256).hexdigest()
