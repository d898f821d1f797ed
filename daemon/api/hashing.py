"""What is kept of a secret: its plain hash. One of 256 random bits cannot be guessed, so that tells nothing."""

from __future__ import annotations

import hashlib


def digest(secret: str) -> str:
    """SHA-256 of it, in hexadecimal digits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
